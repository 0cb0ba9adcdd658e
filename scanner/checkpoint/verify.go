package checkpoint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
)

// verify reads every page that a bbolt file uses and checks that the pages form
// what bbolt takes for granted: it maps the file into memory and would follow a
// damaged page into a crash or an endless loop, as would its own check. A file
// that is new is right. A file that is no bbolt file at all is ErrForeign.
//
// The format is bbolt's version 2, in the byte order of the machines that it is
// used on (go.etcd.io/bbolt, internal/common/page.go and meta.go).
func verify(f *os.File) error {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return err
	}
	v := verifier{file: f, size: info.Size(), used: make(map[uint64]bool)}
	meta, err := v.newestMeta()
	if err != nil {
		return err
	}
	if v.pages = meta.pages; v.pages > uint64(v.size)/v.pageSize {
		return fmt.Errorf("the file is cut off: %d of %d pages are there", uint64(v.size)/v.pageSize, v.pages)
	}
	if err := v.tree(meta.root, 0); err != nil {
		return err
	}
	return v.freelist(meta.freelist)
}

const (
	boltMagic   = 0xED0CDAED
	boltVersion = 2

	pageHeader   = 16 // id 8, flags 2, count 2, overflow 4
	branchPage   = 0x01
	leafPage     = 0x02
	freelistPage = 0x10
	bucketFlag   = 0x01
	elementSize  = 16
	metaSize     = 64 // without the page's header; the last 8 bytes are its checksum

	maxDepth = 64 // of the tree; 4 levels hold a billion keys
)

type verifier struct {
	file     io.ReaderAt
	size     int64
	pageSize uint64
	pages    uint64          // ids from here on are not in use
	used     map[uint64]bool // pages that the tree or the freelist is made of
}

type meta struct {
	root, freelist, pages, tx uint64
}

// newestMeta returns the newer of the two meta pages, of which one may be torn.
func (v *verifier) newestMeta() (meta, error) {
	var newest meta
	found := false
	head := make([]byte, 2<<16+pageHeader+metaSize) // a page is 64 KiB at most
	n, err := v.file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return meta{}, err
	}
	head = head[:n]
	for size := 1 << 9; size <= 1<<16; size <<= 1 {
		for _, at := range []int{0, size} {
			m, ok := parseMeta(head, at, uint32(size))
			if ok && (!found || m.tx > newest.tx) {
				newest, found, v.pageSize = m, true, uint64(size)
			}
		}
	}
	if !found {
		return meta{}, ErrForeign
	}
	return newest, nil
}

func parseMeta(head []byte, at int, pageSize uint32) (meta, bool) {
	if len(head) < at+pageHeader+metaSize {
		return meta{}, false
	}
	b := head[at+pageHeader:][:metaSize]
	le := binary.LittleEndian
	sum := fnv.New64a()
	sum.Write(b[:metaSize-8])
	ok := le.Uint32(b) == boltMagic && le.Uint32(b[4:]) == boltVersion && le.Uint32(b[8:]) == pageSize &&
		le.Uint64(b[metaSize-8:]) == sum.Sum64()
	return meta{root: le.Uint64(b[16:]), freelist: le.Uint64(b[32:]), pages: le.Uint64(b[40:]), tx: le.Uint64(b[48:])}, ok
}

// page reads a page with its overflow. No page may be part of two things.
func (v *verifier) page(id uint64) ([]byte, error) {
	if id < 2 || id >= v.pages {
		return nil, fmt.Errorf("page %d of %d", id, v.pages)
	}
	header := make([]byte, pageHeader)
	if _, err := v.file.ReadAt(header, int64(id*v.pageSize)); err != nil {
		return nil, err
	}
	more := uint64(binary.LittleEndian.Uint32(header[12:]))
	if got := binary.LittleEndian.Uint64(header); got != id || more >= v.pages-id {
		return nil, fmt.Errorf("page %d says that it is %d with %d more", id, got, more)
	}
	for p := id; p <= id+more; p++ {
		if v.used[p] {
			return nil, fmt.Errorf("page %d is used twice", p)
		}
		v.used[p] = true
	}
	b := make([]byte, (more+1)*v.pageSize)
	_, err := v.file.ReadAt(b, int64(id*v.pageSize))
	return b, err
}

