package accesslog

import (
	"bytes"
	"fmt"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/record/decodertest"
)

// What is remembered of lines before must never be seen in a Record: every line that is a
// trap is read behind every other, and again behind that.
func TestDecoder_ReadsALineTheSameWhateverCameBefore(t *testing.T) {
	var lines [][]byte
	for _, path := range fixturePaths(t) {
		for _, trap := range readFixture(t, path) {
			lines = append(lines, trap.Raw)
		}
	}
	read := func(d *Decoder, line []byte) (text decodertest.Text, ok bool) {
		d.Reset(bytes.NewReader(line))
		if ok = d.Next(); ok {
			text = decodertest.TextOf(d.Record())
		}
		return text, ok
	}
	d := NewDecoder(nil)
	for _, line := range lines {
		want, wantOK := read(NewDecoder(nil), line)
		for _, before := range lines {
			read(d, before)
			for range 2 {
				if got, ok := read(d, line); ok != wantOK || got != want {
					t.Fatalf("behind %q, %q is\n%+v, %v; want\n%+v, %v", before, line, got, ok, want, wantOK)
				}
			}
		}
	}
}

// A carriage return before a tail that is known makes a line malformed, as it does before any other.
func TestDecoder_TakesNoCarriageReturnForKnown(t *testing.T) {
	sound := modern("14/Nov/2026", "a", `- aG9zdA== SigV4 TLS AuthHeader example.com TLSv1.3 - - -`)
	for _, parted := range []string{"- aG9z\rdA==", "-\r aG9zdA==", "- \r"} {
		log := sound + "\n" + strings.Replace(sound, "- aG9zdA==", parted, 1) + "\n" + sound
		if records, skipped, _ := decodeAll(strings.NewReader(log)); len(records) != 2 || skipped.Malformed != 1 {
			t.Errorf("%q: %d records, skipped %+v", parted, len(records), skipped)
		}
	}
}

// Nearly all lines are read by what is known: else nothing is gained.
func TestDecoder_KnowsMostOfALogByLinesBefore(t *testing.T) {
	d, log := NewDecoder(nil), benchmarkLog(t)
	d.Reset(bytes.NewReader(log))
	lines, known := 0, 0
	for d.Next() {
		if lines++; d.fields.known != nil {
			known++
		}
	}
	withTail := 0
	for line := range bytes.Lines(log) {
		if bytes.Contains(line, []byte(`" - `)) || bytes.Contains(line, []byte(".com TLSv1.")) {
			withTail++
		}
	}
	if known < withTail*9/10 || withTail == 0 {
		t.Errorf("of %d lines, %d of which have a tail, %d are known", lines, withTail, known)
	}
}

// A tail is known by all of its bytes, in as many variants as there are, and forgotten
// before memory grows.
func TestKnownTails_AreKnownByEveryByte(t *testing.T) {
	f := &NewDecoder(nil).fields
	tail := func(i int) []byte {
		return fmt.Appendf(nil, " SigV4 TLS_%d AuthHeader b%d.s3.amazonaws.com TLSv1.%d arn:%d Yes eu-west-%d", i, i, i, i, i)
	}
	for round := range 3 {
		for i := range 2000 {
			text := tail(i)
			k := f.tails.find(text)
			if k == nil {
				f.tails.learn(text)
				if k = f.tails.find(text); k == nil {
					t.Fatalf("%q is not known", text)
				}
			}
			got := fmt.Sprintf(" SigV4 %s AuthHeader %s %s %s Yes %s",
				k.cipherSuite.of(text), k.host.of(text), k.tlsVersion.of(text), k.accessPoint.of(text), k.sourceRegion.of(text))
			if got != string(text) || k.signature.String() != "SigV4" || k.acl.String() != "yes" {
				t.Fatalf("round %d: %q is known as %q", round, text, got)
			}
		}
	}
	if long := []byte(" SigV4 - AuthHeader " + strings.Repeat("x", maxKnownTail) + " -"); f.tails.find(long) != nil {
		t.Error("a tail is known before it was seen")
	} else if f.tails.learn(long); f.tails.find(long) != nil {
		t.Error("a tail is known that does not fit")
	}
}

// FuzzKnownMinute holds knownMinute against parseTime, behind another time.
func FuzzKnownMinute(f *testing.F) {
	f.Add("14/Nov/2026:09:15:27 +0000", "14/Nov/2026:09:15:59 +0000")
	f.Add("14/Nov/2026:09:15:27 +0000", "14/Nov/2026:09:15:60 +0000")
	f.Add("14/Nov/2026:09:15:00 -0930", "14/Nov/2026:09:15:3x -0930")
	f.Add("xx/Nov/2026:09:15:00 -0930", "xx/Nov/2026:09:15:00 -0930")
	f.Add("", strings.Repeat("\x00", 18)+"00"+strings.Repeat("\x00", 6)) // nothing is known
	f.Fuzz(func(t *testing.T, before, text string) {
		if len(text) != len(timeLayout) {
			return // the decoder calls it with this length alone
		}
		var minute knownMinute
		if len(before) == len(timeLayout) {
			minute.parse([]byte(before))
		}
		want, wantOK := parseTime([]byte(text))
		if got, ok := minute.parse([]byte(text)); ok != wantOK || ok && got != want {
			t.Errorf("%q behind %q is %d, %t; want %d, %t", text, before, got, ok, want, wantOK)
		}
	})
}
