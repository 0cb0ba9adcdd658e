package main

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/fleet"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/engine"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/history"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/report"
	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/once"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// tail describes logs in which few programs make most of the requests and many make few
// each, other than the fleet's, which are all about as busy: so that figures are not those
// of one distribution. The n-th of programs, series and keys is n^-skew times as frequent
// as the first; with a skew of 0 all are as frequent.
type tail struct {
	records  int
	programs int // roles, each with a user agent
	series   int // addresses from which programs ask for buckets
	keys     int
	skew     float64 // 0, or more than 1
}

// The logs that the benchmarks take of a heavy tail, and of one in which nearly every
// record is a new series.
var (
	heavyTail = tail{records: 400_000, programs: 600, series: 15_000, keys: 200_000, skew: 1.1}
	newSeries = tail{records: 187_000, programs: 600, series: 400_000, keys: 1 << 40}
)

// draw returns a function that draws numbers below n.
func (t tail) draw(random *rand.Rand, n int) func() uint64 {
	if t.skew == 0 {
		return func() uint64 { return random.Uint64N(uint64(n)) }
	}
	return rand.NewZipf(random, t.skew, 1, uint64(n-1)).Uint64
}

// tailRequest is one record of a tail.
type tailRequest struct {
	at                  time.Time
	id, series, program uint64
	key                 uint64
}

// each calls yield with every request, perObject of them at a time.
func (t tail) each(perObject int, yield func([]tailRequest)) {
	random := rand.New(rand.NewPCG(1, 0))
	series, key := t.draw(random, t.series), t.draw(random, t.keys)
	var object []tailRequest
	for i := range t.records {
		r := tailRequest{at: epoch.Add(time.Duration(i) * 10 * time.Millisecond), id: random.Uint64(), series: series(), key: key()}
		r.program = r.series % uint64(t.programs) // the frequent series are of all programs
		if object = append(object, r); len(object) == perObject || i == t.records-1 {
			yield(object)
			object = object[:0]
		}
	}
}

func (r tailRequest) address() string {
	return fmt.Sprintf("10.%d.%d.%d", r.series>>16&255, r.series>>8&255, r.series&255)
}

func (r tailRequest) bucket() string { return fmt.Sprintf("example-%d", r.series%17) }

func (r tailRequest) agent() string {
	return fmt.Sprintf("Boto3/1.%d.%d md/Botocore#1.%d.0 os/linux lang/python#3.12.1", r.program%43, r.program/43, r.program%43)
}

// trails returns the tail as log objects of CloudTrail.
func (t tail) trails(perObject int) (objects []fleet.Object) {
	t.each(perObject, func(requests []tailRequest) {
		var body bytes.Buffer
		z := gzip.NewWriter(&body)
		_, _ = io.WriteString(z, `{"Records":[`) // a bytes.Buffer takes everything
		for i, r := range requests {
			if i > 0 {
				_, _ = io.WriteString(z, ",")
			}
			fmt.Fprintf(z, `{"eventVersion":"1.11","userIdentity":{"type":"AssumedRole","principalId":"AROAEXAMPLE%06d:s","arn":"arn:aws:sts::111122223333:assumed-role/program-%d/s-%d",`+
				`"accountId":"111122223333","accessKeyId":"ASIAEXAMPLE%06d","sessionContext":{"sessionIssuer":{"type":"Role","arn":"arn:aws:iam::111122223333:role/program-%d","accountId":"111122223333","userName":"program-%d"}}},`+
				`"eventTime":%q,"eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"eu-west-1","sourceIPAddress":%q,"userAgent":"[%s]",`+
				`"requestParameters":{"bucketName":%q,"Host":"%s.s3.eu-west-1.amazonaws.com","key":"data/%012x/part-%d.parquet"},"responseElements":null,`+
				`"additionalEventData":{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":0,"AuthenticationMethod":"AuthHeader","bytesTransferredOut":%d},`+
				`"requestID":"%016X","eventID":"%08x-0000-4000-8000-%012x","readOnly":true,"resources":[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::%s/data/%012x"},{"accountId":"111122223333","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::%s"}],`+
				`"eventType":"AwsApiCall","managementEvent":false,"recipientAccountId":"111122223333","eventCategory":"Data"}`,
				r.program, r.program, r.id%1000, r.program, r.program, r.program, r.at.Format(time.RFC3339), r.address(), r.agent(), r.bucket(), r.bucket(),
				r.key, r.key%7, r.id%1_000_000, r.id, r.id>>32, r.id&(1<<48-1), r.bucket(), r.key, r.bucket())
		}
		_, _ = io.WriteString(z, `]}`)
		_ = z.Close()
		objects = append(objects, fleet.Object{Key: farTrailKey(len(objects)), Body: body.Bytes()})
	})
	return objects
}

