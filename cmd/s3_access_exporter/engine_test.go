package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/engine"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/golden"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/once"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// groupingEngine is an Engine that counts as a query engine does: it groups records by
// what decides on the question, has nothing else of them, and delivers each group once.
type groupingEngine struct {
	scan *engine.Scan
	most int64 // requests of a group
}

// Run implements engine.Engine. The built-in engine stands for the store.
func (g *groupingEngine) Run(ctx context.Context, q *engine.Question, sink engine.Sink) (*once.Summary, error) {
	shortened := &shortening{needs: q.Needs, groups: make(map[string]*weighted)}
	shortened.needs.Fields = append(q.Filter.Fields(), q.Needs.Fields...)
	shortened.needs.Traits |= q.Filter.Traits()
	summary, err := g.scan.Run(ctx, &engine.Question{Filter: q.Filter, Needs: engine.Needs{Labels: new(classify.Config)}}, shortened)
	if err != nil {
		return summary, err
	}
	intake := engine.NewIntake(q)
	for keys := range slices.Chunk(slices.Sorted(maps.Keys(shortened.groups)), 7) {
		batch := sink.NewBatch()
		for _, key := range keys {
			group := shortened.groups[key]
			group.record.Time = group.weight.First
			g.most = max(g.most, group.weight.Requests)
			intake.Add(batch, &group.record, group.weight, group.object)
		}
		batch.Done()
		if err := sink.Take(batch); err != nil {
			return summary, err
		}
	}
	return summary, nil
}

// weighted is a group of requests.
type weighted struct {
	record record.Record
	object string
	weight record.Weight
}

func (w *weighted) add(more record.Weight) {
	sum := func(a, b int64) int64 {
		if a == record.Unknown || b == record.Unknown {
			return max(a, b)
		}
		return a + b
	}
	w.weight.Requests += more.Requests
	w.weight.SentBytes = sum(w.weight.SentBytes, more.SentBytes)
	w.weight.ReceivedBytes = sum(w.weight.ReceivedBytes, more.ReceivedBytes)
	w.weight.First, w.weight.Last = min(w.weight.First, more.First), max(w.weight.Last, more.Last)
}

// shortening is a Sink that groups records by what is left of them.
type shortening struct {
	needs  engine.Needs
	groups map[string]*weighted
}

// shortenedBatch is what is left of the records of one batch.
type shortenedBatch struct {
	*shortening
	found []*weighted
}

func (s *shortening) NewBatch() engine.Batch { return &shortenedBatch{shortening: s} }

func (b *shortenedBatch) Add(e *query.Entry) {
	w := &weighted{record: b.shorten(e), weight: e.Weight}
	if slices.Contains(b.needs.Fields, query.ObjectName) {
		w.object = e.LogObject
	}
	b.found = append(b.found, w)
}

func (b *shortenedBatch) Done() int { return len(b.found) }

func (s *shortening) Take(taken engine.Batch) error {
	for _, w := range taken.(*shortenedBatch).found {
		key := fmt.Sprintf("%q %+v", w.object, w.record)
		if s.groups[key] == nil {
			s.groups[key] = w
		} else {
			s.groups[key].add(w.weight)
		}
	}
	return nil
}

