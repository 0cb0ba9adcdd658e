package checkpoint

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strings"

	"github.com/klauspost/compress/zstd"
)

// journalVersion is the version of the format of segments and snapshots.
const journalVersion = 1

const (
	segmentMagic  = "s3aeSEG\n"
	snapshotMagic = "s3aeSNP\n"
	magicSize     = 8
)

// maxChanges is how many bytes of changes a segment has at most. Commits have some
// hundred kB, tidying up to 40 MB.
const maxChanges = 1 << 30

// maxName is how many bytes of a writer's name are kept.
const maxName = 255

// writerID names a process that has written, or wants to, like no other.
type writerID [16]byte

// String returns the beginning of the ID, for people.
func (w writerID) String() string { return hex.EncodeToString(w[:4]) }

// position is a place in a journal: behind a segment of it. The zero value is the
// beginning.
type position struct {
	sequence uint64 // of the segment
	writer   writerID
	name     string // of the writer
	closed   bool   // with the segment, its writer has ended in peace
}

// segment is what one commit has changed.
type segment struct {
	position
	previous writerID // of the segment before
	opening  bool     // it is the first one of its writer, and changes nothing but takeoverKey
	changes  []byte
}

// The kinds of segments.
const (
	kindOpening = 1 << iota
	kindClosing
)

// codec compresses changes. Many goroutines may use it at once.
type codec struct {
	zip   *zstd.Encoder
	unzip *zstd.Decoder
}

func newCodec() codec {
	return codec{
		zip:   must(zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))),
		unzip: must(zstd.NewReader(nil, zstd.WithDecoderConcurrency(4), zstd.WithDecoderMaxMemory(maxChanges))),
	}
}

// must returns what cannot fail with options that are constants.
func must[T any](v T, err error) T {
	if err != nil {
		panic(err)
	}
	return v
}

// header is what segments and snapshots begin with:
//
//	magic                           8 bytes
//	version of this format          2
//	version of the checkpoint's     2
//	kind                            1
//	sequence                        8
//	writer                         16
//	previous writer                16; of a snapshot none: 0
//	writer's name                   1 for its length, up to 255
//
// All numbers are big-endian.
func (s *segment) header(magic string) []byte {
	b := append(make([]byte, 0, headerSize+len(s.name)), magic...)
	b = binary.BigEndian.AppendUint16(b, journalVersion)
	b = binary.BigEndian.AppendUint16(b, version)
	kind := byte(0)
	if s.opening {
		kind |= kindOpening
	}
	if s.closed {
		kind |= kindClosing
	}
	b = append(b, kind)
	b = binary.BigEndian.AppendUint64(b, s.sequence)
	b = append(b, s.writer[:]...)
	b = append(b, s.previous[:]...)
	name := strings.ToValidUTF8(s.name[:min(len(s.name), maxName)], "")
	return append(append(b, byte(len(name))), name...)
}

// headerSize is the size of a header without the writer's name.
const headerSize = magicSize + 2 + 2 + 1 + 8 + 16 + 16 + 1

var errTruncated = fmt.Errorf("%w: it is cut off", ErrDamaged)

// parseHeader reads a header, and returns what comes behind it.
func parseHeader(magic string, b []byte) (s segment, rest []byte, err error) {
	head := string(b[:min(len(b), magicSize)])
	switch {
	case len(b) < magicSize && strings.HasPrefix(magic, head):
		return s, nil, errTruncated
	case head != magic:
		return s, nil, ErrForeign
	case len(b) < magicSize+4:
		return s, nil, errTruncated
	}
	be := binary.BigEndian
	if err := checkVersion("journal format", be.Uint16(b[magicSize:]), journalVersion); err != nil {
		return s, nil, err
	}
	if err := checkVersion("format", be.Uint16(b[magicSize+2:]), version); err != nil {
		return s, nil, err
	}
	if len(b) < headerSize || len(b) < headerSize+int(b[headerSize-1]) {
		return s, nil, errTruncated
	}
	b = b[magicSize+4:]
	s.opening, s.closed = b[0]&kindOpening != 0, b[0]&kindClosing != 0
	s.sequence = be.Uint64(b[1:])
	copy(s.writer[:], b[9:])
	copy(s.previous[:], b[25:])
	size := int(b[41])
	s.name = string(b[42:][:size])
	return s, b[42+size:], nil
}

func checkVersion(what string, got, want uint16) error {
	switch {
	case got < want:
		return fmt.Errorf("%w (%s %d, this one knows %d)", ErrOlder, what, got, want)
	case got > want:
		return fmt.Errorf("%w (%s %d, this one knows %d)", ErrNewer, what, got, want)
	}
	return nil
}

// encode returns a segment as it is stored: header; changes, compressed; SHA-256 of
// all of that.
func (c codec) encode(s *segment) []byte {
	b := s.header(segmentMagic)
	if len(s.changes) > 0 {
		b = c.zip.EncodeAll(s.changes, b)
	}
	sum := sha256.Sum256(b)
	return append(b, sum[:]...)
}

// decode reads the segment that stands under a sequence.
func (c codec) decode(sequence uint64, b []byte) (segment, error) {
	s, _, err := parseHeader(segmentMagic, b)
	if err != nil {
		return segment{}, err
	}
	end := len(b) - sha256.Size
	if end < headerSize+len(s.name) {
		return segment{}, errTruncated
	}
	if sum := sha256.Sum256(b[:end]); !bytes.Equal(sum[:], b[end:]) {
		return segment{}, fmt.Errorf("%w: it is cut off, or was changed", ErrDamaged)
	}
	if s.sequence != sequence {
		return segment{}, fmt.Errorf("%w: it holds segment %d", ErrDamaged, s.sequence)
	}
	if packed := b[headerSize+len(s.name) : end]; len(packed) > 0 {
		if s.changes, err = c.unzip.DecodeAll(packed, nil); err != nil {
			return segment{}, fmt.Errorf("%w: %w", ErrDamaged, err)
		}
	}
	return s, nil
}
