package checkpoint

import (
	"time"

	"golang.org/x/sys/unix"
)

// Uptime returns the time since some moment, sleep included (clock_gettime(3): here
// CLOCK_MONOTONIC goes on while the machine sleeps). The clock that Go's timers run by
// stands still meanwhile.
func Uptime() time.Duration {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_MONOTONIC, &now) // it cannot fail
	return time.Duration(now.Nano())
}
