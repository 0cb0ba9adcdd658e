package inflate

import (
	"bytes"
	"fmt"
	"io"
	"testing"
	"time"

	kgzip "github.com/klauspost/compress/gzip"
)

// BenchmarkReader compares the Reader with klauspost/compress on CloudTrail's objects of three sizes, as the scanner reads
// them. Both decompress each object in turn. What is compared is the sum of the shortest times of every single call of Read, so
// a busy machine disturbs little. The objects of a size are so many that a processor cannot remember one.
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
	var reader Reader
	var library kgzip.Reader
	shortest := make([][2]calls, len(objects))
	var src bytes.Buffer
	p := make([]byte, 64<<10)
	for b.Loop() {
		for i, object := range objects {
			src.Write(object)
			shortest[i][0].measure(b, &reader, &src, p)
			src.Write(object)
			shortest[i][1].measure(b, &library, &src, p)
		}
	}
	for _, of := range shortest {
		ours += of[0].sum()
		theirs += of[1].sum()
	}
	return ours, theirs
}

// calls are the shortest times of the calls that decompress an object.
type calls []time.Duration

// measure decompresses src.
func (c *calls) measure(b *testing.B, z gunzipper, src io.Reader, p []byte) {
	begin := time.Now()
	err := z.Reset(src)
	for i := 0; err == nil; i++ {
		_, err = z.Read(p)
		now := time.Now()
		if i == len(*c) {
			*c = append(*c, now.Sub(begin))
		}
		(*c)[i] = min((*c)[i], now.Sub(begin))
		begin = now
	}
	if !same(err, io.EOF) {
		b.Fatal(err)
	}
}

func (c *calls) sum() (sum time.Duration) {
	for _, d := range *c {
		sum += d
	}
	return sum
}