// shorten returns what decides on the question, and nothing else.
func (s *shortening) shorten(e *query.Entry) record.Record {
	needed := func(fields ...query.Field) bool {
		return slices.ContainsFunc(fields, func(f query.Field) bool { return slices.Contains(s.needs.Fields, f) })
	}
	r := e.Record
	short := record.Record{
		Log: r.Log, Operation: bytes.Clone(r.Operation), Anonymous: r.Anonymous, Signature: r.Signature, AuthMethod: r.AuthMethod,
		Status: r.Status, ErrorCode: bytes.Clone(r.ErrorCode), Duration: record.Unknown,
		SentBytes: int64(cmp.Compare(r.SentBytes, 0)), ReceivedBytes: int64(cmp.Compare(r.ReceivedBytes, 0)), // traits
	}
	keep := func(to *[]byte, from []byte, fields ...query.Field) {
		if needed(fields...) {
			*to = bytes.Clone(from)
		}
	}
	keep(&short.AccountID, r.AccountID, query.AccountID)
	keep(&short.Region, r.Region, query.Region)
	keep(&short.Host, r.Host, query.Region)
	keep(&short.Bucket, r.Bucket, query.Bucket)
	keep(&short.Key, r.Key, query.Key)
	keep(&short.Requester, r.Requester, query.Requester)
	keep(&short.SourceIP, r.SourceIP, query.SourceIP)
	keep(&short.RequestID, r.RequestID, query.RequestID)
	if needed(query.Client, query.ClientVersion, query.SigV4Default, query.Support, query.Runtime, query.UserAgent) || s.needs.Traits.Has(classify.TraitOutdatedClient) {
		short.UserAgent, short.InvokedBy = bytes.Clone(r.UserAgent), bytes.Clone(r.InvokedBy)
	}
	if others := classify.FeatureTraits() | classify.UndeterminedTraits(); needed(query.Feature) || s.needs.Traits&others&^classify.NewTraits(classify.TraitSigV2) != 0 {
		short.Transport, short.ACLRequired = r.Transport, r.ACLRequired
		short.TLSVersion, short.Host, short.Bucket = bytes.Clone(r.TLSVersion), bytes.Clone(r.Host), bytes.Clone(r.Bucket)
	}
	if len(r.Key) > 0 && len(short.Key) == 0 {
		short.Key = []byte("k")
	}
	if needed(query.SentBytes) {
		short.SentBytes = r.SentBytes
	}
	if needed(query.ReceivedBytes) {
		short.ReceivedBytes = r.ReceivedBytes
	}
	if s.needs.Durations {
		short.Duration = r.Duration
	}
	switch {
	case needed(query.Time):
		short.Time = r.Time
	case needed(query.Hour):
		short.Time = r.Time - r.Time%3600
	case needed(query.Day):
		short.Time = r.Time - r.Time%86400
	case s.needs.Step > 0:
		short.Time = r.Time - r.Time%s.needs.Step
	}
	return short
}

// Whatever engine counts, the output is the same to the byte.
func TestEngine_ThatGroupsGivesTheSameBytes(t *testing.T) {
	commands := []string{
		"report", "report -o csv --top=0", "report -o json --labels.requester=account", "report -o prometheus", "report -o prometheus --signature SigV2",
		"report --by bucket,key,status", "report --by day,log --top=0", "report --by hour,outcome -o csv", "report --by time,log,sent_bytes --top=0 -o csv", "report --by log_object,request_id --log server_access --top=0 -o json",
		"report --by user_agent --labels.source-ip=24,64 --object", "backfill --since 2026-01-01 --step 1h",
		"backfill --since 2026-01-01 --step 1m --requester 'arn:*'",
	}
	for command := range readmeCommands(t) {
		if strings.HasPrefix(command, "report ") {
			commands = append(commands, command)
		}
	}
	bucket := fixtureBucket(t)
	for _, command := range commands {
		t.Run(command, func(t *testing.T) {
			args := append(shellWords(command), bucket)
			want := runToEnd(t, args...)
			var stdout, stderr bytes.Buffer
			other := new(groupingEngine)
			code := runOn(t.Context(), args, &stdout, &stderr, func(scan *engine.Scan) engine.Engine {
				other.scan = scan
				return other
			})
			if stdout.String() != want.stdout || code != want.code || want.stdout == "" {
				t.Errorf("exit code %d, want %d; %s", code, want.code, golden.FirstDifference(stdout.String(), want.stdout))
			}
			if other.most < 2 && !strings.Contains(command, "request_id") && !strings.Contains(command, "--feature") {
				t.Errorf("no group has more than %d requests", other.most)
			}
		})
	}
}

// lackingEngine finds less than there is, for two reasons.
type lackingEngine struct{}

// Run implements engine.Engine.
func (lackingEngine) Run(context.Context, *engine.Question, engine.Sink) (*once.Summary, error) {
	unread := &once.ObjectError{Location: "s3://logs", Key: "a", Reason: "json", Err: errors.New("broken")}
	return &once.Summary{Objects: 1, Unread: []*once.ObjectError{unread}}, &engine.PartialError{Missing: "2 log objects lie in no table"}
}

