// Package tsvlog decodes a log that nobody writes: a request a line, of four fields with
// tabs between them, which are the time in seconds, the request ID, the operation and
// the bucket.
package tsvlog

import (
	"bufio"
	"bytes"
	"io"
	"strconv"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Format is the format that the Decoder reads.
const Format record.Format = "tsv"

// Decoder is the decoder of the format.
type Decoder struct {
	lines     *bufio.Reader
	candidate func(raw []byte) bool
	done      bool
	err       error
	number    int64
	record    record.Record
	skipped   record.Skipped
}

// NewDecoder returns a Decoder that reads from r.
func NewDecoder(r io.Reader) *Decoder {
	d := &Decoder{lines: bufio.NewReader(nil)}
	d.Reset(r)
	return d
}

// Reset makes the Decoder read from r.
func (d *Decoder) Reset(r io.Reader) {
	d.lines.Reset(r)
	d.done, d.err, d.number, d.skipped = false, nil, 0, record.Skipped{}
}

// Prefilter sets what Next asks of each line.
func (d *Decoder) Prefilter(candidate func(raw []byte) bool) { d.candidate = candidate }

// Next reads up to the next record.
func (d *Decoder) Next() bool {
	for !d.done {
		line, err := d.lines.ReadSlice('\n')
		if err != nil {
			d.done = true
			if err != io.EOF {
				d.err = err
				return false
			}
		}
		if line = bytes.TrimSuffix(line, []byte("\n")); len(line) == 0 || d.candidate != nil && !d.candidate(line) {
			continue
		}
		d.number++
		if d.decode(line) {
			return true
		}
		d.skipped.Malformed++
		d.skipped.First = &record.MalformedError{Number: d.number, Reason: "not four fields"}
	}
	return false
}

func (d *Decoder) decode(line []byte) bool {
	fields := bytes.Split(line, []byte("\t"))
	if len(fields) != 4 {
		return false
	}
	seconds, err := strconv.ParseInt(string(fields[0]), 10, 64)
	d.record.Reset()
	d.record.Log = record.ServerAccess
	d.record.Time, d.record.RequestID, d.record.Operation, d.record.Bucket = seconds, fields[1], fields[2], fields[3]
	return err == nil
}

// Record returns what Next has found.
func (d *Decoder) Record() *record.Record { return &d.record }

// Err returns why Next is false.
func (d *Decoder) Err() error { return d.err }

// Skipped returns what was no record.
func (d *Decoder) Skipped() record.Skipped { return d.skipped }
