package scanner

import (
	"slices"
	"strings"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/internal/twice"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// One bucket's server access logs may be delivered as text and as JSON, or to two
// destinations. Each request then counts twice, which shows, and which Location.Form ends:
// it leaves out one of the forms. What is left out does not count later, if the Form
// changes: the other one has counted it.

// leaves reports whether the objects of a stream are left out, as all of them are in a form
// that is not read. Of other streams, records are.
func (l *location) leaves(s logkey.Stream) bool {
	return s.Log() == record.ServerAccess && l.Leaves(s.Form())
}

// chooseForm takes note of the form that is read from now on, and returns those prefixes of
// which that changes what is kept, and those of which text was left out until now. It begins
// to count now, by whatever spelling of a location it was left out, but for those that are
// tailed too.
func (l *location) chooseForm(now time.Time, tailed []*location) (changed map[string]checkpoint.Prefix, resumed []string) {
	changed = make(map[string]checkpoint.Prefix)
	take := func(prefix string, p checkpoint.Prefix) checkpoint.Prefix {
		if p.Form == record.JSON.String() {
			p.Text, resumed = now, append(resumed, prefix)
		}
		p.Form = l.Form.String()
		changed[prefix] = p
		return p
	}
	if l.prefix.Form != l.Form.String() {
		l.prefix = take(l.Prefix, l.prefix)
	}
	for prefix, p := range l.prefixes {
		overlaps := strings.HasPrefix(prefix, l.Prefix) || strings.HasPrefix(l.Prefix, prefix)
		isTailed := slices.ContainsFunc(tailed, func(o *location) bool { return o.Prefix == prefix })
		if p.Form == record.JSON.String() && l.Form != record.JSON && overlaps && !isTailed {
			l.prefixes[prefix] = take(prefix, p)
		}
	}
	return changed, resumed
}

// adopt makes the state of a stream that of one that was left out before, if it lies in a
// prefix that is resumed, and reports whether that changes it.
func adopt(s logkey.Stream, kept *checkpoint.Stream, resumed []string, now time.Time) bool {
	in := func(prefix string) bool { return strings.HasPrefix(s.Prefix, prefix) }
	if s.Log() != record.ServerAccess || !slices.ContainsFunc(resumed, in) {
		return false
	}
	kept.Begin, kept.Audited = latest(kept.Begin, now), time.Time{}
	return true
}

// doubles is what the committer knows of requests that count twice.
type doubles struct {
	finder   *twice.Finder
	metrics  *Metrics
	forgot   time.Time      // when it was looked last what is to be forgotten
	first    *twice.Finding // that was found since the last report; nil: none was
	reported int            // buckets, with it
}

// compare looks whether requests of an object that counts lie in another place too.
func (d *doubles) compare(f *finished, now time.Time) {
	at := f.Key.Stream
	first, n := d.finder.Take(twice.Place{Location: f.Location.Name, Stream: at.Prefix, Form: at.Form().String()}, &f.Sample, now)
	if d.reported += n; d.first == nil {
		d.first = first
	}
}

// report logs what was found since it did last.
func (c *committer) reportDoubles() {
	d := &c.doubles
	if d.first != nil {
		a, b := d.first.Places[0], d.first.Places[1]
		c.cfg.Logger.Warn("requests of a bucket lie in two places and count twice", "bucket", d.first.Bucket, "buckets", d.reported,
			"location", a.Location, "stream", a.Stream, "other_location", b.Location, "other_stream", b.Stream)
		d.first, d.reported = nil, 0
	}
	if now := time.Now(); now.Sub(d.forgot) >= tidyInterval {
		d.forgot = now
		d.finder.Forget(c.cfg.Now())
	}
	d.metrics.doubleCounted.Set(float64(d.finder.Len()))
}

// DoubleCountedStatus shows of which buckets requests count twice, as they lie in two
// places. It knows of those of which logs came in the last days, since the start.
type DoubleCountedStatus struct {
	Buckets  int                    `json:"buckets"`
	Examples []DoubleCountedExample `json:"examples"` // the first ones of them by name
}

// DoubleCountedExample is such a bucket.
type DoubleCountedExample struct {
	Bucket string         `json:"bucket"`
	Places [2]DoublePlace `json:"places"`
	Seen   time.Time      `json:"seen"` // when it was found last
}

// DoublePlace is a place where logs lie.
type DoublePlace struct {
	Location string `json:"location"`
	Stream   string `json:"stream"`        // its prefix
	Form     string `json:"record_format"` // "text" or "json"
}

// maxDoubleExamples is how many buckets a Status names.
const maxDoubleExamples = 100

func doubleCounted(f *twice.Finder) DoubleCountedStatus {
	status := DoubleCountedStatus{Buckets: f.Len(), Examples: []DoubleCountedExample{}}
	for _, found := range f.Findings(maxDoubleExamples) {
		status.Examples = append(status.Examples, DoubleCountedExample{
			Bucket: found.Bucket, Seen: found.Seen.UTC(),
			Places: [2]DoublePlace{DoublePlace(found.Places[0]), DoublePlace(found.Places[1])},
		})
	}
	return status
}
