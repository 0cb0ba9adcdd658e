package logkey

import (
	"strings"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Stream is a run of objects whose keys sort by their time. It is comparable.
type Stream struct {
	Prefix string // everything before the date
	Layout Layout
	// File is what the names of a Trail's objects begin with, in front of the time. It
	// follows from Prefix, and is empty where Prefix has no account and no Region.
	File string
}

// ID returns a name for the stream that no other stream of a bucket has.
func (s Stream) ID() string { return string(s.Layout) + ":" + s.Prefix }

// ParseID returns the stream that has an ID, or false if it is the ID of none that a log
// object can be of.
func ParseID(id string) (Stream, bool) {
	if len(id) < 2 || id[1] != ':' {
		return Stream{}, false
	}
	s := Stream{Layout: Layout(id[0]), Prefix: id[2:]}
	l := s.line()
	if l.Layout != s.Layout || l.log == 0 && !s.free() {
		return Stream{}, false
	}
	if l.named {
		s.File = trailFile(s.Prefix)
	}
	return s, true
}

// MayHold reports whether keys of the stream may begin with prefix: all of them, or those
// of some dates.
func (s Stream) MayHold(prefix string) bool {
	if strings.HasPrefix(s.Prefix, prefix) {
		return true
	}
	date, ok := strings.CutPrefix(prefix, s.Prefix)
	if !ok {
		return false
	}
	form := fileTime
	if folders := s.line().folders; folders != "" {
		form = folders
	}
	for i := range min(len(date), len(form)) {
		digit := i > 1 && '0' <= form[i] && form[i] <= '9' // S3 began in 2006
		if digit && (date[i] < '0' || date[i] > '9') || !digit && date[i] != form[i] {
			return false
		}
	}
	return true
}

// free reports whether the keys show no more than a time.
func (s Stream) free() bool { return s.Layout == Dated || s.Layout == Hive || s.Layout == HiveDay }

// Log returns the kind of log that the stream holds, 0 if its keys do not show that, or it
// is a Foreign one.
func (s Stream) Log() record.Log { return s.line().log }

// Form returns how the records of server access logs are written that the stream's objects
// hold: as text where the keys are those of S3's own delivery, else as JSON.
func (s Stream) Form() record.Form {
	if s.Log() == record.ServerAccess {
		return record.Text
	}
	return record.JSON
}

// Region returns the Region that the folders of a Trail name; empty if they name none, so
// that objects of any Region may lie in it.
func (s Stream) Region() string {
	if s.File == "" {
		return ""
	}
	_, _, region, _ := cutThree(s.Prefix)
	return region
}

// End returns a string above every key of the stream, and below every key that shares
// its prefix and has anything but a date behind it.
func (s Stream) End() string {
	if s.line().folders == "" {
		// Other streams may lie below the very prefix, under account IDs, which are
		// digits too. This bound leaves them out but for those from 20 on.
		return s.Prefix + "21"
	}
	return s.Prefix + ":"
}

// Beyond returns a string above the stream's keys of time t and as many more as can be
// passed over without passing over another stream: the keys of a whole stream, or of a
// year where other streams may lie among the stream's own.
func (s Stream) Beyond(t time.Time) string {
	if s.line().folders == "" {
		return s.Prefix + t.UTC().Format("2006-") + "1:" // months begin with 0 or 1
	}
	return s.End()
}

// Unordered reports whether keys of one day, or of one hour, come in no order of time:
// their folders are a day's or an hour's, and their names are anything.
func (s Stream) Unordered() bool {
	l := s.line()
	return l.stamp == "" || l.named && s.File == ""
}

// After returns a string to list after, for all keys of the stream that have time t or a
// later one.
func (s Stream) After(t time.Time) string {
	l, t := s.line(), t.UTC()
	after := s.Prefix
	after += t.Format(l.folders)
	if !s.Unordered() {
		after += s.File + t.Format(l.stamp)
	}
	return after
}

// AfterHour is After for a stream of which no object of interest lies in the folder of a
// day, but each in one of an hour.
func (s Stream) AfterHour(t time.Time) string {
	after := s.After(t)
	if t = t.UTC(); t.Hour() > 0 {
		after += t.Format(s.line().hours)
	}
	return after
}

func (s Stream) line() *layout { return s.Layout.line() }
