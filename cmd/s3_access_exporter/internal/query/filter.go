// Package query describes which requests are asked for, and what is wanted of them: the
// filters and fields that the commands share.
//
// A Filter decides by a record and its class, the same label values as those of
// the metrics (filter.go; glob.go and source.go are the patterns). It also knows what need not be read:
// parts of the log bucket by their keys, and records by a look at their bytes
// (prefilter.go), which is never wrong about a record that is asked for. A Field
// is something to print of a request, or to group by (field.go).
package query

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/once"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Config describes which requests are asked for: those that every field of it holds
// for. The zero value of a field asks for all. Of several Globs or Sources in a
// field, one must match that is not negated, if any is not, and none that is.
type Config struct {
	// Since and Until are the times of requests: from Since on, before Until.
	Since, Until time.Time
	// Slack is how long after a request the object that holds it may have been
	// delivered.
	Slack time.Duration

	Logs, AccountIDs, Regions, Buckets, Clients, Signatures, Outcomes, Supports []Glob
	// Features match the name of one of the request's features; see classify.Feature.
	Features []Glob
	// TLS matches the TLS version as the field TLSVersion has it.
	TLS                   []Glob
	AccessKeys, Endpoints []Glob // match the whole ID
	// Operations match the action's name or the operation as logged.
	Operations []Glob
	Keys       []Glob // match the whole key
	// Requesters match the label's value or the requester as logged. A pattern with
	// amazonaws.com, and without a colon or slash, matches AWS's services alone.
	Requesters []Glob
	Sources    []Source

	// Labels is how much detail the label values have that the Globs are asked of.
	Labels classify.Config

	Anonymous bool // only requests without credentials
	Object    bool // only requests that name an object's key, and DeleteObjects
}

type globs = alternatives[*Glob]

// Filter is a Config in the form in which it is asked of each record. Its methods
// may be called from any goroutine.
type Filter struct {
	cfg          Config
	traits       classify.Traits // that a request must have, all of them
	since, until int64           // seconds; until is exclusive
	labels       []labelGlobs
	operations   globs
	keys         globs
	requesters   globs
	sources      alternatives[*Source]
	features     globs
	tls          globs
	accessKeys   globs
	endpoints    globs
	needles      map[record.Format][]Needles
}

// labelGlobs are asked of a label's value.
type labelGlobs struct {
	label classify.Label
	globs globs
}

// New returns the Filter of a Config, or one line that names what is wrong in it.
func New(cfg Config) (*Filter, error) {
	if !cfg.Since.IsZero() && !cfg.Until.IsZero() && !cfg.Since.Before(cfg.Until) {
		return nil, errors.New("--since must be before --until")
	}
	cfg = inOurForm(cfg)
	if err := checkNames(cfg); err != nil {
		return nil, err
	}
	f := &Filter{
		cfg:        cfg,
		since:      math.MinInt64,
		until:      math.MaxInt64,
		operations: newAlternatives(cfg.Operations),
		keys:       newAlternatives(cfg.Keys),
		requesters: newAlternatives(cfg.Requesters),
		sources:    newAlternatives(cfg.Sources),
		features:   newAlternatives(cfg.Features),
		tls:        newAlternatives(cfg.TLS),
		accessKeys: newAlternatives(cfg.AccessKeys),
		endpoints:  newAlternatives(cfg.Endpoints),
	}
	if cfg.Anonymous {
		f.traits |= classify.NewTraits(classify.TraitAnonymous)
	}
	if cfg.Object {
		f.traits |= classify.NewTraits(classify.TraitObject)
	}
	f.traits |= f.onlyFeature()
	if f.onlySigV2() {
		f.traits |= classify.NewTraits(classify.TraitSigV2)
	}
	if !cfg.Since.IsZero() {
		f.since = ceilSeconds(cfg.Since)
	}
	if !cfg.Until.IsZero() {
		f.until = ceilSeconds(cfg.Until)
	}
	f.labels = labelsOf(cfg)
	f.needles = f.findNeedles()
	return f, nil
}

// inOurForm returns what is asked for in the form of a record's values, where people may have
// it from a log or a user agent.
func inOurForm(cfg Config) Config {
	cfg.Clients = rewritten(cfg.Clients, strings.ToLower)
	cfg.Requesters = rewritten(cfg.Requesters, func(text string) string {
		if service, ok := strings.CutPrefix(text, "svc:"); ok && strings.Contains(service, "amazonaws.com") {
			return service // which is how records have it
		}
		return text
	})
	cfg.TLS = rewritten(cfg.TLS, func(text string) string { return cmp.Or(classify.TLSVersion([]byte(text)), text) })
	return cfg
}

// checkNames returns an error if a glob can be none of the values that there are.
func checkNames(cfg Config) error {
	for _, named := range []struct {
		flag   string
		globs  []Glob
		values []string
	}{
		{"--log", cfg.Logs, texts(record.Logs())},
		{"--signature", cfg.Signatures, texts(signatures)},
		{"--outcome", cfg.Outcomes, outcomes},
		{"--support", cfg.Supports, texts(classify.Supports())},
		{"--feature", cfg.Features, texts(classify.AllFeatures())},
		{"--tls-version", cfg.TLS, tlsVersions},
	} {
		if err := checkGlobs(named.flag, named.globs, named.values); err != nil {
			return err
		}
	}
	return nil
}

