package accesslog

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"regexp"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/record/decodertest"
)

// athenaRegexp is the expression that AWS gave for reading these logs with
// Athena, from the page "Using Amazon S3 server access logs to identify requests".
const athenaRegexp = `([^ ]*) ([^ ]*) \[(.*?)\] ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) "([^ ]*) ([^ ]*) (- |[^ ]*)" ` +
	`(-|[0-9]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ("[^"]*") ([^ ]*)` +
	`(?: ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*) ([^ ]*))?.*$`

// benchmarkLog is about a megabyte of ordinary lines. As in real logs, IDs, addresses
// and sizes are each line's own.
func benchmarkLog(tb testing.TB) []byte {
	tb.Helper()
	ordinary := readFixture(tb, "testdata/ordinary.log")
	random := rand.New(rand.NewPCG(1, 2))
	var log []byte
	for len(log) < 1<<20 {
		for _, trap := range ordinary {
			log = append(log, individual(random, trap.Raw)...)
			log = append(log, '\n')
		}
	}
	return log
}

var (
	lineAddress = regexp.MustCompile(`\] \d+\.\d+\.\d+\.\d+ `)
	lineRequest = regexp.MustCompile(` [0-9A-F]{16} `)
	lineNumbers = regexp.MustCompile(`(" \d{3} \S+) \d+ `)
	lineHostID  = regexp.MustCompile(` [0-9A-Za-z+/]{75}= `)
)

// individual returns a line like this one.
func individual(random *rand.Rand, line []byte) []byte {
	hostID := make([]byte, 56)
	for i := range hostID {
		hostID[i] = byte(random.Uint32())
	}
	line = lineAddress.ReplaceAll(line, fmt.Appendf(nil, "] 203.0.113.%d ", random.IntN(256)))
	line = lineRequest.ReplaceAll(line, fmt.Appendf(nil, " %016X ", random.Uint64()))
	line = lineNumbers.ReplaceAll(line, fmt.Appendf(nil, "${1} %d ", random.IntN(1<<20)))
	return lineHostID.ReplaceAllLiteral(line, fmt.Appendf(nil, " %s ", base64.StdEncoding.EncodeToString(hostID)))
}

func newDecoder() record.Decoder { return NewDecoder(nil) }

func BenchmarkDecoder(b *testing.B) { decodertest.Benchmark(b, newDecoder(), benchmarkLog(b)) }

func BenchmarkDecoder_PassedOver(b *testing.B) {
	decodertest.BenchmarkPassedOver(b, newDecoder, benchmarkLog(b))
}

// BenchmarkSplitAtSpaces is what any reader of the format spends at least. It reports
// how many times that time the Decoder takes.
func BenchmarkSplitAtSpaces(b *testing.B) {
	data := benchmarkLog(b)
	b.SetBytes(int64(len(data)))
	split := func() {
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
	splitTime, decoded := decodertest.InTurn(b, split, decodertest.Decoding(b, newDecoder(), data, nil))
	b.ReportMetric(decoded/splitTime, "x-split")
}

// BenchmarkAthenaRegexp is what AWS offers. It reports how many times the Decoder's time
// that takes.
func BenchmarkAthenaRegexp(b *testing.B) {
	data := benchmarkLog(b)
	expression := regexp.MustCompile(athenaRegexp)
	b.SetBytes(int64(len(data)))
	match := func() {
		for line := range bytes.Lines(data) {
			if expression.FindSubmatchIndex(bytes.TrimSuffix(line, []byte("\n"))) == nil {
				b.Fatal("no match")
			}
		}
	}
	matched, decoded := decodertest.InTurn(b, match, decodertest.Decoding(b, newDecoder(), data, nil))
	b.ReportMetric(matched/decoded, "x-regexp")
}
