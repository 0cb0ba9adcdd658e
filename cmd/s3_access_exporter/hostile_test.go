//go:build integration

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"
)

const (
	// hostilePrefix is what the keys of hostile access logs begin with.
	hostilePrefix = "access/2026-11-21-10-00-00-"
	// hostileTrail is the same for CloudTrail's.
	hostileTrail = "AWSLogs/111122223333/CloudTrail/us-east-1/2026/11/21/111122223333_CloudTrail_us-east-1_20261121T1000Z_"

	honestAgent = "aws-cli/2.31.30 md/awscrt#0.28.4 ua/2.1 os/linux"
	sent        = 100 // bytes, in every hostile record
)

// logLine returns a line of an access log. All of them are of requests that were
// signed with version 4, and successful.
func logLine(address, requester, key, target, agent string) string {
	const template = `%s example-bucket [21/Nov/2026:09:59:58 +0000] %s %s 0A1B2C3D4E5F6789 REST.GET.OBJECT %s "GET %s HTTP/1.1" ` +
		`200 - %d 4096 12 6 "-" "%s" - aG9zdA== SigV4 TLS_AES_128_GCM_SHA256 AuthHeader example-bucket.s3.us-east-1.amazonaws.com TLSv1.3 - - -` + "\n"
	return fmt.Sprintf(template, strings.Repeat("5a0ac1d2", 8), address, requester, key, target, sent, agent)
}

const honestRequester = "arn:aws:iam::111122223333:user/alice"

func honestLine() string {
	return logLine("192.0.2.1", honestRequester, "k", "/k", honestAgent)
}

func TestServe_BelievesNoForgedField(t *testing.T) {
	t.Parallel()
	const honest = 10
	agents := []string{
		`" - aG9zdA== SigV2 ECDHE AuthHeader evil.s3.amazonaws.com TLSv1.2 - - -`,
		`x" "y" - - SigV2 - QueryString evil`,
		`x" "y" 403 AccessDenied 1 1 1 1 "-" "z" - - SigV2 - AuthHeader`,
		`" 403 AccessDenied 999999 1 1 1 "-" "forged" - - - - - - -`,
		`\" \\" \"`, `"`, `""`, `" "`, `"-"`, ` `, `-`, `{le="1"} 5 # {request_id="x"} 1`, `\n# HELP`,
	}
	targets := []string{
		`/k?x="`, `/k?x="-"`, `/k?x="HTTP/1.1"`, `/k?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Expires=1&Signature=forged`,
		`/k?x="%20403%20AccessDenied`, `/k?x="&y="&z="""`, `/k?x="SigV2"`, `/k?"+403+AccessDenied+1+1+1+1+"-"`,
	}
	var log strings.Builder
	for range honest {
		log.WriteString(honestLine())
		for _, agent := range agents {
			log.WriteString(logLine("198.51.100.1", honestRequester, "k", "/k", agent))
		}
		for _, target := range targets {
			log.WriteString(logLine("203.0.113.1", honestRequester, "k", target, honestAgent))
		}
	}
	dir := t.TempDir()
	intoDirectory(dir)(t, hostilePrefix+"FORGEDFIELDS", []byte(log.String()))
	p := serveHostile(t, dir)
	s := wantObjects(t, p, 1)

	records := float64(honest * (1 + len(agents) + len(targets)))
	wantSums(t, s, records)
	for series, want := range map[string]float64{
		"s3_access_sigv2_requests_total":                    0,
		"s3_access_anonymous_requests_total":                0,
		"s3_access_exporter_skipped_records_total":          0,
		"s3_access_request_duration_seconds_sum":            records * 12 / 1000,
		"s3_access_exporter_series_overflow_total":          0,
		"s3_access_exporter_late_objects_total":             0,
		"s3_access_exporter_quarantined_objects":            0,
		"s3_access_exporter_object_errors_total":            0,
		"s3_access_exporter_newest_event_timestamp_seconds": float64(time.Date(2026, time.November, 21, 9, 59, 58, 0, time.UTC).Unix()),
	} {
		if got := s.sum(series); got != want {
			t.Errorf("%s: %v, want %v", series, got, want)
		}
	}
	for part, want := range map[string]float64{
		`signature="SigV4"`: records, `outcome="success"`: records, `bucket="example-bucket"`: records, `aws_region="us-east-1"`: records,
	} {
		if got := s.sum("s3_access_requests_total", part); got != want {
			t.Errorf("requests with %s: %v, want %v", part, got, want)
		}
	}
	if got := s.sum("s3_access_object_requests_total", `source_ip="192.0.2.1"`, `client="aws-cli"`, `client_version="2.31.30"`); got != honest {
		t.Errorf("honest requests: %v, want %d", got, honest)
	}
	wantValidExposition(t, p, records)
}

