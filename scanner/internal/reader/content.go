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

	"github.com/s3access/s3_access_exporter/scanner/cloudwatch"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// headSize is how many bytes of an object show what it is, as stored and decompressed.
const headSize = 64 << 10

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
	head = bytes.TrimLeft(head, " \t\r\n")
	hasObjects := false
	for members := range objects(head) {
		if hasObjects = true; cloudwatch.IsLog(members) {
			return true, "", nil
		}
	}
	switch {
	case bytes.HasPrefix(head, []byte("PAR1")):
		return false, logkey.SkipParquet, nil
	case bytes.HasPrefix(head, []byte("<")):
		return false, "", errPage
	case hasObjects, cloudwatch.ShowsLog(head):
		return false, logkey.SkipUnknownLog, nil
	}
	return false, logkey.SkipUnknown, nil
}

// objects returns the names of the members of each JSON object in head, as far as they are
// there. An object begins where a line does, or behind another object.
func objects(head []byte) iter.Seq[[]string] {
	const space = " \t\r\n"
	const mostBroken = 64 // objects, each of which may be read to the end of head
	return func(yield func([]string) bool) {
		broken := 0
		rest := bytes.TrimLeft(bytes.TrimPrefix(head, []byte("\ufeff")), space)
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
