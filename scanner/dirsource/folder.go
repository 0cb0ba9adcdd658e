package dirsource

import (
	"slices"
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

	reading sync.Mutex // held while a large folder is read, so that one of many walks does

	mu      sync.Mutex // guards all below
	key     string
	read    int             // how often a large folder was read
	until   time.Time       // when entries are to be read again
	entries []entry         // all that may be listed, sorted; not to be changed
	refused map[string]bool // keys of folders that are too large, or have links in them
}

// maxRefused is how many folders are remembered that are not kept.
const maxRefused = 1000

// folderRead is one reading of a folder.
type folderRead struct {
	folder  *folder
	key     string
	entries []entry
	all     bool // entries are all that may be listed, and not just those that are wanted
	held    bool // folder.reading is
	done    bool // entries are what somebody else has read, sorted
}

// begin begins to read a folder. If it was the last large one, nobody else reads it.
func (f *folder) begin(key string) *folderRead {
	r := &folderRead{folder: f, key: key}
	f.mu.Lock()
	r.all = f.long > 0 && !f.refused[key]
	isLarge := f.read > 0 && f.key == key
	f.mu.Unlock()
	if r.all && isLarge {
		r.hold()
	}
	return r
}

// hold waits for others that read a large folder, and takes what they have read of this one.
func (r *folderRead) hold() {
	r.folder.reading.Lock()
	r.held = true
	if entries, ok := r.folder.kept(r.key); ok {
		r.entries, r.done = entries, true
	}
}

func (r *folderRead) end() {
	if r.held {
		r.folder.reading.Unlock()
	}
}

// grown looks how many entries there are: if the folder turns out to be large, nobody else
// reads a large one meanwhile.
func (r *folderRead) grown(wants func(entry) bool) {
	switch {
	case r.all && len(r.entries) > maxKept:
		r.refuse(wants)
	case r.all && len(r.entries) >= largeFolder && !r.held:
		r.hold()
	}
}

// refuse drops what is not wanted, as the folder cannot be kept.
func (r *folderRead) refuse(wants func(entry) bool) {
	if !r.all {
		return
	}
	r.all = false
	r.entries = slices.Clip(slices.DeleteFunc(r.entries, func(e entry) bool { return !wants(e) }))
	f := r.folder
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.refused == nil || len(f.refused) >= maxRefused {
		f.refused = make(map[string]bool)
	}
	f.refused[r.key] = true
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
