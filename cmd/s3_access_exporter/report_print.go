package main

import (
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/rows"
)

// reportPrinter prints what a grouping found.
type reportPrinter struct {
	w      io.Writer
	format string
	top    int // groups of a table; 0: all
	logger *slog.Logger
}

// nameColumn tells in JSON and CSV which of several tables a row is from.
const nameColumn = "table"

// write prints every table. In CSV they are one, which has the columns of all.
func (p *reportPrinter) write(g *grouping) error {
	if p.format == rows.CSV {
		return p.asOne(g.tables, g.totals)
	}
	for i := range g.tables {
		if err := p.heading(&g.tables[i], i == 0); err != nil {
			return err
		}
		if err := p.asOne(g.tables[i:i+1], g.totals[i:i+1]); err != nil {
			return err
		}
	}
	return nil
}

// asOne prints tables as one.
func (p *reportPrinter) asOne(tables []reportTable, totals []*groups) error {
	rows := p.rows(tables)
	left := make([]int64, len(tables))
	for i := range tables {
		var err error
		if left[i], err = p.table(&tables[i], totals[i], rows); err != nil {
			return err
		}
	}
	if err := rows.Close(); err != nil {
		return err
	}
	for i := range tables {
		if err := p.leftOut(&tables[i], left[i]); err != nil {
			return err
		}
	}
	return nil
}

// heading prints a table's title, for people.
func (p *reportPrinter) heading(t *reportTable, first bool) error {
	if p.format != rows.Table || t.title == "" {
		return nil
	}
	title := t.title + "\n"
	if !first {
		title = "\n" + title
	}
	_, err := io.WriteString(p.w, title)
	return err
}

// leftOut tells that a table does not show all groups. Where rows are for
// programs, it is told in the log.
func (p *reportPrinter) leftOut(t *reportTable, groups int64) error {
	if groups == 0 {
		return nil
	}
	if p.format != rows.Table {
		p.logger.Info("only the largest groups are printed; --top=0 prints all", "table", t.name, "left_out", groups)
		return nil
	}
	_, err := fmt.Fprintf(p.w, "and %s more (--top)\n", humanize.Comma(groups))
	return err
}

// table prints a table's groups, and returns how many it leaves out.
func (p *reportPrinter) table(t *reportTable, totals *groups, rows *reportRows) (left int64, err error) {
	order := newRanking(p.top)
	defer order.close()
	err = totals.each(func(key []byte, s sums) error { return order.add(t.rank(s), key, s) })
	if err != nil {
		return 0, err
	}
	rows.begin(t)
	err = order.each(func(key []byte, s sums) error {
		return rows.Write(t.row(strings.Split(string(key), separator), s))
	})
	return order.left(), err
}

// reportRows prints rows of tables that have some of its columns.
type reportRows struct {
	rows.Writer
	columns []rows.Column
	places  []int // of a row's cells in columns
	cells   []rows.Cell
}

// rows returns a writer for some tables.
func (p *reportPrinter) rows(tables []reportTable) *reportRows {
	var columns []rows.Column
	if tables[0].title != "" && p.format != rows.Table {
		columns = append(columns, rows.Column{Name: nameColumn, Kind: query.KindText})
	}
	for i := range tables {
		columns = appendNew(columns, tables[i].keyColumns())
	}
	for i := range tables {
		columns = appendNew(columns, tables[i].sumColumns())
	}
	return &reportRows{Writer: rows.New(p.format, p.w, columns), columns: columns}
}

// appendNew appends the columns that are not there yet.
func appendNew(columns, more []rows.Column) []rows.Column {
	for _, c := range more {
		if !slices.Contains(columns, c) {
			columns = append(columns, c)
		}
	}
	return columns
}

// begin goes on to the rows of a table.
func (r *reportRows) begin(t *reportTable) {
	r.cells = make([]rows.Cell, len(r.columns))
	if r.columns[0].Name == nameColumn {
		r.cells[0] = rows.Cell{Text: t.name, Known: true}
	}
	r.places = r.places[:0]
	for _, c := range append(t.keyColumns(), t.sumColumns()...) {
		r.places = append(r.places, slices.Index(r.columns, c))
	}
}

// write prints a row of the table.
func (r *reportRows) Write(row []rows.Cell) error {
	for i, c := range row {
		r.cells[r.places[i]] = c
	}
	return r.Writer.Write(r.cells)
}
