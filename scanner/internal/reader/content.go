package reader

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"strings"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/accesslog"
	"github.com/s3access/s3_access_exporter/scanner/cloudwatch"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// headSize is how many bytes of an object show what it is, as stored and decompressed.
const headSize = 64 << 10

// What may stand before the first byte that shows what an object is.
const (
	byteOrderMark = "\ufeff"
	space         = " \t\r\n"
)

// errPage is a page of HTML or XML where a log object may be expected: what a proxy answers in
// place of a store. It is told from something else that lies there by the object's name alone.
var errPage = fmt.Errorf("a page of HTML or XML: %w", record.ErrNotLog)

// isPage reports whether the name of an object shows that it is a page.
func isPage(name string) bool {
	switch strings.ToLower(extension(name)) {
	case ".html", ".htm", ".xml", ".svg":
		return true
	}
	return false
}

// recognise reports whether content is a log, by its beginning, or returns why it is none.
// An empty content is none for no reason.
func recognise(content *bufio.Reader) (isLog bool, skip logkey.SkipReason, err error) {
	head, err := content.Peek(headSize)
	if len(head) == 0 {
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return false, "", err
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.As(err, new(*gzipError)) {
		return false, "", err // the rest may show something else
	}
	head = bytes.TrimLeft(bytes.TrimPrefix(head, []byte(byteOrderMark)), space)
	if skip = packed(head); skip != "" {
		return false, skip, nil
	}
	hasObjects := false
	for members := range objects(head) {
		if hasObjects = true; cloudwatch.IsLog(members) {
			return true, "", nil
		}
	}
	switch {
	case bytes.HasPrefix(head, []byte("<")):
		return false, "", errPage
	case hasObjects:
		return false, logkey.SkipUnknownLog, nil
	case accesslog.NewDecoder(bytes.NewReader(head)).Next(): // S3 delivers no such lines under free keys
		return false, logkey.SkipRenamed, nil
	case cloudwatch.ShowsLog(head):
		return false, logkey.SkipUnknownLog, nil
	}
	return false, logkey.SkipUnknown, nil
}

// packed returns why an object is skipped that begins as one of a format that may hold logs,
// and is not read.
func packed(head []byte) logkey.SkipReason {
	switch {
	case bytes.HasPrefix(head, []byte("PAR1")):
		return logkey.SkipParquet
	case len(head) > len("ORC") && bytes.HasPrefix(head, []byte("ORC")) && (head[len("ORC")] < ' ' || head[len("ORC")] >= 0x7f): // else it is text
		return logkey.SkipORC
	}
	for _, magic := range [...]string{
		"PK\x03\x04", "\xff\x06\x00\x00sNaPpY", "\x28\xb5\x2f\xfd", "BZh91AY&SY", "\xfd7zXZ\x00", "\x04\x22\x4d\x18", // ZIP, Snappy, zstd, bzip2, xz, LZ4
	} {
		if bytes.HasPrefix(head, []byte(magic)) {
			return logkey.SkipCompressed
		}
	}
	return ""
}

// objects returns the names of the members of each JSON object in head, which begins with no
// space, as far as they are there. An object begins where a line does, or behind another object.
func objects(head []byte) iter.Seq[[]string] {
	const mostBroken = 64 // objects, each of which may be read to the end of head
	return func(yield func([]string) bool) {
		broken := 0
		rest := head
		for ; len(rest) > 0; rest = bytes.TrimLeft(rest, space) {
			if rest[0] == '{' {
				members, size, err := membersOf(rest)
				if (err == nil || len(members) > 0) && !yield(members) || errors.Is(err, io.ErrUnexpectedEOF) {
					return
				}
				if err != nil && len(members) > 0 {
					if broken++; broken == mostBroken {
						return
					}
				}
				if rest = rest[size:]; err == nil {
					continue
				}
			}
			_, rest, _ = bytes.Cut(rest, []byte("\n"))
		}
	}
}

// membersOf returns the names of the members of the JSON object that text begins with, and
// its size, or how much of it stands before an error, which is io.ErrUnexpectedEOF if the
// object goes on behind text.
func membersOf(text []byte) (members []string, size int64, err error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	_, err = decoder.Token() // the brace
	for err == nil && decoder.More() {
		var token json.Token
		if token, err = decoder.Token(); err == nil {
			name, _ := token.(string)
			members = append(members, name)
			var value json.RawMessage
			err = decoder.Decode(&value)
		}
	}
	if err == nil {
		_, err = decoder.Token() // the closing brace
	}
	if errors.Is(err, io.EOF) {
		err = io.ErrUnexpectedEOF
	}
	return members, decoder.InputOffset(), err
}

// extension returns what the name in a key ends in, as far as that shows what kind of
// object it is: not .gz.
func extension(key string) string {
	const longest = len(".parquet")
	name := strings.TrimSuffix(key[strings.LastIndexByte(key, '/')+1:], ".gz")
	dot := strings.LastIndexByte(name, '.')
	if dot < 0 || len(name)-dot > longest {
		return ""
	}
	return name[dot:]
}

// beginning returns what stands in the name in a key before a date, or else before its first
// digit, if that is parted from it. Firehose writes there the name of its stream, and its
// version: see https://docs.aws.amazon.com/firehose/latest/dev/s3-object-name.html.
func beginning(key string) string {
	name := key[strings.LastIndexByte(key, '/')+1:]
	end := strings.IndexAny(name, "0123456789")
	for i := max(end, 0); i+len(time.DateOnly) <= len(name); i++ {
		if _, err := time.Parse(time.DateOnly, name[i:i+len(time.DateOnly)]); err == nil {
			end = i
			break
		}
	}
	if end <= 0 || !strings.ContainsRune("-_.=", rune(name[end-1])) {
		return ""
	}
	return name[:end]
}
