package checkpoint

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"math"
)

// pages reads the pages of a bbolt file and checks that they form what bbolt takes
// for granted: it maps the file into memory and would follow a damaged page into a
// crash or an endless loop, as would its own check; and it would not find what lies
// behind a damaged key of a branch.
//
// The format is bbolt's version 2, in the byte order of the machines that it is
// used on (go.etcd.io/bbolt, internal/common/page.go and meta.go).
type pages struct {
	file     io.ReaderAt
	size     int64
	pageSize uint64
	count    uint64   // ids from here on are not in use
	used     []uint64 // bits of the pages that the tree or the freelist is made of
	free     [][]byte // buffers

	metaDamaged bool // one of the two meta pages is not as it was written
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
	bucketHeader = 16 // root 8, sequence 8
	metaSize     = 64 // without the page's header; the last 8 bytes are its checksum

	maxDepth = 64 // of the tree; 4 levels hold a billion keys
)

// boltMeta is what the newest meta page of a file says.
type boltMeta struct {
	root, freelist, pages, tx uint64
}

// openPages reads the newest meta page of a file. Of the two, one may be damaged, as that
// is what a crash leaves that comes while it is written; nothing shows whether it was that
// or another damage, and which of them is the newest then. A file that has none is
// ErrForeign.
func openPages(file io.ReaderAt, size int64) (*pages, boltMeta, error) {
	p := &pages{file: file, size: size}
	meta, err := p.newestMeta()
	if err != nil {
		return nil, meta, err
	}
	if p.count = meta.pages; p.count > uint64(size)/p.pageSize {
		return nil, meta, fmt.Errorf("the file is cut off: %d of %d pages are there", uint64(size)/p.pageSize, p.count)
	}
	p.used = make([]uint64, p.count/64+1)
	return p, meta, nil
}

func (p *pages) newestMeta() (boltMeta, error) {
	var newest boltMeta
	head := make([]byte, 2<<16+pageHeader+metaSize) // a page is 64 KiB at most
	n, err := p.file.ReadAt(head, 0)
	if err != nil && !errors.Is(err, io.EOF) {
		return boltMeta{}, err
	}
	head = head[:n]
	for size := 1 << 9; size <= 1<<16; size <<= 1 {
		first, ok1 := parseMeta(head, 0, uint32(size))
		second, ok2 := parseMeta(head, size, uint32(size))
		for _, m := range []struct {
			boltMeta
			ok bool
		}{{first, ok1}, {second, ok2}} {
			if m.ok && (p.pageSize == 0 || m.tx > newest.tx) {
				newest, p.pageSize, p.metaDamaged = m.boltMeta, uint64(size), !ok1 || !ok2
			}
		}
	}
	switch {
	case p.pageSize > 0:
		return newest, nil
	case hasMagic(head):
		return boltMeta{}, errors.New("both of its meta pages")
	}
	return boltMeta{}, ErrForeign
}

// hasMagic reports whether there is the beginning of a meta page in one of the places for
// them, so that the file was one of bbolt's.
func hasMagic(head []byte) bool {
	magic := binary.LittleEndian.AppendUint32(nil, boltMagic)
	found := bytes.HasPrefix(head[min(pageHeader, len(head)):], magic)
	for size := 1 << 9; size <= 1<<16; size <<= 1 {
		found = found || bytes.HasPrefix(head[min(size+pageHeader, len(head)):], magic)
	}
	return found
}

func parseMeta(head []byte, at int, pageSize uint32) (boltMeta, bool) {
	if len(head) < at+pageHeader+metaSize {
		return boltMeta{}, false
	}
	b := head[at+pageHeader:][:metaSize]
	le := binary.LittleEndian
	sum := fnv.New64a()
	sum.Write(b[:metaSize-8])
	ok := le.Uint32(b) == boltMagic && le.Uint32(b[4:]) == boltVersion && le.Uint32(b[8:]) == pageSize &&
		le.Uint64(b[metaSize-8:]) == sum.Sum64()
	return boltMeta{root: le.Uint64(b[16:]), freelist: le.Uint64(b[32:]), pages: le.Uint64(b[40:]), tx: le.Uint64(b[48:])}, ok
}

// page reads a page with its overflow. No page may be part of two things. The bytes
// are given back by release.
func (p *pages) page(id uint64) ([]byte, error) {
	if id < 2 || id >= p.count {
		return nil, fmt.Errorf("page %d of %d", id, p.count)
	}
	b := p.buffer(p.pageSize)
	if _, err := p.file.ReadAt(b, int64(id*p.pageSize)); err != nil {
		return nil, err
	}
	more := uint64(binary.LittleEndian.Uint32(b[12:]))
	if got := binary.LittleEndian.Uint64(b); got != id || more >= p.count-id {
		return nil, fmt.Errorf("page %d has the number %d and %d more", id, got, more)
	}
	for n := id; n <= id+more; n++ {
		if !p.use(n) {
			return nil, fmt.Errorf("page %d is used twice", n)
		}
	}
	if more == 0 {
		return b, nil
	}
	p.release(b)
	b = p.buffer((more + 1) * p.pageSize)
	_, err := p.file.ReadAt(b, int64(id*p.pageSize))
	return b, err
}

