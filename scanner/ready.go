package scanner

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
)

// errBacklog is why a Scanner is not ready at first.
var errBacklog = errors.New("still reading what lay there at the start")

// Ready returns nil once every location was listed and what was found in that
// first round is resolved, as long as commits succeed; else an error that shows
// what is missing. It may be called from any goroutine.
func (s *Scanner) Ready() error {
	err := s.ready.err()
	if !errors.Is(err, errBacklog) {
		return err
	}
	s.mu.Lock()
	locations := s.locations
	s.mu.Unlock()
	for _, l := range locations {
		switch failure := l.failed(); {
		case isLooksLeft(failure):
			return fmt.Errorf("%s: %w", l.Name, failure)
		case failure != nil:
			return fmt.Errorf("%s cannot be listed: %w", l.Name, failure)
		}
	}
	return err
}

// failed returns why the last round failed of a location whose first round is not
// complete; nil if it did not.
func (l *location) failed() error {
	if _, done := l.backlog.left(); done {
		return nil
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failure
}

// readiness is shared by the locations and the committer.
type readiness struct {
	mu      sync.Mutex // guards all below
	waiting int        // locations whose backlog is not done
	commit  error      // of the last commit
	began   time.Time  // the commit that is under way; zero if none is
}

// longestCommit is how long a commit may take. Whatever takes longer may never end, as on
// a volume that stands still, which returns no error.
const longestCommit = 30 * time.Second

func (r *readiness) err() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.commit != nil {
		return fmt.Errorf("the checkpoint cannot be written: %w", r.commit)
	}
	if took := time.Since(r.began); !r.began.IsZero() && took >= longestCommit {
		return fmt.Errorf("the checkpoint cannot be written: a commit began %s ago and has not ended", took.Truncate(time.Second))
	}
	if r.waiting > 0 {
		return errBacklog
	}
	return nil
}

func (r *readiness) locationDone() {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.waiting--
}

// commitError returns the error of the last commit.
func (r *readiness) commitError() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.commit
}

// commits takes note that a commit begins, or has ended if that time is zero.
func (r *readiness) commits(began time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.began = began
}

// committed takes note of how a commit ended.
func (r *readiness) committed(err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.commit = err
}

// watched is the Checkpoint's Update, which shows and logs if it does not end.
func (c *committer) watched(fn func(*checkpoint.Tx) error) error {
	began := time.Now()
	c.ready.commits(began)
	defer c.ready.commits(time.Time{})
	late := time.AfterFunc(longestCommit, func() {
		c.cfg.Logger.Error("a commit of the checkpoint does not end; nothing is counted until it does", "after", longestCommit)
	})
	err := c.cfg.Checkpoint.Update(fn)
	if !late.Stop() && err == nil {
		c.cfg.Logger.Info("the checkpoint can be written again", "after", time.Since(began))
	}
	return err
}

// report shows how a commit ended, and logs it where that is news.
func (c *committer) report(err error) {
	if err != nil {
		c.cfg.Metrics.commitFailures.Inc()
		if !c.failing && !errors.Is(err, checkpoint.ErrFenced) { // which ends the process, with a line of its own
			c.cfg.Logger.Error("the checkpoint cannot be written; nothing is counted until it can", "err", err)
		}
	}
	if err == nil && c.failing {
		c.cfg.Logger.Info("the checkpoint can be written again")
	}
	c.failing = err != nil
	c.ready.committed(err)
}

// backlog counts the objects of a location's first complete round.
type backlog struct {
	mu     sync.Mutex // guards all below; held while readiness.mu is taken
	open   int        // objects that are not resolved
	listed bool       // the round is complete
	done   bool       // listed, and none is open
}

// add counts an object, and reports whether it belongs to the backlog.
func (b *backlog) add() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.listed {
		return false
	}
	b.open++
	return true
}

// complete takes note that the first round is complete.
func (b *backlog) complete(r *readiness) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.listed = true
	b.check(r)
}

// resolve takes note that an object of the backlog is resolved.
func (b *backlog) resolve(r *readiness) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open--
	b.check(r)
}

// left returns how many objects of the backlog were found and are not resolved,
// and whether there are none and will be none.
func (b *backlog) left() (open int, done bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open, b.done
}

func (b *backlog) check(r *readiness) {
	if b.listed && b.open == 0 && !b.done {
		b.done = true
		r.locationDone()
	}
}
