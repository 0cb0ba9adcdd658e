//go:build integration

package main

import (
	"strconv"
	"testing"
	"time"
)

// A kill -9 of checkpoint reshard at any moment costs no more than to call it again.
func TestReshard_CountsWhatOneProcessDoesThroughKills(t *testing.T) {
	f := newFleetOfShards(t)
	f.start(t, 3)
	f.awaitTruth(t)
	kills := 0
	for i, course := range [][2]int{{3, 5}, {5, 2}, {2, 4}, {4, 1}} {
		from, to := course[0], course[1]
		f.stop(t)
		f.deliver(t, 2+i)
		args := []string{"checkpoint", "reshard", "--to", strconv.Itoa(to)}
		for index := range max(from, to) {
			args = append(args, f.path(index))
		}
		done := false
		for life := time.Duration(0); !done; life += 3 * time.Millisecond { // in the end one is not killed
			p := launch(t, nil, args...)
			select {
			case <-time.After(life):
				p.kill()
				kills++
			case <-p.ended:
				if p.exitCode() != exitOK {
					t.Fatalf("exit code %d: %s", p.exitCode(), p.stderr.String())
				}
				done = true
			}
		}
		f.start(t, to)
		f.awaitTruth(t)
	}
	t.Logf("%d kills", kills)
	if kills < 20 {
		t.Errorf("only %d kills", kills)
	}
}
