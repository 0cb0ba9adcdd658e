package decodertest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/iotest"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// sample returns a log of some records, small enough to be read at every byte of it.
func (f *Format) sample() []byte {
	const most = 8
	raws := f.raws()
	return f.Join(raws[:min(len(raws), most)]...)
}

func readsInPieces(t *testing.T, f *Format) {
	log := f.Join(f.raws()...)
	want := readBytes(f.New(), log)
	if len(want.records) == 0 || want.skipped.Malformed == 0 || want.err != nil {
		t.Fatalf("%d records, skipped %+v, error %v: the fixtures show too little", len(want.records), want.skipped, want.err)
	}
	for name, r := range map[string]io.Reader{
		"at once":           bytes.NewReader(log),
		"byte by byte":      iotest.OneByteReader(bytes.NewReader(log)),
		"by halves":         iotest.HalfReader(bytes.NewReader(log)),
		"data with the end": iotest.DataErrReader(bytes.NewReader(log)),
	} {
		t.Run(name, func(t *testing.T) { check(t, read(f.New(), r), want, true) })
	}
}

func survivesTruncation(t *testing.T, f *Format) {
	d := f.New()
	for _, fixture := range f.Fixtures {
		if fixture.Forged {
			continue
		}
		for _, trap := range fixture.Traps {
			log := f.Join(trap.Raw)
			whole := readBytes(d, log)
			for cut := range log {
				if wrong := f.cutWrong(readBytes(d, log[:cut]), whole); wrong != "" {
					t.Errorf("%s, cut at byte %d of %d: %s", trap.Name, cut, len(log), wrong)
				}
			}
		}
	}
}

// cutWrong returns what is wrong in the output of the beginning of a log.
func (f *Format) cutWrong(cut, whole output) string {
	switch {
	case f.Less == nil && !errors.Is(cut.err, io.ErrUnexpectedEOF):
		return fmt.Sprintf("error %v", cut.err)
	case isBeginning(cut.records, whole.records), f.Less != nil && len(whole.records) == 0:
		return "" // what is malformed as a whole may be sound in part
	case f.Less == nil || len(cut.records) != len(whole.records):
		return fmt.Sprintf("records %+v", cut.records)
	}
	last := len(cut.records) - 1
	if !isBeginning(cut.records[:last], whole.records) {
		return fmt.Sprintf("records %+v", cut.records)
	}
	return f.Less(cut.records[last], whole.records[last])
}

func returnsReadErrors(t *testing.T, f *Format) {
	log := f.sample()
	d := f.New()
	whole := readBytes(d, log)
	for name, broken := range map[string]error{
		"an error":          errors.New("broken"),
		"a wrapped end":     fmt.Errorf("reading: %w", io.EOF),
		"an unexpected end": io.ErrUnexpectedEOF,
	} {
		for at := range len(log) + 1 {
			got := read(d, io.MultiReader(bytes.NewReader(log[:at]), iotest.ErrReader(broken)))
			if got.err != broken || !isBeginning(got.records, whole.records) { //nolint:errorlint // as it is
				t.Fatalf("%s at byte %d: %d records, error %v", name, at, len(got.records), got.err)
			}
			if d.Next() || d.Err() != broken { //nolint:errorlint // as it is
				t.Fatalf("%s at byte %d: Next goes on, or the error has become %v", name, at, d.Err())
			}
		}
	}
	if got := read(d, readNothing{}); len(got.records) > 0 || !errors.Is(got.err, io.ErrNoProgress) {
		t.Errorf("of a reader that reads nothing: %d records, error %v", len(got.records), got.err)
	}
}

// readNothing is a reader that never ends and never brings anything.
type readNothing struct{}

func (readNothing) Read([]byte) (int, error) { return 0, nil }

func startsAnew(t *testing.T, f *Format) {
	log := f.Join(f.raws()...)
	want := readBytes(f.New(), log)
	befores := map[string]string{
		"the same":           string(log),
		"a cut one":          string(log[:len(log)/2]),
		"something else":     "\x00{[\"\n",
		"nothing":            "",
		"one that is broken": string(f.sample()) + "\xff\n",
	}
	for name, text := range f.NotLogs {
		befores[name] = text
	}
	d := f.New()
	for name, before := range befores {
		t.Run("after "+name, func(t *testing.T) {
			readBytes(d, []byte(before))
			check(t, readBytes(d, log), want, true)
			d.Reset(bytes.NewReader([]byte(before)))
			d.Next() // and no further
			check(t, readBytes(d, log), want, true)
		})
	}
}

// givesRecordAway replaces all that a Record is made of, as those do who add what is
// known from elsewhere.
func givesRecordAway(t *testing.T, f *Format) {
	log := f.Join(f.raws()...)
	want := readBytes(f.New(), log)
	d := f.New()
	d.Reset(bytes.NewReader(log))
	var got output
	for d.Next() {
		r := d.Record()
		got.records = append(got.records, TextOf(r))
		*r = record.Record{AccountID: []byte("x"), Key: []byte("x"), Time: 1, Status: 1, Anonymous: true, Signature: record.SigV2}
	}
	got.skipped, got.err = d.Skipped(), d.Err()
	check(t, got, want, true)
}

