package main

import (
	"cmp"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/fleet"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/golden"
)

// emptyLabel is a label that Prometheus takes for none.
var emptyLabel = regexp.MustCompile(`\w+="",|,\w+=""`)

// withoutEmptyLabels returns samples as a history has them.
func (s samples) withoutEmptyLabels() samples {
	found := make(samples)
	for series, value := range s {
		found[emptyLabel.ReplaceAllString(series, "")] = value
	}
	return found
}

// wantHistory checks every sample of a history against requests that were counted
// otherwise: at each step it has what came before.
func wantHistory(t *testing.T, text string, step time.Duration, requests []fleet.Request) {
	t.Helper()
	got := make(map[int64]samples)
	for _, p := range parseHistory(t, text) {
		if got[p.time] == nil {
			got[p.time] = make(samples)
		}
		if _, twice := got[p.time][p.series()]; twice {
			t.Fatalf("%s has two samples at %d", p.series(), p.time)
		}
		got[p.time][p.series()] = p.value
	}
	times := slices.Sorted(maps.Keys(got))
	seconds := int64(step.Seconds())
	first := slices.MinFunc(requests, byTime).Time.Unix() / seconds * seconds
	last := slices.MaxFunc(requests, byTime).Time.Unix()/seconds*seconds + seconds
	if times[0] != first || times[len(times)-1] != last || int64(len(times)) != (last-first)/seconds+1 {
		t.Errorf("%d steps from %d to %d, want all from %d to %d", len(times), times[0], times[len(times)-1], first, last)
	}
	requests = slices.SortedFunc(slices.Values(requests), byTime)
	before := func(at int64) int {
		n, _ := slices.BinarySearchFunc(requests, at, func(r fleet.Request, at int64) int { return cmp.Compare(r.Time.Unix(), at) })
		return n
	}
	var want samples
	counted, born := -1, -1
	for _, at := range times {
		if n, next := before(at), before(at+seconds); n != counted || next != born {
			counted, born = n, next
			want = expected(requests[:next]).withoutEmptyLabels()
			for series := range want {
				if !strings.HasPrefix(series, clientInfo) {
					want[series] = 0
				}
			}
			maps.Copy(want, expected(requests[:n]).withoutEmptyLabels())
		}
		if diff := got[at].diff(want); diff != "" {
			t.Fatalf("%s:\n%s", time.Unix(at, 0).UTC(), diff)
		}
	}
}

func byTime(a, b fleet.Request) int { return a.Time.Compare(b.Time) }

func TestBackfill_HasAtEachStepWhatANaiveReadingFindsBefore(t *testing.T) {
	truth := readFixtures(t).requests
	since := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	recent := slices.DeleteFunc(slices.Clone(truth), func(r fleet.Request) bool { return r.Time.Before(since) })
	for _, test := range []struct {
		name     string
		step     time.Duration
		args     []string
		requests []fleet.Request
	}{
		{"all", 7 * 24 * time.Hour, nil, truth},
		{"odd step", 1000 * time.Second, []string{"--since=2026-01-01"}, recent},
		{"since", time.Minute, []string{"--since=2026-01-01"}, recent},
	} {
		t.Run(test.name, func(t *testing.T) {
			args := append([]string{"backfill", "--step=" + test.step.String(), fixtureBucket(t)}, test.args...)
			got := runToEnd(t, args...)
			if got.code != exitFailed || !strings.Contains(got.stderr, broken) {
				t.Errorf("exit code %d, %s", got.code, got.stderr)
			}
			wantHistory(t, got.stdout, test.step, test.requests)
		})
	}
}

func TestBackfill_TellsTheHistoryOfAFleet(t *testing.T) {
	const step = time.Minute
	bucket, requests := deliveredBucket(t, 20*time.Second)
	got := runToEnd(t, "backfill", "--step="+step.String(), "--labels.requester=role", bucket)
	if got.code != exitOK {
		t.Fatalf("exit code %d, %s", got.code, got.stderr)
	}
	wantHistory(t, got.stdout, step, requests)
}

