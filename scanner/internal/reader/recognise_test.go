package reader_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/dirsource"
	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/internal/reader"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// bomb returns text, compressed as often as that, which has much more bytes than itself.
func bomb(t *testing.T, text string, size, times int) []byte {
	t.Helper()
	body := io.MultiReader(strings.NewReader(text), io.LimitReader(zeros{}, int64(size)))
	for range times {
		var out bytes.Buffer
		z := gzip.NewWriter(&out)
		if _, err := io.Copy(z, body); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		body = &out
	}
	all, err := io.ReadAll(body)
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// noTally is a reader.Tally that keeps nothing.
type noTally struct{}

func (*noTally) Add(*record.Record) {}
func (*noTally) Done() int          { return 0 }

// zeros is white space without end.
type zeros struct{}

func (zeros) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	return len(p), nil
}

// What unpacks to more than it may is given up, however often it is compressed.
func TestRead_GivesUpBombsWithFreeKeys(t *testing.T) {
	record := string(logtest.AccessJSON(time.Date(2026, 7, 2, 8, 15, 27, 0, time.UTC), "r"))
	for name, test := range map[string]struct {
		body []byte
		want source.Reason
		skip logkey.SkipReason
	}{
		"compressed once":            {bomb(t, record, 16<<20, 1), reader.ReasonSize, ""},
		"compressed twice":           {bomb(t, record, 16<<20, 2), reader.ReasonSize, ""},
		"white space before it":      {bomb(t, "", 16<<20, 1), reader.ReasonSize, ""},
		"compressed three times":     {bomb(t, record, 1<<10, 3), "", logkey.SkipUnknown},
		"cut off":                    {bomb(t, record, 1<<20, 1)[:200], reader.ReasonGzip, ""},
		"a log with space behind it": {bomb(t, record, 1<<20, 2), "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			fake := new(sourcetest.Fake)
			key := "a/2026/07/02/08/x"
			fake.Put(key, test.body, time.Now())
			jobs := make(chan *reader.Job[struct{}], 1)
			jobs <- &reader.Job[struct{}]{
				Location: source.Location{Source: fake}, Key: logkey.Parse(key), Object: source.Object{Key: key, Size: int64(len(test.body))},
			}
			close(jobs)
			for r := range reader.Read(t.Context(), reader.Config{MaxObjectSize: 8 << 20, NewTally: func(_, _ string) reader.Tally { return new(noTally) }}, jobs).All() {
				var reason source.Reason
				if r.Err != nil {
					reason = r.Err.Reason
				}
				if reason != test.want || r.Skip != test.skip {
					t.Errorf("reason %q, skipped for %q, error %v", reason, r.Skip, r.Err)
				}
			}
		})
	}
}

// countingSource counts the bytes that are read of it.
type countingSource struct {
	source.Source
	read int
}

func (s *countingSource) Open(ctx context.Context, obj source.Object) (io.ReadCloser, error) {
	body, err := s.Source.Open(ctx, obj)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{readFunc(func(p []byte) (int, error) {
		n, err := body.Read(p)
		s.read += n
		return n, err
	}), body}, nil
}

type readFunc func(p []byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

func TestRecogniser_ReadsTheBeginningOfAnObjectAlone(t *testing.T) {
	fake := new(sourcetest.Fake)
	key := "a/2026/07/02/08/x"
	body := bytes.Repeat([]byte(`{"level":"info"}`+"\n"), 1<<16)
	fake.Put(key, body, time.Now())
	counted := &countingSource{Source: fake}
	why, err := reader.NewRecogniser().Look(t.Context(), counted, source.Object{Key: key, Size: int64(len(body))}, logkey.Parse(key))
	if why != logkey.SkipUnknownLog || err != nil || counted.read > 64<<10 {
		t.Errorf("%q, error %v, %d bytes are read", why, err, counted.read)
	}
	fake.SetFault(func(_, _ string) error { return errors.New("broken") })
	why, err = reader.NewRecogniser().Look(t.Context(), counted, source.Object{Key: key, Size: int64(len(body))}, logkey.Parse(key))
	if why != logkey.SkipUnreadable || err == nil {
		t.Errorf("%q, error %v", why, err)
	}
}

// A search looks at one object after the other, so it waits for none to be complete.
func TestRecogniser_NeverWaitsUntilAnObjectIsComplete(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir, name := t.TempDir(), "2026/07/02/08/x"
		err := errors.Join(os.MkdirAll(filepath.Join(dir, filepath.Dir(name)), 0o700), os.WriteFile(filepath.Join(dir, name), []byte(`{"level":"info"}`), 0o600))
		at := time.Now().Add(-time.Minute)
		src, failed := dirsource.New(dir, dirsource.Settle(time.Second))
		if err := errors.Join(err, failed, os.Chtimes(filepath.Join(dir, name), at, at)); err != nil {
			t.Fatal(err)
		}
		for obj, err := range src.List(t.Context(), "", "") {
			why, failed := reader.NewRecogniser().Look(t.Context(), src, obj, logkey.Parse(obj.Key))
			if err := errors.Join(err, failed); why != logkey.SkipUnknownLog || err != nil || !time.Now().Equal(at.Add(time.Minute)) {
				t.Errorf("%+v: %q, %v after %v", obj, why, err, time.Since(at)-time.Minute)
			}
		}
	})
}

