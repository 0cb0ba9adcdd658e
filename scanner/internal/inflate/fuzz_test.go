package inflate

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
)

// FuzzReader holds the Reader against the reference and two libraries, with the input as gzip members, and with the input as
// a DEFLATE stream in a member. Where that is a stream, the trailer is right.
func FuzzReader(f *testing.F) {
	for _, data := range seeds(f) {
		f.Add(data)
	}
	var j jury
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 16<<10 {
			return // too long for the reference
		}
		j.judge(t, data)
		v, n := inflateSlowly(data)
		if v.err != nil {
			n = len(data)
		}
		j.judge(t, member(data[:n], []byte(v.plain)))
	})
}

// seeds returns members, and DEFLATE streams in none.
func seeds(tb testing.TB) (data [][]byte) {
	tb.Helper()
	for seed := range uint64(20) {
		random := rand.New(rand.NewPCG(seed, 3))
		d := randomStream(random)
		data = append(data, d.data, d.member(), append(d.member(), randomStream(random).member()...))
		for _, b := range broken(random) {
			data = append(data, b.data)
		}
	}
	for flags := range 1 << 5 {
		data = append(data, headerOf(byte(flags)))
	}
	text := cloudTrail(1, 2000)
	for level := range 10 {
		data = append(data, gzipped(tb, level, text))
	}
	files, err := filepath.Glob("testdata/*.gz")
	if err != nil {
		tb.Fatal(err)
	}
	for _, file := range files {
		member, err := os.ReadFile(file)
		if err != nil {
			tb.Fatal(err)
		}
		data = append(data, member)
	}
	return data
}
