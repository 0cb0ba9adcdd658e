package inflate

import (
	"bytes"
	"fmt"
	"io"
	"slices"
	"testing"
	"time"

	kgzip "github.com/klauspost/compress/gzip"
)

// discard decompresses stored, of which src is the source.
func discard(tb testing.TB, z gunzipper, src *bytes.Buffer, stored, p []byte) (n int) {
	src.Reset()
	src.Write(stored)
	if err := z.Reset(src); err != nil {
		tb.Fatal(err)
	}
	for {
		m, err := z.Read(p)
		n += m
		if err == io.EOF {
			return n
		}
		if err != nil {
			tb.Fatal(err)
		}
	}
}

func BenchmarkReader(b *testing.B) {
	for _, set := range []struct{ size, n int }{{200 << 10, 40}, {1 << 20, 16}, {10 << 20, 3}} {
		var stored [][]byte
		var plain, zipped int
		for i := range set.n {
			text := cloudTrail(uint64(i), set.size)
			plain += len(text)
			stored = append(stored, gzipped(b, 6, text))
			zipped += len(stored[i])
		}
		b.Run(fmt.Sprint(zipped/set.n>>10, "KB"), func(b *testing.B) {
			var ours Reader
			var theirs kgzip.Reader
			var src bytes.Buffer
			p := make([]byte, 64<<10)
			times := make([][2][]time.Duration, len(stored))
			for b.Loop() {
				for i, s := range stored {
					for j, z := range []gunzipper{&ours, &theirs} {
						t := time.Now()
						discard(b, z, &src, s, p)
						times[i][j] = append(times[i][j], time.Since(t))
					}
				}
			}
			var sum [2]time.Duration
			for i := range times {
				for j := range sum {
					slices.Sort(times[i][j])
					sum[j] += times[i][j][len(times[i][j])/2]
				}
			}
			b.ReportMetric(float64(sum[0])/float64(sum[1]), "ratio")
			for j, name := range []string{"ours-MB/s", "klauspost-MB/s"} {
				b.ReportMetric(float64(plain)/sum[j].Seconds()/1e6, name)
			}
			b.ReportMetric(float64(plain)/float64(zipped), "x")
		})
	}
}
