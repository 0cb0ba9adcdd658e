package engine

import (
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Intake makes entries of the records that an Engine has found: it classifies each, and
// passes on those that a Question asks for. It is for one goroutine at a time.
type Intake struct {
	filter *query.Filter
	match  *classify.Classifier // nil: everything is asked for
	labels *classify.Classifier // nil: nobody looks at the class, or it is that of match
	class  classify.Class
	entry  query.Entry
}

// NewIntake returns an Intake for a Question.
func NewIntake(q *Question) *Intake {
	in := &Intake{filter: q.Filter}
	if !q.Filter.All() {
		in.match = classify.NewClassifier(q.Filter.Labels())
	}
	if wanted := q.Needs.Labels; wanted != nil && (in.match == nil || *wanted != q.Filter.Labels()) {
		in.labels = classify.NewClassifier(*wanted)
	}
	return in
}

// Add adds a record with its weight to a Batch, if the Question asks for it. object is
// the log object from which it is, as query.LogObject names it. Nothing of r is kept.
func (in *Intake) Add(to Batch, r *record.Record, w record.Weight, object string) {
	if in.match != nil {
		in.class = in.match.Classify(r)
		if !in.filter.Match(r, &in.class) {
			return
		}
	}
	if in.labels != nil {
		in.class = in.labels.Classify(r)
	}
	in.entry = query.Entry{Record: r, Class: &in.class, Weight: w, LogObject: object}
	to.Add(&in.entry)
}
