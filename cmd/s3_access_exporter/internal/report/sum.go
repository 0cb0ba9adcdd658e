package report

import (
	"fmt"
	"strconv"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/extsort/sums"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/rows"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Sum is what the requests of a group add up to. Sums stop at the largest number.
type Sum struct {
	Requests       int64
	Sent, Received int64 // bytes; record.Unknown if no request's log holds them
	First, Last    int64 // times of requests, in seconds
}

// column is a number of a Sum.
type column int

const (
	requests column = iota
	sentBytes
	receivedBytes
	firstSeen
	lastSeen
	columnCount
)

// columns returns how the numbers of Sums become one.
func columns() sums.Columns {
	return sums.Columns{
		requests: sums.Add, sentBytes: sums.AddKnown, receivedBytes: sums.AddKnown, firstSeen: sums.Min, lastSeen: sums.Max,
	}
}

// row returns the numbers, by column.
func (s Sum) row() [columnCount]int64 {
	return [...]int64{requests: s.Requests, sentBytes: s.Sent, receivedBytes: s.Received, firstSeen: s.First, lastSeen: s.Last}
}

// sumOf returns the Sum of a row.
func sumOf(row []int64) Sum {
	return Sum{Requests: row[requests], Sent: row[sentBytes], Received: row[receivedBytes], First: row[firstSeen], Last: row[lastSeen]}
}

// rowOf returns what an entry of a weight adds to a group.
func rowOf(w record.Weight) [columnCount]int64 {
	return Sum{Requests: w.Requests, Sent: w.SentBytes, Received: w.ReceivedBytes, First: w.First, Last: w.Last}.row()
}

// plus returns what both add up to. A Sum without requests is nothing.
func (s Sum) plus(other Sum) Sum {
	if s.Requests == 0 {
		return other
	}
	sum, row := s.row(), other.row()
	columns().Merge(sum[:], row[:])
	return sumOf(sum[:])
}

// bytes returns what was sent and received.
func (s Sum) bytes() int64 {
	total := []int64{max(s.Sent, 0)}
	sums.Columns{}.Merge(total, []int64{max(s.Received, 0)})
	return total[0]
}

// cell returns a number of the column as a cell.
func (c column) cell(n int64) rows.Cell {
	switch {
	case c == firstSeen || c == lastSeen:
		return rows.Cell{Text: time.Unix(n, 0).UTC().Format(time.RFC3339), Known: true}
	case n == record.Unknown:
		return rows.Cell{}
	}
	return rows.Cell{Text: strconv.FormatInt(n, 10), Known: true}
}

// String returns the Sum as a line for people.
func (s Sum) String() string {
	text := humanize.Comma(s.Requests) + " requests"
	if s.Requests == 1 {
		text = "1 request"
	}
	for _, bytes := range []struct {
		n    int64
		what string
	}{{s.Sent, "sent"}, {s.Received, "received"}} {
		if bytes.n != record.Unknown {
			text += fmt.Sprintf(", %s %s", humanize.IBytes(uint64(bytes.n)), bytes.what)
		}
	}
	return text + fmt.Sprintf(", from %s to %s", firstSeen.cell(s.First).Text, lastSeen.cell(s.Last).Text)
}
