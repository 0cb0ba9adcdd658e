package scanner_test

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/dirsource"
	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// linkedRig is a rig whose location is a directory with symbolic links to others.
type linkedRig struct {
	*rig
	rigs           []*rig // of its shards
	dir, elsewhere string
	want           []string
}

func newLinkedRig(t *testing.T, shards int) *linkedRig {
	r := &linkedRig{rig: newRig(t), dir: t.TempDir(), elsewhere: t.TempDir()}
	r.rigs = r.split(shards)
	if err := os.MkdirAll(filepath.Join(r.elsewhere, "one/two"), 0o700); err != nil {
		t.Fatal(err)
	}
	return r
}

// link makes a link to a directory elsewhere.
func (r *linkedRig) link(name, target string) {
	r.t.Helper()
	if err := os.Symlink(filepath.Join(r.elsewhere, target), filepath.Join(r.dir, name)); err != nil {
		r.t.Fatal(err)
	}
}

// put puts a log object into a directory elsewhere.
func (r *linkedRig) put(dir string) {
	r.t.Helper()
	id := fmt.Sprint("r", len(r.want))
	name := filepath.Base(logtest.SimpleKey(time.Now(), id))
	folder := filepath.Join(r.elsewhere, dir, fmt.Sprint("stream", len(r.want)%5))
	err := errors.Join(os.MkdirAll(folder, 0o700), os.WriteFile(filepath.Join(folder, name), logtest.AccessLog(time.Now(), id), 0o600))
	if err != nil {
		r.t.Fatal(err)
	}
	r.want = append(r.want, id)
}

// run runs a process of each shard until all that is there must have counted.
func (r *linkedRig) run() {
	r.t.Helper()
	for _, shard := range r.rigs {
		src, err := dirsource.New(r.dir)
		if err != nil {
			r.t.Fatal(err)
		}
		shard.config.Locations = []source.Location{{Name: r.dir, Store: src.Store(), Source: src}}
	}
	startAll(r.rigs)
	r.wait(2 * time.Hour)
	got := shownBy(r.rigs)
	for _, id := range r.want {
		if got[id] != 1 {
			r.t.Errorf("%s is counted %d times", id, got[id])
		}
	}
	for _, shard := range r.rigs {
		shard.crash()
	}
}

// A directory that was read by a link of its own goes on to be read by that, also where
// another link leads to what it lies in, and whichever has the newer requests.
func TestScanner_LinkToWhatADirectoryLiesInCountsNothingAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newLinkedRig(t, 1)
		r.link("m", "one")
		r.put("one")
		r.run()
		r.link("a", "")
		r.put("")
		r.run()
		r.put("")
		r.put("one")
		r.run()
		r.put("one")
		r.run()
		r.put("")
		r.run()
	})
}

// However many links there are, in whatever order they were made.
func TestScanner_LinksOfAnyOrderCountNothingAgain(t *testing.T) {
	for seed := range uint64(12) {
		synctest.Test(t, func(t *testing.T) {
			r, random := newLinkedRig(t, 1+int(seed%3)), rand.New(rand.NewPCG(seed, 1))
			dirs := []string{"", "one", "one/two"}
			reached := map[string]bool{}
			for i := range 6 {
				target := dirs[random.IntN(len(dirs))]
				r.link(fmt.Sprint(random.IntN(10), "-", i), target)
				for _, dir := range dirs {
					below := dir == target || target == "" || target == "one" && dir == "one/two"
					if reached[dir] = reached[dir] || below; reached[dir] && random.IntN(2) == 0 {
						r.put(dir)
					}
				}
				r.run()
			}
			if t.Failed() {
				t.Log("seed", seed)
			}
		})
	}
}