// An answer that breaks off does not show what an object is.
func TestRecogniser_BelievesNoPartOfAnObject(t *testing.T) {
	for name, fault := range map[string]error{
		"ends early": sourcetest.Short(20), "is reset": sourcetest.FailAfter(20, errors.New("connection reset")),
	} {
		t.Run(name, func(t *testing.T) {
			fake := new(sourcetest.Fake)
			key := "a/2026/07/02/08/x"
			body := []byte("<p>Please log in.</p>" + string(logtest.AccessJSON(time.Date(2026, 7, 2, 8, 15, 27, 0, time.UTC), "r")))
			fake.Put(key, body, time.Now())
			fake.SetFault(func(op, _ string) error {
				if op == sourcetest.OpRead {
					return fault
				}
				return nil
			})
			obj := source.Object{Key: key, Size: int64(len(body))}
			why, err := reader.NewRecogniser().Look(t.Context(), fake, obj, logkey.Parse(key))
			if why != logkey.SkipUnreadable || err == nil {
				t.Errorf("%q, error %v", why, err)
			}
		})
	}
}

// A page shows nothing but what it is itself, and where there are many, few are looked at.
func TestRecogniser_BelievesNoPage(t *testing.T) {
	fake, recogniser := new(sourcetest.Fake), reader.NewRecogniser()
	look := func(name string, body []byte) logkey.SkipReason {
		key := "a/2026/07/02/08/" + name
		fake.Put(key, body, time.Now())
		why, err := recogniser.Look(t.Context(), fake, source.Object{Key: key, Size: int64(len(body))}, logkey.Parse(key))
		if err != nil {
			t.Error(err)
		}
		return why
	}
	for i := range 10 {
		if why := look(fmt.Sprintf("%04d", i), []byte("\n<html>")); why != logkey.SkipUnknown {
			t.Errorf("a page is taken for %q", why)
		}
	}
	if why := look("0010", logtest.AccessJSON(time.Date(2026, 7, 2, 8, 15, 27, 0, time.UTC), "r")); why != "" {
		t.Errorf("a log behind 10 pages is taken for %q", why)
	}
	recogniser = reader.NewRecogniser()
	for i := range 1000 {
		look(fmt.Sprintf("%04d", i), []byte("<?xml version='1.0'?>"))
	}
	if opens := fake.Opens(); opens > 50 {
		t.Errorf("%d of 1000 pages are looked at", opens)
	}
}

// Nor does one that is not read to its end as the context ends: it is not skipped for good.
func TestRead_SkipsNothingOnceItsContextHasEnded(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	fake := new(sourcetest.Fake)
	key := "a/2026/07/02/08/x"
	body := bytes.Repeat(logtest.AccessJSON(time.Date(2026, 7, 2, 8, 15, 27, 0, time.UTC), "r"), 10_000)
	fake.Put(key, body, time.Now())
	src := &endingSource{fake, cancel}
	jobs := make(chan *reader.Job[struct{}], 1)
	jobs <- &reader.Job[struct{}]{Location: source.Location{Source: src}, Key: logkey.Parse(key), Object: source.Object{Key: key, Size: int64(len(body))}}
	close(jobs)
	for r := range reader.Read(ctx, reader.Config{NewTally: func(_, _ string) reader.Tally { return new(noTally) }}, jobs).All() {
		if r.Err == nil || r.Skip != "" {
			t.Errorf("skipped for %q, error %v", r.Skip, r.Err)
		}
	}
}

// endingSource is a Source whose bodies end a context behind their first byte.
type endingSource struct {
	source.Source
	end func()
}

func (s *endingSource) Open(ctx context.Context, obj source.Object) (io.ReadCloser, error) {
	body, err := s.Source.Open(ctx, obj)
	if err != nil {
		return nil, err
	}
	return struct {
		io.Reader
		io.Closer
	}{readFunc(func(p []byte) (int, error) {
		defer s.end()
		return body.Read(p[:1])
	}), body}, nil
}
