package checkpoint_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
)

func TestShard_IsNotedAndChecked(t *testing.T) {
	path := newPath(t)
	f := open(t, path)
	check := func(index, count int) (noted bool, err error) {
		err = f.View(func(tx *checkpoint.Tx) error {
			noted, err = tx.CheckShard(index, count)
			return err
		})
		return noted, err
	}
	if noted, err := check(1, 3); noted || err != nil {
		t.Errorf("one that was never used: %t, %v", noted, err)
	}
	update(t, f, func(tx *checkpoint.Tx) error { return tx.Series().Put([]byte("k"), []byte("v")) })
	if _, err := check(1, 3); !errors.Is(err, checkpoint.ErrOtherShard) {
		t.Errorf("one of before there were shards: %v", err)
	}
	if noted, err := check(0, 1); noted || err != nil {
		t.Errorf("the same for all: %t, %v", noted, err)
	}
	update(t, f, func(tx *checkpoint.Tx) error { return tx.PutShard(checkpoint.Shard{Index: 1, Count: 3}) })
	if noted, err := check(1, 3); !noted || err != nil {
		t.Errorf("its own: %t, %v", noted, err)
	}
	for _, other := range [][2]int{{0, 1}, {1, 4}, {2, 3}} {
		if _, err := check(other[0], other[1]); !errors.Is(err, checkpoint.ErrOtherShard) || !strings.Contains(err.Error(), "1/3") {
			t.Errorf("%v: %v", other, err)
		}
	}
	update(t, f, func(tx *checkpoint.Tx) error {
		return tx.PutResharding(checkpoint.Resharding{Set: "x", From: 3, To: 5, Index: 1})
	})
	if _, err := check(1, 3); !errors.Is(err, checkpoint.ErrResharding) {
		t.Errorf("while it is shared out: %v", err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	report, err := checkpoint.Verify(path)
	if err != nil || !strings.Contains(report.String(), "shard 1/3\n") || !strings.Contains(report.String(), "from 3 shards to 5") {
		t.Errorf("%v, %s", err, report)
	}
}

// Streams leave nothing behind, however many marks they have, and others keep all.
func TestRemoveStreams_RemovesAllOfThemAndNoMore(t *testing.T) {
	path := newPath(t)
	f := open(t, path)
	var gone, stay []checkpoint.StreamID
	for i := range 40 {
		s := id(fmt.Sprint("s", i))
		if i%3 == 0 {
			stay = append(stay, s)
		} else {
			gone = append(gone, s)
		}
		update(t, f, func(tx *checkpoint.Tx) error {
			err := errors.Join(tx.PutStream(s, checkpoint.Stream{Begin: noon}), tx.PutFailure(s, "x", checkpoint.Failure{Attempts: 1}))
			for day := range checkpoint.Day(8) {
				var marks []checkpoint.Mark
				for n := range 4000 {
					marks = append(marks, checkpoint.NewMark(fmt.Sprint(s, day, n), 1, ""))
				}
				err = errors.Join(err, tx.AddMarks(s, checkpoint.Counted, day, marks...))
			}
			return err
		})
	}
	for more := true; more; { // half of the days are packed
		update(t, f, func(tx *checkpoint.Tx) error {
			done, err := tx.Tidy(t.Context(), checkpoint.Tidying{Packing: 4})
			more = done.More
			return err
		})
	}
	steps := 0
	for more := true; more; steps++ {
		update(t, f, func(tx *checkpoint.Tx) (err error) {
			more, err = tx.RemoveStreams(t.Context(), gone)
			return err
		})
	}
	if steps < 2 {
		t.Errorf("it took %d transactions: too few to be interrupted", steps)
	}
	view(t, f, func(tx *checkpoint.Tx) error {
		var left []checkpoint.StreamID
		err := tx.EachStreamID(func(id checkpoint.StreamID) error { left = append(left, id); return nil })
		slices.SortFunc(stay, func(a, b checkpoint.StreamID) int { return strings.Compare(a.Stream, b.Stream) })
		if !slices.Equal(left, stay) {
			t.Errorf("%v are left", left)
		}
		for day := range checkpoint.Day(8) {
			for _, ids := range [][]checkpoint.StreamID{gone, stay} {
				for _, s := range ids {
					seen, err2 := tx.Seen(s, day)
					err = errors.Join(err, err2)
					if len(seen) != 4000 && slices.Contains(stay, s) || len(seen) > 0 && slices.Contains(gone, s) {
						t.Errorf("%v has %d marks of day %d", s, len(seen), day)
					}
				}
			}
		}
		return err
	})
	for more := true; more; {
		update(t, f, func(tx *checkpoint.Tx) (err error) {
			more, err = tx.Clear()
			return err
		})
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	report, err := checkpoint.Verify(path)
	if err != nil || len(report.Stores) != 0 {
		t.Errorf("%v, %s", err, report)
	}
}

// Events that are staged are nobody's before they are adopted.
func TestStageEvents_TakesThePlaceOfOthersLater(t *testing.T) {
	f := open(t, newPath(t))
	events := func() (all string) {
		view(t, f, func(tx *checkpoint.Tx) error {
			return tx.EachEvents(func(ids []byte) error { all += string(ids) + " "; return nil })
		})
		return all
	}
	update(t, f, func(tx *checkpoint.Tx) error {
		return errors.Join(tx.AppendEvents([]byte("a")), tx.AppendEvents([]byte("b")), tx.AdoptEvents())
	})
	update(t, f, func(tx *checkpoint.Tx) error { return tx.StageEvents([][]byte{[]byte("x")}) })
	update(t, f, func(tx *checkpoint.Tx) error { return tx.StageEvents([][]byte{[]byte("b"), []byte("c"), []byte("d")}) })
	if got := events(); got != "a b " {
		t.Errorf("they are %s", got)
	}
	update(t, f, func(tx *checkpoint.Tx) error { return tx.AdoptEvents() })
	update(t, f, func(tx *checkpoint.Tx) error { return errors.Join(tx.AppendEvents([]byte("e")), tx.DropEvents(1)) })
	if got := events(); got != "c d e " {
		t.Errorf("they are %s", got)
	}
}