func knowsLogs(t *testing.T, f *Format) {
	d := f.New()
	for _, prefilter := range []func([]byte) bool{nil, never} {
		d.Prefilter(prefilter)
		for _, text := range f.Empty {
			if got := readBytes(d, []byte(text)); len(got.records) > 0 || got.skipped != (record.Skipped{}) || got.err != nil {
				t.Errorf("%q: %+v, want nothing", text, got)
			}
		}
		for name, text := range f.NotLogs {
			if got := readBytes(d, []byte(text)); !errors.Is(got.err, record.ErrNotLog) {
				t.Errorf("%s: %d records, error %v, want %v", name, len(got.records), got.err, record.ErrNotLog)
			}
		}
		if got := readBytes(d, f.Join(f.raws()...)); got.err != nil {
			t.Errorf("a log: %v", got.err)
		}
	}
}

func never([]byte) bool { return false }

func prefilters(t *testing.T, f *Format) {
	raws := f.raws()
	var asked [][]byte
	d := f.New()
	d.Prefilter(func(raw []byte) bool {
		asked = append(asked, bytes.Clone(raw))
		return true
	})
	check(t, readBytes(d, f.Join(raws...)), readBytes(f.New(), f.Join(raws...)), true)
	isAsked := areAsked(t, raws, asked)

	random := rand.New(rand.NewPCG(1, 2))
	for range 50 {
		unwanted := make(map[string]bool)
		var rest [][]byte
		for i, raw := range raws {
			if isAsked[i] && (unwanted[string(raw)] || random.IntN(2) == 0) {
				unwanted[string(raw)] = true
			}
		}
		for _, raw := range raws {
			if !unwanted[string(raw)] {
				rest = append(rest, raw)
			}
		}
		d.Prefilter(func(raw []byte) bool { return !unwanted[string(raw)] })
		got := readBytes(d, f.Join(raws...))
		check(t, got, readBytes(f.New(), f.Join(rest...)), false)
	}
}

// areAsked returns of which raw records the prefilter was asked: of all in their order,
// as they stand in the log, but for some that are no records anyway.
func areAsked(t *testing.T, raws, asked [][]byte) []bool {
	t.Helper()
	isAsked := make([]bool, len(raws))
	next := 0
	for i, raw := range raws {
		if next < len(asked) && bytes.Equal(raw, asked[next]) {
			isAsked[i] = true
			next++
		}
	}
	if next < len(asked) || !slices.Contains(isAsked, true) {
		t.Fatalf("of %d raw records the prefilter was asked of %d, the next one of which is none of them", len(raws), next)
	}
	return isAsked
}

// handsOutRaw: Raw is what the prefilter was asked of, and Number, from 1, never falls.
func handsOutRaw(t *testing.T, f *Format) {
	var asked []byte
	d := f.New()
	d.Prefilter(func(raw []byte) bool {
		asked = append(asked[:0], raw...)
		return true
	})
	d.Reset(bytes.NewReader(f.Join(f.raws()...)))
	number := int64(1)
	for d.Next() {
		r := d.Record()
		if !bytes.Equal(r.Raw, asked) {
			t.Fatalf("raw %q, want %q", r.Raw, asked)
		}
		if r.Number < number {
			t.Fatalf("number %d after %d", r.Number, number)
		}
		number = r.Number
	}
}

func keepsPrefilter(t *testing.T, f *Format) {
	log := f.Join(f.raws()...)
	want := readBytes(f.New(), log)
	d := f.New()
	d.Prefilter(never)
	for range 2 {
		if got := readBytes(d, log); len(got.records) > 0 || got.skipped.NotS3 > 0 || got.err != nil {
			t.Errorf("%d records, skipped %+v, error %v; want none", len(got.records), got.skipped, got.err)
		}
	}
	d.Prefilter(nil)
	check(t, readBytes(d, log), want, true)
}

// allocatesNothing is of records that can be understood: what is wrong with others may
// have to be noted.
func allocatesNothing(t *testing.T, f *Format) {
	d := f.New()
	var sound [][]byte
	for _, raw := range f.raws() {
		if readBytes(d, f.Join(raw)).skipped.Malformed == 0 {
			sound = append(sound, raw)
		}
	}
	log := f.Join(sound...)
	source := bytes.NewReader(nil)
	records := 0
	allocs := testing.AllocsPerRun(20, func() {
		source.Reset(log)
		d.Reset(source)
		records = 0
		for d.Next() {
			records++
		}
	})
	if records == 0 || d.Err() != nil {
		t.Fatalf("%d records, error %v", records, d.Err())
	}
	if allocs > 0 {
		t.Errorf("%v allocations for %d records", allocs, records)
	}
}