// deliveredBucket returns a new directory with what a fleet delivers in some time,
// and the requests in it.
func deliveredBucket(t *testing.T, span time.Duration) (dir string, requests []fleet.Request) {
	t.Helper()
	dir = filepath.Join(t.TempDir(), "bucket")
	logs := newFeed(7, intoDirectory(dir))
	logs.deliver(t, span)
	if len(logs.requests) == 0 {
		t.Fatal("nothing was delivered")
	}
	return dir, logs.requests
}

// What importers of OpenMetrics rely on, and Prometheus' parser does not check.
func TestBackfill_WritesSeriesByThemselvesInOrder(t *testing.T) {
	got := runToEnd(t, "backfill", "--step=1h", "--since=2026-01-01", fixtureBucket(t)).stdout
	if !strings.HasSuffix(got, "\n# EOF\n") || strings.Count(got, "# EOF") != 1 {
		t.Error("it does not end in # EOF")
	}
	var family, metric string
	seen := make(map[string]bool)
	last := make(map[string]point)
	for line := range strings.Lines(got) {
		if name, ok := strings.CutPrefix(line, "# TYPE "); ok {
			name, _, _ = strings.Cut(name, " ")
			if seen[name] {
				t.Errorf("family %s is there twice", name)
			}
			seen[name], family = true, name
		}
		if line[0] == '#' {
			continue
		}
		if !strings.HasPrefix(line, family) {
			t.Errorf("%s stands in family %s", line, family)
		}
		_, pairs, _ := strings.Cut(line[:strings.LastIndex(line, "}")], "{")
		pairs, _, _ = strings.Cut(pairs, `,le="`)
		if now := family + pairs; now != metric {
			if seen[now] {
				t.Errorf("%s is interrupted by other series", now)
			}
			seen[now], metric = true, now
		}
	}
	for _, p := range parseHistory(t, got) {
		before, known := last[p.text]
		switch {
		case !known && p.value != 0 && p.name != clientInfo:
			t.Errorf("%s begins with %v", p.text, p.value)
		case known && (p.time != before.time+3600 || p.value < before.value):
			t.Errorf("%s: %v at %d after %v at %d", p.text, p.value, p.time, before.value, before.time)
		}
		last[p.text] = p
	}
}

func TestBackfill_WritesWhatItAlwaysWrote(t *testing.T) {
	got := runToEnd(t, "backfill", "--step=24h", "--since=2026-01-01", "--external-label=job=s3_access",
		`--external-label=where=a \ b "c"`, fixtureBucket(t))
	golden.Want(t, "backfill.golden", got.stdout)
}

// No sample is behind the end, where live data may begin, and the last one of each series has
// all that came before.
func TestBackfill_EndsAtUntil(t *testing.T) {
	const since = "--since=2026-01-15T10:00:00Z"
	bucket := fixtureBucket(t)
	for _, step := range []string{"1m", "7s", "1h"} {
		for until, want := range map[string]string{
			"2026-01-15T10:03:00Z":   "2026-01-15T10:03:00Z",
			"2026-01-15T10:03:00.5Z": "2026-01-15T10:03:00Z",
			"2026-01-15T10:03:01Z":   "2026-01-15T10:03:01Z",
			"2026-01-15T10:03:59.9Z": "2026-01-15T10:03:59Z",
			"2026-01-15T12:00:00Z":   "2026-01-15T12:00:00Z",
			"2026-01-16T00:00:05Z":   "2026-01-16T00:00:05Z",
		} {
			points := parseHistory(t, runToEnd(t, "backfill", "--step="+step, since, "--until="+until, bucket).stdout)
			last := make(map[string]point)
			for _, p := range points {
				if before, known := last[p.text]; known && p.time <= before.time {
					t.Fatalf("--until=%s --step=%s: %s has a sample at %d behind that at %d", until, step, p.text, p.time, before.time)
				}
				last[p.text] = p
			}
			requests := 0.0
			for _, p := range last {
				if end := time.Unix(p.time, 0).UTC().Format(time.RFC3339); end != want {
					t.Fatalf("--until=%s --step=%s: %s ends at %s, want %s", until, step, p.text, end, want)
				}
				if p.name == "s3_access_requests_total" {
					requests += p.value
				}
			}
			counted, err := parseSamples([]byte(runToEnd(t, "report", "-o", "prometheus", since, "--until="+want, bucket).stdout))
			if err != nil {
				t.Fatal(err)
			}
			if all := counted.sum("s3_access_requests_total"); requests != all || all == 0 {
				t.Errorf("--until=%s --step=%s: %v requests, report counts %v", until, step, requests, all)
			}
		}
	}
}

