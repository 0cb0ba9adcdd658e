package report

import (
	"cmp"
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/extsort"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/extsort/sums"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
)

// groups are the finished groups of a Table, in order: those with the higher rank
// first, then by their keys.
type groups struct {
	table *Table
	// totals are what all groups add up to. The two logs may hold one request, so where
	// groups are by log, totals are by log; else the key is empty.
	// There are none of a Table in which a request may be in many groups.
	totals map[string]Sum
	left   int64 // groups that each leaves out

	top  int             // how many to keep; 0: all
	best []ranked        // in no order, the first ones and others; if top is not 0
	all  *extsort.Sorter // if top is 0
	pool *extsort.Pool
	buf  []byte
}

// ranked is a group with its rank.
type ranked struct {
	rank int64
	key  string
	sum  Sum
}

func (r ranked) compare(other ranked) int {
	return cmp.Or(cmp.Compare(other.rank, r.rank), strings.Compare(r.key, other.key))
}

// finish returns the first groups of a table in order; all if top is 0. The caller
// closes them.
func (r *Report) finish(table, top int) (*groups, error) {
	g := &groups{table: &r.tables[table], top: top, pool: &r.pool, totals: make(map[string]Sum)}
	if top == 0 {
		g.all = r.pool.Get(totalMemory)
	}
	found := int64(0)
	byLog := slices.Index(g.table.Fields, query.Log)
	err := r.totals[table].Each(func(key []byte, row []int64) error {
		found++
		log := ""
		if byLog >= 0 {
			log = strings.Split(string(key), separator)[byLog]
		}
		s := sumOf(row)
		if g.table.Each == nil {
			g.totals[log] = g.totals[log].plus(s)
		}
		return g.add(key, s)
	})
	if err != nil {
		return nil, err
	}
	g.cut()
	if top > 0 {
		g.left = max(found-int64(top), 0)
	}
	return g, nil
}

// add adds a group. It keeps nothing of key.
func (g *groups) add(key []byte, s Sum) error {
	rank := g.table.Rank.of(s)
	if g.all != nil {
		g.buf = binary.BigEndian.AppendUint64(g.buf[:0], uint64(math.MaxInt64-rank))
		g.buf = append(g.buf, key...)
		row := s.row()
		return g.all.Add(g.buf, sums.AppendRow(nil, row[:]))
	}
	const batch = 1024 // that may be too many, so that they are sorted seldom
	if g.best = append(g.best, ranked{rank, string(key), s}); len(g.best) >= g.top+batch {
		g.cut()
	}
	return nil
}

// cut sorts the best and leaves out all after the first ones.
func (g *groups) cut() {
	slices.SortFunc(g.best, ranked.compare)
	if len(g.best) > g.top {
		clear(g.best[g.top:])
		g.best = g.best[:g.top]
	}
}

// each calls visit with the groups in order until it fails. values are those of the
// Table's fields.
func (g *groups) each(visit func(values []string, s Sum) error) error {
	for _, b := range g.best {
		if err := visit(strings.Split(b.key, separator), b.sum); err != nil {
			return err
		}
	}
	if g.all == nil {
		return nil
	}
	const rankSize = 8
	var row []int64
	return g.all.Each(func(key, encoded []byte) (err error) {
		if row, err = sums.ReadRow(row[:0], encoded); err != nil {
			return err
		}
		return visit(strings.Split(string(key[rankSize:]), separator), sumOf(row))
	})
}

// close gives the temporary file back.
func (g *groups) close() {
	if g.all != nil {
		g.pool.Put(g.all)
		g.all = nil
	}
}