// use takes note that a page is in use, and returns false if it was already.
func (p *pages) use(id uint64) bool {
	if p.used[id/64]&(1<<(id%64)) != 0 {
		return false
	}
	p.used[id/64] |= 1 << (id % 64)
	return true
}

func (p *pages) buffer(size uint64) []byte {
	if last := len(p.free) - 1; last >= 0 && uint64(cap(p.free[last])) >= size {
		b := p.free[last][:size]
		p.free = p.free[:last]
		return b
	}
	return make([]byte, size)
}

func (p *pages) release(b []byte) { p.free = append(p.free, b) }

// leaf is an element of a leaf: an entry, or a bucket and how it is stored. Its bytes
// are valid during the call that hands it on.
type leaf struct {
	key, value []byte
	bucket     bool
}

// bounds are between which keys those below a branch lie: from least on and less than
// limit. Nil is no bound.
type bounds struct{ least, limit []byte }

var errNode = errors.New("keys or values out of place")

// tree calls visit with every leaf element below a page, in the order of their keys.
func (p *pages) tree(id uint64, visit func(leaf) error) error {
	return p.subtree(id, bounds{}, 0, visit)
}

func (p *pages) subtree(id uint64, within bounds, depth int, visit func(leaf) error) error {
	b, err := p.page(id)
	if err == nil {
		err = p.node(b, within, depth, visit)
		p.release(b)
	}
	var entry *damagedError
	if err != nil && !errors.As(err, &entry) {
		return fmt.Errorf("page %d: %w", id, err)
	}
	return err
}

// node visits the elements of a page, or of a bucket that lies within a value.
func (p *pages) node(b []byte, within bounds, depth int, visit func(leaf) error) error {
	if len(b) < pageHeader || depth > maxDepth {
		return errNode
	}
	kind, count := binary.LittleEndian.Uint16(b[8:]), int(binary.LittleEndian.Uint16(b[10:]))
	if kind != branchPage && kind != leafPage || kind == branchPage && count == 0 {
		return fmt.Errorf("kind %d with %d elements is none", kind, count)
	}
	if len(b) < pageHeader+count*elementSize {
		return errNode
	}
	last := within.least
	for i := range count {
		e := element{b: b[pageHeader+i*elementSize:], branch: kind == branchPage}
		key, value, ok := e.content()
		order := bytes.Compare(last, key)
		if !ok || len(key) == 0 || order > 0 || order == 0 && i > 0 || within.limit != nil && bytes.Compare(key, within.limit) >= 0 {
			return errNode
		}
		last = key
		if err := p.element(b, i, count, within, depth, e, leaf{key: key, value: value}, visit); err != nil {
			return err
		}
	}
	return nil
}

// element visits what an element of a node leads to.
func (p *pages) element(b []byte, i, count int, within bounds, depth int, e element, l leaf, visit func(leaf) error) error {
	if !e.branch {
		l.bucket = binary.LittleEndian.Uint32(e.b)&bucketFlag != 0
		return visit(l)
	}
	below := bounds{least: l.key, limit: within.limit}
	if i == 0 {
		below.least = within.least // whatever is less than all keys lies below the first
	}
	if i+1 < count {
		next, _, ok := element{b: b[pageHeader+(i+1)*elementSize:], branch: true}.content()
		if !ok {
			return errNode
		}
		below.limit = next
	}
	return p.subtree(binary.LittleEndian.Uint64(e.b[8:]), below, depth+1, visit)
}

// bucket calls visit with every leaf element of a bucket, given how it is stored.
func (p *pages) bucket(stored []byte, visit func(leaf) error) error {
	if len(stored) < bucketHeader {
		return errNode
	}
	if root := binary.LittleEndian.Uint64(stored); root != 0 {
		return p.tree(root, visit)
	}
	inline := stored[bucketHeader:]
	if len(inline) < pageHeader || binary.LittleEndian.Uint16(inline[8:]) != leafPage {
		return errNode
	}
	return p.node(inline, bounds{}, 1, visit)
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
func (p *pages) freelist(id uint64) error {
	b, err := p.page(id)
	if err != nil {
		return fmt.Errorf("list of free pages: %w", err)
	}
	defer p.release(b)
	le := binary.LittleEndian
	if le.Uint16(b[8:]) != freelistPage {
		return errors.New("list of free pages is none")
	}
	count, ids := uint64(le.Uint16(b[10:])), b[pageHeader:]
	if count == math.MaxUint16 { // then the first id is the count
		count, ids = le.Uint64(ids), ids[8:]
	}
	if count > uint64(len(ids)/8) {
		return errors.New("list of free pages is too long")
	}
	for i := range count {
		free := le.Uint64(ids[8*i:])
		if free < 2 || free >= p.count || !p.use(free) {
			return fmt.Errorf("page %d is on the list of free pages", free)
		}
	}
	return nil
}