func TestBackfill_WritesAnEmptyHistory(t *testing.T) {
	for _, args := range [][]string{{t.TempDir()}, {"--bucket=none", "--until=2026-02-01", fixtureBucket(t)}} {
		if got := runToEnd(t, append([]string{"backfill"}, args...)...); got.stdout != "# EOF\n" {
			t.Errorf("%q, %s", got.stdout, got.stderr)
		}
	}
}

func TestBackfill_WritesAFile(t *testing.T) {
	bucket, file := fixtureBucket(t), filepath.Join(t.TempDir(), "history.om")
	want := runToEnd(t, "backfill", "--step=24h", bucket)
	got := runToEnd(t, "backfill", "--step=24h", "-o", file, bucket)
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != want.stdout || got.stdout != "" || got.code != want.code {
		t.Errorf("exit code %d, %d bytes in the file, want %d", got.code, len(text), len(want.stdout))
	}
	missing := filepath.Join(t.TempDir(), "missing", "history.om")
	wantFailure(t, runToEnd(t, "backfill", "-o", missing, t.TempDir()), exitFailed, missing)
}

func TestBackfill_NamesWhatIsWrongInOneLine(t *testing.T) {
	dir := t.TempDir()
	for _, test := range []struct {
		args []string
		want string
	}{
		{[]string{"--step=0"}, "--step: must be longer than 0"},
		{[]string{"--step=soon"}, `--step: "soon" is no duration`},
		{[]string{"--step=1500ms"}, `--step: "1500ms" is not a whole number of seconds`},
		{[]string{"--external-label=job"}, `--external-label: "job" is no label: write name=value`},
		{[]string{"--external-label=1job=x"}, `"1job=x" is no label`},
		{[]string{"--external-label=a-b=x"}, `"a-b=x" is no label`},
		{[]string{"--external-label=job="}, "label job has no value"},
		{[]string{"--external-label=__name__=x"}, "label __name__: names with __"},
		{[]string{"--external-label=le=1"}, "--external-label: le is a label already"},
		{[]string{"--external-label=bucket=x"}, "--external-label: bucket is a label already"},
		{[]string{"--external-label=sigv4_default=x"}, "--external-label: sigv4_default is a label already"},
		{[]string{"--external-label=job=x", "--external-label=job=y"}, "--external-label: job is a label already"},
		{[]string{"--since=yesterday"}, "--since: "},
		{[]string{"--series.limit=1"}, "unknown flag --series.limit"},
	} {
		t.Run(fmt.Sprint(test.args), func(t *testing.T) {
			wantFailure(t, runToEnd(t, append([]string{"backfill", dir}, test.args...)...), exitUsage, test.want)
		})
	}
}

func TestBackfill_RefusesAHistoryWithoutMeasure(t *testing.T) {
	// These have requests of many years, and no object among them is broken.
	got := runToEnd(t, "backfill", "--log.level=error", "--log=server_access", fixtureBucket(t))
	wantFailure(t, got, exitFailed, "has more than 1000000 steps of 1m0s")
}
