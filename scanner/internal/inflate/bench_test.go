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

// BenchmarkReader compares the Reader with klauspost/compress on CloudTrail's objects of three sizes, as the scanner reads
// them. Both decompress each object in turn, and the times compared are the sums of the objects' medians, so that a busy
// machine disturbs little. The objects of a size are so many that a processor cannot remember one.
func BenchmarkReader(b *testing.B) {
	for _, set := range []struct{ size, n int }{{200_000, 40}, {1_000_000, 16}, {10_000_000, 3}} {
		var objects [][]byte
		var plain, stored int
		for i := range set.n {
			text := cloudTrail(uint64(i), set.size)
			plain += len(text)
			objects = append(objects, gzipped(b, 6, text))
			stored += len(objects[i])
		}
		b.Run(fmt.Sprintf("objects of %d KB", stored/set.n/1000), func(b *testing.B) {
			ours, theirs := compare(b, objects)
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(ours.Seconds()/theirs.Seconds(), "ratio")
			b.ReportMetric(float64(plain)/ours.Seconds()/1e6, "MB/s")
			b.ReportMetric(float64(plain)/theirs.Seconds()/1e6, "klauspost-MB/s")
			b.ReportMetric(float64(plain)/float64(stored), "compression")
		})
	}
}

// compare returns the time that the Reader and the library take for all objects.
func compare(b *testing.B, objects [][]byte) (ours, theirs time.Duration) {
	readers := []gunzipper{new(Reader), new(kgzip.Reader)}
	times := make([][2][]time.Duration, len(objects))
	var src bytes.Buffer
	p := make([]byte, 64<<10)
	for b.Loop() {
		for i, object := range objects {
			for j, z := range readers {
				src.Reset()
				src.Write(object)
				begin := time.Now()
				discard(b, z, &src, p)
				times[i][j] = append(times[i][j], time.Since(begin))
			}
		}
	}
	for _, object := range times {
		ours += median(object[0])
		theirs += median(object[1])
	}
	return ours, theirs
}

func median(times []time.Duration) time.Duration {
	slices.Sort(times)
	return times[len(times)/2]
}

// discard decompresses src to its end.
func discard(tb testing.TB, z gunzipper, src io.Reader, p []byte) {
	err := z.Reset(src)
	for err == nil {
		_, err = z.Read(p)
	}
	if !same(err, io.EOF) {
		tb.Fatal(err)
	}
}
