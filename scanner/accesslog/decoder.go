// Package accesslog decodes S3 server access logs: text, one request a line,
// 17 to 27 fields and more to come. It is for programs outside of this module too.
//
// The format has no escaping. The fields are divided by spaces, the times
// stand in brackets, and the three fields that a client writes (Request-URI,
// Referer, User-Agent) stand in quotes, inside which clients put quotes and
// spaces of their own. So a line is not split but cornered from both ends:
//
//   - From the left, up to the key, no field is the client's to choose freely:
//     the key is percent-encoded. The requester alone may hold spaces, and
//     ends where a request ID and an operation follow.
//   - A request target holds no raw space. So the Request-URI ends at the first
//     quote after which a status, an error code and four numbers stand, and
//     nothing that a client sends can forge those.
//   - Right of the user agent AWS quotes nothing. So the line's last quote
//     closes the user agent, if a complete tail of fields stands behind it: nothing
//     that a client sends can forge the signature version and its neighbours. If no
//     complete tail stands there, fields right of the user agent are quoted, as by
//     stores that quote the host, and the one complete tail of the line counts
//     (tail.go).
//
// Only the border between Referer and user agent is the client's to move. Where more
// than one reading of a line is left, it is malformed. The host is the client's, too, but
// has no spaces and quotes (RFC 3986, section 3.2.2), and AWS finds no bucket by one that
// has; what it makes of a line of another store is never a signature that is less of an
// alarm than the true one.
//
// Lines end with a line feed, and may have a carriage return before it. Lines that a
// carriage return alone parts are one malformed line.
//
// How many fields a line has shows when it was written; AWS appends fields
// without notice. So fields are counted a line, never a file:
//
//	17, 18   up to early 2019: to the user agent, or the version ID
//	24       2019: and host ID, signature version, cipher suite, authentication type, host, TLS version
//	25-27    and access point ARN (2021), aclRequired (2022), source Region (2026)
//
// Lines of March 2019 may have one field more, between version ID and host ID.
//
// Stores of other vendors write the format too, each in its own way: Ceph with keys and
// Referers as they came (ceph.go), Wasabi with 18 fields, a Request-URI without an HTTP
// version and a line of names at the beginning, Backblaze with operations of its own,
// OneFS and ObjectScale with quotes around the host.
//
// See https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html.
package accesslog

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"hash/maphash"
	"io"

	"github.com/s3access/s3_access_exporter/scanner/internal/access"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// MaxLine is the number of bytes that a line may have, its line feed not
// counted. Longer lines are malformed. Those that AWS writes stay far below: a
// request's headers are limited to 8 KB, see
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingMetadata.html.
const MaxLine = 1 << 20

// minBuffer and maxBuffer are the sizes of the Decoder's buffer. It must hold a line
// and its line feed.
const (
	minBuffer = 64 << 10
	maxBuffer = MaxLine + 1
)

// Decoder is the record.Decoder of server access logs. It holds 64 KB of what lines repeat
// (known.go), and a buffer of 64 KB, or
// of up to twice the longest line that it has met, but hardly more than MaxLine.
type Decoder struct {
	in   *bufio.Reader
	done bool  // in has ended or failed
	err  error // the reader's, other than io.EOF, or errNotLog

	candidate func(raw []byte) bool // nil: every line is one
	filled    bool                  // there was a line that is not blank
	isLog     bool                  // and one that was understood

	number  int64 // of the lines read
	offset  int64 // of the bytes read
	skipped record.Skipped

	fields  fields
	record  record.Record
	key     []byte                    // what record.Key points to if it had to be decoded
	service [len(access.Service)]byte // what record.Requester points to if the line does not name it
}

// NewDecoder returns a Decoder that reads decompressed log lines from r. r may
// be nil if Reset is called before Next.
func NewDecoder(r io.Reader) *Decoder {
	d := &Decoder{in: bufio.NewReaderSize(nil, minBuffer)}
	d.fields.tails.seed = maphash.MakeSeed()
	d.Reset(r)
	return d
}

var _ record.Decoder = (*Decoder)(nil)

