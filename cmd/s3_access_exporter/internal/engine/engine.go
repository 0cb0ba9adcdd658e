// Package engine answers questions over history: over the logs that lie there now.
//
// An Engine delivers entries to a Sink: requests, or groups of requests that are alike
// and come as one Record with a Weight. Scan is the built-in Engine, which reads the log
// objects themselves and weighs everything 1. A query engine may group by whatever
// decides on what a Question needs. Classification, exact filters and all that becomes
// of entries exist once, in Go, so that every Engine's output is the same to the byte:
// an Engine spares reading, an Intake decides.
package engine

import (
	"context"
	"errors"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/once"
)

// Engine answers questions.
type Engine interface {
	// Run delivers all requests that a Question asks for to a Sink. An error means that
	// something is missing: the first one of the Sink, as it is; or the cause of ctx's
	// end, which comes soon after that; or one of the Engine. What the Sink has taken
	// until then is whole, and the Summary that of it; it is not nil.
	Run(ctx context.Context, q *Question, sink Sink) (*once.Summary, error)
}

// Question is what is asked of an Engine.
type Question struct {
	Filter *query.Filter // which requests
	Needs  Needs         // what of them
}

// Needs are what a Sink looks at in an Entry. An Engine may deliver requests that do not
// differ in it as one Entry, and leave out of its Record whatever else there is.
type Needs struct {
	// Labels is how much detail the values of an Entry's Class have. Nil: nobody looks at the
	// Class, and it may be empty.
	Labels *classify.Config
	Fields []query.Field
	Traits classify.Traits
	// Step is a number of seconds. The requests of an Entry came in the same Step since
	// 1970; 0: at any time.
	Step int64
	// Durations: the requests of an Entry have the same Duration.
	Durations bool
	// Single: every request is an Entry by itself.
	Single bool
	// Ordered: the entries of a log object are in one Batch, in their order.
	Ordered bool
	// Limit is how many requests are looked at, of those that are asked for: any, or, if
	// Ordered, the earliest, of which those of the same second are looked at together. 0: all.
	Limit int
}

// Sink makes something of entries. NewBatch may be called from many goroutines at once,
// Take is called from one.
type Sink interface {
	// NewBatch returns an empty Batch.
	NewBatch() Batch
	// Take takes a Batch that is complete. After an error no other one comes. ErrEnough
	// means that the Sink needs no more.
	Take(Batch) error
}

// Batch holds entries that count together or not at all, as those of one log object. It
// is used by one goroutine at a time. An Engine may drop it without a word.
type Batch interface {
	// Add takes an Entry. The Entry and all that it refers to are the caller's.
	Add(*query.Entry)
	// Done is called once, after the last Add. It returns how much the Batch holds, in a
	// unit of some hundred bytes.
	Done() int
}

// ErrEnough is what a Sink's Take returns, and so Run, when it needs no more entries.
var ErrEnough = errors.New("enough was read")

// PartialError is what Run returns where some of what was asked for lies outside of what
// the Engine can read. All else the Sink has.
type PartialError struct {
	Missing string // one line: what is missing, and what to do
}

// Error implements error.
func (e *PartialError) Error() string { return e.Missing }
