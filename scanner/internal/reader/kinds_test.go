package reader_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/internal/reader"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// Two delivery streams of Firehose write to one folder, one of them a hundred times as often:
// the logs of the other one are found at once, whatever the streams are called.
func TestRecogniser_FindsTheLogsOfOneStreamOfFirehoseAmongAnother(t *testing.T) {
	at := time.Date(2026, 7, 2, 8, 15, 27, 0, time.UTC)
	for _, streams := range [][2]string{{"app-1-", "s3logs-1-"}, {"s3app-1-", "s3logs-1-"}, {"logs-1-", "logs-2-"}, {"app_x-12-", "app_y-3-"}} {
		fake, recogniser := new(sourcetest.Fake), reader.NewRecogniser()
		look := func(stream string, i int, body []byte) logkey.SkipReason {
			key := fmt.Sprintf("2026/07/02/08/%s2026-07-02-08-15-27-%04d-abababab", stream, i)
			fake.Put(key, body, at)
			why, err := recogniser.Look(t.Context(), fake, source.Object{Key: key, Size: int64(len(body))}, logkey.Parse(key))
			if err != nil {
				t.Error(err)
			}
			return why
		}
		for i := range 100 {
			if why := look(streams[0], i, []byte(`{"level":"info"}`)); why != logkey.SkipUnknownLog {
				t.Errorf("%v: skipped for %q", streams, why)
			}
		}
		if opens := fake.Opens(); opens != 7 { // the 1st, 2nd, 4th to 64th
			t.Errorf("%v: %d objects were opened", streams, opens)
		}
		if why := look(streams[1], 0, logtest.AccessJSON(at, "r")); why != "" {
			t.Errorf("%v: a log is skipped for %q", streams, why)
		}
	}
}

// However many names begin in ways of their own, few objects of a day are looked at.
func TestRecogniser_LooksAtFewObjectsHoweverTheirNamesBegin(t *testing.T) {
	at := time.Date(2026, 7, 2, 8, 15, 27, 0, time.UTC)
	fake, recogniser := new(sourcetest.Fake), reader.NewRecogniser()
	for i := range 2000 {
		key := fmt.Sprintf("2026/07/02/08/%c%c%c-%04d", 'a'+i/400, 'a'+i/20%20, 'a'+i%20, i)
		fake.Put(key, []byte(`{"level":"info"}`), at)
		if _, err := recogniser.Look(t.Context(), fake, source.Object{Key: key, Size: 16}, logkey.Parse(key)); err != nil {
			t.Fatal(err)
		}
	}
	if opens := fake.Opens(); opens != 64+11 {
		t.Errorf("%d of 2000 objects were opened", opens)
	}
}

// An object that was no log yet when it was looked at, as it was still being written, is
// looked at again once it is another one. Those that were not looked at are not, however
// many of them change.
func TestRecogniser_LooksAgainAtWhatHasChanged(t *testing.T) {
	at := time.Date(2026, 7, 2, 8, 15, 27, 0, time.UTC)
	log := logtest.AccessJSON(at, "r")
	fake, recogniser := new(sourcetest.Fake), reader.NewRecogniser()
	look := func(i int, body []byte, at time.Time) logkey.SkipReason {
		key := fmt.Sprintf("2026/07/02/08/logs-1-2026-07-02-08-15-27-%04d-abababab", i)
		fake.Put(key, body, at)
		obj, err := fake.Stat(t.Context(), key)
		if err != nil {
			t.Fatal(err)
		}
		why, err := recogniser.Look(t.Context(), fake, obj, logkey.Parse(key))
		if err != nil {
			t.Error(err)
		}
		return why
	}
	for pass, content := range []string{"a", "a", "b"} { // the second time, they are copies
		for i := range 100 {
			look(i, []byte(content), at.Add(time.Duration(pass)*time.Second))
		}
	}
	if opens := fake.Opens(); opens != 7+7 {
		t.Errorf("%d objects were opened", opens)
	}
	for i := range 2 {
		if why := look(0, log, at.Add(time.Minute)); why != "" {
			t.Errorf("look %d: a log is skipped for %q", i, why)
		}
	}
}
