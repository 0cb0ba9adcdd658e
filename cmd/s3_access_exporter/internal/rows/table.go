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
// no wider than that.
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

// newTextTable returns a table that is cut to the width of w if that is a terminal.
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

const gap = "  " // between columns

// fit makes the widest columns of text narrower until the table has room, or they
// are too narrow to be of use.
func (t *textTable) fit() {
	const narrow = 12
	if t.room == 0 {
		return
	}
	over := len(gap)*(len(t.widths)-1) - t.room
	for _, width := range t.widths {
		over += width
	}
	for ; over > 0; over-- {
		widest := -1
		for i, c := range t.columns {
			if c.Kind == query.KindText && t.widths[i] > narrow && (widest < 0 || t.widths[i] > t.widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		t.widths[widest]--
	}
}

func (t *textTable) print(row []string) error {
	var line strings.Builder
	for i, text := range row {
		if i > 0 {
			line.WriteString(gap)
		}
		width := uniseg.StringWidth(text)
		if t.room > 0 && width > t.widths[i] {
			text, width = cut(text, t.widths[i])
		}
		padding := strings.Repeat(" ", max(t.widths[i]-width, 0))
		if kind := t.columns[i].Kind; kind == query.KindNumber || kind == query.KindBytes {
			line.WriteString(padding + text)
		} else {
			line.WriteString(text + padding)
		}
	}
	_, err := t.w.WriteString(strings.TrimRight(line.String(), " ") + "\n")
	return err
}

// cut returns as much of text as there is room for, with a mark that it is cut.
func cut(text string, room int) (short string, width int) {
	const mark = "…"
	end, state := 0, -1
	for rest := text; rest != ""; {
		var character string
		var columns int
		character, rest, columns, state = uniseg.FirstGraphemeClusterInString(rest, state)
		if width+columns > room-1 {
			break
		}
		end += len(character)
		width += columns
	}
	return text[:end] + mark, width + 1
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
