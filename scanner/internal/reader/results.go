package reader

import (
	"context"
	"fmt"
	"iter"

	"golang.org/x/sync/semaphore"

	"github.com/s3access/s3_access_exporter/scanner/internal/dedupe"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// So that readers need not wait while whoever takes the Results is busy with some,
// others may wait meanwhile: as many as MaxWaiting, or as hold MaxWeight, which is
// some ten megabytes.
const (
	MaxWaiting = 512
	MaxWeight  = 50_000
)

// Results are what came of Jobs, in the order in which they were done. One goroutine
// takes them.
type Results[T any] struct {
	ahead chan *Result[T] // closed when there will be no more
	room  *semaphore.Weighted

	// Owned by the goroutine that takes the Results:
	cfg   *Config
	gate  *dedupe.Gate[*Result[T]]
	again *objectReader // nil before the first ReadAgain
}

func newResults[T any](cfg *Config) *Results[T] {
	return &Results[T]{
		ahead: make(chan *Result[T], MaxWaiting),
		room:  semaphore.NewWeighted(MaxWeight),
		cfg:   cfg,
		gate:  dedupe.NewGate[*Result[T]](cfg.Window),
	}
}

// put hands on a result. It waits until there is room.
func (q *Results[T]) put(r *Result[T]) {
	// Without an end of the context, it does not fail.
	_ = q.room.Acquire(context.Background(), share(r.Weight))
	q.ahead <- r
}

// Ahead returns the channel of the Results. It is closed behind the last one. Taken
// must be called for each.
func (q *Results[T]) Ahead() <-chan *Result[T] { return q.ahead }

// Taken makes room for more, once a Result was received from Ahead.
func (q *Results[T]) Taken(r *Result[T]) { q.room.Release(share(r.Weight)) }

// All returns the Results until there will be no more. Taken is called by itself.
func (q *Results[T]) All() iter.Seq[*Result[T]] {
	return func(yield func(*Result[T]) bool) {
		for r := range q.ahead {
			q.Taken(r)
			if !yield(r) {
				return
			}
		}
	}
}

// share is how much room a Result takes.
func share(weight int) int64 { return int64(min(weight, MaxWeight)) }

// ReadAgain reads the object of a Job in the caller's goroutine.
func (q *Results[T]) ReadAgain(ctx context.Context, j *Job[T]) *Result[T] {
	if q.again == nil {
		q.again = newObjectReader(q.cfg) // of the others, all cores may wait for this goroutine
	}
	j.place = q.again.flow.begin(new(queue), footprint(j.Object.Size), j.Slow)
	defer q.again.flow.end(j.place)
	var again *Result[T]
	j.read(ctx, q.again, func(r *Result[T]) { again = r })
	return again
}

// Pass takes a Result, or one of ReadAgain, and returns those that may count now, all of
// them in one commit, and those that have failed. A Result whose object is sound fails
// with ReasonShared when its object has passed over events of one that fails.
func (q *Results[T]) Pass(r *Result[T]) (ready, failed []*Result[T]) {
	var broken []dedupe.Broken[*Result[T]]
	if r.Err != nil {
		failed = append(failed, r)
		broken = q.gate.Fail(r)
	} else {
		ready, broken = q.gate.Pass(r)
	}
	for _, b := range broken {
		b.Object.fail(ReasonShared, fmt.Errorf("has events of object %q, which could not be read", b.On))
		failed = append(failed, b.Object)
	}
	return ready, failed
}

// fail makes the Result one of an object that could not be read.
func (r *Result[T]) fail(reason source.Reason, err error) {
	r.Err = &ObjectError{Location: r.Location.Name, Key: r.Object.Key, Reason: reason, Err: err}
}
