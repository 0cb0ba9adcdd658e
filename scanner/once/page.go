package once

import (
	"encoding/binary"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/source"
)

// page holds objects of a listing in little memory: of each key what it does not share with
// the one before it, in all some 100 bytes an object. Objects are taken out in the order in
// which they were added. The zero value holds none.
type page struct {
	n    int    // objects
	data []byte // of all that were not taken out

	added, taken string // the last keys
}

func (p *page) empty() bool { return p.n == 0 }

// add adds an object that is no special file.
func (p *page) add(obj source.Object) {
	shared := 0
	for shared < min(len(p.added), len(obj.Key)) && p.added[shared] == obj.Key[shared] {
		shared++
	}
	p.n, p.added = p.n+1, obj.Key
	p.data = binary.AppendUvarint(p.data, uint64(shared))
	p.appendText(obj.Key[shared:])
	p.appendText(obj.ETag)
	p.data = binary.AppendVarint(p.data, obj.Size)
	p.data = binary.AppendVarint(p.data, obj.LastModified.Unix())
	p.data = binary.AppendUvarint(p.data, uint64(obj.LastModified.Nanosecond()))
}

func (p *page) appendText(s string) {
	p.data = append(binary.AppendUvarint(p.data, uint64(len(s))), s...)
}

// next takes the first object out. Its time of change is in UTC.
func (p *page) next() (obj source.Object) {
	shared := p.takeLength()
	p.taken = p.taken[:shared] + p.takeText()
	p.n--
	obj.Key, obj.ETag = p.taken, p.takeText()
	obj.Size = p.takeNumber()
	seconds := p.takeNumber()
	obj.LastModified = time.Unix(seconds, int64(p.takeLength())).UTC()
	return obj
}

func (p *page) takeText() string {
	length := p.takeLength()
	text := string(p.data[:length])
	p.data = p.data[length:]
	return text
}

func (p *page) takeLength() int {
	length, n := binary.Uvarint(p.data)
	p.data = p.data[n:]
	return int(length)
}

func (p *page) takeNumber() int64 {
	number, n := binary.Varint(p.data)
	p.data = p.data[n:]
	return number
}
