package once_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/once"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// Where nothing is asked for, logs that only their content shows are found all the same,
// whatever lies before them.
func TestRun_FindsLogsThatAreNotAskedForBehindOtherObjects(t *testing.T) {
	log := logtest.AccessJSON(began, "r1")
	since := began.AddDate(0, 1, 0)
	for name, test := range map[string]struct {
		other []string // keys of what is no log
		log   string
		query once.Query
	}{
		"by its name":                  {[]string{"2026/01/02/03/a.txt"}, "2026/01/02/03/x.json", once.Query{Since: since}},
		"of the same kind":             {[]string{"2026/01/02/03/a.json"}, "2026/01/02/03/x.json", once.Query{Since: since}},
		"of another hour":              {[]string{"v/2026/01/02/03/_SUCCESS"}, "v/2026/01/02/04/x.json", once.Query{Since: since}},
		"of another year":              {[]string{"v/2024/01/02/a.txt", "v/2025/01/02/a.txt"}, "v/2026/01/02/x.json", once.Query{Since: since}},
		"of another stream":            {[]string{"a/2026/01/02/a.json", "dt=2026-01-02/a.json"}, "v/2026/01/02/x.json", once.Query{Since: since}},
		"that is asked for, before it": {[]string{"v/" + since.Format("2006/01/02/") + "a.json"}, "v/2026/01/02/x.json", once.Query{Since: since}},
		"that is asked for, behind it": {[]string{"v/2026/01/02/a.json"}, "v/2026/03/02/x.json", once.Query{Until: time.Date(2026, 1, 3, 0, 0, 0, 0, time.UTC)}},
	} {
		t.Run(name, func(t *testing.T) {
			fake := new(sourcetest.Fake)
			for _, key := range test.other {
				fake.Put(key, []byte(`{"level":"info"}`), began)
			}
			for _, lies := range []bool{false, true} {
				if lies {
					fake.Put(test.log, log, began)
				}
				s, err := once.Run(t.Context(), once.Config{Locations: []source.Location{{Name: "logs", Source: fake}}}, test.query, new(seen))
				if err != nil || s.Objects > 0 || len(s.Unread) > 0 {
					t.Fatalf("%+v, error %v", s, err)
				}
				if l := s.Locations[0]; l.Found != lies || l.Asked || l.OldestKey.IsZero() == lies || !lies && len(s.SkippedObjects) == 0 {
					t.Errorf("a log lies there: %v, found %+v, skipped %v", lies, l, s.SkippedObjects)
				}
			}
		})
	}
}

// Of what is not asked for, only so much is looked at.
func TestRun_LooksAtFewObjectsThatAreNotAskedFor(t *testing.T) {
	fake := new(sourcetest.Fake)
	for i := range 5000 {
		fake.Put(fmt.Sprintf("app%d/2026/01/0%d/%c%d/x", i%50, 1+i%9, 'a'+i%26, i), []byte(`{"level":"info"}`), began)
	}
	s, err := once.Run(t.Context(), once.Config{Locations: []source.Location{{Name: "logs", Source: fake}}}, once.Query{Since: began.AddDate(0, 1, 0)}, new(seen))
	if err != nil || s.Locations[0].Found {
		t.Errorf("%+v, error %v", s, err)
	}
	if opens := fake.Opens(); opens == 0 || opens > 16*(50+16) { // of each stream while it is listed, and of some behind that
		t.Errorf("%d objects were opened", opens)
	}
}

// What comes slowly keeps nobody waiting, and may be a log.
func TestRun_WaitsForNoObjectThatIsNotAskedFor(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fake := new(sourcetest.Fake)
		for i := range 100 {
			fake.Put(fmt.Sprintf("app%d/2026/01/02/x", i%50), logtest.AccessJSON(began, "r1"), began)
		}
		fake.SetFault(func(op, _ string) error {
			if op == sourcetest.OpRead {
				return sourcetest.Stall(1, time.Hour)
			}
			return nil
		})
		begun := time.Now()
		s, err := once.Run(t.Context(), once.Config{Locations: []source.Location{{Name: "logs", Source: fake}}}, once.Query{Since: began.AddDate(0, 1, 0)}, new(seen))
		if err != nil || !s.Locations[0].Found || time.Since(begun) > time.Minute {
			t.Errorf("%+v, error %v, after %v", s, err, time.Since(begun))
		}
	})
}

