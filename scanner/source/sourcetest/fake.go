package sourcetest

import (
	"bytes"
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"iter"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/source"
)

// The operations that a fault is asked about; also the Op of a source.Error.
const (
	OpList = "list" // one page of a listing; the key is the listing's prefix
	OpOpen = "open" // one Open
	OpRead = "read" // the body of one Open that succeeded
)

// Fake is a Source in memory. It does what its caller asks for and nothing by
// chance: a listing sees the objects that are there when it turns to its next
// page, an open body keeps the bytes that were there when it was opened. The
// zero value is an empty bucket. An object's ETag is the MD5 of its bytes, as
// S3's often is, so bytes that are put again have the same. All methods may be called from many goroutines
// at once.
type Fake struct {
	// PageSize is the number of keys of a page; 0 means source.PageSize, as in S3. It must
	// not be changed once the Fake is in use.
	PageSize int

	mu      sync.Mutex
	objects []fakeObject // in the order of keys
	fault   func(op, key string) error
	pages   int
	opens   int
}

type fakeObject struct {
	source.Object
	body []byte
}

// Put stores a copy of body under key, in place of what was there.
func (f *Fake) Put(key string, body []byte, lastModified time.Time) {
	sum := md5.Sum(body)
	f.put(source.Object{
		Key: key, Size: int64(len(body)), LastModified: lastModified,
		ETag: fmt.Sprintf("%q", hex.EncodeToString(sum[:])),
	}, body)
}

func (f *Fake) put(obj source.Object, body []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	o := fakeObject{Object: obj, body: bytes.Clone(body)}
	i, found := f.search(obj.Key)
	if found {
		f.objects[i] = o
		return
	}
	f.objects = slices.Insert(f.objects, i, o)
}

// PutSpecial puts what is no file under key. It cannot be opened.
func (f *Fake) PutSpecial(key string) {
	f.put(source.Object{Key: key, Special: true, LastModified: time.Now()}, nil)
}

// PutUnfinished puts what is passed over for its name under key. It cannot be opened.
func (f *Fake) PutUnfinished(key string) {
	f.put(source.Object{Key: key, Unfinished: true}, nil)
}

// Delete removes the object of that key, if there is one.
func (f *Fake) Delete(key string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if i, found := f.search(key); found {
		f.objects = slices.Delete(f.objects, i, i+1)
	}
}

// SetFault makes fault decide about every call from now on, nil that all
// succeed. Fault is asked once for each page (OpList), each Open (OpOpen) and
// each body (OpRead), on the goroutine of the caller and without locks held, so
// it may block and may call the Fake. What it returns becomes the call's error:
// a *source.Error as it is, any other as the cause of one with
// ReasonRead. A body fails before its first byte, or where FailAfter has it.
func (f *Fake) SetFault(fault func(op, key string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
}

// FailAfter is a fault of OpRead: the body gives its first n bytes, or all of
// them if it has no more, and then err in place of io.EOF.
func FailAfter(n int64, err error) error {
	return &readError{after: n, err: err}
}

// Short is a fault of OpRead: the store's answer ends after n bytes, as if it were
// complete.
func Short(n int64) error { return FailAfter(n, io.EOF) }

// Stall is a fault of OpRead: the store sends n bytes and then none for d, in which the
// body is held, until it fails with ReasonTimeout.
func Stall(n int64, d time.Duration) error { return &readError{after: n, stall: d} }

// Late is a fault of OpRead: the store sends n bytes, then none for d, and then the rest.
func Late(n int64, d time.Duration) error { return &readError{after: n, stall: d, whole: true} }

type readError struct {
	after int64
	stall time.Duration
	whole bool  // the rest comes behind it
	err   error // nil for a timeout, if not
}

func (e *readError) Error() string { return fmt.Sprintf("after %d bytes: %v", e.after, e.err) }
func (e *readError) Unwrap() error { return e.err }

// Pages returns how many pages were listed, those that failed included: what
// S3 would bill as LIST requests.
func (f *Fake) Pages() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.pages
}

// Opens returns how often Open was called: what S3 would bill as GET requests.
func (f *Fake) Opens() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.opens
}

// List implements source.Source.
func (f *Fake) List(ctx context.Context, prefix, startAfter string) iter.Seq2[source.Object, error] {
	return func(yield func(source.Object, error) bool) {
		after := startAfter
		for {
			page, more, err := f.page(ctx, prefix, after)
			if err != nil {
				yield(source.Object{}, err)
				return
			}
			for _, o := range page {
				if !yield(o, nil) {
					return
				}
				after = o.Key
			}
			if !more {
				return
			}
		}
	}
}

