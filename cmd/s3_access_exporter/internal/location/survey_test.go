package location

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

const request = `{"schema_version_id":"V_1_0","bucket_name":"b","request_time":"2026-01-15T08:00:00.000Z","operation":"REST.GET.OBJECT"}`

const line = `0a1b example-bucket [15/Jan/2026:08:21:07 +0000] 192.0.2.10 - 79A5B3C1D2E4F607 REST.GET.OBJECT k "GET /k HTTP/1.1" 200 - 11 12 13 14 "-" "curl/8" - - - - - - - - -
`

// Streams that only content shows to be of logs are looked into, but those that cannot be, and
// those that are endless, are no more than that; and nobody waits for them.
func TestLook_ReadsOfEachStreamWithinBounds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := new(sourcetest.Fake)
		began := time.Now()
		put := func(stream string, objects int, body string) {
			for i := range objects {
				fake.Put(fmt.Sprintf("%s/2026/01/15/08/%04d", stream, i), []byte(body), began)
			}
		}
		for i := range 40 {
			put(fmt.Sprintf("log%02d", i), 50, request)
		}
		put("other", 3000, `{"level":"info"}`)
		put("refused", 50, request)
		put("stalled", 50, request)
		fake.SetFault(func(op, key string) error {
			switch {
			case op == sourcetest.OpOpen && strings.HasPrefix(key, "refused"):
				return &source.Error{Op: op, Key: key, Reason: source.ReasonAccessDenied, Err: errors.New("forbidden")}
			case op == sourcetest.OpRead && strings.HasPrefix(key, "stalled"):
				return sourcetest.Stall(1, time.Hour)
			}
			return nil
		})
		found, err := Look(t.Context(), source.Location{Name: "logs", Source: fake})
		if err != nil || len(found.Streams) != 1 || found.Streams[record.ServerAccess] != 40 || found.NotLookedAt != 2 || found.Err == nil || !found.Oldest.Equal(time.Date(2026, 1, 15, 8, 0, 0, 0, time.UTC)) {
			t.Errorf("%+v, error %v", found, err)
		}
		if took := time.Since(began); took > longestLooks {
			t.Errorf("it took %v", took)
		}
		if opens := fake.Opens(); opens > 43*maxOpened {
			t.Errorf("%d objects were opened", opens)
		}
	})
}

// A lifecycle rule makes the oldest objects unreadable, and leaves the young ones.
func TestLook_FindsLogsOfWhichMostAreArchived(t *testing.T) {
	fake := new(sourcetest.Fake)
	name := func(at time.Time) string { return at.UTC().Format("logs/2006/01/02/15/x") }
	for h := range 3000 {
		at := time.Now().Add(-time.Duration(h) * time.Hour)
		fake.Put(name(at), []byte(request), at)
	}
	readable := false
	fake.SetFault(func(op, key string) error {
		if op == sourcetest.OpOpen && (!readable || key < name(time.Now().AddDate(0, -1, 0))) {
			return &source.Error{Op: op, Key: key, Reason: source.ReasonArchived, Err: errors.New("archived")}
		}
		return nil
	})
	found, err := Look(t.Context(), source.Location{Name: "logs", Source: fake})
	if err != nil || found.NotLookedAt != 1 || !strings.Contains(fmt.Sprint(found.Err), "archived") {
		t.Errorf("%+v, error %v, want that it could not be looked at, and why", found, err)
	}
	readable = true
	found, err = Look(t.Context(), source.Location{Name: "logs", Source: fake})
	if err != nil || found.Streams[record.ServerAccess] != 1 || found.NotLookedAt != 0 {
		t.Errorf("%+v, error %v, want a stream", found, err)
	}
}

// Who may list and not read would come up well otherwise, and count nothing.
func TestLook_FindsThatNothingCanBeRead(t *testing.T) {
	fake := new(sourcetest.Fake)
	denied := func(string) bool { return false }
	for _, bucket := range []string{"a", "b"} {
		for h := range 50 {
			at := time.Now().Add(-time.Duration(h) * time.Hour)
			fake.Put(bucket+at.UTC().Format("/2006-01-02-15-04-05-0123456789ABCDEF"), []byte(line), at)
		}
	}
	fake.SetFault(func(op, key string) error {
		if op == sourcetest.OpOpen && denied(key) {
			return &source.Error{Op: op, Key: key, Reason: source.ReasonAccessDenied, Err: errors.New("forbidden")}
		}
		return nil
	})
	for _, test := range []struct {
		denied func(key string) bool
		want   string
	}{
		{func(string) bool { return false }, "<nil>"},
		{func(key string) bool { return strings.HasPrefix(key, "a/") }, "<nil>"},
		{func(string) bool { return true }, "forbidden"},
	} {
		denied = test.denied
		found, err := Look(t.Context(), source.Location{Name: "logs", Source: fake})
		if err != nil || found.Streams[record.ServerAccess] != 2 || !strings.Contains(fmt.Sprint(found.Unread), test.want) {
			t.Errorf("%+v, error %v, want %s", found, err, test.want)
		}
	}
}

// The one log may be encrypted with another key than the other, and a policy may let list the
// one prefix and not the other.
func TestLook_FindsThatOneLogOrStreamCannotBeRead(t *testing.T) {
	fake := new(sourcetest.Fake)
	at := time.Now().Add(-time.Hour).UTC()
	for i := range 20 {
		fake.Put(fmt.Sprintf("a%02d", i)+at.Format("/2006-01-02-15-04-05-0123456789ABCDEF"), []byte(line), at)
	}
	trail := "AWSLogs/111122223333/CloudTrail/eu-west-1/" + at.Format("2006/01/02/") + "111122223333_CloudTrail_eu-west-1_" + at.Format("20060102T1504Z") + "_0123456789ABCDEF.json.gz"
	fake.Put(trail, []byte(`{"Records":[]}`), at)
	for name, refused := range map[string]func(op, key string) bool{
		"<nil>":         func(string, string) bool { return false },
		"of the trail":  func(op, key string) bool { return op == sourcetest.OpOpen && key == trail },
		"of one stream": func(op, key string) bool { return op == sourcetest.OpList && key == "a01/" },
		"of one log":    func(op, key string) bool { return op == sourcetest.OpOpen && key != trail },
	} {
		fake.SetFault(func(op, key string) error {
			if refused(op, key) {
				return &source.Error{Op: op, Key: key, Reason: source.ReasonAccessDenied, Err: errors.New(name)}
			}
			return nil
		})
		found, err := Look(t.Context(), source.Location{Name: "logs", Source: fake})
		if err != nil || found.Streams[record.ServerAccess] != 20 || found.Streams[record.CloudTrail] != 1 || !strings.Contains(fmt.Sprint(found.Unread), name) {
			t.Errorf("%+v, error %v, want %s", found, err, name)
		}
	}
}
