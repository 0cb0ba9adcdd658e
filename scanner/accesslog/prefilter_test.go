package accesslog

import (
	"bytes"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

// isGet is a prefilter as a question for GetObject may have it.
func isGet(raw []byte) bool { return bytes.Contains(raw, []byte("REST.GET.OBJECT")) }

func TestPrefilter_GivesWhatTheLinesThatPassGive(t *testing.T) {
	log := allFixtures(t)
	var passing []byte
	for line := range bytes.Lines(log) {
		if isGet(line) {
			passing = append(passing, line...)
		}
	}
	want, wantSkipped, _ := decodeAll(NewDecoder(bytes.NewReader(passing)))
	if len(want) == 0 || wantSkipped.Malformed == 0 || len(passing) == len(log) {
		t.Fatalf("of %d bytes %d pass: %d records, skipped %+v", len(log), len(passing), len(want), wantSkipped)
	}
	for name, reader := range map[string]io.Reader{
		"at once":  bytes.NewReader(log),
		"one byte": iotest.OneByteReader(bytes.NewReader(log)),
		"halves":   iotest.HalfReader(bytes.NewReader(log)),
	} {
		t.Run(name, func(t *testing.T) {
			d := NewDecoder(reader)
			d.Prefilter(isGet)
			got, skipped, err := decodeAll(d)
			if !reflect.DeepEqual(got, want) || skipped.Malformed != wantSkipped.Malformed || err != nil {
				t.Errorf("%d records, skipped %+v, error %v; want %d, %+v", len(got), skipped, err, len(want), wantSkipped)
			}
		})
	}
}

func TestPrefilter_SeesEachLineAsItStands(t *testing.T) {
	want := []string{line + " \r", "broken", " " + line}
	var got []string
	d := NewDecoder(strings.NewReader("\n" + want[0] + "\n\r\n \n" + want[1] + "\n" + longLine(MaxLine+1) + "\n" + want[2]))
	d.Prefilter(func(raw []byte) bool {
		got = append(got, string(raw))
		return false
	})
	records, skipped, err := decodeAll(d)
	if !reflect.DeepEqual(got, want) {
		t.Errorf("seen %q, want %q", got, want)
	}
	if len(records) != 0 || skipped.Malformed != 1 || skipped.First.Number != 6 || err != nil {
		t.Errorf("%d records, skipped %+v, error %v; want the long line only", len(records), skipped, err)
	}
}

func TestPrefilter_HoldsAcrossResetUntilItIsTakenAway(t *testing.T) {
	d := NewDecoder(nil)
	d.Prefilter(func([]byte) bool { return false })
	for range 2 {
		d.Reset(strings.NewReader(line + "\nbroken\n"))
		if records, skipped, _ := decodeAll(d); len(records) != 0 || skipped.Malformed != 0 {
			t.Errorf("%d records, skipped %+v", len(records), skipped)
		}
	}
	d.Prefilter(nil)
	d.Reset(strings.NewReader(line + "\nbroken\n"))
	if records, skipped, _ := decodeAll(d); len(records) != 1 || skipped.Malformed != 1 {
		t.Errorf("without it: %d records, skipped %+v", len(records), skipped)
	}
}
