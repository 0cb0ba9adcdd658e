package scanner

import (
	"context"
	"hash/maphash"
	"log/slog"
	"sync"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// discover looks for streams that are not known yet, and counts what else lies
// there. It passes over the objects of a stream as soon as it has one of them.
func (l *location) discover(ctx context.Context) error {
	floor := l.current().Floor
	return source.Walk(ctx, l.Source, l.Prefix, "", func(obj source.Object) (string, bool) {
		key := logkey.Parse(obj.Key)
		if key.Free() && !l.knows(key.Stream) {
			key.Skip = l.recognise(ctx, obj, key, floor)
		}
		if key.Skip != "" {
			return l.skips.count(obj.Key, key, floor), true
		}
		l.mu.Lock()
		defer l.mu.Unlock()
		id := key.Stream.ID()
		if l.streams[id] == nil {
			l.streams[id] = newStream(key.Stream)
		}
		l.streams[id].begins(key)
		if key.Free() {
			return passFree(key, time.Now()), true
		}
		return key.Stream.Beyond(key.Time), true
	})
}

// maxSkipped is how many skipped objects are remembered, 8 bytes each, so that they
// are counted once in a process's life; more are not counted.
const maxSkipped = 1 << 20

// skips counts the objects of a location that are no log objects, each once. It is
// owned by the goroutine of tail.
type skips struct {
	metrics *Metrics
	logger  *slog.Logger      // of the location
	counted map[uint64]bool   // hashes of keys
	cursors map[string]string // the highest key that was counted, by the foreign stream's prefix
	seed    maphash.Seed

	mu    sync.Mutex // guards all below
	found map[logkey.SkipReason]SkippedStatus
}

func newSkips(m *Metrics, logger *slog.Logger) *skips {
	return &skips{
		metrics: m, logger: logger, counted: make(map[uint64]bool), cursors: make(map[string]string), seed: maphash.MakeSeed(),
		found: make(map[logkey.SkipReason]SkippedStatus),
	}
}

// count counts an object unless it was counted before. Of foreign streams it counts
// those from the floor on, and passes over those that it has counted.
func (s *skips) count(name string, key logkey.Key, floor time.Time) (goOn string) {
	if prefix := key.Stream.Prefix; key.Stream.Layout != 0 && !key.Time.IsZero() {
		if begin := min(max(s.cursors[prefix], key.Stream.After(floor)), key.Beyond()); name < begin {
			return begin
		}
		s.cursors[prefix] = name
	}
	if id := maphash.String(s.seed, name); !s.counted[id] && len(s.counted) < maxSkipped {
		s.counted[id] = true
		s.note(name, key.Skip)
	}
	return ""
}
