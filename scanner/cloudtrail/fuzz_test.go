package cloudtrail

import (
	"bytes"
	"testing"
	"testing/iotest"
)

func FuzzDecoder(f *testing.F) {
	for _, path := range fixturePaths(f) {
		for _, event := range readFixture(f, path) {
			f.Add(logOf(event))
		}
	}
	for _, test := range documentTests {
		f.Add([]byte(test.input))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		want := reference(data)
		d := NewDecoder(nil)
		for range 2 { // by member, and by the shapes learned from that
			compare(t, data, decode(d, bytes.NewReader(data)), want)
		}
		if len(data) < 1024 {
			compare(t, data, decode(d, iotest.OneByteReader(bytes.NewReader(data))), want)
		}
	})
}
