package scanner_test

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
)

// What fails again and again does not come before what is new, though the times in its keys
// are earlier; nor does it wait for all that is new.
func TestScanner_WhatFailsKeepsNothingNewWaiting(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.config.Concurrency, r.config.Interval = 1, 10*time.Second
		var mu sync.Mutex // guards opened
		opened := make(map[string]int)
		r.bucket.SetFault(func(op, key string) error {
			if op != "open" {
				return nil
			}
			time.Sleep(time.Second) // each takes its time
			mu.Lock()
			opened[key]++
			mu.Unlock()
			if strings.Contains(key, "broken") {
				return errSlowDown
			}
			return nil
		})
		for i := range 40 {
			at := began.Add(time.Duration(i-80) * time.Minute)
			r.bucket.Put("broken/"+logtest.SimpleKey(at, fmt.Sprint(i)), logtest.AccessLog(at, "b"), at)
		}
		want := []string{"first"}
		r.put(began.Add(-time.Minute), "first", want...)
		r.start()
		r.wait(time.Minute)
		for i := range 60 {
			want = append(want, fmt.Sprint("r", i))
			r.put(began.Add(time.Duration(i)*time.Second), fmt.Sprint(i), want[i+1])
		}
		r.wait(3 * time.Minute)
		r.expect(want...)
		tried := 0
		mu.Lock()
		defer mu.Unlock()
		for key, n := range opened {
			if strings.Contains(key, "broken") && n > 1 {
				tried++
			}
		}
		if tried < 10 {
			t.Errorf("%d objects were tried again", tried)
		}
	})
}
