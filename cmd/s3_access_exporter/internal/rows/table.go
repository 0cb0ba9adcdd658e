package rows

import (
	"bufio"
	"io"
	"strconv"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/rivo/uniseg"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/hostile"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/terminal"
)

// textTable prints rows for people: aligned, with readable numbers, and on a terminal
// no wider than that: what has no room in a line goes on in the next one, column by
// column, further to the right.
//
// The columns are as wide as the first rows need, so that rows without end take
// no memory; a later cell that is wider moves the rest of its row.
type textTable struct {
	w       *bufio.Writer
	columns []Column
	room    int // columns of the terminal; 0: no terminal
	page    [][]string
	widths  []int // nil until the first page is printed
}

// pageRows is how many rows decide on the widths of a table.
const pageRows = 200

// newTextTable returns a table that has the width of w if that is a terminal.
func newTextTable(w io.Writer, columns []Column) *textTable {
	t := &textTable{w: bufio.NewWriter(w), columns: columns}
	if room, ok := terminal.Width(w); ok {
		t.room = room
	}
	return t
}

func (t *textTable) Write(row []Cell) error {
	texts := make([]string, len(row))
	for i, c := range row {
		texts[i] = readable(c, t.columns[i].Kind)
	}
	if t.widths != nil {
		return t.print(texts)
	}
	if t.page = append(t.page, texts); len(t.page) < pageRows {
		return nil
	}
	return t.begin()
}

// begin prints the names of the columns and the first page.
func (t *textTable) begin() error {
	names := make([]string, len(t.columns))
	for i, c := range t.columns {
		names[i] = strings.ToUpper(c.Name)
	}
	t.page = append([][]string{names}, t.page...)
	t.widths = make([]int, len(t.columns))
	for _, row := range t.page {
		for i, text := range row {
			t.widths[i] = max(t.widths[i], uniseg.StringWidth(text))
		}
	}
	t.fit()
	for _, row := range t.page {
		if err := t.print(row); err != nil {
			return err
		}
	}
	t.page = nil
	return nil
}

const (
	gap    = "  "   // between columns
	indent = "    " // of lines after a row's first one
)

// fit gives columns of text no more than their share of a terminal on which the table
// has no room, so that one long key does not spread all rows over more lines.
func (t *textTable) fit() {
	const share = 3
	total := len(gap) * (len(t.widths) - 1)
	for _, width := range t.widths {
		total += width
	}
	if t.room == 0 || total <= t.room {
		return
	}
	for i, c := range t.columns {
		if c.Kind == query.KindText {
			t.widths[i] = min(t.widths[i], t.room/share)
		}
	}
}

func (t *textTable) print(row []string) error {
	out := lines{room: t.room, gap: gap}
	for i, text := range row {
		padding := strings.Repeat(" ", max(t.widths[i]-uniseg.StringWidth(text), 0))
		if kind := t.columns[i].Kind; kind == query.KindNumber || kind == query.KindBytes {
			out.add(padding + text)
		} else {
			out.add(text + padding)
		}
	}
	_, err := t.w.WriteString(out.text())
	return err
}

func (t *textTable) Flush() error {
	if t.widths == nil && len(t.page) > 0 {
		if err := t.begin(); err != nil {
			return err
		}
	}
	return t.w.Flush()
}

func (t *textTable) Close() error {
	if t.widths == nil && len(t.page) == 0 {
		if _, err := t.w.WriteString("no requests match\n"); err != nil {
			return err
		}
	}
	return t.Flush()
}

// unknown is what a table has for a value that is not known.
const unknown = "-"

// readable returns a value for people.
func readable(c Cell, kind query.Kind) string {
	if !c.Known {
		return unknown
	}
	n, err := strconv.ParseInt(c.Text, 10, 64)
	switch {
	case err == nil && kind == query.KindBytes:
		return humanize.IBytes(uint64(n))
	case err == nil && kind == query.KindNumber:
		return humanize.Comma(n)
	}
	return hostile.Quoted(c.Text)
}
