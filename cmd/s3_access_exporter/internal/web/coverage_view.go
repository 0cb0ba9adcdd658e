package web

import (
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/coverage"
)

// coverageView is what the status page shows of which buckets are logged.
type coverageView struct {
	Time    time.Time     `json:"time,omitzero"` // of the last look; zero before the first
	Summary string        `json:"summary"`
	Buckets []coverageRow `json:"not_covered"` // the worst first, maxRows at most
	More    int           `json:"more"`        // not covered either, and left out
}

// coverageRow is a bucket whose requests are not all logged and read.
type coverageRow struct {
	Bucket     string           `json:"bucket"`
	AccountID  string           `json:"account_id"`
	Region     string           `json:"aws_region"`
	Verdict    coverage.Verdict `json:"verdict"`
	AccessLog  coverage.Scope   `json:"access_log"`
	CloudTrail coverage.Scope   `json:"cloudtrail"`
	Remarks    []string         `json:"remarks"`
}

// Grave reports whether nothing of the bucket is seen.
func (r coverageRow) Grave() bool { return r.Verdict <= coverage.VerdictNotArriving }

// findings lists the buckets whose requests are not all in metrics, the gravest first. That it
// is not known is none: a role may be meant not to know.
func (v *coverageView) findings() []finding {
	if v == nil {
		return nil
	}
	count := make(map[coverage.Verdict]int)
	for _, b := range v.Buckets {
		count[b.Verdict]++
	}
	var found []finding
	for _, kind := range []struct {
		verdict coverage.Verdict
		text    string
	}{
		{coverage.VerdictBlind, " logged by nothing: their requests are in no metric."},
		{coverage.VerdictNotArriving, " logged, but the logs do not come: their requests are in no metric."},
		{coverage.VerdictNotTailed, " logged where nothing is read that holds all requests."},
	} {
		if n := count[kind.verdict]; n > 0 {
			found = append(found, finding{Text: plural(n, "bucket") + kind.text, Link: "#coverage"})
		}
	}
	return found
}

// looked returns what is known of which buckets are logged; nil if nobody looks.
func (p *statusPages) looked() *coverageView {
	if p.coverage == nil {
		return nil
	}
	buckets, at := p.coverage.Last()
	view := &coverageView{Time: at.UTC(), Summary: coverage.Summarize(buckets).String(), Buckets: []coverageRow{}}
	if at.IsZero() {
		view.Time, view.Summary = time.Time{}, "not looked at yet"
	}
	for i := range buckets {
		b := &buckets[i]
		if b.Verdict == coverage.VerdictCovered {
			continue
		}
		if len(view.Buckets) == maxRows {
			view.More++
			continue
		}
		view.Buckets = append(view.Buckets, coverageRow{
			Bucket: b.Name, AccountID: b.AccountID, Region: b.Region, Verdict: b.Verdict,
			AccessLog: b.AccessScope(), CloudTrail: b.Trail.Scope, Remarks: b.Remarks(at),
		})
	}
	return view
}
