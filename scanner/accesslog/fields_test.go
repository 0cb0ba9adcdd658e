package accesslog

import (
	"bytes"
	"testing"
)

func TestIndexSpace_FindsTheFirstSpaceAmongAnyBytes(t *testing.T) {
	for c := range 256 {
		for length := range 20 {
			// Around the first space stands what a borrow would make look like one.
			s := append(bytes.Repeat([]byte{byte(c)}, length), '!', ' ', '!', ' ')
			if got, want := indexSpace(s), bytes.IndexByte(s, ' '); got != want {
				t.Errorf("%q: %d, want %d", s, got, want)
			}
			if got, want := indexSpace(s[:length]), bytes.IndexByte(s[:length], ' '); got != want {
				t.Errorf("%q: %d, want %d", s[:length], got, want)
			}
		}
	}
}
