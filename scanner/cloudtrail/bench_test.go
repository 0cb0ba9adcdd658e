package cloudtrail

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"testing"

	"github.com/klauspost/compress/gzip"

	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/record/decodertest"
)

// benchmarkLog is about a megabyte of ordinary events. As in real logs, IDs,
// addresses, keys and sizes are each event's own, or gunzip would find no more than
// repetition.
func benchmarkLog(tb testing.TB) []byte {
	tb.Helper()
	ordinary := readFixture(tb, "testdata/ordinary.json")
	random := rand.New(rand.NewPCG(1, 2))
	var events []json.RawMessage
	for size := 0; size < 1<<20; {
		for _, event := range ordinary {
			event = individual(random, event)
			events = append(events, event)
			size += len(event)
		}
	}
	return logOf(events...)
}

var (
	memberTrap = regexp.MustCompile(`"trap":"[^"]*",`)
	memberKey  = regexp.MustCompile(`"key":"([^"]*)"`)
	// individuals are what differs from one ordinary event to the next, and what stands
	// in its place.
	individuals = []struct {
		member *regexp.Regexp
		write  func(random *rand.Rand) string
	}{
		{regexp.MustCompile(`"requestID":"[^"]*"`), func(random *rand.Rand) string {
			return fmt.Sprintf(`"requestID":"%016X"`, random.Uint64())
		}},
		{regexp.MustCompile(`"eventID":"[^"]*"`), func(random *rand.Rand) string {
			return fmt.Sprintf(`"eventID":"%08x-%04x-4%03x-8%03x-%012x"`,
				random.Uint32(), random.IntN(1<<16), random.IntN(1<<12), random.IntN(1<<12), random.Uint64N(1<<48))
		}},
		{regexp.MustCompile(`"x-amz-id-2":"[^"]*"`), func(random *rand.Rand) string {
			id := make([]byte, 56)
			for i := range id {
				id[i] = byte(random.Uint32())
			}
			return `"x-amz-id-2":"` + base64.StdEncoding.EncodeToString(id) + `"`
		}},
		{regexp.MustCompile(`"sourceIPAddress":"\d[^"]*"`), func(random *rand.Rand) string {
			return fmt.Sprintf(`"sourceIPAddress":"203.0.113.%d"`, random.IntN(256))
		}},
		{regexp.MustCompile(`"eventTime":"[^"]*"`), func(random *rand.Rand) string {
			return fmt.Sprintf(`"eventTime":"2026-03-04T05:%02d:%02dZ"`, random.IntN(60), random.IntN(60))
		}},
		{regexp.MustCompile(`"bytesTransferredOut":\d+`), func(random *rand.Rand) string {
			return fmt.Sprintf(`"bytesTransferredOut":%d`, random.IntN(1<<20))
		}},
	}
)

// individual returns an event like this one.
func individual(random *rand.Rand, event json.RawMessage) json.RawMessage {
	event = memberTrap.ReplaceAll(event, nil)
	if key := memberKey.FindSubmatch(event); key != nil { // the object's ARN has it too
		event = bytes.ReplaceAll(event, key[1], fmt.Appendf(nil, "%s-%d", key[1], random.IntN(10000)))
	}
	for _, it := range individuals {
		event = it.member.ReplaceAllFunc(event, func([]byte) []byte { return []byte(it.write(random)) })
	}
	return event
}

func newDecoder() record.Decoder { return NewDecoder(nil) }

func BenchmarkDecoder(b *testing.B) { decodertest.Benchmark(b, newDecoder(), benchmarkLog(b)) }

func BenchmarkDecoder_PassedOver(b *testing.B) {
	decodertest.BenchmarkPassedOver(b, newDecoder, benchmarkLog(b))
}

// BenchmarkEncodingJSON is what the standard library would spend. It reports how many
// times the Decoder's time that is.
func BenchmarkEncodingJSON(b *testing.B) {
	type event struct {
		EventVersion, EventTime, EventSource, EventName string
		AwsRegion, SourceIPAddress, UserAgent           string
		ErrorCode, RequestID, EventID, SharedEventID    string
		EventType, EventCategory, RecipientAccountID    string
		UserIdentity                                    struct {
			Type, ARN, AccountID, PrincipalID, UserName, InvokedBy string
		}
		RequestParameters struct {
			BucketName, Key string
		}
		AdditionalEventData struct {
			SignatureVersion, AuthenticationMethod  string
			BytesTransferredIn, BytesTransferredOut float64
		}
		Resources []struct {
			Type, AccountID, ARN string
		}
		TLSDetails struct {
			ClientProvidedHostHeader string
		}
	}
	data := benchmarkLog(b)
	b.SetBytes(int64(len(data)))
	unmarshal := func() {
		var log struct{ Records []event }
		if err := json.Unmarshal(data, &log); err != nil {
			b.Fatal(err)
		}
	}
	unmarshalled, decoded := decodertest.InTurn(b, unmarshal, decodertest.Decoding(b, newDecoder(), data, nil))
	b.ReportMetric(unmarshalled/decoded, "x-encoding-json")
}

// BenchmarkGunzip is what is spent before the Decoder sees a byte. It reports how many
// times that time the Decoder takes, and how far the log was compressed.
func BenchmarkGunzip(b *testing.B) {
	data := benchmarkLog(b)
	var compressed bytes.Buffer
	w := gzip.NewWriter(&compressed)
	if _, err := w.Write(data); err != nil {
		b.Fatal(err)
	}
	if err := w.Close(); err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(data)))
	source := bytes.NewReader(nil)
	var reader gzip.Reader
	gunzip := func() {
		source.Reset(compressed.Bytes())
		if err := reader.Reset(source); err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, &reader); err != nil {
			b.Fatal(err)
		}
	}
	gunzipped, decoded := decodertest.InTurn(b, gunzip, decodertest.Decoding(b, newDecoder(), data, nil))
	b.ReportMetric(decoded/gunzipped, "x-gunzip")
	b.ReportMetric(float64(len(data))/float64(compressed.Len()), "compression")
}
