package cloudtrail

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"regexp"
	"testing"

	"github.com/klauspost/compress/gzip"
)

// benchmarkLog is about a megabyte of ordinary events. Of each event the IDs are
// its own, or gzip would find no more than repetition.
func benchmarkLog(tb testing.TB) []byte {
	tb.Helper()
	ordinary := readFixture(tb, "testdata/ordinary.json")
	ids := regexp.MustCompile(`"(REQ|00000000-0000-4000-8000-|ExampleId2)[^"]*"`)
	random := rand.New(rand.NewPCG(1, 2))
	var events []json.RawMessage
	for size := 0; size < 1<<20; {
		for _, event := range ordinary {
			event = ids.ReplaceAllFunc(event, func(id []byte) []byte {
				unlike := make([]byte, len(id)/2)
				for i := range unlike {
					unlike[i] = byte(random.Uint32())
				}
				return fmt.Appendf(nil, `"%X"`, unlike)
			})
			events = append(events, event)
			size += len(event)
		}
	}
	return logOf(events...)
}

func BenchmarkDecoder(b *testing.B) {
	data := benchmarkLog(b)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	source := bytes.NewReader(nil)
	d := NewDecoder(nil)
	for b.Loop() {
		source.Reset(data)
		d.Reset(source)
		for d.Next() {
			_ = d.Record()
		}
		if d.Err() != nil || d.Skipped().Malformed > 0 {
			b.Fatal(d.Err(), d.Skipped().First)
		}
	}
}

// BenchmarkEncodingJSON is what the standard library would spend.
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
	b.ReportAllocs()
	for b.Loop() {
		var log struct{ Records []event }
		if err := json.Unmarshal(data, &log); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkGunzip is what is spent before the Decoder sees a byte.
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
	b.ReportAllocs()
	source := bytes.NewReader(nil)
	var gunzip gzip.Reader
	for b.Loop() {
		source.Reset(compressed.Bytes())
		if err := gunzip.Reset(source); err != nil {
			b.Fatal(err)
		}
		if _, err := io.Copy(io.Discard, &gunzip); err != nil {
			b.Fatal(err)
		}
	}
}
