package checkpoint

import (
	"time"

	"golang.org/x/sys/unix"
)

// Uptime returns the time since the machine was started, sleep included
// (clock_gettime(2), CLOCK_BOOTTIME). The clock that Go's timers run by stands still while
// the machine sleeps.
func Uptime() time.Duration {
	var now unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &now) // it fails before Linux 2.6.39 alone
	return time.Duration(now.Nano())
}
