package cloudwatch

import (
	"bufio"
	"bytes"
	"errors"
	"io"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// ExportDecoder is the record.Decoder of what export tasks write: lines of a time, a space
// and a message. A line without a time is a message too. The Decoder holds a buffer of the
// longest message that there may be.
type ExportDecoder struct {
	in     *bufio.Reader
	done   bool
	filled bool // there was a line
	err    error
	at     int64 // bytes read

	messages
}

// NewExportDecoder returns an ExportDecoder that reads decompressed lines from r. r may be
// nil if Reset is called before Next.
func NewExportDecoder(r io.Reader) *ExportDecoder {
	d := &ExportDecoder{in: bufio.NewReaderSize(nil, MaxMessage), messages: newMessages()}
	d.Reset(r)
	return d
}

var _ record.Decoder = (*ExportDecoder)(nil)

// Reset implements record.Decoder.
func (d *ExportDecoder) Reset(r io.Reader) {
	d.in.Reset(r)
	d.done, d.filled, d.err, d.at = false, false, nil, 0
	d.reset()
}

// Prefilter implements record.Decoder. raw is the record of a line, without the time.
func (d *ExportDecoder) Prefilter(candidate func(raw []byte) bool) {
	d.PrefilterByFormat(ofAnyFormat(candidate))
}

// PrefilterByFormat is Prefilter with a candidate that is told how raw is written: as
// accesslogjson.Format or cloudtrail.Format.
func (d *ExportDecoder) PrefilterByFormat(candidate func(format record.Format, raw []byte) bool) {
	d.prefilter(candidate)
}

// Next implements record.Decoder.
func (d *ExportDecoder) Next() bool {
	for {
		if d.next() {
			return true
		}
		if d.done {
			if d.err == nil && d.filled && !d.own {
				d.err = record.ErrOtherLog
			}
			return false
		}
		d.readLine()
	}
}

// readLine reads a line and begins its message. A line that a read error cuts off is
// dropped.
func (d *ExportDecoder) readLine() {
	offset := d.at
	line, err := d.in.ReadSlice('\n')
	d.at += int64(len(line))
	tooLong := errors.Is(err, bufio.ErrBufferFull)
	for errors.Is(err, bufio.ErrBufferFull) {
		line, err = d.in.ReadSlice('\n')
		d.at += int64(len(line))
	}
	if err != nil {
		d.done = true
		if err != io.EOF { // not errors.Is: what wraps io.EOF is no clean end
			d.err = err
			return
		}
	}
	if tooLong {
		d.number++
		d.offset, d.own, d.filled = offset, true, true
		d.malformed("longer than a message may be")
		return
	}
	text := bytes.TrimSpace(line)
	if len(text) == 0 {
		return
	}
	d.filled = true
	if time, message, ok := bytes.Cut(text, []byte(" ")); ok && bytes.IndexByte(time, '{') < 0 {
		text = message
	}
	d.begin(text, offset)
}

// Record implements record.Decoder.
func (d *ExportDecoder) Record() *record.Record { return d.record }

// Err implements record.Decoder. Lines of other logs alone are record.ErrOtherLog. A line is
// never an error.
func (d *ExportDecoder) Err() error { return d.err }

// Skipped implements record.Decoder.
func (d *ExportDecoder) Skipped() record.Skipped { return d.skipped }
