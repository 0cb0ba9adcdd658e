package warehouse

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"

	"github.com/s3access/s3_access_exporter/scanner/once"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// doubts are of a query's log objects, by their paths. An object with no line of a log in it
// is another thing, which the engine takes for lines: compressed, or JSON. The scanner
// reads what is compressed, and names all others, so what is missing is to be said.
type doubts struct {
	malformed map[string]bool // has a line that is none of a log
	readable  map[string]bool // has one that is
	unread    map[string]bool
}

func newDoubts() doubts {
	return doubts{malformed: make(map[string]bool), readable: make(map[string]bool), unread: make(map[string]bool)}
}

// settle takes note of the log objects that could not be read. Which of those with a malformed
// line have no other, it asks the engine.
func (b *batch) settle(ctx context.Context, c *chunk) error {
	d := &b.doubts
	maps.DeleteFunc(d.malformed, func(object string, _ bool) bool { return d.readable[object] })
	for objects := range slices.Chunk(slices.Sorted(maps.Keys(d.malformed)), maxFolders) {
		if err := b.lookAgain(ctx, c, objects); err != nil {
			return err
		}
	}
	for _, object := range slices.Sorted(maps.Keys(d.unread)) {
		b.summary.Unread = append(b.summary.Unread, &once.ObjectError{Location: b.table.Location, Key: b.table.objectKey(object), Reason: "json", Err: errNoEvents})
	}
	for _, object := range slices.Sorted(maps.Keys(d.malformed)) {
		b.summary.Unread = append(b.summary.Unread, &once.ObjectError{Location: b.table.Location, Key: b.table.objectKey(object), Reason: reasonNotLog, Err: errNoLines})
	}
	return nil
}

// The scanner's reason, and what is wrong with objects that could not be read.
const reasonNotLog source.Reason = "not_a_log"

var (
	errNoEvents = errors.New("no JSON document with Records, in one line as CloudTrail writes it")
	errNoLines  = errors.New("no line is one of a server access log: the object may be compressed, or in another format; --engine=scan reads it if it is a log")
)

// lookAgain takes from the malformed objects those that have a line of a log.
func (b *batch) lookAgain(ctx context.Context, c *chunk, objects []string) error {
	s := doubtStatement(b.rows(c), objects)
	restorer := newRestorer(&s)
	b.Notes(fmt.Sprintf("query on table %s: looks once more at %d log objects that have lines of no log", c.table.Name(), len(objects)))
	return b.ask(ctx, c, s.sql, func(row []sql.NullString) error {
		restorer.row = row
		object, _ := restorer.column(colPath)
		if _, unsure := restorer.column(colRaw); unsure {
			if rec, _, err := restorer.restore(row); err != nil || rec == nil {
				return err
			}
		}
		delete(b.doubts.malformed, object)
		return nil
	})
}

// doubtStatement returns the query of which log objects have a line that is one for sure, and
// of those that may be one.
func doubtStatement(lines string, objects []string) statement {
	lines += where([]string{"trim(line) <> ''", in("path", objects)})
	s := statement{log: record.ServerAccess}.plain([]column{{colPath, "path"}, {colRaw, "if(t IS NULL, line)"}}, lineTable(lines), []string{"(t IS NOT NULL OR NOT (" + isAlien + "))"})
	s.sql += " GROUP BY 1, 2"
	return s
}
