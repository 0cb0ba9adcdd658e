package reader

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
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

// recognise returns which of the formats content has, by its beginning, or why it has
// none. An empty content has none for no reason.
func recognise(content *bufio.Reader) (which int, skip logkey.SkipReason, err error) {
	head, err := content.Peek(headSize)
	if len(head) == 0 {
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return -1, "", err
	}
	if err != nil && !errors.Is(err, io.EOF) && !errors.As(err, new(*gzipError)) {
		return -1, "", err // the rest may show something else
	}
	head = bytes.TrimLeft(head, " \t\r\n")
	switch {
	case bytes.HasPrefix(head, []byte("PAR1")):
		return -1, logkey.SkipParquet, nil
	case bytes.HasPrefix(head, []byte("<")):
		return -1, "", errPage
	case !bytes.HasPrefix(head, []byte("{")):
		return -1, logkey.SkipUnknown, nil
	}
	known := formats()
	for members := range objects(head) {
		for i := range known {
			if known[i].is != nil && known[i].is(members) {
				return i, "", nil
			}
		}
	}
	return -1, logkey.SkipUnknownLog, nil
}

// objects returns the names of the members of each JSON object at the beginning of head,
// as far as they are there.
func objects(head []byte) func(yield func(members []string) bool) {
	return func(yield func([]string) bool) {
		decoder := json.NewDecoder(bytes.NewReader(head))
		for {
			if token, err := decoder.Token(); err != nil || token != json.Delim('{') {
				return
			}
			var members []string
			var broken error
			for broken == nil && decoder.More() {
				var token json.Token
				if token, broken = decoder.Token(); broken == nil {
					name, _ := token.(string)
					members = append(members, name)
					var value json.RawMessage
					broken = decoder.Decode(&value)
				}
			}
			if !yield(members) || broken != nil {
				return
			}
			if _, err := decoder.Token(); err != nil { // the closing brace
				return
			}
		}
	}
}

// Recogniser finds out whether objects with free keys are log objects, by a look at the
// beginning of some in each folder, day and kind of name: of the first, the second, the
// fourth, and so on, as the first may be another one than the rest. From the first one on
// that is a log object, all of its stream are taken for such: what is none will be found
// when it is read. A Recogniser is for one location. Its methods may be called from any
// goroutine. It keeps what it has found in memory alone.
type Recogniser struct {
	looking  sync.Mutex // held while an object is looked at
	unpacker *unpacker

	mu     sync.Mutex // guards all below
	logs   map[logkey.Stream]bool
	none   map[kind]*others
	doubts map[logkey.Stream]bool // in which there were pages
}

// kind is what objects have in common that are likely to be of the same kind.
type kind struct {
	stream    logkey.Stream
	day       int64
	extension string
}

// others are the objects of a kind that are no logs, as far as is known.
type others struct {
	why     logkey.SkipReason // of the one that was looked at last
	objects int               // that were met, in the order of their keys, but for the first maxPages
	pages   int               // that may be a proxy's
	last    string            // the highest key of them
}

// maxPages is how many pages of a kind show nothing but what they are themselves, as a proxy
// may have answered: the next object is looked at. If there are more, pages lie there.
const maxPages = 16

// maxKinds is how many kinds are remembered that are no logs.
const maxKinds = 100_000

// NewRecogniser returns a Recogniser that has not found out anything.
func NewRecogniser() *Recogniser {
	return &Recogniser{
		unpacker: newUnpacker(&Config{MaxObjectSize: 1 << 30}),
		logs:     make(map[logkey.Stream]bool),
		none:     make(map[kind]*others),
		doubts:   make(map[logkey.Stream]bool),
	}
}

// Look returns why an object with a free key is no log object, or nothing if it is one, or
// is in a stream that has some. It reads the object's beginning if it has to. If that fails it returns the
// error, and logkey.SkipUnreadable: nobody knows, and the next object of the kind is looked
// at.
func (r *Recogniser) Look(ctx context.Context, src source.Source, obj source.Object, key logkey.Key) (logkey.SkipReason, error) {
	k := kind{key.Stream, key.Time.Truncate(24 * time.Hour).Unix(), extension(obj.Key)}
	if why, known := r.known(k, obj.Key); known {
		return why, nil
	}
	r.looking.Lock()
	defer r.looking.Unlock()
	if why, known := r.known(k, obj.Key); known { // somebody else has looked meanwhile
		return why, nil
	}
	which, why, err := r.look(ctx, src, obj)
	page := errors.Is(err, errPage)
	switch {
	case page:
		why = logkey.SkipUnknown
	case err != nil:
		return logkey.SkipUnreadable, err
	case which < 0 && why == "": // it is empty, which shows nothing
		return logkey.SkipUnknown, nil
	}
	r.found(k, obj.Key, why, page && !isPage(obj.Key))
	return why, nil
}

// Knows reports whether a stream has log objects.
func (r *Recogniser) Knows(s logkey.Stream) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.logs[s]
}

// Doubts returns the streams in which a page was met that a proxy may have answered in
// place of a log, in any order.
func (r *Recogniser) Doubts() []logkey.Stream {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Collect(maps.Keys(r.doubts))
}

// known returns why an object of a kind is no log object, or nothing if it is one, if it
// need not be looked at for that.
func (r *Recogniser) known(k kind, name string) (why logkey.SkipReason, known bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.logs[k.stream] {
		return "", true
	}
	o := r.none[k]
	switch {
	case o == nil:
		return "", false
	case name <= o.last:
		return o.why, true
	case o.objects&(o.objects+1) == 0: // with this one they are 2, 4, 8 ...
		return "", false
	}
	o.objects++
	o.last = strings.Clone(name) // it may be a part of a page
	return o.why, true
}

// found takes note of why an object of a kind is no log object; nothing if it is one. page is
// whether it is one that may be a proxy's.
func (r *Recogniser) found(k kind, name string, why logkey.SkipReason, page bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if why == "" {
		r.logs[k.stream] = true
		return
	}
	o := r.none[k]
	if o == nil {
		if len(r.none) >= maxKinds {
			clear(r.none)
		}
		o = new(others)
		r.none[k] = o
	}
	o.why, o.last = why, strings.Clone(name)
	if page && o.pages < maxPages {
		o.pages++
		r.doubts[k.stream] = true
		return
	}
	o.objects++
}

func (r *Recogniser) look(ctx context.Context, src source.Source, obj source.Object) (which int, why logkey.SkipReason, err error) {
	if obj.Size == 0 {
		return -1, "", nil
	}
	body, err := src.Open(ctx, obj)
	if err != nil {
		return -1, "", err
	}
	defer body.Close()
	content, err := r.unpacker.freeContent(bufio.NewReader(io.LimitReader(body, headSize)))
	if err != nil {
		return notCompressed(err)
	}
	which, why, err = recognise(content)
	if err != nil {
		return notCompressed(err)
	}
	return which, why, nil
}

// notCompressed returns what is known of an object that looks as if it were compressed:
// that it is no log, unless it could not be fetched.
func notCompressed(err error) (which int, why logkey.SkipReason, failed error) {
	if errors.As(err, new(*gzipError)) {
		return -1, logkey.SkipUnknown, nil
	}
	return -1, "", err
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
