package main

import (
	"bytes"
	"encoding/json"
	"io"
	"regexp"
	"runtime"
	"slices"
	"sync"
	"testing"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/fleet"
	"github.com/s3access/s3_access_exporter/collector"
	"github.com/s3access/s3_access_exporter/scanner/accesslog"
	"github.com/s3access/s3_access_exporter/scanner/cloudtrail"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// From objects of CloudTrail in memory to counters in the checkpoint, on one core.
func BenchmarkPerformance_CloudTrailToCommit(b *testing.B) {
	onCores(b, 1)
	objects := logs(b, true, 1500, 1<<30)
	bucket := bucketOf(objects)
	compare(b, "x-gunzip", cpu,
		func() { catchUp(b, bucket, len(objects), 2) },
		func() { gunzip(b, objects) })
}

// From CloudTrail's JSON in memory to counters, on one core. The ratio says how
// many times longer the yardstick takes.
func BenchmarkPerformance_CloudTrailToCounters(b *testing.B) {
	onCores(b, 1)
	objects := decompressed(b, logs(b, true, 1500, 128<<20))
	dec, counters := cloudtrail.NewDecoder(nil), newCounters(b)
	compare(b, "encoding-json-x", cpu,
		func() { unmarshal(b, objects) },
		func() { count(b, dec, objects, counters) })
}

// decoder is what both formats' decoders offer.
type decoder interface {
	Reset(r io.Reader)
	Next() bool
	Record() *record.Record
	Err() error
}

// count decodes objects that are not compressed, and counts their records. As in a
// commit, it adds up many objects at a time.
func count(b *testing.B, dec decoder, objects []fleet.Object, counters *collector.Collector) {
	b.Helper()
	const atOnce = 32
	body := new(bytes.Reader)
	for batch := range slices.Chunk(objects, atOnce) {
		var tallies []*collector.Tally
		for _, obj := range batch {
			body.Reset(obj.Body)
			dec.Reset(body)
			tally := counters.NewTally()
			for dec.Next() {
				tally.Add(dec.Record())
			}
			if dec.Err() != nil {
				b.Fatal(dec.Err())
			}
			tally.Done()
			tallies = append(tallies, tally)
		}
		expose, err := counters.Stage(tallies, nil)
		if err != nil {
			b.Fatal(err)
		}
		expose()
	}
}

// unmarshal reads the members that are needed of every event.
func unmarshal(b *testing.B, objects []fleet.Object) {
	b.Helper()
	for _, obj := range objects {
		var log struct {
			Records []struct {
				EventTime          string
				EventSource        string
				EventName          string
				AWSRegion          string
				SourceIPAddress    string
				UserAgent          string
				ErrorCode          string
				RequestID          string
				EventID            string
				SharedEventID      string
				RecipientAccountID string
				UserIdentity       struct {
					Type, ARN, AccountID, InvokedBy string
				}
				RequestParameters   struct{ BucketName, Key string }
				AdditionalEventData struct {
					SignatureVersion, AuthenticationMethod  string
					BytesTransferredIn, BytesTransferredOut float64
				}
				Resources []struct{ AccountID, ARN, Type string }
			}
		}
		if err := json.Unmarshal(obj.Body, &log); err != nil || len(log.Records) == 0 {
			b.Fatal(err, len(log.Records))
		}
	}
}

// From lines of server access logs in memory to counters, on one core.
func BenchmarkPerformance_AccessLogToCounters(b *testing.B) {
	onCores(b, 1)
	objects := logs(b, false, 1500, 64<<20)
	dec, counters := accesslog.NewDecoder(nil), newCounters(b)
	b.Run("split", func(b *testing.B) {
		compare(b, "x-split", cpu,
			func() { count(b, dec, objects, counters) },
			func() { splitAtSpaces(b, objects) })
	})
	b.Run("regexp", func(b *testing.B) {
		compare(b, "regexp-x", cpu,
			func() { matchAthena(b, objects) },
			func() { count(b, dec, objects, counters) })
	})
}

// splitAtSpaces finds the lines, and in them the fields at spaces: what any reader
// of the format spends at least.
func splitAtSpaces(b *testing.B, objects []fleet.Object) {
	b.Helper()
	fields := 0
	for _, obj := range objects {
		for rest := obj.Body; len(rest) > 0; {
			end := bytes.IndexByte(rest, '\n')
			line := rest[:end]
			rest = rest[end+1:]
			for i := 0; i >= 0; fields++ {
				i = bytes.IndexByte(line, ' ')
				line = line[i+1:]
			}
		}
	}
	if fields == 0 {
		b.Fatal("no fields")
	}
}

// matchAthena matches every line with the expression that AWS gave for reading
// these logs with Athena, on the page "Using Amazon S3 server access logs to
// identify requests".
func matchAthena(b *testing.B, objects []fleet.Object) {
	b.Helper()
	expression := regexp.MustCompile(`([^ ]*) ([^ ]*) \[(.*?)\] ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) "([^ ]*) ([^ ]*) (- |[^ ]*)" ` +
		`(-|[0-9]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ("[^"]*") ([^ ]*)` +
		`(?: ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*))?.*$`)
	matches := 0
	for _, obj := range objects {
		for line := range bytes.Lines(obj.Body) {
			if expression.FindSubmatchIndex(bytes.TrimSuffix(line, []byte("\n"))) != nil {
				matches++
			}
		}
	}
	if matches == 0 {
		b.Fatal("no match")
	}
}

// Many objects on two cores against one, in real time; and what is the most that the
// machine makes of its second core, by decompressing alone, where nothing is shared.
func BenchmarkPerformance_TwoCores(b *testing.B) {
	for name, trails := range map[string]bool{"cloudtrail": true, "server_access": false} {
		b.Run(name, func(b *testing.B) {
			onCores(b, 2)
			bucket, counters := bucketOf(logs(b, trails, 1500, 1<<30)), newMetrics(b)
			on := func(cores int) func() {
				return func() {
					runtime.GOMAXPROCS(cores)
					readOnce(b, bucket, counters)
				}
			}
			compare(b, "x-two-cores", wall, on(1), on(2))
		})
	}
	b.Run("gunzip", func(b *testing.B) {
		onCores(b, 2)
		objects := logs(b, true, 1500, 1<<30)
		half := len(objects) / 2
		compare(b, "x-two-cores", wall,
			func() { gunzip(b, objects) },
			func() {
				var one sync.WaitGroup
				one.Go(func() { gunzip(b, objects[:half]) })
				gunzip(b, objects[half:])
				one.Wait()
			})
	})
}
