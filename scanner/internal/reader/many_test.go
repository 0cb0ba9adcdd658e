package reader_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"runtime"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/reader"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// others is a Source in which every object is of no log.
type others struct {
	source.Source
	opens int
}

func (o *others) Open(context.Context, source.Object) (io.ReadCloser, error) {
	o.opens++
	return io.NopCloser(bytes.NewReader([]byte("something else\n"))), nil
}

// lookAtFolders looks at an object in each of n folders, by their days, and returns how many were opened.
func lookAtFolders(t testing.TB, r *reader.Recogniser, n int) int {
	t.Helper()
	src := new(others)
	at := time.Date(2026, 7, 2, 0, 0, 0, 0, time.UTC)
	for i := range n {
		key := fmt.Sprintf("app/%06d/%s/x.bin", i, at.AddDate(0, 0, -i%30).Format("2006/01/02"))
		if _, err := r.Look(t.Context(), src, source.Object{Key: key, Size: 15}, logkey.Parse(key)); err != nil {
			t.Fatal(err)
		}
	}
	return src.opens
}

// Others' objects in very many folders are looked at once, not at each search. Where they are more
// than can be remembered, those of the newest days are.
func TestRecogniser_LooksAtVeryManyFoldersOnce(t *testing.T) {
	const room = 3000
	for _, test := range []struct{ folders, again int }{{room, 0}, {room + 300, 1000}, {3 * room, 9 * room / 4}} {
		r := reader.NewRecogniser()
		r.Remember(room)
		if opens := lookAtFolders(t, r, test.folders); opens != test.folders {
			t.Errorf("%d of %d objects were opened", opens, test.folders)
		}
		for range 3 {
			if opens := lookAtFolders(t, r, test.folders); opens > test.again {
				t.Errorf("%d of %d objects were opened again", opens, test.folders)
			}
		}
	}
}

// BenchmarkRecogniser_Memory shows how much memory as many folders take as are remembered.
func BenchmarkRecogniser_Memory(b *testing.B) {
	for b.Loop() {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		r := reader.NewRecogniser()
		lookAtFolders(b, r, reader.MaxKinds)
		runtime.GC()
		runtime.ReadMemStats(&after)
		b.ReportMetric(float64(after.HeapAlloc-before.HeapAlloc)/reader.MaxKinds, "B/folder")
		runtime.KeepAlive(r)
	}
}
