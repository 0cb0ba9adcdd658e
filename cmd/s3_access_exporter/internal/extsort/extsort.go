// Package extsort sorts more rows than memory holds.
//
// A Sorter collects rows until they take the memory that it may use. Then it
// sorts them and writes them to a temporary file, as a run (spill.go). In the end
// the runs and what is still in memory are merged (merge.go). Rows that all fit
// into memory never touch the disk.
//
// The order is that of the keys' bytes, and rows with equal keys stay in the
// order in which they were added. So a Sorter is also a list of any length, if
// all its keys are the same, and whoever wants sums adds up rows with equal keys
// as they come out side by side.
package extsort

import (
	"fmt"
	"slices"
)

// fanIn is how many runs are merged at once. More are merged in passes, so that
// the buffers for reading them stay below 2 MiB.
const fanIn = 64

// Config describes a Sorter.
type Config struct {
	// Memory is the number of bytes that rows may take in memory; 0: 32 MiB. One
	// row may be larger. It is taken as rows come, not ahead of them.
	Memory int
	// Dir is the directory of the temporary files; empty: the system's.
	Dir string
}

// Sorter sorts rows. Its zero value is not for use. It is for one goroutine at a
// time.
type Sorter struct {
	memory int
	dir    string
	batch  batch
	spill  *spill // nil until something was written
}

// New returns a Sorter without rows. It makes no file.
func New(cfg Config) *Sorter {
	const defaultMemory = 32 << 20
	if cfg.Memory == 0 {
		cfg.Memory = defaultMemory
	}
	return &Sorter{memory: cfg.Memory, dir: cfg.Dir}
}

// Add adds a row. It keeps neither key nor value. An error is one of the
// temporary file, whose path it has; the Sorter is of no use then.
func (s *Sorter) Add(key, value []byte) error {
	if s.batch.len() > 0 && s.batch.size()+rowSize(key, value) > s.memory {
		if err := s.flush(); err != nil {
			return err
		}
	}
	s.batch.add(key, value)
	return nil
}

// flush writes the rows in memory as a run.
func (s *Sorter) flush() error {
	if s.spill == nil {
		created, err := newSpill(s.dir)
		if err != nil {
			return fmt.Errorf("sort: %w", err)
		}
		s.spill = created
	}
	if err := s.spill.write(merge(s.batch.cursor())); err != nil {
		return fmt.Errorf("sort: %w", err)
	}
	s.batch.clear()
	return nil
}

// Sort returns the rows in order. It may be called again, to begin anew; Add may
// not be called after it.
func (s *Sorter) Sort() (*Rows, error) {
	cursors, err := s.spilled()
	if err != nil {
		return nil, fmt.Errorf("sort: %w", err)
	}
	return merge(append(cursors, s.batch.cursor())...), nil
}

// spilled returns the runs in the temporary file, which are fanIn at most.
func (s *Sorter) spilled() ([]*cursor, error) {
	if s.spill == nil {
		return nil, nil
	}
	for len(s.spill.runs) > fanIn {
		if err := s.pass(); err != nil {
			return nil, err
		}
	}
	return s.spill.cursors(s.spill.runs), nil
}

// pass merges neighbouring runs into longer ones, in a new file.
func (s *Sorter) pass() error {
	longer, err := newSpill(s.dir)
	if err != nil {
		return err
	}
	for runs := range slices.Chunk(s.spill.runs, fanIn) {
		if err := longer.write(merge(s.spill.cursors(runs)...)); err != nil {
			longer.close()
			return err
		}
	}
	s.spill.close()
	s.spill = longer
	return nil
}

// Each calls visit with every row in order until it fails, and returns its error or
// one of the temporary file. The slices are valid during the call. It may be called
// again; Add may not be called after it.
func (s *Sorter) Each(visit func(key, value []byte) error) error {
	rows, err := s.Sort()
	if err != nil {
		return err
	}
	for rows.Next() {
		if err := visit(rows.Key(), rows.Value()); err != nil {
			return err
		}
	}
	return rows.Err()
}

// Close removes what the Sorter has written. It may be called at any time, and
// more than once; Rows end with it.
func (s *Sorter) Close() {
	if s.spill != nil {
		s.spill.close()
		s.spill = nil
	}
	s.batch = batch{}
}
