package accesslog

import (
	"bytes"
	"regexp"
	"testing"
)

// athenaRegexp is the expression that AWS gave for reading these logs with
// Athena, from the page "Using Amazon S3 server access logs to identify requests".
const athenaRegexp = `([^ ]*) ([^ ]*) \[(.*?)\] ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) "([^ ]*) ([^ ]*) (- |[^ ]*)" ` +
	`(-|[0-9]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ("[^"]*") ([^ ]*)` +
	`(?: ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*))?.*$`

// benchmarkLog is about a megabyte of ordinary lines.
func benchmarkLog(tb testing.TB) []byte {
	tb.Helper()
	lines := readFixture(tb, "testdata/ordinary.log").bytes()
	return bytes.Repeat(lines, 1<<20/len(lines))
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
		if d.Skipped().Malformed > 0 {
			b.Fatal(d.Skipped().First)
		}
	}
}

// BenchmarkSplitAtSpaces is what any reader of the format spends at least.
func BenchmarkSplitAtSpaces(b *testing.B) {
	data := benchmarkLog(b)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		var fields int
		for rest := data; len(rest) > 0; {
			end := bytes.IndexByte(rest, '\n')
			for line := rest[:end]; ; {
				fields++
				i := bytes.IndexByte(line, ' ')
				if i < 0 {
					break
				}
				line = line[i+1:]
			}
			rest = rest[end+1:]
		}
		if fields == 0 {
			b.Fatal("no fields")
		}
	}
}

// BenchmarkAthenaRegexp is what AWS offers.
func BenchmarkAthenaRegexp(b *testing.B) {
	data := benchmarkLog(b)
	expression := regexp.MustCompile(athenaRegexp)
	b.SetBytes(int64(len(data)))
	b.ReportAllocs()
	for b.Loop() {
		for line := range bytes.Lines(data) {
			if expression.FindSubmatchIndex(bytes.TrimSuffix(line, []byte("\n"))) == nil {
				b.Fatal("no match")
			}
		}
	}
}
