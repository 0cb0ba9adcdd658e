package scanner

import (
	"fmt"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
)

// load reads the state of every location from the checkpoint.
func (s *Scanner) load(now time.Time) ([]*location, error) {
	var locations []*location
	for _, l := range s.cfg.Locations {
		loc := newLocation(l, &s.cfg, &s.ready)
		loc.state.LastAudit = now
		if s.cfg.Since > 0 {
			// What lay there before the floor is not to count. It may have come
			// shortly before now, when a directory was copied, so here the margin
			// is but what S3's times, in seconds, need.
			loc.state.Floor = now.Add(-s.cfg.Since)
			loc.state.LastAudit = now.Add(auditMargin - 2*time.Second)
		}
		if err := loc.restore(); err != nil {
			return nil, fmt.Errorf("checkpoint: %w", err)
		}
		locations = append(locations, loc)
	}
	return locations, nil
}

// restore takes the location's state from the checkpoint, or puts it there. It
// writes only what is new: a full disk must not keep the rest from being shown.
func (l *location) restore() error {
	known := false
	err := l.cfg.Checkpoint.View(func(tx *checkpoint.Tx) (err error) {
		known, err = l.take(tx)
		return err
	})
	if err != nil || known {
		return err
	}
	return l.cfg.Checkpoint.Update(func(tx *checkpoint.Tx) error { return tx.PutLocation(l.Name, l.state) })
}

// take takes the location's state from the checkpoint, if it is there.
func (l *location) take(tx *checkpoint.Tx) (known bool, err error) {
	state, known, err := tx.Location(l.Name)
	if err != nil || !known {
		return false, err
	}
	l.state = state
	newest, err := tx.Newest(l.Name)
	if err != nil {
		return false, err
	}
	for log, t := range newest {
		l.newest[log] = t
		l.cfg.Metrics.newestEvent.WithLabelValues(l.Name, log).Set(float64(t.Unix()))
	}
	return true, tx.EachStream(l.Name, func(_ string, c *checkpoint.Stream) error {
		k := logkey.Parse(c.Watermark())
		if k.Skip != "" {
			return nil // of a format that only another version knows
		}
		st := newStream(k.Stream)
		l.streams[st.ID()] = st
		if err := st.restore(c); err != nil {
			return err
		}
		for _, f := range st.failed() {
			l.cfg.Metrics.failing(checkpoint.Failure{}, f)
		}
		return nil
	})
}
