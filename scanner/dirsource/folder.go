package dirsource

import (
	"sort"
	"sync"
	"time"
)

// A search lists a folder of many streams once for each of them, and so do their polls. What
// is read of a large folder is therefore shared by all that list it meanwhile, and for half the
// settle time: what has come since is not settled yet, or may as well have come a moment later.
const (
	largeFolder = 4096    // entries, at least
	maxKept     = 1 << 18 // entries, of some 100 bytes each, at most
)

// folder is the large folder that was read last.
type folder struct {
	long time.Duration // it is kept once it is read; 0: not at all

	reading sync.Mutex // held while it is read again

	mu      sync.Mutex // guards all below
	key     string
	read    int       // how often a large folder was read
	until   time.Time // when entries are to be read again
	entries []entry   // all that may be listed, sorted; not to be changed
}

// isLarge reports whether the folder of that key was the last large one.
func (f *folder) isLarge(key string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.read > 0 && f.key == key
}

// keep keeps the entries of a folder.
func (f *folder) keep(key string, entries []entry) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.read++
	f.key, f.until, f.entries = key, time.Now().Add(f.long), entries
	read := f.read
	time.AfterFunc(f.long, func() {
		f.mu.Lock()
		defer f.mu.Unlock()
		if f.read == read {
			f.entries = nil
		}
	})
}

// kept returns what is kept of a folder, if anything.
func (f *folder) kept(key string) (entries []entry, ok bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.entries, f.entries != nil && f.key == key && time.Now().Before(f.until)
}

// wanted returns the part of a folder's sorted entries that the walk wants.
func (w *walk) wanted(entries []entry) []entry {
	first := max(w.prefix, w.startAfter)
	from := sort.Search(len(entries), func(i int) bool { return entries[i].key >= first })
	switch {
	case from > 0 && w.wants(entries[from-1]): // the folder in which startAfter lies
		from--
	case from < len(entries) && !w.wants(entries[from]): // startAfter itself
		from++
	}
	many := sort.Search(len(entries)-from, func(i int) bool { return !w.wants(entries[from+i]) })
	return entries[from : from+many]
}
