package scanner

import (
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/reader"
)

// Two clocks are used. What happens within the process is timed by time.Now, which does
// not jump: when to list, when to search. What is compared with the times in keys and
// records, and what is kept in the checkpoint, is the time of Config.Now, which is a
// wall clock and can be wrong.

const (
	// ahead is how far the time in a key or a record may lie ahead of the clock. A time
	// later than that is somebody's mistake: the object counts, but its time is taken
	// for nothing.
	ahead = reader.Ahead
	// clockJump is how far the wall clock may run apart from the monotonic one between
	// two looks at it.
	clockJump = time.Minute
)

// wall returns a clock without the monotonic reading of time.Now. Times that have it are
// compared by that alone, so that a jump of the wall clock would not be seen in what is
// kept in memory, but after the next start.
func wall(now func() time.Time) func() time.Time {
	return func() time.Time { return now().Round(0) }
}

// clock watches the wall clock.
type clock struct {
	now        func() time.Time
	wall, tick time.Time // at the last look
}

// newClock returns a clock for what wall returns.
func newClock(now func() time.Time) *clock {
	return &clock{now: now, wall: now(), tick: time.Now()}
}

// jumped returns how far the wall clock has jumped since the last look, 0 if it has not.
func (c *clock) jumped() time.Duration {
	wall, tick := c.now(), time.Now()
	by := wall.Sub(c.wall) - tick.Sub(c.tick)
	c.wall, c.tick = wall, tick
	if by.Abs() < clockJump {
		return 0
	}
	return by
}
