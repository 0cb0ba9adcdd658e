package accesslogjson_test

import (
	"bytes"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/accesslog"
	"github.com/s3access/s3_access_exporter/scanner/accesslogjson"
	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/record/decodertest"
)

// bothFormats returns random requests as logs in text and in JSON.
func bothFormats(requests int) (text, jsonLines []byte) {
	random := rand.New(rand.NewPCG(1, 2))
	at := time.Date(2026, 7, 2, 8, 15, 27, 0, time.UTC)
	for range requests {
		r := logtest.RandomRequest(random, "bucket", at.Add(time.Duration(random.IntN(1e6))*time.Second))
		text = append(text, r.Line()...)
		jsonLines = append(append(jsonLines, r.JSON()...), '\n')
	}
	return text, jsonLines
}

func recordsOf(tb testing.TB, d record.Decoder, log []byte) (records []decodertest.Text) {
	tb.Helper()
	d.Reset(bytes.NewReader(log))
	for d.Next() {
		records = append(records, decodertest.TextOf(d.Record()))
	}
	if d.Err() != nil || d.Skipped().Malformed > 0 {
		tb.Fatal(d.Err(), d.Skipped().First)
	}
	return records
}

func TestDecoder_MakesTheSameOfARequestAsOfItsLineOfText(t *testing.T) {
	text, jsonLines := bothFormats(5000)
	want := recordsOf(t, accesslog.NewDecoder(nil), text)
	got := recordsOf(t, accesslogjson.NewDecoder(nil), jsonLines)
	if len(got) != 5000 || len(want) != 5000 {
		t.Fatalf("%d records, of text %d", len(got), len(want))
	}
	for i := range want {
		if got[i] != want[i] {
			t.Fatalf("record %d:\n got %+v\nwant %+v", i, got[i], want[i])
		}
	}
}

func decoding(b *testing.B, d record.Decoder, log []byte) func() {
	source := bytes.NewReader(nil)
	return func() {
		source.Reset(log)
		d.Reset(source)
		for d.Next() {
			_ = d.Record()
		}
		if d.Err() != nil {
			b.Fatal(d.Err())
		}
	}
}

// BenchmarkDecoder reads requests in JSON and, in turn, the same requests in text. It
// reports how many times the text's time that takes.
func BenchmarkDecoder(b *testing.B) {
	text, jsonLines := bothFormats(2000)
	inJSON := decoding(b, accesslogjson.NewDecoder(nil), jsonLines)
	inText := decoding(b, accesslog.NewDecoder(nil), text)
	fastest := func(before float64, f func()) float64 {
		start := time.Now()
		f()
		if t := time.Since(start).Seconds(); before == 0 || t < before {
			return t
		}
		return before
	}
	b.SetBytes(int64(len(jsonLines)))
	b.ReportAllocs()
	var jsonTime, textTime float64
	for b.Loop() {
		jsonTime = fastest(jsonTime, inJSON)
		b.StopTimer()
		textTime = fastest(textTime, inText)
		b.StartTimer()
	}
	b.ReportMetric(jsonTime/textTime, "x-text")
	b.ReportMetric(jsonTime/2000*1e9, "ns/record")
}
