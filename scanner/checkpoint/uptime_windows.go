package checkpoint

import (
	"time"

	"golang.org/x/sys/windows"
)

// Uptime returns the time since the machine was started, sleep included (GetTickCount64).
func Uptime() time.Duration { return windows.DurationSinceBoot() }
