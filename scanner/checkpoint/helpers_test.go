package checkpoint_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
)

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// id names the streams of the tests.
func id(stream string) checkpoint.StreamID {
	return checkpoint.StreamID{Store: "aws/logs", Stream: stream}
}

func newPath(t testing.TB) string {
	t.Helper()
	return filepath.Join(t.TempDir(), "state.db")
}

func open(t testing.TB, path string, options ...checkpoint.Option) *checkpoint.File {
	t.Helper()
	f, err := checkpoint.Open(path, options...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return f
}

func update(t testing.TB, f *checkpoint.File, fn func(tx *checkpoint.Tx) error) {
	t.Helper()
	if err := f.Update(fn); err != nil {
		t.Fatal(err)
	}
}

func view(t testing.TB, f *checkpoint.File, fn func(tx *checkpoint.Tx) error) {
	t.Helper()
	if err := f.View(fn); err != nil {
		t.Fatal(err)
	}
}

// content is all that a checkpoint gives its readers, as text.
func content(f interface {
	View(func(*checkpoint.Tx) error) error
},
) (string, error) {
	var b strings.Builder
	err := f.View(func(tx *checkpoint.Tx) error {
		prefixes, err := tx.Prefixes("aws/logs")
		fmt.Fprintln(&b, prefixes)
		return errors.Join(err,
			tx.Series().Each(func(k, v []byte) error {
				fmt.Fprintf(&b, "series %q %q\n", k, v)
				return nil
			}),
			tx.EachEvents(func(ids []byte) error {
				fmt.Fprintf(&b, "events %q\n", ids)
				return nil
			}),
			tx.EachStream("aws/logs", func(id checkpoint.StreamID, s checkpoint.Stream) error {
				fmt.Fprintf(&b, "stream %v %+v\n", id, s)
				for day := range checkpoint.Day(8) {
					seen, err := tx.Seen(id, checkpoint.DayOf(noon)+day-6)
					if err != nil {
						return err
					}
					fmt.Fprintf(&b, "day %d: %v\n", day, seen)
				}
				return tx.EachFailure(id, func(object string, failure checkpoint.Failure) error {
					fmt.Fprintf(&b, "failure %q %+v\n", object, failure)
					return nil
				})
			}))
	})
	return b.String(), err
}

// filled returns the bytes of a checkpoint that holds something of everything, and
// its content.
func filled(t testing.TB) (file []byte, text string) {
	t.Helper()
	path := newPath(t)
	f, err := checkpoint.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	for commit := range 5 {
		update(t, f, func(tx *checkpoint.Tx) error { return fill(tx, commit) })
	}
	update(t, f, func(tx *checkpoint.Tx) error {
		_, err := tx.Tidy(t.Context(), checkpoint.Tidying{Packing: checkpoint.DayOf(noon) - 1})
		return err
	})
	text, err = content(f)
	if err := errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	if file, err = os.ReadFile(path); err != nil {
		t.Fatal(err)
	}
	return file, text
}

func fill(tx *checkpoint.Tx, commit int) error {
	errs := []error{
		tx.PutPrefix("aws/logs", "access/", checkpoint.Prefix{Floor: noon, Searched: noon}),
		tx.AppendEvents([]byte(fmt.Sprintf("%016d", commit))),
	}
	for i := range 60 {
		n := commit*60 + i
		errs = append(errs, tx.Series().Put(fmt.Appendf(nil, "key%d", n), []byte(strings.Repeat("v", n))))
	}
	for i := range 3 {
		stream := id(fmt.Sprint("s:access/", i))
		errs = append(errs,
			tx.PutStream(stream, checkpoint.Stream{Watermark: fmt.Sprint("access/", commit), Begin: noon}),
			tx.PutFailure(stream, fmt.Sprint("bad", commit), checkpoint.Failure{Reason: "gzip", Quarantined: i == 0}))
		for day := range checkpoint.Day(4) {
			for n := range 30 {
				object := fmt.Sprint(commit, "-", n)
				errs = append(errs, tx.AddMarks(stream, checkpoint.Counted, checkpoint.DayOf(noon)-day, checkpoint.NewMark(object, int64(n), "etag")))
			}
		}
	}
	return errors.Join(errs...)
}
