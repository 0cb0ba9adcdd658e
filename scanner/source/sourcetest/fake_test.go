package sourcetest_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

func TestFake_IsASource(t *testing.T) {
	sourcetest.TestSource(t, func(_ *testing.T, objects map[string][]byte) sourcetest.Store {
		fake := &sourcetest.Fake{}
		for key, body := range objects {
			fake.Put(key, body, time.Now())
		}
		return sourcetest.Store{
			Source: fake,
			Put:    func(_ *testing.T, key string, body []byte) { fake.Put(key, body, time.Now()) },
		}
	}, nil)
}

func TestFake_CountsPagesAsS3BillsThem(t *testing.T) {
	tests := []struct {
		objects, consumed, pages int
	}{
		{0, 0, 1},
		{3, 3, 1},
		{4, 4, 2},
		{7, 3, 1},
		{7, 4, 2},
		{7, 7, 3},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprintf("%d of %d", tt.consumed, tt.objects), func(t *testing.T) {
			fake := &sourcetest.Fake{PageSize: 3}
			for i := range tt.objects {
				fake.Put(strconv.Itoa(i), nil, time.Time{})
			}
			n := 0
			for _, err := range fake.List(t.Context(), "", "") {
				if err != nil {
					t.Fatal(err)
				}
				if n++; n == tt.consumed && n < tt.objects {
					break
				}
			}
			if got := fake.Pages(); got != tt.pages {
				t.Errorf("%d pages, want %d", got, tt.pages)
			}
		})
	}
}

func TestFake_ListsWhatIsThereAtTheNextPage(t *testing.T) {
	fake := &sourcetest.Fake{PageSize: 2}
	for _, key := range []string{"a", "b", "c", "d"} {
		fake.Put(key, nil, time.Time{})
	}
	var got string
	for o, err := range fake.List(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		if got += o.Key; o.Key == "a" {
			fake.Delete("b")
			fake.Delete("c")
			fake.Put("e", nil, time.Time{})
		}
	}
	if got != "abde" {
		t.Errorf("listed %q", got)
	}
}

func TestFake_StallsUntilItTimesOutOrTheContextEnds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := &sourcetest.Fake{}
		fake.Put("k", []byte("01234567"), time.Time{})
		fake.SetFault(func(op, _ string) error {
			if op == sourcetest.OpRead {
				return sourcetest.Stall(4, time.Minute)
			}
			return nil
		})
		obj := source.Object{Key: "k", Size: 8}
		began := time.Now()
		data, err := sourcetest.Read(t.Context(), fake, obj)
		var got *source.Error
		if !errors.As(err, &got) || got.Reason != source.ReasonTimeout || string(data) != "0123" || time.Since(began) != time.Minute {
			t.Errorf("got %q, %v after %v", data, err, time.Since(began))
		}
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		if data, err := sourcetest.Read(ctx, fake, obj); !errors.Is(err, context.Canceled) || string(data) != "0123" {
			t.Errorf("cancelled: got %q, %v", data, err)
		}
	})
}

func TestFake_FailsWhereTheFaultSays(t *testing.T) {
	cause := errors.New("a fault")
	throttled := &source.Error{Op: sourcetest.OpOpen, Key: "k", Reason: source.ReasonThrottled, Err: cause}
	tests := []struct {
		name   string
		op     string
		fault  error
		data   string
		reason source.Reason
	}{
		{"list", sourcetest.OpList, cause, "", source.ReasonRead},
		{"open", sourcetest.OpOpen, throttled, "", source.ReasonThrottled},
		{"read", sourcetest.OpRead, cause, "", source.ReasonRead},
		{"read after 4", sourcetest.OpRead, sourcetest.FailAfter(4, cause), "0123", source.ReasonRead},
		{"short", sourcetest.OpRead, sourcetest.Short(4), "0123", source.ReasonLength},
		{"read after all", sourcetest.OpRead, sourcetest.FailAfter(99, cause), "01234567", source.ReasonRead},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			fake := &sourcetest.Fake{}
			fake.Put("k", []byte("01234567"), time.Time{})
			fake.SetFault(func(op, key string) error {
				if op == tt.op && (key == "k" || op == sourcetest.OpList) {
					return tt.fault
				}
				return nil
			})
			data, err := listAndRead(t.Context(), fake)
			var got *source.Error
			if !errors.As(err, &got) || got.Reason != source.ReasonLength && !errors.Is(err, cause) {
				t.Fatalf("got %v, want a *source.Error for %v", err, cause)
			}
			if got.Op != tt.op || got.Reason != tt.reason || string(data) != tt.data {
				t.Errorf("got %q, op %q, reason %q", data, got.Op, got.Reason)
			}

			fake.SetFault(nil)
			if data, err := listAndRead(t.Context(), fake); err != nil || string(data) != "01234567" {
				t.Errorf("without the fault: %q, %v", data, err)
			}
			if fake.Opens() == 0 || fake.Pages() != 2 {
				t.Errorf("%d opens, %d pages", fake.Opens(), fake.Pages())
			}
		})
	}
}

// listAndRead reads all objects one after the other.
func listAndRead(ctx context.Context, src source.Source) ([]byte, error) {
	var data bytes.Buffer
	for o, err := range src.List(ctx, "", "") {
		if err != nil {
			return nil, err
		}
		body, err := src.Open(ctx, o)
		if err != nil {
			return nil, err
		}
		if _, err := io.Copy(&data, body); err != nil {
			return data.Bytes(), err
		}
	}
	return data.Bytes(), nil
}
