package main

import (
	"sync"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/extsort"
)

// sorters hands out sorters for what single objects hold. The tally of an object
// that turns out to be broken is dropped without a word, so its sorter is closed
// in the end. The zero value is ready. It may be used from any goroutine.
type sorters struct {
	mu   sync.Mutex
	open map[*extsort.Sorter]struct{}
}

// add returns a new sorter for an object.
func (s *sorters) add() *extsort.Sorter {
	const memory = 1 << 20
	added := extsort.New(extsort.Config{Memory: memory})
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.open == nil {
		s.open = make(map[*extsort.Sorter]struct{})
	}
	s.open[added] = struct{}{}
	return added
}

// release closes a sorter.
func (s *sorters) release(sorter *extsort.Sorter) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sorter.Close()
	delete(s.open, sorter)
}

// close closes the sorters that were not released.
func (s *sorters) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for sorter := range s.open {
		sorter.Close()
	}
	s.open = nil
}
