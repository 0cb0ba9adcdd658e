// Package journaltest has a store of objects in memory, with faults, for tests of what
// lies in a checkpoint.Journal, and a conformance suite for all such stores.
package journaltest

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"
)

// The operations that a fault is asked about.
const (
	OpPut    = "put"
	OpGet    = "get"
	OpList   = "list" // the key is the prefix
	OpDelete = "delete"
)

// Fake is a checkpoint.Objects in memory. The zero value is empty. All methods may be
// called from many goroutines at once.
type Fake struct {
	mu      sync.Mutex // guards all below
	objects map[string][]byte
	fault   func(op, key string) error
	// unconditional makes it store whatever is put, as a store does that knows no
	// If-None-Match.
	unconditional bool
	calls         map[string]int
}

// lostError is a fault: the call is done, and its answer is lost.
type lostError struct{ error }

// Lost is what a fault returns so that the call is done, and fails all the same.
func Lost(err error) error { return lostError{err} }

// shortError is a fault of a Get.
type shortError struct {
	size int
	err  error
}

func (shortError) Error() string { return "short" }

// Short is what a fault returns for a Get so that its body has that many bytes, and then
// ends in an error, or as if it were whole if that is nil.
func Short(size int, err error) error { return shortError{size, err} }

// insteadError is a fault of a Get.
type insteadError struct{ body string }

func (insteadError) Error() string { return "instead" }

// Instead is what a fault returns for a Get so that it has that body, as where a proxy
// answers with a page of its own.
func Instead(body string) error { return insteadError{body} }

// lackingError is a fault of a List.
type lackingError struct{ lacks func(key string) bool }

func (lackingError) Error() string { return "lacking" }

// Lacking is what a fault returns for a List, or a Size, so that it lacks keys, and is complete as far as
// it shows, as one of a cache may be.
func Lacking(lacks func(key string) bool) error { return lackingError{lacks} }

// SetFault sets what is called before each operation. Where it returns an error, the
// operation fails: see Lost, Short, Instead and Lacking for how. A fault may wait.
func (f *Fake) SetFault(fault func(op, key string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.fault = fault
}

// SetUnconditional makes PutIfAbsent store whatever it is given.
func (f *Fake) SetUnconditional() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.unconditional = true
}

// Calls returns how often an operation was called.
func (f *Fake) Calls(op string) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[op]
}

// Keys returns the keys that begin with prefix, in order.
func (f *Fake) Keys(prefix string) []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.DeleteFunc(slices.Sorted(maps.Keys(f.objects)), func(key string) bool { return !strings.HasPrefix(key, prefix) })
}

// Object returns a copy of an object, nil if there is none.
func (f *Fake) Object(key string) []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.objects[key])
}

// Set stores an object, or removes it if body is nil.
func (f *Fake) Set(key string, body []byte) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if body == nil {
		delete(f.objects, key)
		return
	}
	if f.objects == nil {
		f.objects = make(map[string][]byte)
	}
	f.objects[key] = bytes.Clone(body)
}

// Copy returns a store with the same objects.
func (f *Fake) Copy() *Fake {
	f.mu.Lock()
	defer f.mu.Unlock()
	return &Fake{objects: maps.Clone(f.objects)}
}

// ask asks for a fault. lost is an error of a call that is done.
func (f *Fake) ask(ctx context.Context, op, key string) (lost, err error) {
	f.mu.Lock()
	fault := f.fault
	if f.calls == nil {
		f.calls = make(map[string]int)
	}
	f.calls[op]++
	f.mu.Unlock()
	if fault != nil {
		err = fault(op, key)
	}
	if answer := (lostError{}); errors.As(err, &answer) {
		return answer.error, ctx.Err()
	}
	return nil, errors.Join(err, ctx.Err())
}

// PutIfAbsent implements checkpoint.Objects.
func (f *Fake) PutIfAbsent(ctx context.Context, key string, body io.ReadSeeker) error {
	lost, err := f.ask(ctx, OpPut, key)
	if err != nil {
		return err
	}
	b, err := io.ReadAll(body)
	if err != nil {
		return err
	}
	if !f.add(key, b) && lost == nil {
		return fs.ErrExist
	}
	return lost
}

// add stores an object unless there is one, and reports whether it did.
func (f *Fake) add(key string, body []byte) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if _, there := f.objects[key]; there && !f.unconditional {
		return false
	}
	if f.objects == nil {
		f.objects = make(map[string][]byte)
	}
	f.objects[key] = body
	return true
}

// Get implements checkpoint.Objects.
func (f *Fake) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	lost, err := f.ask(ctx, OpGet, key)
	if instead := (insteadError{}); errors.As(err, &instead) && ctx.Err() == nil {
		return io.NopCloser(strings.NewReader(instead.body)), nil
	}
	short := shortError{size: -1}
	if err != nil && !errors.As(err, &short) {
		return nil, err
	}
	if lost != nil {
		return nil, lost
	}
	b := f.Object(key)
	if b == nil {
		return nil, fs.ErrNotExist
	}
	if short.size < 0 || short.size > len(b) {
		return io.NopCloser(bytes.NewReader(b)), nil
	}
	body := io.Reader(bytes.NewReader(b[:short.size]))
	if short.err != nil {
		body = io.MultiReader(body, failingReader{short.err})
	}
	return io.NopCloser(body), nil
}

type failingReader struct{ err error }

func (r failingReader) Read([]byte) (int, error) { return 0, r.err }

// List implements checkpoint.Objects.
func (f *Fake) List(ctx context.Context, prefix, after string) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		lost, err := f.ask(ctx, OpList, prefix)
		lacking := lackingError{func(string) bool { return false }}
		if err != nil && !errors.As(err, &lacking) || lost != nil {
			yield("", errors.Join(lost, err))
			return
		}
		for _, key := range f.Keys(prefix) {
			if key > after && !lacking.lacks(key) && !yield(key, nil) {
				return
			}
		}
	}
}

// Size implements checkpoint.Objects.
func (f *Fake) Size(ctx context.Context, key string) (int64, error) {
	lost, err := f.ask(ctx, OpList, key)
	lacking := lackingError{func(string) bool { return false }}
	if err != nil && !errors.As(err, &lacking) || lost != nil {
		return 0, errors.Join(lost, err)
	}
	b := f.Object(key)
	if b == nil || lacking.lacks(key) {
		return 0, fs.ErrNotExist
	}
	return int64(len(b)), nil
}

// Delete implements checkpoint.Objects.
func (f *Fake) Delete(ctx context.Context, key string) error {
	lost, err := f.ask(ctx, OpDelete, key)
	if err != nil {
		return err
	}
	f.Set(key, nil)
	return lost
}
