package inflate

import (
	"bytes"
	"compress/flate"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
)

// Members of testdata are made by testdata/make.sh.
func TestReader_ReadsWhatOthersWrite(t *testing.T) {
	text, err := os.ReadFile("testdata/text.json")
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob("testdata/*.gz")
	if err != nil || len(files) < 31 {
		t.Fatalf("%d files, %v", len(files), err)
	}
	var j jury
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if got, want := j.judge(t, data), (verdict{string(text), io.EOF}); got != want {
			t.Errorf("%s: comes %s, want %s", file, got, want)
		}
	}
}

// smallMembers returns members of every type of block.
func smallMembers(tb testing.TB) map[string][]byte {
	tb.Helper()
	text := cloudTrail(3, 500)[:500]
	var all deflater
	all.stored(false, text[:20])
	all.fixed(false, randomTokens(rand.New(rand.NewPCG(5, 5)), 20))
	random := rand.New(rand.NewPCG(5, 6))
	all.dynamic(random, true, randomLens(random, maxLitlens, 256), randomLens(random, maxDists), randomTokens(random, 20))
	return map[string][]byte{
		"stored":  gzipped(tb, 0, text[:50]),
		"fixed":   gzipped(tb, 6, text[:40]),
		"dynamic": gzipped(tb, 6, text),
		"nothing": gzipped(tb, 6, nil),
		"all":     all.member(),
		"members": slices.Concat(gzipped(tb, 1, text[:50]), behind(headerOf(1<<5-1)), gzipped(tb, 9, text[50:150])),
	}
}

func TestReader_ReportsEveryTruncation(t *testing.T) {
	var j jury
	for name, data := range smallMembers(t) {
		whole := j.judge(t, data)
		ends := 0
		for n := range data {
			got := j.judge(t, data[:n])
			if !strings.HasPrefix(whole.plain, got.plain) {
				t.Errorf("%s, %d of %d bytes: comes %s, with which %s does not begin", name, n, len(data), got, whole)
			}
			switch {
			case same(got.err, io.EOF):
				ends++
			case !same(got.err, io.ErrUnexpectedEOF):
				t.Errorf("%s, %d of %d bytes: comes %s", name, n, len(data), got)
			}
		}
		want := 1 // without a byte
		if name == "members" {
			want = 3
		}
		if ends != want {
			t.Errorf("%s: ends well at %d places, want %d", name, ends, want)
		}
	}
}

func TestReader_ReportsEveryBitFlip(t *testing.T) {
	var j jury
	for name, data := range smallMembers(t) {
		whole := j.judge(t, data)
		for bit := range 8 * len(data) {
			flipped := bytes.Clone(data)
			flipped[bit/8] ^= 1 << (bit % 8)
			if got := j.judge(t, flipped); same(got.err, io.EOF) && got.plain != whole.plain {
				t.Errorf("%s, bit %d: comes %s without an error, instead of %s", name, bit, got, whole)
			}
		}
	}
}

func TestReader_ReadsObjectsOfManyWindows(t *testing.T) {
	var z Reader
	for seed := range uint64(2) {
		random := rand.New(rand.NewPCG(seed, 7))
		noise := make([]byte, 150_000)
		for i := range noise {
			noise[i] = byte(random.Uint32())
		}
		text := cloudTrail(seed, 1<<20)
		far := slices.Concat(noise[:history], noise[:history]) // which repeats as far back as can be
		var data, plain []byte
		for _, part := range [][]byte{noise, text, make([]byte, 500_000), far, noise[:20]} {
			data = append(data, gzipped(t, random.IntN(10), part)...)
			plain = append(plain, part...)
		}
		want := verdict{string(plain), io.EOF}
		for _, size := range []int{1 << 20, 64 << 10, 777} {
			for name, src := range map[string]io.Reader{
				"whole":        bytes.NewBuffer(data),
				"half by half": iotest.HalfReader(bytes.NewReader(data)),
				"in pieces":    &pieces{data: data},
			} {
				if got := gunzip(&z, src, size); got != want {
					t.Fatalf("seed %d, %s, by %d: comes %s, want %s", seed, name, size, got, want)
				}
			}
		}
	}
}

