// Package rows prints rows of cells: as a table for people, as JSON, or as
// comma-separated values. Whatever a log holds, no terminal obeys it.
package rows

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"io"
	"strings"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/hostile"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
)

// Column is a column of rows.
type Column struct {
	Name string
	Kind query.Kind
}

// ColumnOf returns the column of a field.
func ColumnOf(f query.Field) Column { return Column{f.String(), f.Kind()} }

// Cell is a value in a row, in the text form of its column's kind (query.Kind). A
// value that is not known has no text.
type Cell struct {
	Text  string
	Known bool
}

// Writer prints rows. Errors are those of the io.Writer below, which a Writer never
// closes. It is for one goroutine at a time.
type Writer interface {
	// Write prints a row, which has a cell for each column, sooner or later. It keeps
	// nothing of the slice.
	Write(row []Cell) error
	// Flush prints what is complete.
	Flush() error
	// Close ends the output, and prints all that is not printed yet.
	Close() error
}

// The formats of rows.
const (
	Table = "table"
	JSON  = "json"
	CSV   = "csv"
	Raw   = "raw"
)

// New returns the Writer of a format. JSON is an object a row, in which a value that
// is not known is null. In CSV it is empty. A table is for people, see textTable. Raw are
// the cells of a row as they are, with colons between them: it is for files and programs.
func New(format string, w io.Writer, columns []Column) Writer {
	switch format {
	case JSON:
		return &jsonRows{w: bufio.NewWriter(w), columns: columns}
	case CSV:
		return newCSVRows(w, columns)
	case Raw:
		return &rawRows{w: bufio.NewWriter(w)}
	default:
		return newTextTable(w, columns)
	}
}

type rawRows struct{ w *bufio.Writer }

// Write implements Writer.
func (r *rawRows) Write(row []Cell) error {
	for i, cell := range row {
		if i > 0 {
			_ = r.w.WriteByte(':') // the next error is the same
		}
		_, _ = r.w.WriteString(cell.Text)
	}
	return r.w.WriteByte('\n')
}

// Flush implements Writer.
func (r *rawRows) Flush() error { return r.w.Flush() }

// Close implements Writer.
func (r *rawRows) Close() error { return r.w.Flush() }

type jsonRows struct {
	w       *bufio.Writer
	columns []Column
	line    []byte
}

func (j *jsonRows) Write(row []Cell) error {
	j.line = append(j.line[:0], '{')
	for i, c := range row {
		if i > 0 {
			j.line = append(j.line, ',')
		}
		j.line = appendJSON(j.line, j.columns[i].Name)
		j.line = append(j.line, ':')
		switch kind := j.columns[i].Kind; {
		case !c.Known:
			j.line = append(j.line, "null"...)
		case kind == query.KindNumber || kind == query.KindBytes:
			j.line = append(j.line, c.Text...)
		default:
			j.line = appendJSON(j.line, c.Text)
		}
	}
	j.line = append(j.line, '}', '\n')
	_, err := j.w.Write(j.line)
	return err
}

func (j *jsonRows) Flush() error { return j.w.Flush() }
func (j *jsonRows) Close() error { return j.w.Flush() }

// appendJSON appends a string of JSON, in which all characters that deceive are
// escaped, also those that JSON allows.
func appendJSON(dst []byte, text string) []byte {
	if isPlain(text) {
		return append(append(append(dst, '"'), text...), '"')
	}
	var quoted bytes.Buffer
	encoder := json.NewEncoder(&quoted)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a string into memory cannot fail
	return hostile.AppendJSON(dst, strings.TrimSuffix(quoted.String(), "\n"))
}

// isPlain reports whether text stands in JSON as it is.
func isPlain(text string) bool {
	for i := range len(text) {
		if c := text[i]; c < ' ' || c == '"' || c == '\\' || c > '~' {
			return false
		}
	}
	return true
}

// csvRows are comma-separated values, as in RFC 4180. Cells are harmless, see
// hostile.Cell.
type csvRows struct {
	w      *csv.Writer
	record []string
}

func newCSVRows(w io.Writer, columns []Column) *csvRows {
	c := &csvRows{w: csv.NewWriter(w), record: make([]string, len(columns))}
	for i, column := range columns {
		c.record[i] = column.Name
	}
	_ = c.w.Write(c.record) // a failure is that of flush, too
	return c
}

func (c *csvRows) Write(row []Cell) error {
	for i, cell := range row {
		c.record[i] = hostile.Cell(cell.Text)
	}
	return c.w.Write(c.record)
}

func (c *csvRows) Flush() error {
	c.w.Flush()
	return c.w.Error()
}

func (c *csvRows) Close() error { return c.Flush() }
