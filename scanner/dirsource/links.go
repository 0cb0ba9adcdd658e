package dirsource

import (
	"path/filepath"
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
	if l.listed(target, possibleFolder) {
		return false
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.owners[target] == key {
		return true
	}
	for dir := target; ; dir = filepath.Dir(dir) {
		if l.owned(dir, key) && reached(dir, target, possibleFolder) {
			return false
		}
		if dir == filepath.Dir(dir) {
			break
		}
	}
	if l.owners == nil {
		l.owners = make(map[string]string)
	}
	l.owners[target] = key
	return true
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
	now, err := filepath.EvalSymlinks(filepath.Join(l.root, filepath.FromSlash(owner)))
	if err != nil || now != target {
		delete(l.owners, target)
		return false
	}
	return true
}