// labelsOf returns what labels have to be.
func labelsOf(cfg Config) (all []labelGlobs) {
	for _, l := range []struct {
		label classify.Label
		globs []Glob
	}{
		{classify.LabelLog, cfg.Logs},
		{classify.LabelSignature, cfg.Signatures},
		{classify.LabelOutcome, cfg.Outcomes},
		{classify.LabelSupport, cfg.Supports},
		{classify.LabelAccountID, cfg.AccountIDs},
		{classify.LabelRegion, cfg.Regions},
		{classify.LabelBucket, cfg.Buckets},
		{classify.LabelClient, cfg.Clients},
	} {
		if len(l.globs) > 0 {
			all = append(all, labelGlobs{l.label, newAlternatives(l.globs)})
		}
	}
	return all
}

var (
	signatures = []record.Signature{
		record.SigV2, record.SigV4, record.SigV4A, record.SignatureNone, record.SignatureUnknown,
	}
	outcomes    = []string{"success", "denied", "error"}                        // the collector's
	tlsVersions = []string{"TLSv1", "TLSv1.0", "TLSv1.1", "TLSv1.2", "TLSv1.3"} // the first two are one
)

// checkGlobs returns an error if a pattern matches none of the values that there
// are.
func checkGlobs(flag string, asked []Glob, values []string) error {
	for i := range asked {
		g := &asked[i]
		known := false
		for _, value := range values {
			known = known || g.covers(value)
		}
		if !known {
			return fmt.Errorf("%s: %q is none of %s", flag, g.text, strings.Join(values, ", "))
		}
	}
	return nil
}

func texts[T fmt.Stringer](values []T) []string {
	all := make([]string, len(values))
	for i, v := range values {
		all[i] = v.String()
	}
	return all
}

// ceilSeconds returns the first whole second that is not before t: the logs have
// no parts of seconds.
func ceilSeconds(t time.Time) int64 {
	seconds := t.Unix()
	if t.Nanosecond() > 0 {
		seconds++
	}
	return seconds
}

// All reports whether everything is asked for.
func (f *Filter) All() bool {
	return f.since == math.MinInt64 && f.until == math.MaxInt64 && len(f.labels) == 0 &&
		len(f.operations.patterns) == 0 && len(f.keys.patterns) == 0 && len(f.requesters.patterns) == 0 &&
		len(f.sources.patterns) == 0 && len(f.features.patterns) == 0 && len(f.tls.patterns) == 0 &&
		len(f.accessKeys.patterns) == 0 && len(f.endpoints.patterns) == 0 && f.traits == 0
}

// TimeAlone reports whether nothing is asked for but times and logs.
func (f *Filter) TimeAlone() bool {
	other := *f
	other.since, other.until = math.MinInt64, math.MaxInt64
	other.labels = slices.DeleteFunc(slices.Clone(f.labels), func(l labelGlobs) bool { return l.label == classify.LabelLog })
	return other.All()
}

// Labels returns the detail of the label values by which Match decides.
func (f *Filter) Labels() classify.Config { return f.cfg.Labels }

// Traits returns the traits that a request must have, all of them.
func (f *Filter) Traits() classify.Traits { return f.traits }

// Span returns the times of the requests that are asked for, in seconds since 1970-01-01
// UTC: from since on, and before until; nil: from the first, to the last.
func (f *Filter) Span() (since, until *int64) {
	if f.since != math.MinInt64 {
		since = &f.since
	}
	if f.until != math.MaxInt64 {
		until = &f.until
	}
	return since, until
}

// Fields returns the fields by which Match decides, beside Traits and Time. What is
// logged behind a label goes with it.
func (f *Filter) Fields() []Field {
	var asked []Field
	for _, by := range []struct {
		patterns int
		field    Field
	}{
		{len(f.cfg.Logs), Log},
		{len(f.cfg.AccountIDs), AccountID},
		{len(f.cfg.Regions), Region},
		{len(f.cfg.Buckets), Bucket},
		{len(f.cfg.Operations), Operation},
		{len(f.cfg.Keys), Key},
		{len(f.cfg.Requesters), Requester},
		{len(f.cfg.Sources), SourceIP},
		{len(f.cfg.Clients), Client},
		{len(f.cfg.Signatures), Signature},
		{len(f.cfg.Outcomes), Outcome},
		{len(f.cfg.Supports), Support},
		{len(f.cfg.Features), Feature},
		{len(f.cfg.TLS), TLSVersion},
		{len(f.cfg.AccessKeys), AccessKeyID},
		{len(f.cfg.Endpoints), VPCEndpointID},
	} {
		if by.patterns > 0 {
			asked = append(asked, by.field)
		}
	}
	return asked
}

// Query returns what a scan is to read for the Filter's sake.
func (f *Filter) Query() once.Query {
	q := once.Query{Since: f.cfg.Since, Until: f.cfg.Until, Slack: f.cfg.Slack, Prefilter: f.prefilter()}
	if len(f.labels) > 0 {
		q.Wanted = f.wanted
	}
	return q
}

// wanted reports whether an object may hold requests that are asked for, by what
// its key shows. The account in a key of CloudTrail is the one that logged the
// event, not the one that owns the bucket, which may be another. The Region in a free
// key is where the delivery runs, which may be that of a trail of many Regions.
func (f *Filter) wanted(k logkey.Key) bool {
	shown := map[classify.Label]string{classify.LabelBucket: k.Bucket}
	if !k.Free() {
		shown[classify.LabelRegion] = k.Region
	}
	if log := k.Stream.Log(); log != 0 { // else the key does not show it
		shown[classify.LabelLog] = log.String()
	}
	if k.Stream.Layout == logkey.Partitioned {
		shown[classify.LabelAccountID] = k.AccountID
	}
	for i := range f.labels {
		l := &f.labels[i]
		value := shown[l.label]
		if value != "" && !l.globs.hold(func(g *Glob) bool { return g.covers(value) }) {
			return false
		}
	}
	return true
}
