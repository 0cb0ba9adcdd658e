package checkpoint

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"io"

	"github.com/klauspost/compress/zstd"
)

// A snapshot is all that a checkpoint held behind some segment: the header of segment.go,
// and then, compressed, every entry that is not worked out from others
//
//	1, number of the table (a varint), key and value, each with its length (a varint)
//
// in the order of tables and keys, then 0 and the SHA-256 of the header and of all that
// comes before it, not compressed.
const (
	snapshotEntry = 1
	snapshotEnd   = 0
)

// maxEntry is how many bytes a key or a value has at most.
const maxEntry = 64 << 20

// loadedAtOnce is how many bytes of entries are written in one transaction when a
// snapshot is loaded.
const loadedAtOnce = 16 << 20

// writeSnapshot writes what a transaction sees as a snapshot.
func (tx *Tx) writeSnapshot(w io.Writer, p position) error {
	head := (&segment{position: p}).header(snapshotMagic)
	if _, err := w.Write(head); err != nil {
		return err
	}
	zip, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20))
	if err != nil {
		return err
	}
	sum := sha256.New()
	sum.Write(head)
	out := bufio.NewWriterSize(io.MultiWriter(zip, sum), 64<<10)
	for id := range tableCount {
		err := tx.table(id).all(func(key, value []byte) error {
			if id == tableMeta && isDerived(key) {
				return nil
			}
			entry := binary.AppendUvarint([]byte{snapshotEntry}, uint64(id))
			_, err := out.Write(appendBytes(appendBytes(entry, key), value))
			return err
		})
		if err != nil {
			return err
		}
	}
	err = errors.Join(out.WriteByte(snapshotEnd), out.Flush())
	if err == nil {
		_, err = zip.Write(sum.Sum(nil))
	}
	return errors.Join(err, zip.Close())
}

// isDerived reports whether a checkpoint works out by itself what stands under a key of
// the table meta.
func isDerived(key []byte) bool {
	return bytes.HasPrefix(key, totalKey("")) || bytes.Equal(key, positionKey) ||
		bytes.Equal(key, formatKey) || bytes.Equal(key, versionKey)
}

// blank reports whether nothing was ever committed.
func (tx *Tx) blank() bool {
	c := tx.table(tableMeta).bucket.Cursor()
	for key, _ := c.First(); key != nil; key, _ = c.Next() {
		if !isDerived(key) && !bytes.Equal(key, fencesKey) && !bytes.Equal(key, takeoverKey) {
			return false
		}
	}
	return tx.unused()
}

// loadSnapshot fills a new replica with the snapshot of a sequence.
func (r *replica) loadSnapshot(body io.Reader, sequence uint64) error {
	in := bufio.NewReaderSize(body, 1<<20)
	p, head, err := readHeader(in, sequence)
	if err != nil {
		return err
	}
	zip, err := zstd.NewReader(in, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(8<<20))
	if err != nil {
		return err
	}
	defer zip.Close()
	entries := &snapshotReader{in: bufio.NewReaderSize(zip, 64<<10), sum: sha256.New()}
	entries.sum.Write(head)
	for more := true; more; {
		err := r.update(func(tx *Tx) (err error) {
			if more, err = entries.load(tx); err != nil || more {
				return err
			}
			return tx.putPosition(p, false)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// readHeader reads the header of the snapshot of a sequence. It returns its bytes, too.
func readHeader(in *bufio.Reader, sequence uint64) (position, []byte, error) {
	head, err := in.Peek(headerSize + maxName)
	if err != nil && !errors.Is(err, io.EOF) {
		return position{}, nil, err
	}
	s, rest, err := parseHeader(snapshotMagic, head)
	if err != nil {
		return position{}, nil, err
	}
	if s.sequence != sequence {
		return position{}, nil, fmt.Errorf("%w: it holds snapshot %d", ErrDamaged, s.sequence)
	}
	head = bytes.Clone(head[:len(head)-len(rest)])
	_, err = in.Discard(len(head))
	return s.position, head, err
}

// snapshotReader reads the entries of a snapshot.
type snapshotReader struct {
	in  *bufio.Reader
	sum hash.Hash // of what was read
}

// load puts entries, and reports whether there are more.
func (s *snapshotReader) load(tx *Tx) (more bool, err error) {
	for n := 0; n < loadedAtOnce; {
		kind, err := s.ReadByte()
		if err != nil {
			return false, s.damage(err)
		}
		if kind == snapshotEnd {
			return false, s.end()
		}
		id, err := binary.ReadUvarint(s)
		if err != nil || kind != snapshotEntry || id >= uint64(tableCount) {
			return false, s.damage(err)
		}
		key, err := s.bytes()
		if err != nil {
			return false, s.damage(err)
		}
		value, err := s.bytes()
		if err != nil || len(key) == 0 {
			return false, s.damage(err)
		}
		if err := tx.table(tableID(id)).put(key, value); err != nil {
			return false, err
		}
		n += len(key) + len(value)
	}
	return true, nil
}

// end checks the checksum, behind which nothing comes.
func (s *snapshotReader) end() error {
	want := s.sum.Sum(nil)
	got := make([]byte, len(want))
	if _, err := io.ReadFull(s.in, got); err != nil {
		return s.damage(err)
	}
	if _, err := s.in.ReadByte(); !bytes.Equal(got, want) || !errors.Is(err, io.EOF) {
		return s.damage(nil)
	}
	return nil
}

// damage returns what is wrong when reading has failed. An error of the store is no
// damage.
func (s *snapshotReader) damage(err error) error {
	switch {
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return errTruncated
	case err == nil:
		return fmt.Errorf("%w: it was changed", ErrDamaged)
	}
	var store *storeError
	if errors.As(err, &store) {
		return err
	}
	return fmt.Errorf("%w: %w", ErrDamaged, err)
}

// ReadByte implements io.ByteReader.
func (s *snapshotReader) ReadByte() (byte, error) {
	b, err := s.in.ReadByte()
	if err == nil {
		s.sum.Write([]byte{b})
	}
	return b, err
}

func (s *snapshotReader) bytes() ([]byte, error) {
	size, err := binary.ReadUvarint(s)
	if err != nil {
		return nil, err
	}
	if size > maxEntry {
		return nil, errChanges
	}
	b := make([]byte, size)
	if _, err := io.ReadFull(s.in, b); err != nil {
		return nil, err
	}
	s.sum.Write(b)
	return b, nil
}