// The history of a stream is passed over, also where it is archived, and where others lie
// beside it.
func TestRun_PassesOverTheHistoryOfLogsWithFreeKeys(t *testing.T) {
	fake := new(sourcetest.Fake)
	const objects, others = 10_000, 40
	end := began.Add(objects * time.Hour)
	name := func(at time.Time) string { return "logs/" + at.Format("2006/01/02/15/") + "x" }
	for i := range objects {
		at := began.Add(time.Duration(i) * time.Hour)
		fake.Put(name(at), logtest.AccessJSON(at, fmt.Sprint("r", i)), at)
	}
	for i := range others {
		fake.Put(fmt.Sprintf("app%d/2026/01/02/x", i), []byte(`{"level":"info"}`), began)
	}
	fake.SetFault(func(op, key string) error {
		if op == sourcetest.OpOpen && strings.HasPrefix(key, "logs/") && key < name(end.AddDate(0, -1, 0)) {
			return &source.Error{Op: op, Key: key, Reason: source.ReasonArchived, Err: errors.New("archived")}
		}
		return nil
	})
	c := new(collected)
	s, err := once.Run(t.Context(), once.Config{Locations: []source.Location{{Name: "logs", Source: fake}}}, once.Query{Since: end.AddDate(0, 0, -1)}, c)
	if err != nil || len(s.Unread) > 0 || len(c.records) < 24 {
		t.Errorf("%d records, %+v, error %v", len(c.records), s, err)
	}
	if pages := fake.Pages(); pages > 3*others {
		t.Errorf("%d pages were listed", pages)
	}
}

// Folders of a day that are no log's, as those of copies that are kept by date, show nothing
// of the logs below them.
func TestRun_FindsLogsBelowFoldersOfOtherDays(t *testing.T) {
	const account = "111122223333"
	for _, other := range []string{"manifest.json", "all.zip", "inventory.parquet"} {
		fake := new(sourcetest.Fake)
		for d := 1; d <= 3; d++ {
			folder := fmt.Sprintf("backup/2026/06/%02d/", d)
			at := time.Date(2025, 12, d, 12, 0, 0, 0, time.UTC)
			fake.Put(folder+"0"+other, []byte(`{"objects":1}`), at)
			fake.Put(logtest.TrailKey(folder+"AWSLogs/"+account+"/CloudTrail/eu-west-1/", account, "eu-west-1", at, "x"), logtest.Trail(at, fmt.Sprint("r", d)), at)
			fake.Put(folder+other, []byte(`{"objects":1}`), at)
		}
		for name, query := range map[string]once.Query{
			"before them": {Until: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)},
			"after them":  {Since: time.Date(2025, 12, 1, 0, 0, 0, 0, time.UTC), Until: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)},
		} {
			c := new(collected)
			_, err := once.Run(t.Context(), once.Config{Locations: []source.Location{{Name: "logs", Source: fake}}}, query, c)
			if err != nil || len(c.records) != 3 {
				t.Errorf("%s, %s: %d records, want 3; error %v", other, name, len(c.records), err)
			}
		}
	}
}

// Firehose's folders may be of any time zone, whatever lies beside its objects.
func TestRun_FindsFoldersOfAnotherZoneAmongOthers(t *testing.T) {
	at := time.Date(2026, 1, 10, 1, 30, 0, 0, time.UTC)
	for _, other := range []string{"2026-01-02-08-30-00-0A1B2C3D4E5F6071", "a.parquet", "a.json.zst"} {
		fake := new(sourcetest.Fake)
		fake.Put("v/2026/01/02/"+other, logtest.AccessLog(at.AddDate(0, 0, -8), "old"), at)
		fake.Put("v/2026/01/09/17/x", logtest.AccessJSON(at, "r"), at) // in Los Angeles
		c := new(collected)
		_, err := once.Run(t.Context(), once.Config{Locations: []source.Location{{Name: "logs", Source: fake}}}, once.Query{Since: at.Add(-30 * time.Minute)}, c)
		if err != nil || len(c.records) != 1 {
			t.Errorf("%s: %d records, want 1; error %v", other, len(c.records), err)
		}
	}
}
