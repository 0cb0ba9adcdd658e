// Package decodertest holds implementations of record.Decoder against its contract: one
// suite for all formats of logs. A format describes itself by a Format, and its tests call
// Run and Golden:
//
//	func TestDecoder_KeepsTheContract(t *testing.T)  { decodertest.Run(t, format(t)) }
//	func TestDecoder_ReadsEveryTrap(t *testing.T)    { decodertest.Golden(t, format(t)) }
//
// What a Decoder makes of one record is a Text, which outlives it.
package decodertest

import (
	"bytes"
	"errors"
	"io"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Format is a format of logs, with examples of all that is hard to read in it.
type Format struct {
	// New returns a Decoder that reads nothing before Reset.
	New func() record.Decoder
	// Join returns the log that raw records make.
	Join func(raws ...[]byte) []byte
	// Fixtures are raw records. Golden files have their names.
	Fixtures []Fixture
	// Empty are logs without a record, which are logs nevertheless.
	Empty []string
	// NotLogs are inputs of which the error wraps record.ErrNotLog, by name.
	NotLogs map[string]string
	// Less returns what is wrong about a Text of a record that was cut off somewhere, and
	// that of the whole record; nothing if the former contains less, but nothing else. nil
	// means that a log that was cut has an error that wraps io.ErrUnexpectedEOF, and no
	// record that was cut.
	Less func(cut, whole Text) string
}

// Fixture is a number of raw records that are traps of one kind.
type Fixture struct {
	Path  string // without extension, in testdata; the golden file has the extension golden.json
	Traps []Trap
	// Forged: where a record of it is cut off, what a client wrote may be taken for the
	// rest, so it is not read in part.
	Forged bool
}

// Trap is a raw record, as it stands in a log, without what stands between records.
type Trap struct {
	Name string // what it is a trap for
	Raw  []byte
}

// raws returns the raw records of all fixtures.
func (f *Format) raws() [][]byte {
	var all [][]byte
	for _, fixture := range f.Fixtures {
		for _, trap := range fixture.Traps {
			all = append(all, trap.Raw)
		}
	}
	return all
}

// Run holds a format's Decoder against the contract.
func Run(t *testing.T, f Format) {
	if len(f.raws()) == 0 {
		t.Fatal("no fixtures")
	}
	for _, law := range []struct {
		name string
		hold func(*testing.T, *Format)
	}{
		{"reads the same in pieces of any size", readsInPieces},
		{"makes nothing wrong of a log that was cut", survivesTruncation},
		{"returns the reader's error as it is", returnsReadErrors},
		{"starts anew after Reset", startsAnew},
		{"lets the Record be changed", givesRecordAway},
		{"knows what is no log", knowsLogs},
		{"passes over what the prefilter does not want, and nothing else", prefilters},
		{"has its prefilter across Reset", keepsPrefilter},
		{"hands out the raw record and its number", handsOutRaw},
		{"allocates nothing for a record", allocatesNothing},
	} {
		t.Run(law.name, func(t *testing.T) { law.hold(t, &f) })
	}
}

// output is all that a Decoder makes of a log.
type output struct {
	records []Text
	skipped record.Skipped
	err     error
}

// read resets a Decoder and reads a log to its end, or to its error.
func read(d record.Decoder, r io.Reader) output {
	d.Reset(r)
	var out output
	for d.Next() {
		out.records = append(out.records, TextOf(d.Record()))
	}
	out.skipped, out.err = d.Skipped(), d.Err()
	return out
}

// readBytes is read for a log in memory.
func readBytes(d record.Decoder, log []byte) output { return read(d, bytes.NewReader(log)) }

// check fails the test if an output is not as another. Where malformed records stand is
// compared if they come from the same log.
func check(t *testing.T, got, want output, sameLog bool) {
	t.Helper()
	if !sameLog {
		got.skipped.First, want.skipped.First = nil, nil
	}
	if len(got.records) != len(want.records) || got.err != nil != (want.err != nil) {
		t.Fatalf("%d records, skipped %+v, error %v; want %d, %+v, %v",
			len(got.records), got.skipped, got.err, len(want.records), want.skipped, want.err)
	}
	for i := range got.records {
		if got.records[i] != want.records[i] {
			t.Fatalf("record %d:\n got %+v\nwant %+v", i, got.records[i], want.records[i])
		}
	}
	if g, w := got.skipped.First, want.skipped.First; (g == nil) != (w == nil) || g != nil && *g != *w {
		t.Errorf("the first malformed: %v, want %v", g, w)
	}
	got.skipped.First, want.skipped.First = nil, nil
	if got.skipped != want.skipped {
		t.Errorf("skipped %+v, want %+v", got.skipped, want.skipped)
	}
}

// isBeginning reports whether some records are the first ones of others.
func isBeginning(records, all []Text) bool {
	if len(records) > len(all) {
		return false
	}
	for i := range records {
		if records[i] != all[i] {
			return false
		}
	}
	return true
}

// isLog reports whether an error is none that a log of sound records has.
func isLog(err error) bool { return err == nil || errors.Is(err, record.ErrNotLog) }
