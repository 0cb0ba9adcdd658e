package scanner

import (
	"hash/maphash"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// maxSkipped is how many skipped objects are remembered, 8 bytes each, so that they
// are counted once in a process's life; more are not counted.
const maxSkipped = 1 << 20

// skips counts the objects of a location that are no log objects, each once, and knows
// how to pass over them. It is owned by the goroutine of tail, but for what it has found.
//
// Those below folders of a day are passed over up to the last one that was counted: all of
// them, where a folder holds nothing else, and elsewhere those of days that are over, but for
// full searches, as logs may come among them. The others are passed over by runs: such
// objects that follow each other in a listing, without one of a stream among them, in the
// same highest folder as long as there are few of these, and more than one request lists. So
// a search that passes over them takes as many requests as there are runs, of which there are
// hardly more than streams. A stream that begins within a run is found by the next search
// that passes over nothing.
type skips struct {
	metrics *Metrics
	logger  *slog.Logger      // of the location
	prefix  string            // the location's
	cursors map[string]string // the highest key that was counted, by the foreign stream's prefix
	seed    maphash.Seed

	full bool  // the search passes over no runs
	runs []run // of the searches before, in order
	next []run // of this search
	open bool  // the last of next goes on

	mu      sync.Mutex      // guards all below
	counted map[uint64]bool // hashes of keys
	found   map[logkey.SkipReason]SkippedStatus
}

// maxFolders is how many runs there are until folders are not told apart any more.
const maxFolders = 100

// run is a run of skipped objects, from the first key to the last.
type run struct {
	first, last string
	objects     int
}

// newSkips returns the skips of a location with that prefix.
func newSkips(m *Metrics, l *slog.Logger, prefix string) *skips {
	return &skips{
		metrics: m, logger: l, prefix: prefix, counted: make(map[uint64]bool), cursors: make(map[string]string), seed: maphash.MakeSeed(),
		found: make(map[logkey.SkipReason]SkippedStatus),
	}
}

// begin begins a search. A full one passes over no runs.
func (s *skips) begin(full bool) { s.full, s.next, s.open = full, nil, false }

// end ends a run.
func (s *skips) end() { s.open = false }

// done takes note that the search is complete.
func (s *skips) done() { s.runs, s.next = s.next, nil }

// count counts an object unless it was counted before. Of foreign streams it counts
// those from the floor on, and passes over none of those from recent on that may lie among
// logs.
func (s *skips) count(name string, key logkey.Key, floor, recent time.Time) (goOn string) {
	if prefix := key.Stream.Prefix; key.Stream.Layout != 0 && !key.Time.IsZero() {
		s.open = false
		counted := s.cursors[prefix]
		if !key.Skip.Whole() {
			counted = min(counted, key.Stream.After(recent))
		}
		if begin := min(max(counted, key.Stream.After(floor)), key.Beyond()); name < begin {
			return begin
		}
		s.cursors[prefix] = max(s.cursors[prefix], name)
	} else {
		goOn = s.extend(name)
	}
	s.once(name, key.Skip)
	return goOn
}

// once counts an object unless it was counted before. It may be called from any goroutine.
func (s *skips) once(name string, why logkey.SkipReason) {
	s.mu.Lock()
	id := maphash.String(s.seed, name)
	isNew := !s.counted[id] && len(s.counted) < maxSkipped
	if isNew {
		s.counted[id] = true
	}
	s.mu.Unlock()
	if isNew {
		s.note(name, why)
	}
}

// extend makes an object part of a run, and returns the last key of the run that it
// was part of before, if that is passed over.
func (s *skips) extend(name string) (goOn string) {
	r := run{first: name, last: name, objects: 1}
	if !s.full {
		i, _ := slices.BinarySearchFunc(s.runs, name, func(r run, name string) int { return strings.Compare(r.last, name) })
		if i < len(s.runs) && s.runs[i].first <= name && s.runs[i].objects >= source.PageSize {
			r.last, r.objects = s.runs[i].last, s.runs[i].objects
			goOn = r.last
		}
	}
	n := len(s.next)
	if s.open && (n >= maxFolders || s.folder(name) == s.folder(s.next[n-1].last)) {
		s.next[n-1].last = r.last
		s.next[n-1].objects += r.objects
	} else {
		s.next, s.open = append(s.next, r), true
	}
	return goOn
}

// folder returns the highest folder in the location that an object lies in.
func (s *skips) folder(name string) string {
	below := strings.TrimPrefix(name, s.prefix)
	return below[:strings.IndexByte(below, '/')+1]
}
