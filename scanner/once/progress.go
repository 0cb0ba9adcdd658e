package once

import (
	"sync"

	"github.com/s3access/s3_access_exporter/scanner/source"
)

// Extent is an amount of objects.
type Extent struct {
	Objects int64
	Bytes   int64 // as stored
}

// Progress shows how far a pass is. The zero value is that of one that has not begun.
// Its methods may be called from any goroutine.
type Progress struct {
	mu       sync.Mutex // guards all below
	listed   Extent
	done     Extent
	complete bool
}

// Listed returns the objects to read that were found so far. They are complete
// when there will be no more.
func (p *Progress) Listed() (found Extent, complete bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.listed, p.complete
}

// Done returns the objects that were read, or could not be.
func (p *Progress) Done() Extent {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.done
}

func (p *Progress) list(obj source.Object) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.listed.Objects++
	p.listed.Bytes += obj.Size
}

func (p *Progress) listedAll() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.complete = true
}

func (p *Progress) finish(obj source.Object) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.done.Objects++
	p.done.Bytes += obj.Size
}
