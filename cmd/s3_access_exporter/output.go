package main

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/query"
)

// column is a column of rows.
type column struct {
	name string
	kind query.Kind
}

// fieldColumn returns the column of a field.
func fieldColumn(f query.Field) column { return column{f.String(), f.Kind()} }

// cell is a value in a row, in the text form of its column's kind (query.Kind). A
// value that is not said has no text.
type cell struct {
	text string
	said bool
}

// rowWriter prints rows. It keeps nothing of a row. Errors are those of the
// writer below, which it never closes.
type rowWriter interface {
	write(row []cell) error
	// flush prints what is complete.
	flush() error
	// close ends the output, and prints all that is not printed yet.
	close() error
}

// The formats of rows.
const (
	formatTable = "table"
	formatJSON  = "json"
	formatCSV   = "csv"
)

// newRowWriter returns the rowWriter of a format. JSON is an object a row; what
// is not said is null. In CSV it is empty. A table is for people, see textTable.
func newRowWriter(format string, w io.Writer, columns []column) rowWriter {
	switch format {
	case formatJSON:
		return &jsonRows{w: bufio.NewWriter(w), columns: columns}
	case formatCSV:
		return newCSVRows(w, columns)
	default:
		return newTextTable(w, columns)
	}
}

type jsonRows struct {
	w       *bufio.Writer
	columns []column
	line    []byte
}

func (j *jsonRows) write(row []cell) error {
	j.line = append(j.line[:0], '{')
	for i, c := range row {
		if i > 0 {
			j.line = append(j.line, ',')
		}
		j.line = appendJSON(j.line, j.columns[i].name)
		j.line = append(j.line, ':')
		switch kind := j.columns[i].kind; {
		case !c.said:
			j.line = append(j.line, "null"...)
		case kind == query.KindNumber || kind == query.KindBytes:
			j.line = append(j.line, c.text...)
		default:
			j.line = appendJSON(j.line, c.text)
		}
	}
	j.line = append(j.line, '}', '\n')
	_, err := j.w.Write(j.line)
	return err
}

func (j *jsonRows) flush() error { return j.w.Flush() }
func (j *jsonRows) close() error { return j.w.Flush() }

// appendJSON appends a string of JSON, in which all control characters are
// escaped, also those that JSON allows: terminals obey them.
func appendJSON(dst []byte, text string) []byte {
	if isPlain(text) {
		return append(append(append(dst, '"'), text...), '"')
	}
	var quoted bytes.Buffer
	encoder := json.NewEncoder(&quoted)
	encoder.SetEscapeHTML(false)
	_ = encoder.Encode(text) // a string into memory cannot fail
	for _, c := range strings.TrimSuffix(quoted.String(), "\n") {
		if unicode.IsControl(c) {
			dst = fmt.Appendf(dst, `\u%04x`, c)
		} else {
			dst = utf8.AppendRune(dst, c)
		}
	}
	return dst
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

// csvRows are comma-separated values, as in RFC 4180. These have no escapes, so
// control characters, which terminals obey, become U+FFFD.
type csvRows struct {
	w      *csv.Writer
	record []string
}

func newCSVRows(w io.Writer, columns []column) *csvRows {
	c := &csvRows{w: csv.NewWriter(w), record: make([]string, len(columns))}
	for i, column := range columns {
		c.record[i] = column.name
	}
	_ = c.w.Write(c.record) // a failure is that of flush, too
	return c
}

func (c *csvRows) write(row []cell) error {
	for i, cell := range row {
		c.record[i] = strings.Map(withoutControl, cell.text)
	}
	return c.w.Write(c.record)
}

func withoutControl(c rune) rune {
	if unicode.IsControl(c) {
		return utf8.RuneError
	}
	return c
}

func (c *csvRows) flush() error {
	c.w.Flush()
	return c.w.Error()
}

func (c *csvRows) close() error { return c.flush() }