func TestReader_PassesOnErrorsOfTheSource(t *testing.T) {
	var z Reader
	data := smallMembers(t)["members"]
	wrapped := fmt.Errorf("connection reset: %w", io.EOF)
	for _, failure := range []error{errBroken, wrapped, io.ErrUnexpectedEOF, io.ErrClosedPipe} {
		for n := range len(data) + 1 {
			want, _ := gunzipSlowly(data[:n])
			want.err = failure
			src := io.MultiReader(bytes.NewReader(data[:n]), iotest.ErrReader(failure))
			if got := gunzip(&z, src, 512); got != want {
				t.Errorf("behind %d bytes: comes %s, want %s", n, got, want)
			}
		}
	}
}

// readFunc is an io.Reader.
type readFunc func(p []byte) (int, error)

func (f readFunc) Read(p []byte) (int, error) { return f(p) }

func TestReader_GivesUpASourceThatReturnsNothing(t *testing.T) {
	var z Reader
	data := smallMembers(t)["dynamic"]
	for n := range data {
		nothing := readFunc(func([]byte) (int, error) { return 0, nil })
		got := gunzip(&z, io.MultiReader(bytes.NewReader(data[:n]), nothing), 512)
		if !same(got.err, io.ErrNoProgress) {
			t.Fatalf("behind %d bytes: comes %s", n, got)
		}
	}
}

func TestReader_DistrustsCountsOfTheSource(t *testing.T) {
	var z Reader
	data := smallMembers(t)["dynamic"]
	for _, count := range []int{-1, inputSize + 1, 1 << 30} {
		liar := readFunc(func([]byte) (int, error) { return count, nil })
		for _, n := range []int{0, 5, 20, len(data) - 20} {
			got := gunzip(&z, io.MultiReader(bytes.NewReader(data[:n]), liar), 512)
			if !same(got.err, errInvalidRead) {
				t.Errorf("%d behind %d bytes: comes %s", count, n, got)
			}
		}
	}
}

func TestReader_StaysAtItsError(t *testing.T) {
	var z Reader
	for name, data := range map[string][]byte{
		"end":     gzipped(t, 6, []byte("text")),
		"cut":     gzipped(t, 6, []byte("text"))[:12],
		"corrupt": member([]byte{7}, nil),
	} {
		first := gunzip(&z, bytes.NewReader(data), 100)
		for range 3 {
			if n, err := z.Read(make([]byte, 100)); n != 0 || !same(err, first.err) {
				t.Errorf("%s: comes %d and %v after %s", name, n, err, first)
			}
		}
	}
}

func TestReader_ReadsNothingIntoNothing(t *testing.T) {
	var z Reader
	if err := z.Reset(bytes.NewReader(gzipped(t, 6, []byte("text")))); err != nil {
		t.Fatal(err)
	}
	if n, err := z.Read(nil); n != 0 || err != nil {
		t.Errorf("comes %d and %v", n, err)
	}
	if plain, err := io.ReadAll(&z); string(plain) != "text" || err != nil {
		t.Errorf("comes %q and %v", plain, err)
	}
}

// What a member before has left behind must not be read as history, or as codes.
func TestReader_ForgetsEarlierMembers(t *testing.T) {
	var j jury
	text := cloudTrail(1, 100_000)
	first := gzipped(t, 6, text)
	for _, stream := range broken(rand.New(rand.NewPCG(9, 9))) {
		got := j.judge(t, slices.Concat(first, member(stream.data, nil)))
		if !errors.As(got.err, new(flate.CorruptInputError)) {
			t.Errorf("%s: comes %s", stream.name, got)
		}
		gunzip(&j.reader, bytes.NewReader(first), 64<<10)
		if got := gunzip(&j.reader, bytes.NewReader(member(stream.data, nil)), 64<<10); !errors.As(got.err, new(flate.CorruptInputError)) {
			t.Errorf("%s after Reset: comes %s", stream.name, got)
		}
	}
}

func TestReader_AllocatesNothing(t *testing.T) {
	var z Reader
	for name, plain := range map[string][]byte{"small": cloudTrail(1, 10_000), "large": cloudTrail(1, 1<<20)} {
		data := gzipped(t, 6, plain)
		src, p := new(bytes.Reader), make([]byte, 64<<10)
		allocs := testing.AllocsPerRun(5, func() {
			src.Reset(data)
			err := z.Reset(src)
			for err == nil {
				_, err = z.Read(p)
			}
			if !same(err, io.EOF) {
				t.Error(err)
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations", name, allocs)
		}
	}
}
