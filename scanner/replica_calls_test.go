package scanner_test

import (
	"context"
	"errors"
	"io"
	"iter"
	"sync"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
)

// modelCalls are the calls of a store by a process that may stand still, or be killed, at
// any of them.
type modelCalls struct {
	checkpoint.Objects
	mu     sync.Mutex    // guards all below
	frozen chan struct{} // closed when the process goes on; nil: it does not stand still
	dead   bool
}

var errDead = errors.New("the process is dead")

func (c *modelCalls) freeze() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.frozen == nil && !c.dead {
		c.frozen = make(chan struct{})
	}
}

func (c *modelCalls) thaw() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.frozen != nil {
		close(c.frozen)
		c.frozen = nil
	}
}

func (c *modelCalls) kill() {
	c.mu.Lock()
	c.dead = true
	c.mu.Unlock()
	c.thaw()
}

// step waits while the process stands still. Nothing leaves one that is dead.
func (c *modelCalls) step() error {
	c.mu.Lock()
	frozen := c.frozen
	c.mu.Unlock()
	if frozen != nil {
		<-frozen
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.dead {
		return errDead
	}
	return nil
}

func (c *modelCalls) PutIfAbsent(ctx context.Context, key string, body io.ReadSeeker) error {
	if err := c.step(); err != nil {
		return err
	}
	if err := c.Objects.PutIfAbsent(ctx, key, body); err != nil {
		return err
	}
	return c.step() // killed, or standing still, before the answer
}

func (c *modelCalls) Get(ctx context.Context, key string) (io.ReadCloser, error) {
	if err := c.step(); err != nil {
		return nil, err
	}
	return c.Objects.Get(ctx, key)
}

func (c *modelCalls) List(ctx context.Context, prefix, after string) iter.Seq2[string, error] {
	if err := c.step(); err != nil {
		return func(yield func(string, error) bool) { yield("", err) }
	}
	return c.Objects.List(ctx, prefix, after)
}

func (c *modelCalls) Size(ctx context.Context, key string) (int64, error) {
	if err := c.step(); err != nil {
		return 0, err
	}
	return c.Objects.Size(ctx, key)
}

func (c *modelCalls) Delete(ctx context.Context, key string) error {
	if err := c.step(); err != nil {
		return err
	}
	return c.Objects.Delete(ctx, key)
}
