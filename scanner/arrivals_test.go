package scanner_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/s3access/s3_access_exporter/scanner"
	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

var update = flag.Bool("update", false, "write the table of costs in deploy/README.md anew")

// measured is what tailing a bucket took in the steady state.
type measured struct {
	lists, opens, objects int
	median                time.Duration // from arrival to counted
}

func (m measured) listsPerObject() float64 { return float64(m.lists) / float64(m.objects) }

// simulate tails streams in which objects arrive, and measures for so long. All that has
// arrived must have counted once in the end.
func simulate(t *testing.T, p pattern, streams int, length time.Duration) (m measured) {
	t.Helper()
	const (
		lying    = 6 * time.Hour // what has arrived when the scanner starts
		settling = time.Hour
	)
	synctest.Test(t, func(t *testing.T) {
		time.Sleep(time.Until(began))
		d := newDeliveries(streams)
		s := newSimScanner(t, d)
		arrivals := p.arrivals(streams, lying+settling+length)
		arrivals = d.deliver(arrivals, began.Add(lying))
		stop := s()
		arrivals = d.deliver(arrivals, began.Add(lying+settling))
		before := d.sofar()
		d.deliver(arrivals, began.Add(lying+settling+length))
		after := d.sofar()
		m = measured{lists: after.lists - before.lists, opens: after.opens - before.opens, objects: after.arrived - before.arrived}
		time.Sleep(90 * time.Minute) // so that a sweep finds what came late last
		stop()
		for id, n := range d.counted {
			if n != 1 {
				t.Fatalf("object %d of %d is counted %d times", id, len(d.counted), n)
			}
		}
		delays := d.delays[before.counted:after.counted]
		slices.Sort(delays)
		m.median = delays[len(delays)/2]
		t.Logf("%s, %d streams: %d objects, %.2f LIST an object; from arrival to counted %v, 9 of 10 within %v, 99 of 100 within %v", p.name, streams, m.objects,
			m.listsPerObject(), m.median.Round(time.Second), delays[len(delays)*9/10].Round(time.Second), delays[len(delays)*99/100].Round(time.Second))
	})
	return m
}

// newSimScanner returns a function that starts a Scanner, which returns one that stops it.
func newSimScanner(t *testing.T, d *deliveries) func() (stop func()) {
	t.Helper()
	state, err := checkpoint.Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	s := scanner.New(scanner.Config{
		Locations:     []source.Location{{Name: "s3://logs", Store: "aws/logs", Source: d}},
		Consumer:      d,
		Metrics:       scanner.NewMetrics(prometheus.NewRegistry()),
		Checkpoint:    state,
		Since:         24 * time.Hour,
		AuditInterval: 1000 * time.Hour, // one a day would be in some measurements, and not in others
	})
	return func() func() {
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error)
		go func() { ended <- s.Run(ctx) }()
		return func() {
			cancel()
			if err := errors.Join(<-ended, state.Close()); err != nil {
				t.Error(err)
			}
		}
	}
}

// What tailing costs follows how objects arrive, whatever else happens; and half of them
// count within a minute.
func TestScanner_ListsWhenObjectsArrive(t *testing.T) {
	for _, p := range []struct {
		pattern
		most float64 // LISTs an object
	}{{steady, 1.5}, {random, 3}} {
		p.mixed = true
		t.Run(p.name, func(t *testing.T) {
			t.Parallel()
			m := simulate(t, p.pattern, 60, 12*time.Hour)
			if m.listsPerObject() > p.most || m.median > time.Minute {
				t.Errorf("%.2f LISTs an object, of which half count within %v; want %v and a minute", m.listsPerObject(), m.median, p.most)
			}
		})
	}
}

// Prices of S3 Standard in us-east-1, in dollars for a thousand requests.
// https://aws.amazon.com/s3/pricing/
const (
	listPrice = 0.005
	getPrice  = 0.0004
)

// The table of costs in deploy/README.md is what a simulation measures. It is not the same
// to the last digit each time, as goroutines take turns in it.
func TestScanner_CostsWhatTheREADMEHas(t *testing.T) {
	if raceDetector {
		t.Skip("it takes minutes with the race detector, which sees the same in TestScanner_ListsWhenObjectsArrive")
	}
	table := costHead
	for _, p := range []pattern{steady, random} {
		for _, size := range []struct {
			streams int
			hours   int // that are measured
		}{{1, 240}, {100, 8}, {1700, 1}} {
			m := simulate(t, p, size.streams, time.Duration(size.hours)*time.Hour)
			if m.listsPerObject() > 3 || p.name == steady.name && m.listsPerObject() > 1.5 || m.median > time.Minute {
				t.Errorf("%.2f LISTs an object, half count within %v", m.listsPerObject(), m.median)
			}
			const thousand, month = 1000, 30 * 24
			months := float64(month) / float64(size.hours)
			lists, gets := float64(m.lists)*months*listPrice/thousand, float64(m.opens)*months*getPrice/thousand
			table += fmt.Sprintf("| %s | %d | %.2f | %.0f s | %.2f | %.2f | %.2f |\n", p.name, size.streams, m.listsPerObject(), m.median.Seconds(), lists, gets, lists+gets)
		}
	}
	const path = "../deploy/README.md"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), costHead)
	_, after, ended := strings.Cut(rest, "\n\n")
	if !found || !ended {
		t.Fatalf("%s has no table that begins with\n%s", path, costHead)
	}
	if *update {
		if err := os.WriteFile(path, []byte(before+table+"\n"+after), 0o600); err != nil {
			t.Fatal(err)
		}
	} else if want := costHead + rest[:len(rest)-len(after)-1]; !areClose(table, want) {
		t.Errorf("the simulation measures\n%s%s has\n%s", table, path, want)
	}
}

// areClose reports whether two tables have the same words, and numbers that differ by a
// hundredth or by the rounding.
func areClose(a, b string) bool {
	one, other := strings.Fields(a), strings.Fields(b)
	return slices.EqualFunc(one, other, func(a, b string) bool {
		x, errX := strconv.ParseFloat(a, 64)
		y, errY := strconv.ParseFloat(b, 64)
		if errX != nil || errY != nil {
			return a == b
		}
		return math.Abs(x-y) <= max(x/100, 0.011)
	})
}

const costHead = `| objects arrive in a stream | streams | LIST an object | half are counted within | LIST | GET | dollars a month |
|---|---|---|---|---|---|---|
`