func (v *verifier) tree(id uint64, depth int) error {
	b, err := v.page(id)
	if err == nil {
		err = v.node(b, depth)
	}
	if err != nil {
		return fmt.Errorf("page %d: %w", id, err)
	}
	return nil
}

var errNode = errors.New("keys or values out of place")

// node checks the elements of a page, or of a bucket that lies within a value.
func (v *verifier) node(b []byte, depth int) error {
	if len(b) < pageHeader || depth > maxDepth {
		return errNode
	}
	kind, count := binary.LittleEndian.Uint16(b[8:]), int(binary.LittleEndian.Uint16(b[10:]))
	if kind != branchPage && kind != leafPage || kind == branchPage && count == 0 {
		return fmt.Errorf("unexpected kind %d with %d elements", kind, count)
	}
	if len(b) < pageHeader+count*elementSize {
		return errNode
	}
	var last []byte
	for i := range count {
		e := element{b: b[pageHeader+i*elementSize:], branch: kind == branchPage}
		key, value, ok := e.content()
		if !ok || len(key) == 0 || i > 0 && bytes.Compare(last, key) >= 0 {
			return errNode
		}
		last = key
		if err := v.below(e, value, depth); err != nil {
			return err
		}
	}
	return nil
}

// below checks what an element leads to: a page, a bucket, or nothing.
func (v *verifier) below(e element, value []byte, depth int) error {
	le := binary.LittleEndian
	if e.branch {
		return v.tree(le.Uint64(e.b[8:]), depth+1)
	}
	if le.Uint32(e.b)&bucketFlag == 0 {
		return nil
	}
	const bucketHeader = 16 // root 8, sequence 8
	if len(value) < bucketHeader {
		return errNode
	}
	if root := le.Uint64(value); root != 0 {
		return v.tree(root, depth+1)
	}
	if inline := value[bucketHeader:]; len(inline) >= pageHeader && le.Uint16(inline[8:]) == leafPage {
		return v.node(inline, depth+1)
	}
	return errNode
}

// element is an element of a page, and all bytes behind its beginning.
type element struct {
	b      []byte
	branch bool
}

// content returns the element's key, and its value in a leaf.
func (e element) content() (key, value []byte, ok bool) {
	le := binary.LittleEndian
	var pos, keySize, valueSize uint64
	if e.branch { // position 4, key size 4, page 8
		pos, keySize = uint64(le.Uint32(e.b)), uint64(le.Uint32(e.b[4:]))
	} else { // flags 4, position 4, key size 4, value size 4
		pos, keySize, valueSize = uint64(le.Uint32(e.b[4:])), uint64(le.Uint32(e.b[8:])), uint64(le.Uint32(e.b[12:]))
	}
	if pos+keySize+valueSize > uint64(len(e.b)) {
		return nil, nil, false
	}
	content := e.b[pos:]
	return content[:keySize], content[keySize:][:valueSize], true
}

// freelist checks the list of pages that may be written to.
func (v *verifier) freelist(id uint64) error {
	b, err := v.page(id)
	if err != nil {
		return fmt.Errorf("list of free pages: %w", err)
	}
	le := binary.LittleEndian
	if le.Uint16(b[8:]) != freelistPage {
		return errors.New("list of free pages is none")
	}
	count, ids := uint64(le.Uint16(b[10:])), b[pageHeader:]
	if count == 0xFFFF { // then the first id is the count
		count, ids = le.Uint64(ids), ids[8:]
	}
	if count > uint64(len(ids)/8) {
		return errors.New("list of free pages is too long")
	}
	for i := range count {
		free := le.Uint64(ids[8*i:])
		if free < 2 || free >= v.pages || v.used[free] {
			return fmt.Errorf("page %d is on the list of free pages", free)
		}
		v.used[free] = true
	}
	return nil
}
