package scanner

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/internal/reader"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

func newLocation(l source.Location, cfg *Config, ready *readiness, o *owners) *location {
	return &location{
		Location:   l,
		cfg:        cfg,
		ready:      ready,
		owners:     o,
		skips:      newSkips(cfg.Metrics, cfg.Logger.With("location", l.Name), l.Prefix),
		recogniser: reader.NewRecogniser(),
		unlooked:   make(map[string]error),
		clock:      newClock(cfg.Now),
		strangers:  strangers{warned: make(map[logkey.Stream]bool)},
		sharing:    sharing{shard: cfg.Shard, store: l.Store},
		newest:     make(map[string]time.Time),
		strays:     make(map[*stream]bool),
		streams:    make(map[string]*stream),
	}
}

// load makes the locations, with what the checkpoint keeps of them. It writes only what
// is new: a full disk must not keep the rest from being shown.
func (s *Scanner) load(now time.Time) ([]*location, error) {
	locations := make([]*location, len(s.cfg.Locations))
	stores := make(map[string][]*location)
	for i, l := range s.cfg.Locations {
		if l.Store == "" {
			return nil, fmt.Errorf("location %s has no name of its store", l.Name)
		}
		locations[i] = newLocation(l, &s.cfg, &s.ready, &s.owners)
		stores[l.Store] = append(stores[l.Store], locations[i])
	}
	var changes []func(*checkpoint.Tx) error
	err := s.cfg.Checkpoint.View(func(tx *checkpoint.Tx) error {
		own := checkpoint.Shard{Index: s.cfg.Shard.Index, Count: max(s.cfg.Shard.Count, 1)}
		if noted, err := tx.CheckShard(own.Index, own.Count); err != nil {
			return err
		} else if !noted {
			changes = append(changes, func(tx *checkpoint.Tx) error { return tx.PutShard(own) })
		}
		for store, locations := range stores {
			more, err := restore(tx, store, locations, now)
			if err != nil {
				return err
			}
			changes = append(changes, more...)
		}
		return nil
	})
	if err == nil && len(changes) > 0 {
		err = s.cfg.Checkpoint.Update(func(tx *checkpoint.Tx) (err error) {
			for _, change := range changes {
				err = errors.Join(err, change(tx))
			}
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("checkpoint: %w", err)
	}
	for _, l := range locations {
		l.cfg.Logger.Info("location is tailed", "location", l.Name, "store", l.Store, "start", shownStart(l.prefix.Floor), "streams", len(l.streams))
	}
	return locations, nil
}

// restore takes the state of the locations in a store from the checkpoint. It returns
// what is to change there before they are listed.
func restore(tx *checkpoint.Tx, store string, locations []*location, now time.Time) (changes []func(*checkpoint.Tx) error, err error) {
	prefixes, err := tx.Prefixes(store)
	if err != nil {
		return nil, err
	}
	if len(prefixes) == 0 {
		if err := locations[0].warnOfOthers(tx, now); err != nil {
			return nil, err
		}
	}
	var resumed []string // prefixes of which text was left out
	for _, l := range locations {
		var known bool
		l.prefix, known = prefixes[l.Prefix]
		if l.new = !known || isBeforeS3(l.prefix); l.new {
			l.prefix.Floor = l.cfg.floor(now)
		}
		l.prefixes = prefixes
		changed, more := l.chooseForm(now, locations)
		if resumed = append(resumed, more...); l.new {
			changed[l.Prefix] = l.prefix
		}
		for prefix, p := range changed {
			changes = append(changes, func(tx *checkpoint.Tx) error { return tx.PutPrefix(store, prefix, p) })
		}
	}
	err = tx.EachStream(store, func(id checkpoint.StreamID, kept checkpoint.Stream) error {
		s, ok := logkey.ParseID(id.Stream)
		if !ok {
			return nil // of a layout that only another version knows
		}
		for _, l := range locations {
			if s.MayHold(l.Prefix) && !l.leaves(s) && l.owners.take(id, l) == nil {
				adapted := l.adapt(s, &kept)
				if adopt(s, &kept, resumed, now) || adapted {
					changes = append(changes, func(tx *checkpoint.Tx) error { return tx.PutStream(id, kept) })
				}
				return l.restore(tx, s, kept)
			}
		}
		return nil
	})
	return changes, err
}

// shownStart writes where a location starts.
func shownStart(floor time.Time) string {
	if floor.IsZero() {
		return "all"
	}
	return floor.UTC().Format(time.RFC3339)
}

// warnOfOthers warns where a store is read for the first time that may be one that was read
// before under another name, whose logs count again then: of a directory that lies in another
// or holds it, of a directory while another one is not read any more, as if it had moved, of
// a bucket that is called like one of another store that is not read now, and of an alias of
// an access point while a bucket is not read any more, or the other way round.
func (l *location) warnOfOthers(tx *checkpoint.Tx, now time.Time) error {
	bucket := func(store string) string { return store[strings.LastIndexByte(store, '/')+1:] }
	isDirectory := func(store string) bool { return strings.HasPrefix(store, "file:") }
	warned := ""
	return tx.EachPrefix(func(store, _ string, _ checkpoint.Prefix) error {
		isRead := slices.ContainsFunc(l.cfg.Locations, func(o source.Location) bool { return o.Store == store })
		switch {
		case store == warned || isDirectory(store) != isDirectory(l.Store):
		case isDirectory(store) && (strings.HasPrefix(store, l.Store+"/") || strings.HasPrefix(l.Store, store+"/")):
			warned = store
			l.cfg.Logger.Warn("what was read of a directory counts again as that of another one, in which it lies or which it holds: "+
				"go on with the one that was read, or begin with a new checkpoint", "location", l.Name, "read", store)
		case isDirectory(store) && !isRead:
			warned = store
			l.cfg.Logger.Warn("a directory is read for the first time, and one that was read before is not read now: "+
				"if that one has moved here, its logs since the start count again, unless it is put back where it was",
				"location", l.Name, "read", store, "start", shownStart(l.cfg.floor(now)))
		case !isDirectory(store) && bucket(store) == bucket(l.Store) && !isRead:
			warned = store
			l.cfg.Logger.Warn("a bucket of this name was read in another store, and counts again if it is the same: "+
				"name the store as before with store:", "location", l.Name, "store", l.Store, "read", store)
		case isAlias(store) != isAlias(l.Store) && !isRead:
			warned = store
			l.cfg.Logger.Warn("an alias of an access point and a bucket are not known for the same one: what was read by the one name "+
				"since the start counts again by the other: name the bucket as before", "location", l.Name, "read", store, "start", shownStart(l.cfg.floor(now)))
		}
		return nil
	})
}

// isAlias reports whether a bucket's name is an alias of an access point, as which no bucket
// can be called. See "Access point aliases" of the S3 user guide.
func isAlias(store string) bool { return strings.HasSuffix(store, "-s3alias") }

// isBeforeS3 reports whether a prefix starts at a time when there was no S3, as of a machine
// whose clock was not set yet, and was never searched.
func isBeforeS3(p checkpoint.Prefix) bool {
	return p.Searched.IsZero() && !p.Floor.IsZero() && p.Floor.Year() < 2006
}

// floor returns where a location starts that is read for the first time now.
func (c Config) floor(now time.Time) time.Time {
	if c.Since == 0 {
		return time.Time{}
	}
	return now.Add(-c.Since)
}

// adapt makes the state of a stream that of one of which the location lists another part
// than was listed before, and reports whether that changes it.
func (l *location) adapt(s logkey.Stream, kept *checkpoint.Stream) bool {
	reach := l.reach(s)
	if reach == kept.Within {
		return false
	}
	listed := strings.HasPrefix(reach, kept.Within)
	if !listed {
		if kept.Outside.After(kept.Begin) {
			kept.Begin, kept.Audited = kept.Outside, time.Time{}
		}
		kept.Outside = time.Time{}
	}
	for p := range l.covering(s) {
		listed = listed || !p.Searched.IsZero()
	}
	if !listed {
		// What else is listed now was never before: what was there when this location is
		// read for the first time does not count.
		kept.Begin, kept.Audited = latest(kept.Begin, l.prefix.Floor), time.Time{}
	}
	kept.Within = reach
	return true
}

// restore takes the state of a stream.
func (l *location) restore(tx *checkpoint.Tx, s logkey.Stream, kept checkpoint.Stream) error {
	st := newStream(s, l.Store, kept)
	st.stored = true
	l.streams[s.ID()] = st
	if log := cmp.Or(kept.Log, s.Log().String()); log != record.Log(0).String() {
		l.newer(log, kept.Newest)
	}
	return tx.EachFailure(st.id, func(key string, f checkpoint.Failure) error {
		st.restoreFailure(key, f)
		l.cfg.Metrics.failing(checkpoint.Failure{}, f)
		return nil
	})
}

// newer takes note of the time of a request that was counted, and shows it if it is the
// newest one.
func (l *location) newer(log string, t time.Time) {
	if t.After(l.newest[log]) {
		l.newest[log] = t
		l.cfg.Metrics.newestEvent.WithLabelValues(l.Name, log).Set(float64(t.Unix()))
	}
}
