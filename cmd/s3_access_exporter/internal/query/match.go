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
	"bytes"
	"strings"

	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Match reports whether a request is asked for. c is the record's class, in the detail
// of Labels.
func (f *Filter) Match(r *record.Record, c *classify.Class) bool {
	if r.Time < f.since || r.Time >= f.until ||
		!c.Traits.HasAll(f.traits) {
		return false
	}
	for i := range f.labels {
		l := &f.labels[i]
		if !l.globs.hold(func(g *Glob) bool { return g.covers(c.Labels[l.label]) }) {
			return false
		}
	}
	return f.operations.hold(func(g *Glob) bool {
		return g.covers(c.Labels[classify.LabelOperation]) || g.coversBytes(r.Operation)
	}) && f.keys.hold(func(g *Glob) bool {
		return g.coversBytes(r.Key)
	}) && f.requesters.hold(func(g *Glob) bool {
		return coversRequester(g, c.Labels[classify.LabelRequester], r.Requester)
	}) && f.matchSource(r.SourceIP) && f.matchConnection(r, c)
}

// coversRequester reports whether a Glob covers a requester: its label's value, or what is logged.
//
// A pattern for the names of AWS's services covers nothing else: whoever assumes a role chooses
// the name of the session with which its ARN ends, and could leave oneself out with the
// services by that. Of what requesters are called, all that others can choose has a colon before it.
func coversRequester(g *Glob, label string, logged []byte) bool {
	return g.covers(label) && !(g.services && strings.Contains(label, ":")) ||
		g.coversBytes(logged) && !(g.services && bytes.IndexByte(logged, ':') >= 0)
}

// coversTLS reports whether a Glob covers a TLS version, the first of which has two names.
func coversTLS(g *Glob, version string) bool {
	if version == "TLSv1" || version == "TLSv1.0" {
		return g.covers("TLSv1") || g.covers("TLSv1.0")
	}
	return g.covers(version)
}

// matchConnection asks for how the request came, and what AWS turns off of that.
func (f *Filter) matchConnection(r *record.Record, c *classify.Class) bool {
	return f.features.hold(func(g *Glob) bool {
		for feature := range c.Traits.Features().All() {
			if g.covers(feature.String()) {
				return true
			}
		}
		return false
	}) && (len(f.tls.patterns) == 0 || f.tls.hold(func(g *Glob) bool {
		return coversTLS(g, tlsVersion(r))
	})) && f.accessKeys.hold(func(g *Glob) bool {
		return g.coversBytes(r.AccessKeyID)
	}) && f.endpoints.hold(func(g *Glob) bool {
		return g.coversBytes(r.VPCEndpointID)
	})
}

func (f *Filter) matchSource(logged []byte) bool {
	if len(f.sources.patterns) == 0 {
		return true
	}
	text := string(logged)
	address, _ := parseAddress(text)
	return f.sources.hold(func(s *Source) bool { return s.covers(text, address) })
}
