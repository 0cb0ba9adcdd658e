package extsort

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

// bufferSize is that of a file's writer and of each run's reader.
const bufferSize = 32 << 10

// spill is a temporary file that holds runs, one behind the other. A row is the
// lengths of its key and value, as varints, and these.
type spill struct {
	file *os.File
	runs []run
	end  int64
}

// run is where a run begins in a file, and how many rows it has.
type run struct {
	start int64
	rows  int
}

// newSpill makes an empty file.
func newSpill(dir string) (*spill, error) {
	file, err := os.CreateTemp(dir, "s3_access_exporter-*.tmp")
	if err != nil {
		return nil, err
	}
	// A file that is open can do without a name on most systems, and so nothing
	// is left of it, however the process ends. The others have close.
	_ = os.Remove(file.Name())
	return &spill{file: file}, nil
}

// close removes the file. It was for this process alone: nothing is left to fail.
func (s *spill) close() {
	_ = s.file.Close()
	_ = os.Remove(s.file.Name())
}

// write adds a run.
func (s *spill) write(rows *Rows) error {
	added := run{start: s.end}
	out := bufio.NewWriterSize(s.file, bufferSize)
	var head []byte
	for ; rows.Next(); added.rows++ {
		key, value := rows.Key(), rows.Value()
		head = binary.AppendUvarint(binary.AppendUvarint(head[:0], uint64(len(key))), uint64(len(value)))
		for _, part := range [...][]byte{head, key, value} {
			if _, err := out.Write(part); err != nil {
				return err
			}
			s.end += int64(len(part))
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	s.runs = append(s.runs, added)
	return out.Flush()
}

// cursors returns some of the file's runs.
func (s *spill) cursors(runs []run) []*cursor {
	cursors := make([]*cursor, len(runs))
	for i, r := range runs {
		in := bufio.NewReaderSize(io.NewSectionReader(s.file, r.start, s.end-r.start), bufferSize)
		left := r.rows
		var row []byte
		cursors[i] = &cursor{advance: func(c *cursor) error {
			if left == 0 {
				return io.EOF
			}
			left--
			size, err := readRow(in, &row)
			if err != nil {
				return s.readFailed(err)
			}
			c.key, c.value = row[:size], row[size:]
			return nil
		}}
	}
	return cursors
}

// readRow reads key and value into row, and returns the key's length.
func readRow(in *bufio.Reader, row *[]byte) (int, error) {
	key, err := binary.ReadUvarint(in)
	if err != nil {
		return 0, err
	}
	value, err := binary.ReadUvarint(in)
	if err != nil {
		return 0, err
	}
	*row = slices.Grow((*row)[:0], int(key+value))[:key+value]
	_, err = io.ReadFull(in, *row)
	return int(key), err
}

// readFailed names the file if it has lost its end. Other errors name it already.
func (s *spill) readFailed(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("read %s: %w", s.file.Name(), io.ErrUnexpectedEOF)
	}
	return err
}
