package reader

import (
	"bytes"
	"io"
	"runtime"
	"testing"
	"testing/synctest"
)

func TestUnpackers_WorkOnAsManyWholeObjectsAsThereAreCores(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUnpackers(new(Config))
		var used []*unpacker
		for range runtime.GOMAXPROCS(0) {
			one, idle := u.get(true)
			used = append(used, one)
			if !idle {
				t.Error("a core was busy with nothing")
			}
		}
		got := false
		go func() {
			one, idle := u.get(true)
			got = !idle
			u.put(one, true)
		}()
		stream, _ := u.get(false)
		u.put(stream, false) // one that waits for its source waits for nothing else
		synctest.Wait()
		if got {
			t.Error("there is one more")
		}
		u.put(used[0], true)
		synctest.Wait()
		if !got {
			t.Error("the one that was given back is not used")
		}
	})
}

// No more is taken from the source than shows that it is too much.
func TestLimitedReader_ReadsOneByteTooMuchAtMost(t *testing.T) {
	source := bytes.NewReader(make([]byte, 100))
	if _, err := io.Copy(io.Discard, &limitedReader{r: source, limit: 10, left: 10}); err == nil || err.Error() != "larger than 10 bytes when decompressed" {
		t.Error(err)
	}
	if read := 100 - source.Len(); read != 11 {
		t.Errorf("%d bytes are read, want 11", read)
	}
}
