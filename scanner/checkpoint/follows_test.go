package checkpoint

import (
	"errors"
	"testing"
)

// A segment comes behind the last one if it was written by the same process, or begins
// another one's that knew of that.
func TestFollows_OnlyWhatItsWriterHasSeen(t *testing.T) {
	a, b, c := writerID{1}, writerID{2}, writerID{3}
	at := position{sequence: 7, writer: a}
	for _, test := range []struct {
		what    string
		segment segment
		ok      bool
	}{
		{"the same process goes on", segment{position: position{sequence: 8, writer: a}, previous: a}, true},
		{"another one begins", segment{position: position{sequence: 8, writer: b}, previous: a, opening: true}, true},
		{"another one begins behind somebody else", segment{position: position{sequence: 8, writer: b}, previous: c, opening: true}, false},
		{"the same process goes on behind somebody else", segment{position: position{sequence: 8, writer: a}, previous: c}, false},
		{"another one goes on without a beginning", segment{position: position{sequence: 8, writer: b}, previous: a}, false},
		{"another one goes on behind itself", segment{position: position{sequence: 8, writer: b}, previous: b}, false},
	} {
		if err := follows(at, &test.segment); (err == nil) != test.ok || err != nil && !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", test.what, err)
		}
	}
}
