package scanner

import "container/heap"

// queuedAhead is how many objects of a location wait to be read at most, some 500 bytes each: so
// many are old enough to be read when the first of them is, if a Source waits for that (see
// source.Object).
const queuedAhead = 4096

// inOrder hands on jobs until there are none any more: of those that wait, the one whose key
// has the earliest time. So streams that are listed at once are read side by side, and copies
// of an event, which CloudTrail delivers to several of them at about the same time, come near
// each other also where there is much to catch up on.
func inOrder(jobs <-chan *job, ordered chan<- *job) {
	defer close(ordered)
	var waiting byTime
	for number := 0; jobs != nil || len(waiting) > 0; number++ {
		var next *job
		from, to := jobs, ordered
		if len(waiting) == 0 {
			to = nil
		} else {
			next = waiting[0].job
		}
		if len(waiting) >= queuedAhead {
			from = nil
		}
		select {
		case j, more := <-from:
			if !more {
				jobs = nil
				continue
			}
			heap.Push(&waiting, queued{j, number})
		case to <- next:
			heap.Pop(&waiting)
		}
	}
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