// accessLogs returns the tail as server access logs.
func (t tail) accessLogs(perObject int) (objects []fleet.Object) {
	t.each(perObject, func(requests []tailRequest) {
		var body bytes.Buffer
		for _, r := range requests {
			fmt.Fprintf(&body, `79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be %s [%s] %s arn:aws:sts::111122223333:assumed-role/program-%d/s-%d %016X REST.GET.OBJECT data/%012x/part-%d.parquet `+
				`"GET /data/%012x/part-%d.parquet HTTP/1.1" 200 - %d %d 12 11 "-" %q - hostid%016x= SigV4 TLS_AES_128_GCM_SHA256 AuthHeader %s.s3.eu-west-1.amazonaws.com TLSv1.3 - -`+"\n",
				r.bucket(), r.at.Format("02/Jan/2006:15:04:05 -0700"), r.address(), r.program, r.id%1000, r.id, r.key, r.key%7,
				r.key, r.key%7, r.id%1_000_000, r.id%1_000_000, r.agent(), r.id, r.bucket())
		}
		objects = append(objects, fleet.Object{Key: farKey(len(objects)), Body: body.Bytes()})
	})
	return objects
}

// Logs with a heavy tail, in memory, on one core: CloudTrail against decompressing,
// server access logs against splitting at spaces.
func BenchmarkPerformance_HeavyTail(b *testing.B) {
	onCores(b, 1)
	b.Run("cloudtrail", func(b *testing.B) {
		objects, counters := heavyTail.trails(1500), newMetrics(b)
		bucket := bucketOf(objects)
		compare(b, "x-gunzip", cpu, func() { readOnce(b, bucket, counters) }, func() { gunzip(b, objects) })
	})
	b.Run("server_access", func(b *testing.B) {
		objects, counters := heavyTail.accessLogs(1500), newMetrics(b)
		bucket := bucketOf(objects)
		compare(b, "x-split", cpu, func() { readOnce(b, bucket, counters) }, func() { splitAtSpaces(b, objects) })
	})
}

// A log in which nearly every record is a new series: report -o prometheus against report
// --by signature.
func BenchmarkPerformance_NewSeries(b *testing.B) {
	onCores(b, 2)
	bucket := bucketOf(newSeries.trails(200))
	compare(b, "x-by-signature", cpu, func() {
		counters := newMetrics(b)
		readOnce(b, bucket, counters)
		if err := counters.Print(io.Discard); err != nil {
			b.Fatal(err)
		}
	}, func() {
		counted := report.New(report.By([]query.Field{query.Signature}))
		defer counted.Close()
		needs := counted.Needs()
		needs.Labels = &classify.Config{}
		readInto(b, bucket, needs, counted)
	})
}

// readInto reads what lies in a location into a Sink.
func readInto(b *testing.B, src source.Source, needs engine.Needs, sink engine.Sink) {
	b.Helper()
	everything, err := query.New(query.Config{})
	if err != nil {
		b.Fatal(err)
	}
	scan := engine.Scan{Config: once.Config{
		Locations:    []source.Location{{Name: "s3://example-logs", Source: src, Store: "aws/example-logs"}},
		DedupeWindow: dedupeWindow,
	}}
	summary, err := scan.Run(b.Context(), &engine.Question{Filter: everything, Needs: needs}, sink)
	if err != nil || len(summary.Unread) > 0 {
		b.Fatal(err, summary.Unread)
	}
}

// readOnce counts what lies in a location, as report does. What has counted before
// knows the label values, as it does in the steady state.
func readOnce(b *testing.B, src source.Source, counters *history.Metrics) {
	b.Helper()
	readInto(b, src, counters.Needs(), counters)
}
