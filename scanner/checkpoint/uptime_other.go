//go:build !linux && !windows && !darwin

package checkpoint

import "time"

// Uptime returns the time since the process was started; whether it goes on while the
// machine sleeps is up to the system.
func Uptime() time.Duration { return time.Since(loaded) }

var loaded = time.Now()
