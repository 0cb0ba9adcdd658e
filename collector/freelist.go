package collector

import (
	"runtime"
	"sync"
)

// freeList lends what is made once and used again, to one goroutine at a time. Other than
// a sync.Pool it keeps it across garbage collections, as what was learned is worth more
// than its memory, which is bounded: it keeps one for each core.
type freeList[T any] struct {
	make func() *T

	mu   sync.Mutex
	free []*T // guarded by mu
}

func (l *freeList[T]) get() *T {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := len(l.free) - 1
	if last < 0 {
		return l.make()
	}
	taken := l.free[last]
	l.free = l.free[:last]
	return taken
}

func (l *freeList[T]) put(used *T) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.free) < runtime.GOMAXPROCS(0) {
		l.free = append(l.free, used)
	}
}
