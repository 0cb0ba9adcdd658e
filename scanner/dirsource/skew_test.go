package dirsource_test

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/dirsource"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

const settle = 2 * time.Second

// modified gives a file the time that a server's clock, which is ahead by skew, has now.
func modified(t *testing.T, dir, key string, skew time.Duration) {
	t.Helper()
	at := time.Now().Add(skew)
	if err := os.Chtimes(filepath.Join(dir, key), at, at); err != nil {
		t.Fatal(err)
	}
}

// one returns the only object of a listing.
func one(t *testing.T, src source.Source) source.Object {
	t.Helper()
	var all []source.Object
	for obj, err := range src.List(t.Context(), "", "") {
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, obj)
	}
	if len(all) != 1 {
		t.Fatalf("listed are %+v", all)
	}
	return all[0]
}

// Whatever a server's clock shows, a file is read once it has not changed for the settle time.
func TestOpen_WaitsUntilAFileHasStayedTheSameByTheProcessesOwnClock(t *testing.T) {
	for _, skew := range []time.Duration{-59 * time.Minute, -5 * time.Second, 5 * time.Second, 59 * time.Minute} {
		synctest.Test(t, func(t *testing.T) {
			dir := t.TempDir()
			src := open(t, dir, dirsource.Settle(settle))
			write(t, dir, "k", []byte("begun"))
			modified(t, dir, "k", skew)

			listed := one(t, src)
			time.AfterFunc(settle-1, func() {
				write(t, dir, "k", []byte("begun and completed"))
				modified(t, dir, "k", skew)
			})
			if got, err := sourcetest.Read(t.Context(), src, listed); reasonOf(err) != source.ReasonChanged {
				t.Errorf("skew %v: a file that is being written is read as %q, %v", skew, got, err)
			}

			listed = one(t, src)
			time.Sleep(settle / 4)
			from := time.Now()
			got, err := sourcetest.Read(t.Context(), src, listed)
			if waited := time.Since(from); err != nil || string(got) != "begun and completed" || waited != settle*3/4 {
				t.Errorf("skew %v: got %q, %v after %v", skew, got, err, waited)
			}
			if looked, err := src.Stat(t.Context(), "k"); err != nil || !looked.Seen.Equal(time.Now()) {
				t.Errorf("skew %v: looked up again, it is %+v, %v", skew, looked, err)
			}
		})
	}
}

func TestOpen_NeverWaitsForWhatNoClockShowsToBeWritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		write(t, dir, "k", []byte("body"))
		for _, age := range []time.Duration{-time.Hour - 1, time.Hour + 1, 1000 * time.Hour} {
			modified(t, dir, "k", -age)
			src := open(t, dir, dirsource.Settle(settle))
			from := time.Now()
			if got, err := sourcetest.Read(t.Context(), src, one(t, src)); err != nil || string(got) != "body" || time.Since(from) > 0 {
				t.Errorf("%v old: got %q, %v after %v", age, got, err, time.Since(from))
			}
		}
		modified(t, dir, "k", -time.Minute)
		from := time.Now()
		remembered := one(t, open(t, dir, dirsource.Settle(settle)))
		remembered.Seen = time.Time{}
		for what, read := range map[string]func() ([]byte, error){
			"without a settle time": func() ([]byte, error) {
				src := open(t, dir)
				return sourcetest.Read(t.Context(), src, one(t, src))
			},
			"remembered": func() ([]byte, error) {
				return sourcetest.Read(t.Context(), open(t, dir, dirsource.Settle(settle)), remembered)
			},
		} {
			if got, err := read(); err != nil || string(got) != "body" || time.Since(from) > 0 {
				t.Errorf("%s: got %q, %v after %v", what, got, err, time.Since(from))
			}
		}
	})
}

func TestOpen_WaitsNoLongerThanItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		dir := t.TempDir()
		src := open(t, dir, dirsource.Settle(settle))
		write(t, dir, "k", nil)
		modified(t, dir, "k", -5*time.Second)
		listed := one(t, src)
		ctx, cancel := context.WithTimeout(t.Context(), settle/2)
		defer cancel()
		from := time.Now()
		if _, err := src.Open(ctx, listed); !errors.Is(err, context.DeadlineExceeded) || time.Since(from) != settle/2 {
			t.Errorf("got %v after %v", err, time.Since(from))
		}
	})
}
