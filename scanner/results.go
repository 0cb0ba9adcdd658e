package scanner

import (
	"context"

	"golang.org/x/sync/semaphore"
)

// results are handed on from the readers to whoever takes them. So that the readers
// need not wait while a commit is under way, as many wait as a commit takes.
type results struct {
	ahead chan *result // closed when there will be no more
	room  *semaphore.Weighted
}

func newResults() *results {
	return &results{ahead: make(chan *result, maxBatch), room: semaphore.NewWeighted(maxWeight)}
}

// put hands on a result. It waits until there is room.
func (q *results) put(r *result) {
	// Without an end of the context, it does not fail.
	_ = q.room.Acquire(context.Background(), share(r))
	q.ahead <- r
}

// taken is called once a result was received from ahead.
func (q *results) taken(r *result) { q.room.Release(share(r)) }

// share is how much room a result takes.
func share(r *result) int64 { return int64(min(r.weight, maxWeight)) }
