package checkpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"time"
)

const (
	// putTimeout is how long an attempt to write a segment may take, and one second more
	// for each putRate bytes.
	putTimeout = 10 * time.Second
	putRate    = 64 << 10

	firstRetry = 100 * time.Millisecond
	lastRetry  = 5 * time.Second
)

// storeError is an error of the store, which may pass.
type storeError struct {
	op, key string
	err     error
}

func (e *storeError) Error() string { return e.op + " " + e.key + ": " + e.err.Error() }
func (e *storeError) Unwrap() error { return e.err }

// storeFailure returns the error of a call of the store. What means that an object is
// there, or is not, is no failure.
func storeFailure(op, key string, err error) error {
	if err == nil || errors.Is(err, fs.ErrExist) || errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return &storeError{op: op, key: key, err: err}
}

func isStoreError(err error) bool { return errors.As(err, new(*storeError)) }

// put makes a segment durable. It returns once it is, or can never be: an answer that is
// lost leaves open which, so the same bytes are sent until one comes. j.write is held.
//
// Whoever is told that the segment is there already reads it: it is this one, of which an
// answer was lost, or that of another process, and then this one may not write any more.
func (j *Journal) put(s *segment) error {
	body, key := j.codec.encode(s), segmentKey(s.sequence)
	first := j.cfg.Uptime()
	var pause backoff
	for {
		began := j.cfg.Uptime()
		err := j.putOnce(key, body)
		switch {
		case err == nil:
			j.confirm(s.position, began)
			return nil
		case errors.Is(err, fs.ErrExist):
			err = j.compare(key, body)
			if err == nil {
				j.confirm(s.position, first)
				return nil
			}
			if !isStoreError(err) {
				return j.end(err)
			}
		}
		j.cfg.Failed()
		if pause.tried() {
			j.reached(err)
		}
		select {
		case <-j.gaveUp:
			return j.end(fmt.Errorf("%w: %w", errUnresolved, err))
		case <-time.After(pause.next(j.cfg.Takeover)):
		}
	}
}

// putOnce sends a segment once.
func (j *Journal) putOnce(key string, body []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), putTimeout+time.Duration(len(body)/putRate)*time.Second)
	defer cancel()
	stop := make(chan struct{})
	defer close(stop)
	go func() {
		select {
		case <-j.gaveUp:
			cancel()
		case <-stop:
		}
	}()
	return storeFailure("write", key, j.cfg.Objects.PutIfAbsent(ctx, key, bytes.NewReader(body)))
}

// compare returns nil if an object is what this process has sent. If it is what another
// one has, the error is ErrFenced.
func (j *Journal) compare(key string, body []byte) error {
	ctx, cancel := context.WithTimeout(context.Background(), putTimeout)
	defer cancel()
	got, err := j.read(ctx, key)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return &storeError{op: "read", key: key, err: errors.New("the store has, and has not, the object")}
	case err != nil:
		return err
	case bytes.Equal(got, body):
		return nil
	}
	s, _, err := parseHeader(segmentMagic, got)
	if err == nil && s.writer == j.id {
		err = errTruncated
	}
	if err != nil {
		return objectError(key, j.held(ctx, key, int64(len(got)), err))
	}
	return fencedBy(&s)
}

func fencedBy(s *segment) error {
	return fmt.Errorf("%s is by %s: %w", segmentKey(s.sequence), s.writerName(), ErrFenced)
}

// confirm takes note that a segment is durable whose PUT began at some uptime.
func (j *Journal) confirm(p position, began time.Duration) {
	j.confirmed.Store(int64(began))
	j.reached(nil)
	j.moved(p)
}

// read returns all of an object.
func (j *Journal) read(ctx context.Context, key string) ([]byte, error) {
	body, err := j.cfg.Objects.Get(ctx, key)
	if err != nil {
		return nil, storeFailure("read", key, err)
	}
	defer body.Close()
	return io.ReadAll(&storeReader{Reader: body, key: key})
}

// storeReader is the body of an object. Its errors are the store's.
type storeReader struct {
	io.Reader
	key  string
	size int64 // of what was read
}

// Read implements io.Reader.
func (r *storeReader) Read(p []byte) (int, error) {
	n, err := r.Reader.Read(p)
	r.size += int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		err = &storeError{op: "read", key: r.key, err: err}
	}
	return n, err
}

// backoff is how long to wait between attempts.
type backoff struct{ last time.Duration }

// tried reports whether next was called before.
func (b *backoff) tried() bool { return b.last > 0 }

// next returns how long to wait now: ever longer, but not for long beside takeover.
func (b *backoff) next(takeover time.Duration) time.Duration {
	b.last = max(firstRetry, min(2*b.last, lastRetry, takeover/8))
	return b.last
}