// page returns the next page of a listing and whether another one follows.
func (f *Fake) page(ctx context.Context, prefix, after string) (page []source.Object, more bool, err error) {
	f.mu.Lock()
	f.pages++
	f.mu.Unlock()
	if err := f.ask(ctx, OpList, prefix); err != nil {
		return nil, false, err
	}
	size := f.PageSize
	if size == 0 {
		size = source.PageSize
	}

	f.mu.Lock()
	defer f.mu.Unlock()
	i, found := f.search(max(prefix, after))
	if found && f.objects[i].Key == after {
		i++
	}
	for ; i < len(f.objects) && strings.HasPrefix(f.objects[i].Key, prefix); i++ {
		if len(page) == size {
			return page, true, nil
		}
		page = append(page, f.objects[i].Object)
	}
	return page, false, nil
}

// Open implements source.Source.
func (f *Fake) Open(ctx context.Context, obj source.Object) (io.ReadCloser, error) {
	f.mu.Lock()
	f.opens++
	f.mu.Unlock()
	if err := f.ask(ctx, OpOpen, obj.Key); err != nil {
		return nil, err
	}
	o, err := f.get(obj.Key)
	if err != nil {
		return nil, err
	}
	if why := compare(obj, o.Object); why != "" {
		return nil, &source.Error{Op: OpOpen, Key: obj.Key, Reason: why, Err: errors.New("not as it was listed")}
	}
	b := &body{rest: o.body, end: io.EOF}
	if err := f.ask(ctx, OpRead, obj.Key); err != nil {
		b.end = err
		var limited *readError
		if errors.As(err, &limited) {
			b.end = sourceError(OpRead, obj.Key, limited.err)
			if limited.err == nil {
				b.end = &source.Error{Op: OpRead, Key: obj.Key, Reason: source.ReasonTimeout, Err: errStalled}
			}
			b.stall, b.done = limited.stall, ctx.Done()
			n := min(limited.after, int64(len(b.rest)))
			if limited.whole {
				b.late, b.end = b.rest[n:], io.EOF
			}
			b.rest = b.rest[:n]
		} else {
			b.rest = nil
		}
	}
	return source.Whole(b, obj), nil
}

// compare holds an object against what was listed, as S3 would with If-Match.
func compare(listed, now source.Object) source.Reason {
	switch {
	case listed.ETag != "" && listed.ETag != now.ETag:
		return source.ReasonChanged
	case listed.Size == now.Size:
		return ""
	case listed.ETag == "":
		return source.ReasonChanged
	}
	return source.ReasonLength
}

// Stat implements source.Source with a listing of one page, which the fault may
// fail.
func (f *Fake) Stat(ctx context.Context, key string) (source.Object, error) {
	f.mu.Lock()
	f.pages++
	f.mu.Unlock()
	if err := f.ask(ctx, OpList, key); err != nil {
		return source.Object{}, err
	}
	o, err := f.get(key)
	return o.Object, err
}

// ask returns the error that a call is to fail with.
func (f *Fake) ask(ctx context.Context, op, key string) error {
	f.mu.Lock()
	fault := f.fault
	f.mu.Unlock()
	if fault != nil {
		if err := fault(op, key); err != nil {
			return sourceError(op, key, err)
		}
	}
	return ctx.Err()
}

func sourceError(op, key string, err error) error {
	var known *source.Error
	if errors.As(err, &known) || errors.Is(err, io.EOF) || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return err
	}
	return &source.Error{Op: op, Key: key, Reason: source.ReasonRead, Err: err}
}

func (f *Fake) get(key string) (fakeObject, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	i, found := f.search(key)
	if !found {
		return fakeObject{}, &source.Error{Op: OpOpen, Key: key, Reason: source.ReasonGone, Err: errors.New("no such key")}
	}
	return f.objects[i], nil
}

func (f *Fake) search(key string) (int, bool) {
	return slices.BinarySearchFunc(f.objects, key, func(o fakeObject, key string) int {
		return strings.Compare(o.Key, key)
	})
}

// errStalled is the cause of a Stall's end.
var errStalled = errors.New("no bytes came")

// body gives the rest of an object's bytes, then its end: io.EOF or a fault.
type body struct {
	rest  []byte
	stall time.Duration // before late, and the end
	late  []byte
	done  <-chan struct{}
	end   error
}

func (b *body) Read(p []byte) (int, error) {
	if len(b.rest) == 0 {
		if b.stall > 0 {
			select {
			case <-time.After(b.stall):
			case <-b.done:
				return 0, context.Canceled
			}
			b.rest, b.stall = b.late, 0
			return b.Read(p)
		}
		return 0, b.end
	}
	n := copy(p, b.rest)
	b.rest = b.rest[n:]
	return n, nil
}

func (b *body) Close() error { return nil }