func TestServe_SurvivesEveryByte(t *testing.T) {
	t.Parallel()
	var log, trail strings.Builder
	trail.WriteString(`{"Records":[`)
	records, malformed := 0, 0
	for b := range 256 {
		encoded := fmt.Sprintf("%%25%02X", b)
		log.WriteString(logLine("192.0.2.1", honestRequester, encoded, "/"+encoded, honestAgent))
		records++
		if b != '\n' {
			log.WriteString(logLine("192.0.2.1", honestRequester, "k", "/k", string([]byte{'x', byte(b), 'x'})))
			log.WriteString(logLine("192.0.2.1", string([]byte{'x', byte(b), 'x'}), "k", "/k", honestAgent))
			records += 2
		}
		if b == '"' || b == '\r' { // a requester ends where the client begins to speak, and has no part in two lines
			records--
			malformed++
		}
		if b > 0 {
			trail.WriteByte(',')
		}
		escaped := fmt.Sprintf(`\u%04x`, b)
		trail.WriteString(trailEvent("bucket"+escaped, "key"+escaped, "agent"+escaped))
		records++
	}
	trail.WriteString(`]}`)
	dir := t.TempDir()
	put := intoDirectory(dir)
	put(t, hostilePrefix+"EVERYBYTE", []byte(log.String()))
	put(t, hostileTrail+"EVERYBYTE.json.gz", gzipped(t, []byte(trail.String())))
	p := serveHostile(t, dir)
	s := wantObjects(t, p, 2)
	wantSums(t, s, float64(records))
	if got := s.sum("s3_access_exporter_skipped_records_total"); got != float64(malformed) {
		t.Errorf("%v records were skipped, want %d", got, malformed)
	}
	wantValidExposition(t, p, float64(records))
}

// trailEvent returns a CloudTrail event; the texts are JSON.
func trailEvent(bucket, key, agent string) string {
	const template = `{"eventVersion":"1.11","userIdentity":{"type":"IAMUser","arn":"` + honestRequester + `","accountId":"111122223333"},` +
		`"eventTime":"2026-11-21T09:59:58Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"us-east-1",` +
		`"sourceIPAddress":"192.0.2.1","userAgent":"[%s]","requestParameters":{"bucketName":"%s","key":"%s"},` +
		`"additionalEventData":{"SignatureVersion":"SigV4","AuthenticationMethod":"AuthHeader","bytesTransferredIn":0,"bytesTransferredOut":%d},` +
		`"eventCategory":"Data","eventType":"AwsApiCall","recipientAccountId":"111122223333"}`
	return fmt.Sprintf(template, agent, bucket, key, sent)
}

func TestServe_IsBoundedInMemory(t *testing.T) {
	t.Parallel()
	const (
		objects = 20
		lines   = 10_000 // in each
		giga    = 1 << 30
		most    = 512 << 20 // bytes of memory
	)
	dir := t.TempDir()
	put := intoDirectory(dir)
	for i := range objects {
		var log strings.Builder
		for j := range lines {
			n := i*lines + j
			log.WriteString(logLine(fmt.Sprintf("2001:db8::%x:%x", n>>16, n&0xffff), honestRequester, "k", "/k",
				fmt.Sprintf("aws-cli/1.%d.%d Python/2.7.12", n>>8, n&0xff)))
		}
		put(t, fmt.Sprintf("%sFLOOD%04d", hostilePrefix, i), []byte(log.String()))
	}
	writeLongLine(t, filepath.Join(dir, filepath.FromSlash(hostilePrefix+"LONGLINE")), giga)
	put(t, hostileTrail+"LONGEVENT.json.gz", stretched(t,
		`{"Records":[`+trailEvent("example-bucket", "k", "honest")+`,{"userAgent":"`, giga,
		`"},`+trailEvent("example-bucket", "k", "honest")+`]}`))
	put(t, hostileTrail+"BOMB.json.gz", stretched(t, `{"Records":[],"x":"`, 10*giga, `"}`))

	p := serveHostile(t, dir)
	wantObjects(t, p, objects+2)
	eventually(t, "the bomb is quarantined", func() bool { return p.mustScrape(t)[quarantined] > 0 })
	s := p.mustScrape(t)
	const records = objects*lines + 1 + 2
	wantSums(t, s, records)
	for series, want := range map[string]float64{
		labelled("s3_access_exporter_skipped_records_total", "log", "server_access", "reason", "malformed"): 1,
		labelled("s3_access_exporter_skipped_records_total", "log", "cloudtrail", "reason", "malformed"):    1,
		labelled(errorsTotal, "reason", "too_large"):                                                        1,
		quarantined: 1,
		pending:     0,
	} {
		if got := s[series]; got != want {
			t.Errorf("%s: %v, want %v", series, got, want)
		}
	}
	wantValidExposition(t, p, records)
	memory := p.highWater(t)
	t.Logf("%d MiB of memory at most, %d samples exposed", memory>>20, len(s))
	if memory > most {
		t.Errorf("it took %d MiB of memory, want %d MiB at most", memory>>20, most>>20)
	}
}

