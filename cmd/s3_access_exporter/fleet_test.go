package main

import (
	"context"
	"maps"
	"math"
	"net"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/fleet"
)

// hour is a feed of one hour's requests, over midnight, in thousands of small
// objects. The courses of events are always the same.
func hour(bucket string) *feed {
	return &feed{
		clients: fleet.New(fleet.Config{Seed: 5, Rate: 4}),
		at:      time.Date(2025, time.March, 9, 23, 20, 0, 0, time.UTC),
		put:     intoDirectory(bucket),
	}
}

// seldom spares a machine that is busy with reading an hour's objects from
// listing them over and over.
const seldom = "--scan.interval=1s"

func TestServe_TellsTheTruthOfAnHour(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	bucket := filepath.Join(dir, "bucket")
	logs := hour(bucket)
	logs.deliver(t, time.Minute)
	args := append(whole(filepath.Join(dir, "x.db")), seldom, "--scan.sweep-interval=4s", bucket)
	for range 2 {
		e := start(t, "serve", args...)
		logs.deliver(t, 20*time.Minute)
		eventually(t, "something is counted", func() bool { return e.mustScrape(t).sum("s3_access_requests_total") > 0 })
		if code := e.stop(); code != exitOK { // in the midst of it
			t.Fatalf("exit code %d", code)
		}
	}
	e := start(t, "serve", args...)
	logs.deliver(t, 19*time.Minute)
	wantExactly(t, e, logs.requests)
	e.polled(t)
	wantExactly(t, e, logs.requests)

	// The same bucket in other detail.
	t.Run("coarse labels", func(t *testing.T) {
		t.Parallel()
		e := start(t, "serve", append(whole(filepath.Join(t.TempDir(), "x.db")),
			seldom, "--labels.requester=account", "--labels.source-ip=24,64", "--labels.client-version=minor", bucket)...)
		wantExactly(t, e, coarse(logs.requests))
	})
	t.Run("few series", func(t *testing.T) {
		t.Parallel()
		const limit = 50
		e := start(t, "serve", append(whole(filepath.Join(t.TempDir(), "x.db")), seldom, "--series.limit=50", bucket)...)
		want := expected(logs.requests).folded()
		var got samples
		converge(t, "the sums are exact", func() (float64, bool) {
			got = e.mustScrape(t)
			return got.sum("s3_access_requests_total"), maps.Equal(got.requestFamilies().folded(), want)
		})
		for series, value := range got {
			if strings.HasPrefix(series, "s3_access_exporter_series{") && value > 2*limit+20 {
				t.Errorf("%s: %v", series, value)
			}
		}
		if got.sum("s3_access_exporter_series_overflow_total") == 0 || got.sum("s3_access_object_requests_total", `source_ip="other"`) == 0 {
			t.Error("the limit was not reached")
		}
	})
}

// coarse returns requests with the values of --labels.requester=account,
// --labels.source-ip=24,64 and --labels.client-version=minor.
func coarse(requests []fleet.Request) []fleet.Request {
	var all []fleet.Request
	for _, r := range requests {
		if arn := strings.Split(r.Requester, ":"); arn[0] == "arn" {
			r.Requester = arn[4]
		}
		if ip := net.ParseIP(r.SourceIP); ip != nil {
			mask := net.CIDRMask(64, 128)
			if ip.To4() != nil {
				mask = net.CIDRMask(24, 32)
			}
			r.SourceIP = (&net.IPNet{IP: ip.Mask(mask), Mask: mask}).String()
		}
		if numbers := strings.Split(r.ClientVersion, "."); len(numbers) > 2 {
			r.ClientVersion = numbers[0] + "." + numbers[1]
		}
		all = append(all, r)
	}
	return all
}

// foldable labels are those whose values a limit of series may take away.
var foldable = regexp.MustCompile(`\b(account_id|aws_region|bucket|client|client_version|operation|requester|source_ip)="(\\.|[^"\\])*",?`)

// folded returns the sums over all foldable labels, in whole thousandths.
func (s samples) folded() samples {
	sums := make(samples)
	for series, value := range s {
		if !strings.HasPrefix(series, "s3_access_client_info") {
			sums[strings.ReplaceAll(foldable.ReplaceAllString(series, ""), ",}", "}")] += math.Round(1000 * value)
		}
	}
	return sums
}

func TestServe_ShowsNewSeriesAtZeroFirst(t *testing.T) {
	t.Parallel()
	const hold = 4 * time.Second
	dir := t.TempDir()
	bucket := filepath.Join(dir, "bucket")
	logs := hour(bucket)
	logs.deliver(t, time.Minute)
	e := start(t, "serve", append(whole(filepath.Join(dir, "x.db")), "--series.hold="+hold.String(), "--scan.sweep-interval=1s", bucket)...)
	first := make(samples)
	judged := 0
	stop := background(t, func(ctx context.Context) {
		var last time.Time
		for ctx.Err() == nil {
			began := time.Now()
			now, err := e.scrape(ctx)
			if err != nil {
				continue // the test's end
			}
			seen := !last.IsZero() && time.Since(last) < hold // nothing was born and released in between
			for series, value := range now.requestFamilies() {
				if _, known := first[series]; known || strings.HasPrefix(series, "s3_access_client_info") {
					continue
				}
				first[series] = value
				if seen {
					judged++
				}
				if seen && value != 0 {
					t.Errorf("%s was first seen at %v", series, value)
				}
			}
			last = began
		}
	})
	for range 4 {
		logs.deliver(t, time.Minute)
		e.polled(t)
	}
	wantExactly(t, e, logs.requests)
	stop()
	if judged < 100 {
		t.Errorf("only %d series were seen from their birth on", judged)
	}
}
