package scanner

import "container/heap"

// queuedAhead is how many objects of a location wait to be read at most, some 500 bytes each: so
// many are old enough to be read when the first of them is, if a Source waits for that (see
// source.Object).
const queuedAhead = 4096

// retryShare is how often one in that many is an object that is tried again: in the order of
// time, what fails again and again would come before all that is new, or never.
const retryShare = 4

// inOrder hands on jobs until there are none any more: of those that wait, the one whose key
// has the earliest time. So streams that are listed at once are read side by side, and copies
// of an event, which CloudTrail delivers to several of them at about the same time, come near
// each other also where there is much to catch up on. What is tried again has a share of its own.
func inOrder(jobs <-chan *job, ordered chan<- *job) {
	defer close(ordered)
	w := new(waiting)
	for jobs != nil || w.len() > 0 {
		from, to, next := jobs, ordered, w.next()
		if next == nil {
			to = nil
		}
		if w.len() >= queuedAhead {
			from = nil
		}
		select {
		case j, more := <-from:
			if !more {
				jobs = nil
				continue
			}
			w.add(j)
		case to <- next:
			w.drop()
		}
	}
}

// waiting are jobs that wait.
type waiting struct {
	byTime byTime
	again  []*job // of objects that are tried again, the first ones first
	number int    // of jobs that came
	turn   int    // how many were handed on
}

func (w *waiting) len() int { return len(w.byTime) + len(w.again) }

func (w *waiting) add(j *job) {
	if w.number++; j.State.again {
		w.again = append(w.again, j)
		return
	}
	heap.Push(&w.byTime, queued{j, w.number})
}

// retries reports whether it is the turn of an object that is tried again.
func (w *waiting) retries() bool {
	return len(w.again) > 0 && (len(w.byTime) == 0 || w.turn%retryShare == 0)
}

// next returns the job whose turn it is; nil: none waits.
func (w *waiting) next() *job {
	switch {
	case w.retries():
		return w.again[0]
	case len(w.byTime) > 0:
		return w.byTime[0].job
	}
	return nil
}

// drop drops the job whose turn it was.
func (w *waiting) drop() {
	if w.retries() {
		w.again[0] = nil
		w.again = w.again[1:]
	} else {
		heap.Pop(&w.byTime)
	}
	w.turn++
}

// queued is a job that waits.
type queued struct {
	*job
	number int // the order in which they came
}

// byTime is a heap.Interface of them.
type byTime []queued

// Len implements heap.Interface.
func (q *byTime) Len() int { return len(*q) }

// Less implements heap.Interface.
func (q *byTime) Less(i, j int) bool {
	a, b := (*q)[i], (*q)[j]
	if !a.Key.Time.Equal(b.Key.Time) {
		return a.Key.Time.Before(b.Key.Time)
	}
	return a.number < b.number
}

// Swap implements heap.Interface.
func (q *byTime) Swap(i, j int) { (*q)[i], (*q)[j] = (*q)[j], (*q)[i] }

// Push implements heap.Interface.
func (q *byTime) Push(j any) { *q = append(*q, j.(queued)) } //nolint:errcheck // nothing else is in the queue

// Pop implements heap.Interface.
func (q *byTime) Pop() any {
	last := len(*q) - 1
	j := (*q)[last]
	(*q)[last] = queued{} // which is not kept in memory
	*q = (*q)[:last]
	return j
}
