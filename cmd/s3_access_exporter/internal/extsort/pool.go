package extsort

import "sync"

// Pool lends Sorters. What was read of a log object that turns out to be broken is
// dropped without a word, so the Pool closes in the end what was not given back. The
// zero value is ready. Its methods may be called from any goroutine.
type Pool struct {
	mu   sync.Mutex
	open map[*Sorter]struct{}
}

// Get returns a new Sorter that may take so many bytes of memory.
func (p *Pool) Get(memory int) *Sorter {
	added := New(Config{Memory: memory})
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.open == nil {
		p.open = make(map[*Sorter]struct{})
	}
	p.open[added] = struct{}{}
	return added
}

// Put takes a Sorter back, and closes it.
func (p *Pool) Put(sorter *Sorter) {
	p.mu.Lock()
	defer p.mu.Unlock()
	sorter.Close()
	delete(p.open, sorter)
}

// Close closes the Sorters that were not given back.
func (p *Pool) Close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for sorter := range p.open {
		sorter.Close()
	}
	p.open = nil
}