// writeLongLine writes a file of one line of zeros, and an honest one. The zeros
// take no space on the disk.
func writeLongLine(t *testing.T, path string, size int64) {
	t.Helper()
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	_, err = f.WriteAt([]byte("\n"+honestLine()), size)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
}

// stretched returns a compressed text with many letters in its middle. They are
// members of their own, each the same.
func stretched(t *testing.T, begin string, letters int, end string) []byte {
	t.Helper()
	const portion = 1 << 20
	member := gzipped(t, bytes.Repeat([]byte("a"), portion))
	return bytes.Join([][]byte{gzipped(t, []byte(begin)), bytes.Repeat(member, letters/portion), gzipped(t, []byte(end))}, nil)
}

// serveHostile serves a directory, of which all is to be counted.
func serveHostile(t *testing.T, dir string) *process {
	t.Helper()
	return serve(t, nil, dir, "--checkpoint.path="+filepath.Join(t.TempDir(), "checkpoint.db"), "--series.hold=0s",
		"--scan.since=all", "--scan.interval=100ms", "--scan.sweep-interval=1s")
}

// wantObjects waits until as many objects are counted and nothing is left.
func wantObjects(t *testing.T, p *process, objects float64) samples {
	t.Helper()
	var s samples
	converge(t, "all objects are counted", func() (float64, bool) {
		s = p.mustScrape(t)
		seen := s.sum("s3_access_exporter_log_objects_total")
		return seen, seen == objects && p.isReady(t)
	})
	return s
}

// wantSums checks the sums of families in which each record counts.
func wantSums(t *testing.T, s samples, records float64) {
	t.Helper()
	for family, want := range map[string]float64{
		"s3_access_requests_total":        records,
		"s3_access_object_requests_total": records,
		"s3_access_sent_bytes_total":      records * sent,
	} {
		if got := s.sum(family); got != want {
			t.Errorf("%s: the sum is %v, want %v", family, got, want)
		}
	}
}

// wantValidExposition checks that strict readers can read what is exposed, in
// every format.
func wantValidExposition(t *testing.T, p *process, records float64) {
	t.Helper()
	text := p.page(t, "/metrics", acceptText)
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(bytes.NewReader(text))
	if err != nil {
		t.Error(err)
	}
	if got := len(families["s3_access_requests_total"].GetMetric()); got == 0 {
		t.Error("no requests in the text format")
	}
	if got := flatten(protobufFamilies(t, p.page(t, "/metrics", acceptProtobuf))).sum("s3_access_requests_total"); got != records {
		t.Errorf("%v requests in the protobuf format, want %v", got, records)
	}
	if got := readOpenMetrics(t, p.page(t, "/metrics", acceptOpenMetrics)).values.sum("s3_access_requests_total"); got != records {
		t.Errorf("%v requests in the OpenMetrics format, want %v", got, records)
	}
	promtool := exec.CommandContext(t.Context(), "promtool", "check", "metrics")
	promtool.Stdin = bytes.NewReader(thinned(text, 500))
	if out, err := promtool.CombinedOutput(); err != nil {
		t.Errorf("promtool: %v\n%s", err, out)
	}
}

// thinned returns an exposition with so many samples of each metric at most:
// promtool takes minutes for tens of thousands of them.
func thinned(text []byte, samples int) []byte {
	var thin []byte
	seen := make(map[string]int)
	for line := range bytes.Lines(text) {
		name, _, _ := bytes.Cut(line, []byte("{"))
		if line[0] != '#' {
			seen[string(name)]++
		}
		if seen[string(name)] <= samples {
			thin = append(thin, line...)
		}
	}
	return thin
}
