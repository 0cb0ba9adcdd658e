package dirsource

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// links remembers which symbolic link stands for a directory that has no key of its
// own, so that such a directory is listed under one key, however many links lead to it
// or to what it lies in.
//
// The identity of a directory is its path without symbolic links. The device and inode
// numbers of FUSE, network and overlay file systems are neither unique nor stable
// enough to leave logs out because of them.
type links struct {
	root string // the real path of the location

	mu     sync.Mutex
	owners map[string]string // guarded by mu: key of the link, by the real path that it leads to
	kept   map[string]string // guarded by mu: that of the last link to a directory that is kept, by the directory's

	expected map[string]bool // guarded by mu: keys of links that lead to a directory, or did
}

// path returns the file of a key.
func (l *links) path(key string) string { return filepath.Join(l.root, filepath.FromSlash(key)) }

// isLink reports whether the file of a key is a symbolic link.
func (l *links) isLink(key string) bool {
	info, err := os.Lstat(l.path(key))
	return err == nil && info.Mode()&fs.ModeSymlink != 0
}

// expect takes note of the links on the way to prefix, which was listed before.
func (l *links) expect(prefix string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i, c := range prefix {
		if key := prefix[:i+1]; c == '/' && l.isLink(key) {
			l.note(key)
		}
	}
}

// note takes note that the link of that key leads to a directory, or did. mu is held.
func (l *links) note(key string) {
	if l.expected == nil {
		l.expected = make(map[string]bool)
	}
	l.expected[key] = true
}

// isExpected reports whether the link of that key has led to a directory: one that is not
// there now, as its volume is not mounted.
func (l *links) isExpected(key string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.expected[key]
}

// listed reports whether a file or directory of that real path is listed without a link:
// it lies in the location, and its key is possible, or a possibleFolder.
func (l *links) listed(target string, possible func(key string) bool) bool {
	return reached(l.root, target, possible)
}

// reached reports whether a listing of the directory dir comes across target.
func reached(dir, target string, possible func(key string) bool) bool {
	below, err := filepath.Rel(dir, target)
	return err == nil && (below == "." || possible(filepath.ToSlash(below)))
}

// follow reports whether the link of that key is to be followed to the directory at
// target, which it stands for from then on.
func (l *links) follow(key, target string) bool {
	return l.own(key, target, func() bool {
		for dir := target; ; dir = filepath.Dir(dir) {
			if l.owned(dir, key) && reached(dir, target, possibleFolder) {
				return false
			}
			if dir == filepath.Dir(dir) {
				return true
			}
		}
	})
}

// claim is follow for a link to a directory that is to be kept. A link to what it lies in
// does not keep it from that, as a listing under that one passes over it then; but one under
// which something is kept that lies in it does.
func (l *links) claim(key, target string) bool {
	return l.own(key, target, func() bool {
		if l.owned(target, key) {
			return false
		}
		for dir, by := range l.kept {
			if by != target && reached(target, dir, possibleFolder) && reached(by, target, possibleFolder) {
				return false
			}
		}
		return true
	})
}

// own makes the link of that key stand for the directory at target, unless that is listed
// without a link or is not free for it, and reports whether it does. mu is held while free
// is called.
func (l *links) own(key, target string, free func() bool) bool {
	if l.listed(target, possibleFolder) {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.owners[target] == key {
		return true
	}
	if !free() {
		return false
	}
	if l.owners == nil {
		l.owners = make(map[string]string)
	}
	l.owners[target] = key
	l.note(key)
	return true
}

// keep takes note of a directory that is kept under the key that a link to by has.
func (l *links) keep(dir, by string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.kept == nil {
		l.kept = make(map[string]string)
	}
	l.kept[dir] = by
}

// followed returns the keys of the links that stand for directories, or are expected to,
// sorted.
func (l *links) followed() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var keys []string
	for target, key := range l.owners {
		if l.owned(target, "") {
			keys = append(keys, key)
		}
	}
	for key := range l.expected {
		if _, err := os.Stat(l.path(key)); err != nil && l.isLink(key) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

// taken reports whether the directory at target, which was come across behind a link, is
// listed without one, or another link stands for it.
func (l *links) taken(target string) bool {
	if l.listed(target, possibleFolder) {
		return true
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.owned(target, "")
}

// owned reports whether another link than that of key stands for the directory at target.
// A link that leads elsewhere by now is forgotten.
func (l *links) owned(target, key string) bool {
	owner, ok := l.owners[target]
	if !ok || owner == key {
		return false
	}
	now, err := filepath.EvalSymlinks(l.path(owner))
	if err != nil || now != target {
		delete(l.owners, target)
		return false
	}
	return true
}
