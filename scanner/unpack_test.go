package scanner

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"testing"
	"testing/synctest"

	"github.com/klauspost/compress/gzip"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

func TestUnpackers_WorkOnAsManyWholeObjectsAsThereAreCores(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := newUnpackers(nil)
		var used []*unpacker
		for range runtime.GOMAXPROCS(0) {
			used = append(used, u.get(true))
		}
		got := false
		go func() {
			one := u.get(true)
			got = true
			u.put(one, true)
		}()
		u.put(u.get(false), false) // one that waits for its source waits for nothing else
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

// The bytes that an object may have are its decompressed ones, and it may have all of
// them.
func TestUnpacker_BoundsObjects(t *testing.T) {
	text := bytes.Repeat([]byte(`0f0f b [06/Feb/2026:00:00:38 +0000] 192.0.2.3 - 3E57 REST.GET.OBJECT k "GET /k HTTP/1.1" 200 - 1 1 1 1 "-" "-" -`+"\n"), 1000)
	var zipped bytes.Buffer
	z := gzip.NewWriter(&zipped)
	if _, err := z.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	for name, stored := range map[string][]byte{"plain": text, "compressed": zipped.Bytes()} {
		for _, more := range []int64{-1, 0, 1} {
			dec, err := newUnpacker(nil).unpack(record.ServerAccess, bytes.NewBuffer(stored), int64(len(text))+more)
			if err != nil {
				t.Fatal(err)
			}
			records := 0
			for dec.Next() {
				records++
			}
			switch err := dec.Err(); {
			case more < 0 && !errors.Is(err, errTooLarge):
				t.Errorf("%s, %d bytes less than it has: %v", name, -more, err)
			case more >= 0 && (err != nil || records != 1000):
				t.Errorf("%s, %d bytes more than it has: %d records, error %v", name, more, records, err)
			}
		}
	}
}

// No more is taken from the source than it takes to tell that it is too much.
func TestLimitedReader_ReadsOneByteTooMuchAtMost(t *testing.T) {
	source := bytes.NewReader(make([]byte, 100))
	if _, err := io.Copy(io.Discard, &limitedReader{r: source, left: 10}); !errors.Is(err, errTooLarge) {
		t.Error(err)
	}
	if read := 100 - source.Len(); read != 11 {
		t.Errorf("%d bytes are read, want 11", read)
	}
}