func TestEngine_NothingThatIsMissingHidesAnother(t *testing.T) {
	var stdout, stderr bytes.Buffer
	code := runOn(t.Context(), []string{"report", fixtureBucket(t)}, &stdout, &stderr, func(*engine.Scan) engine.Engine { return lackingEngine{} })
	const want = "error: 1 log object could not be read; its requests are missing above; 2 log objects lie in no table\n"
	if code != exitFailed || !strings.Contains(stderr.String(), want) {
		t.Errorf("exit code %d, %s", code, stderr.String())
	}
}

// A location that cannot be listed to its end costs nothing of what the others hold: that
// is printed, and the last line, and then the error, which names it.
func TestRun_PrintsWhatWasReadWhereALocationCannotBeListed(t *testing.T) {
	bucket := fixtureBucket(t)
	whole := runToEnd(t, "report", "-o", "csv", bucket)
	broken := new(sourcetest.Fake)
	broken.SetFault(func(string, string) error { return errors.New("forbidden") })
	var stdout, stderr bytes.Buffer
	code := runOn(t.Context(), []string{"report", "-o", "csv", bucket}, &stdout, &stderr, func(scan *engine.Scan) engine.Engine {
		scan.Locations = append([]source.Location{{Name: "s3://broken", Source: broken}}, scan.Locations...)
		return scan
	})
	if code != exitFailed || stdout.String() != whole.stdout {
		t.Errorf("exit code %d; %s", code, golden.FirstDifference(stdout.String(), whole.stdout))
	}
	lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
	if last := lines[len(lines)-1]; !strings.HasPrefix(last, program+": looked at ") {
		t.Errorf("the last line is %s", last)
	}
	if n := strings.Count(stderr.String(), "s3://broken"); n != 1 || !strings.Contains(stderr.String(), `s3://broken: list "": forbidden`) {
		t.Errorf("the location is named %d times in\n%s", n, stderr.String())
	}
}

// Nor does one that is not there from the beginning.
func TestRun_ReadsTheLocationsThatAreThere(t *testing.T) {
	bucket, missing := fixtureBucket(t), filepath.Join(t.TempDir(), "missing")
	for _, command := range []string{"report -o csv", "report -o prometheus", "events -o raw --sort=time", "backfill --step=24h"} {
		t.Run(command, func(t *testing.T) {
			whole := runToEnd(t, append(strings.Fields(command), bucket)...)
			for _, locations := range [][]string{{missing, bucket}, {bucket, missing}} {
				got := runToEnd(t, append(strings.Fields(command), locations...)...)
				if got.code != exitFailed || got.stdout != whole.stdout {
					t.Errorf("exit code %d; %s", got.code, golden.FirstDifference(got.stdout, whole.stdout))
				}
				last := whole.stderr[strings.LastIndex(whole.stderr, program+": looked at "):]
				if strings.Count(got.stderr, missing+":") != 2 || !strings.HasSuffix(got.stderr, last) { // as location and as directory
					t.Errorf("stderr is\n%s\nwant at its end\n%s", got.stderr, last)
				}
			}
		})
	}
}

// Nothing was there and nothing could be listed do not look alike, either.
func TestRun_ShowsWhatItLookedAtWhereNothingCouldBeListed(t *testing.T) {
	broken := new(sourcetest.Fake)
	broken.SetFault(func(string, string) error { return errors.New("forbidden") })
	for _, command := range []string{"report", "events", "backfill"} {
		var stdout, stderr bytes.Buffer
		code := runOn(t.Context(), []string{command, t.TempDir()}, &stdout, &stderr, func(scan *engine.Scan) engine.Engine {
			scan.Locations = []source.Location{{Name: "s3://broken", Source: broken}}
			return scan
		})
		want := program + `: error: s3://broken: list "": forbidden` + "\n" + program + ": looked at 0 log objects (0 B)\n"
		if code != exitFailed || stdout.Len() > 0 || stderr.String() != want {
			t.Errorf("%s: exit code %d, %q, %q, want %q", command, code, stdout.String(), stderr.String(), want)
		}
	}
}
