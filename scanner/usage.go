package scanner

import (
	"sync"
	"time"
)

// Usage is what was requested and counted in the last hours, up to a day, from which
// follows what the steady state costs. Its JSON is part of Status.
type Usage struct {
	Since time.Time `json:"since,omitzero"` // when it begins; zero before Run
	// Objects is how many log objects were counted.
	Objects int64 `json:"objects"`
	// Requests is how many HTTP requests were sent to S3, by operation.
	Requests map[string]int64 `json:"requests"`
}

// usageHours is how long Usage reaches back.
const usageHours = 24

// usage remembers how much was requested and counted, hour by hour.
type usage struct {
	metrics *Metrics

	mu    sync.Mutex // guards all below
	hours []Usage    // since the start until Since, an hour apart, by time
}

// note remembers the present, once an hour.
func (u *usage) note(now time.Time) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if n := len(u.hours); n > 0 && now.Sub(u.hours[n-1].Since) < time.Hour {
		return
	}
	if len(u.hours) == usageHours {
		u.hours = append(u.hours[:0], u.hours[1:]...)
	}
	u.hours = append(u.hours, u.metrics.usage(now))
}

// last returns the usage of the last hours.
func (u *usage) last(now time.Time) Usage {
	u.mu.Lock()
	defer u.mu.Unlock()
	last := u.metrics.usage(now)
	last.Since = time.Time{}
	if len(u.hours) > 0 {
		before := u.hours[0]
		last.Since = before.Since
		last.Objects -= before.Objects
		for operation := range last.Requests {
			last.Requests[operation] -= before.Requests[operation]
		}
	}
	return last
}
