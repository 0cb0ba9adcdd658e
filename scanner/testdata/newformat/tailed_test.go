package scanner_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/once"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/tsvlog"
)

// putTSV puts an object of the new format with one request for each ID.
func (r *rig) putTSV(at time.Time, unique string, ids ...string) string {
	var body []byte
	for _, id := range ids {
		body = fmt.Appendf(body, "%d\t%s\tREST.GET.OBJECT\tbucket\n", at.Unix(), id)
	}
	key := logtest.PartitionedKey("vended/111122223333/eu-west-1/bucket/", at, unique+"0123456789ABCDEF"[len(unique):]) + ".tsv.gz"
	r.bucket.Put(key, logtest.Gzip(body), time.Now())
	return key
}

func TestNewFormat_IsTailed(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.put(began, "A", "line")
		r.putTSV(began, "A", "r1", "r2")
		broken := r.putTSV(began.Add(time.Second), "B")
		r.bucket.Put(broken, []byte("\x1f\x8bbroken"), began)
		r.start()
		r.wait(time.Minute)
		r.expect("line", "r1", "r2")
		r.crash()
		newest := r.putTSV(time.Now(), "C", "r3")
		r.putTSV(time.Now().Add(-40*time.Hour), "D", "late")
		r.start()
		r.wait(3 * time.Hour)
		r.expect("line", "r1", "r2", "r3", "late")
		if records := r.metric("log_records_total", record.ServerAccess.String()); records != 2 {
			t.Errorf("%v records are counted, want 2", records)
		}
		for _, s := range r.scanner.Status().Locations[0].Streams {
			if s.Prefix != "access/" && (s.Layout != "vended" || s.Log != "server_access" || s.Watermark != newest || s.EventTime) {
				t.Errorf("stream %+v", s)
			}
		}
		if q := r.scanner.Status().Locations[0].Quarantined; len(q) != 1 || q[0].Key != broken || q[0].Reason != "gzip" {
			t.Errorf("quarantined: %+v", q)
		}
	})
}

// onceSeen is a once.Consumer that collects IDs.
type onceSeen struct{ consumer }

func (c *onceSeen) Take(t once.Tally) error {
	for id, n := range t.(tally) {
		c.counts[id] += n
	}
	return nil
}

func TestNewFormat_IsReadOnceAsFarAsAskedFor(t *testing.T) {
	inBubble(t, func(r *rig) {
		for day := range 30 {
			r.putTSV(began.AddDate(0, 0, -day), "A", fmt.Sprint("day", day), fmt.Sprint("other", day))
			r.put(began.AddDate(0, 0, -day), "A", fmt.Sprint("line", day))
		}
		c := &onceSeen{consumer{counts: make(map[string]int)}}
		summary, err := once.Run(r.t.Context(), once.Config{Locations: []source.Location{{Name: "s3://logs", Source: r.bucket}}}, once.Query{
			Since: began.AddDate(0, 0, -3), Until: began.AddDate(0, 0, -1), Slack: time.Hour,
			Prefilter: func(format record.Format, raw []byte) bool { return format == tsvlog.Format && raw[11] == 'd' },
		}, c)
		if err != nil || len(summary.Unread) > 0 || summary.Objects != 6 || r.bucket.Opens() != 6 {
			t.Errorf("%+v, %d objects are opened, error %v", summary, r.bucket.Opens(), err)
		}
		for _, day := range []string{"day1", "day2", "day3"} {
			if c.counts[day] != 1 {
				t.Errorf("%s is counted %d times", day, c.counts[day])
			}
		}
		if len(c.counts) != 3 {
			t.Errorf("counted %v", c.counts)
		}
	})
}