var errNotLog = fmt.Errorf("no line is one of a server access log: %w", record.ErrNotLog)

// Reset implements record.Decoder.
func (d *Decoder) Reset(r io.Reader) {
	d.in.Reset(r)
	d.done, d.err = false, nil
	d.filled, d.isLog = false, false
	d.number, d.offset = 0, 0
	d.skipped = record.Skipped{}
}

// Prefilter implements record.Decoder. raw is a line without its line feed. candidate
// is not asked for lines that are blank or too long.
func (d *Decoder) Prefilter(candidate func(raw []byte) bool) { d.candidate = candidate }

// Next implements record.Decoder. Blank lines count among nothing, and the line of
// names with which Wasabi begins an object counts as no request.
func (d *Decoder) Next() bool {
	for !d.done {
		offset := d.offset
		line, tooLong := d.readLine()
		if tooLong {
			d.filled = true
			d.malformed(offset, "line too long")
			continue
		}
		raw := bytes.TrimSuffix(line, []byte("\n"))
		if line = trimRight(line); len(line) == 0 {
			continue
		}
		d.filled = true
		passed := d.candidate != nil && !d.candidate(raw)
		if passed && d.isLog {
			continue
		}
		switch reason := d.decode(line); {
		case passed: // it was read to see whether this is a log
			d.isLog = reason == "" || isHeader(line)
		case reason == "":
			d.isLog = true
			d.record.Raw, d.record.Number = raw, d.number
			return true
		case isHeader(line):
			d.isLog = true
			d.skipped.NotRequest++
		default:
			d.malformed(offset, reason)
		}
	}
	if d.err == nil && !d.isLog && d.filled {
		d.err = errNotLog
	}
	return false
}

// isHeader reports whether a line names the fields of those behind it, as Wasabi's do.
func isHeader(line []byte) bool { return hasPrefix(line, "Record format: [") && !hasReturn(line) }

// Record implements record.Decoder. AccountID and Region are empty: a line names the
// Region that the request came from, not the bucket's.
func (d *Decoder) Record() *record.Record { return &d.record }

// Err implements record.Decoder. A line is never an error.
func (d *Decoder) Err() error { return d.err }

// Skipped implements record.Decoder.
func (d *Decoder) Skipped() record.Skipped { return d.skipped }

// readLine returns the next line, with its line feed if it has one, or nothing
// at the end. Of a line over the limit it returns some part. A line that a read
// error cuts off is dropped: nobody knows how it goes on.
func (d *Decoder) readLine() (line []byte, tooLong bool) {
	d.number++
	var err error
	for more := true; more; {
		line, err = d.in.ReadSlice('\n')
		more = errors.Is(err, bufio.ErrBufferFull)
		if more && d.in.Size() < maxBuffer {
			d.grow(line)
			continue
		}
		d.offset += int64(len(line))
		tooLong = tooLong || err != nil && len(line) == maxBuffer
	}
	if err != nil {
		d.done = true
		if err != io.EOF { // not errors.Is: what wraps io.EOF is no clean end
			d.err = err
			line = nil
		}
	}
	return line, tooLong
}

// grow puts a larger buffer before the one that has got full of the beginning of a
// line. The line will be read again: from the full buffer, which is not read into
// before all of it has been copied to the larger one.
func (d *Decoder) grow(line []byte) {
	d.in = bufio.NewReaderSize(io.MultiReader(bytes.NewReader(line), d.in), min(2*len(line), maxBuffer))
}

// malformed counts the line last read, which starts at offset.
func (d *Decoder) malformed(offset int64, reason string) {
	d.skipped.Malformed++
	if d.skipped.First == nil {
		d.skipped.First = &record.MalformedError{Number: d.number, Offset: offset, Reason: reason}
	}
}

// trimRight cuts off the line feed, and the spaces and carriage return before it.
func trimRight(line []byte) []byte {
	for len(line) > 0 {
		switch line[len(line)-1] {
		case '\n', '\r', ' ':
			line = line[:len(line)-1]
		default:
			return line
		}
	}
	return line
}
