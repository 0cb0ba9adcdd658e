package report

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/dustin/go-humanize"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/rows"
)

// Printer prints a finished Report.
type Printer struct {
	W      io.Writer
	Format string // rows.Table, rows.JSON or rows.CSV
	Top    int    // groups of a table, the first ones; 0: all
	// Note is called at the end, once, if JSON or CSV lacks groups, which such rows cannot show.
	Note func(line string)
}

// nameColumn names in JSON and CSV the table from which a row is, of several.
const nameColumn = "table"

// Print prints every table. In CSV they are one, which has the columns of all. No
// entries may be added afterwards.
func (p *Printer) Print(r *Report) error {
	var out *layout
	var left leftOut
	for i := range r.tables {
		finished, err := r.finish(i, p.Top)
		if err != nil {
			return err
		}
		switch {
		case p.Format != rows.CSV:
			out = p.layout(r.tables[i : i+1])
		case i == 0:
			out = p.layout(r.tables)
		}
		err = p.table(finished, out, i == 0)
		left.add(finished)
		finished.close()
		if err != nil {
			return err
		}
	}
	if p.Format == rows.CSV {
		if err := out.Close(); err != nil {
			return err
		}
	}
	if p.Format != rows.Table && left.groups > 0 {
		p.Note(left.String())
	}
	return nil
}

// leftOut are the groups of all tables that are not printed.
type leftOut struct {
	groups int64
	tables []string // their names and numbers, of several
}

func (l *leftOut) add(g *groups) {
	l.groups += g.left
	if g.left > 0 && g.table.Title != "" {
		l.tables = append(l.tables, g.table.Name+" "+humanize.Comma(g.left))
	}
}

func (l *leftOut) String() string {
	text := "left out " + humanize.Comma(l.groups) + " groups"
	if l.groups == 1 {
		text = "left out 1 group"
	}
	if l.tables != nil {
		text += " (" + strings.Join(l.tables, ", ") + ")"
	}
	return text + "; --top=0 prints all"
}

// table prints a table, and, for people, how many groups it leaves out.
func (p *Printer) table(g *groups, out *layout, first bool) error {
	if err := p.heading(g, first); err != nil {
		return err
	}
	out.begin(g.table)
	if err := g.each(out.group); err != nil {
		return err
	}
	if p.Format != rows.CSV {
		if err := out.Close(); err != nil {
			return err
		}
	}
	if g.left == 0 || p.Format != rows.Table {
		return nil
	}
	_, err := fmt.Fprintf(p.W, "and %s more (--top)\n", humanize.Comma(g.left))
	return err
}

// heading prints a table's title and what all its groups add up to, for people.
func (p *Printer) heading(g *groups, first bool) error {
	if p.Format != rows.Table {
		return nil
	}
	var lines []string
	if !first {
		lines = append(lines, "")
	}
	if g.table.Title != "" {
		lines = append(lines, g.table.Title)
	}
	for _, log := range slices.Sorted(maps.Keys(g.totals)) {
		line := g.totals[log].String()
		if log != "" {
			line = log + ": " + line
		}
		lines = append(lines, line)
	}
	for _, line := range lines {
		if _, err := io.WriteString(p.W, rows.Sentence(p.W, line)); err != nil {
			return err
		}
	}
	return nil
}

// layout prints groups of tables that have some of its columns.
type layout struct {
	rows.Writer
	columns []rows.Column
	table   *Table
	slots   []int // in columns, of a group's cells
	cells   []rows.Cell
}

// layout returns the layout of some tables.
func (p *Printer) layout(tables []Table) *layout {
	var columns []rows.Column
	if tables[0].Title != "" && p.Format != rows.Table {
		columns = append(columns, rows.Column{Name: nameColumn, Kind: query.KindText})
	}
	for i := range tables {
		columns = appendNew(columns, tables[i].keyColumns())
	}
	for i := range tables {
		columns = appendNew(columns, tables[i].sumColumns())
	}
	return &layout{Writer: rows.New(p.Format, p.W, columns), columns: columns}
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

// begin goes on to the groups of a table.
func (l *layout) begin(t *Table) {
	l.table = t
	l.cells = make([]rows.Cell, len(l.columns))
	if l.columns[0].Name == nameColumn {
		l.cells[0] = rows.Cell{Text: t.Name, Known: true}
	}
	l.slots = l.slots[:0]
	for _, c := range slices.Concat(t.keyColumns(), t.sumColumns()) {
		l.slots = append(l.slots, slices.Index(l.columns, c))
	}
}

// group prints a group of the table.
func (l *layout) group(values []string, s Sum) error {
	for i, c := range slices.Concat(l.table.keyCells(values), l.table.sumCells(s)) {
		l.cells[l.slots[i]] = c
	}
	return l.Write(l.cells)
}
