package checkpoint

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

// mark marks the nth of some objects, which is one of some streams.
func mark(tx *Tx, n, streams int, at time.Time) error {
	id := StreamID{Store: "aws/logs", Stream: fmt.Sprint("s:access/", n*7919%streams, "/")}
	if err := tx.PutStream(id, Stream{Watermark: fmt.Sprint("access/", n), Begin: at, Audited: at, Newest: at}); err != nil {
		return err
	}
	return tx.AddMarks(id, Counted, DayOf(at), NewMark(fmt.Sprint(n), 1, "etag"))
}

// A seen object takes 15 bytes, once its day is packed.
func TestMarks_TakeFifteenBytesEach(t *testing.T) {
	f, err := Open(filepath.Join(t.TempDir(), "state.db"))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	const objects, days = 120_000, 4
	begin := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	err = f.Update(func(tx *Tx) error {
		for n := range objects {
			if err := mark(tx, n, 100, begin.Add(time.Duration(n%days)*24*time.Hour)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	err = f.Update(func(tx *Tx) error {
		_, err := tx.Tidy(t.Context(), Tidying{Packing: DayOf(begin) + days})
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	err = f.View(func(tx *Tx) error {
		size := 0
		for _, id := range []tableID{tableMarks, tablePacked} {
			s := tx.table(id).bucket.Stats()
			size += s.BranchAlloc + s.LeafAlloc // whole pages
		}
		if each := float64(size) / objects; each > 15 {
			t.Errorf("%.2f bytes a mark, want 15 at most", each)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// A commit writes as many pages as it changes, however many streams there are.
func TestUpdate_WritesFollowWhatChanges(t *testing.T) {
	pages := func(streams int) (n int64) {
		f, err := Open(filepath.Join(t.TempDir(), "state.db"))
		if err != nil {
			t.Fatal(err)
		}
		defer func() { _ = f.Close() }()
		at := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
		err = f.Update(func(tx *Tx) error {
			for n := range streams {
				if err := mark(tx, n, streams, at); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 { // what the first one freed is on the list of free pages
			before := f.db.Stats()
			if err := f.Update(func(tx *Tx) error { return mark(tx, 1, streams, at) }); err != nil {
				t.Fatal(err)
			}
			after := f.db.Stats()
			n = (after.TxStats.GetPageAlloc() - before.TxStats.GetPageAlloc()) / int64(f.db.Info().PageSize)
		}
		return n
	}
	few, many := pages(10), pages(20_000)
	t.Logf("a commit of one object writes %d pages with 10 streams, %d with 20,000", few, many)
	if many > few+8 { // two trees, each with two more levels
		t.Errorf("a commit of one object writes %d pages with 20,000 streams, %d with 10", many, few)
	}
}
