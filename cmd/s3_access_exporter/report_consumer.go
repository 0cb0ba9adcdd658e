package main

import (
	"bytes"
	"sync"
	"unicode/utf8"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/extsort"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/once"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// The memory that the groups of a table take: of one object, and of all that was
// read. What is more goes to temporary files.
const (
	tallyMemory = 1 << 20
	totalMemory = 16 << 20
)

// grouping adds up the requests that match in the groups of some tables. It is a
// once.Consumer.
type grouping struct {
	tables  []reportTable
	match   func(*record.Record, *classify.Class) bool
	totals  []*groups    // of each table
	sorters extsort.Pool // of the tallies
	benches sync.Pool    // of *groupingBench
}

var _ once.Consumer = (*grouping)(nil)

func newGrouping(
	tables []reportTable, match func(*record.Record, *classify.Class) bool, labels classify.Config,
) *grouping {
	g := &grouping{
		tables:  tables,
		match:   match,
		benches: sync.Pool{New: func() any { return &groupingBench{classifier: classify.NewClassifier(labels)} }},
	}
	for range tables {
		g.totals = append(g.totals, newGroups(totalMemory, func() *extsort.Sorter {
			return extsort.New(extsort.Config{Memory: totalMemory})
		}))
	}
	return g
}

// groupingBench is what a tally needs while it takes records.
type groupingBench struct {
	classifier *classify.Classifier
	key        []byte
}

// groupingTally is the groups of one object.
type groupingTally struct {
	grouping *grouping
	bench    *groupingBench // from the first record to Done
	object   string
	groups   []*groups // of each table
	err      error     // of a temporary file
}

// NewTally implements once.Consumer.
func (g *grouping) NewTally(location, key string) once.Tally {
	t := &groupingTally{grouping: g, object: query.LogObject(location, key)}
	for range g.tables {
		t.groups = append(t.groups, newGroups(tallyMemory, g.sorters.Get))
	}
	return t
}

// Add implements once.Tally.
func (t *groupingTally) Add(r *record.Record) {
	if t.err != nil {
		return
	}
	g := t.grouping
	if t.bench == nil {
		t.bench = g.benches.Get().(*groupingBench) //nolint:errcheck // New makes nothing else
	}
	class := t.bench.classifier.Classify(r)
	if !g.match(r, &class) {
		return
	}
	entry := query.Entry{Record: r, Class: &class, LogObject: t.object}
	for i := range g.tables {
		table := &g.tables[i]
		if table.traits != 0 && !class.Traits.HasAny(table.traits) {
			continue
		}
		t.bench.key = appendGroupKey(t.bench.key[:0], table.fields, &entry)
		if t.err = t.groups[i].add(t.bench.key, sumsOf(r)); t.err != nil {
			return
		}
	}
}

// Done implements once.Tally.
func (t *groupingTally) Done() int {
	if t.bench != nil {
		t.grouping.benches.Put(t.bench)
		t.bench = nil
	}
	held := 0
	for _, g := range t.groups {
		held += len(g.known)
	}
	return held
}

// Take implements once.Consumer.
func (g *grouping) Take(tally once.Tally) error {
	t := tally.(*groupingTally) //nolint:errcheck // every tally is from NewTally
	if t.err != nil {
		return t.err
	}
	for i, groups := range t.groups {
		if err := groups.each(g.totals[i].add); err != nil {
			return err
		}
		if groups.spilled != nil {
			g.sorters.Put(groups.spilled)
		}
	}
	return nil
}

// close removes the temporary files.
func (g *grouping) close() {
	g.sorters.Close()
	for _, total := range g.totals {
		if total.spilled != nil {
			total.spilled.Close()
		}
	}
}

// The values in a group's key stand with this byte between them, so that keys sort
// as their values do. In values it becomes U+FFFD.
const separator = "\x00"

// appendGroupKey appends the key of the group that a request belongs to.
func appendGroupKey(dst []byte, fields []query.Field, e *query.Entry) []byte {
	for i, f := range fields {
		if i > 0 {
			dst = append(dst, separator...)
		}
		start := len(dst)
		dst, _ = f.Append(dst, e)
		if value := dst[start:]; bytes.Contains(value, []byte(separator)) {
			dst = append(dst[:start], bytes.ReplaceAll(value, []byte(separator), []byte(string(utf8.RuneError)))...)
		}
	}
	return dst
}
