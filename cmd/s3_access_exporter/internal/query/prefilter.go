package query

import (
	"bytes"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/accesslog"
	"github.com/s3access/s3_access_exporter/scanner/accesslogjson"
	"github.com/s3access/s3_access_exporter/scanner/cloudtrail"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Needles are texts of which a record must have one, as it stands in its log, to be asked
// for. All of a Filter's Needles must be found, or the record may still be another than it
// looks.
type Needles struct {
	Literals [][]byte
	// Unless are marks of records that may be asked for without the Literals, because what
	// they are looked for in may be written in another way.
	Unless []Mark
}

// Mark is something in a record as logged by which its texts may be other than they look.
type Mark uint8

// The Marks.
const (
	MarkEscape  Mark = iota // a backslash: characters of JSON may be written as escapes
	MarkPercent             // a percent sign: characters of a line's key may be
	MarkMapped              // :ffff in any case: an address of IPv4 may stand behind it
)

func (m Mark) isIn(raw []byte) bool {
	switch m {
	case MarkEscape:
		return bytes.IndexByte(raw, '\\') >= 0
	case MarkPercent:
		return bytes.IndexByte(raw, '%') >= 0
	case MarkMapped:
		return hasMapped(raw)
	}
	return true
}

func (n *Needles) mayBeIn(raw []byte) bool {
	for _, literal := range n.Literals {
		if bytes.Contains(raw, literal) {
			return true
		}
	}
	for _, mark := range n.Unless {
		if mark.isIn(raw) {
			return true
		}
	}
	return false
}

// Needles returns what a record of a format must have in it to be asked for. They are the
// Filter's.
func (f *Filter) Needles(format record.Format) []Needles { return f.needles[format] }

// prefilter returns a look at the bytes of records, nil if it would pass over nothing.
// What it passes over, Match would not match.
func (f *Filter) prefilter() func(format record.Format, raw []byte) bool {
	if len(f.needles) == 0 {
		return nil
	}
	return func(format record.Format, raw []byte) bool {
		for i := range f.needles[format] {
			if !f.needles[format][i].mayBeIn(raw) {
				return false
			}
		}
		return true
	}
}

// findNeedles returns the needles in the records of each format, those first that the
// fewest records are likely to have.
func (f *Filter) findNeedles() map[record.Format][]Needles {
	keys := literals(f.cfg.Keys)
	sources, mapped := addresses(f.cfg.Sources)
	requesters := literals(f.cfg.Requesters, notLogged...)
	buckets := literals(f.cfg.Buckets)
	escaped := []Mark{MarkEscape}
	trail := []Needles{
		{literals(f.cfg.AccessKeys), escaped},
		{literals(f.cfg.Endpoints), escaped},
		{keys, escaped},
		{sources, append(mapped, MarkEscape)},
		{requesters, escaped},
		{buckets, escaped},
	}
	lines := []Needles{
		{keys, []Mark{MarkPercent}}, {sources, mapped}, {requesters, nil}, {buckets, nil},
	}
	inJSON := slices.Clone(trail) // of server access logs
	for t := range f.traits.All() {
		events, requests := bytesOf(t.Needles(record.CloudTrail)), bytesOf(t.Needles(record.ServerAccess))
		trail = append(trail, Needles{events, escaped})
		lines = append(lines, Needles{requests, nil})
		inJSON = append(inJSON, Needles{requests, escaped})
	}
	found := make(map[record.Format][]Needles)
	for format, all := range map[record.Format][]Needles{
		cloudtrail.Format: trail, accesslog.Format: lines, accesslogjson.Format: inJSON,
	} {
		for _, n := range all {
			if len(n.Literals) > 0 {
				found[format] = append(found[format], n)
			}
		}
	}
	return found
}

func bytesOf(texts []string) [][]byte {
	var all [][]byte
	for _, text := range texts {
		all = append(all, []byte(text))
	}
	return all
}

// onlySigV2 reports whether nothing but signatures of version 2 is asked for.
func (f *Filter) onlySigV2() bool {
	asked := newAlternatives(f.cfg.Signatures)
	for _, s := range signatures {
		if asked.hold(func(g *Glob) bool { return g.covers(s.String()) }) != (s == record.SigV2) {
			return false
		}
	}
	return true
}

// onlyFeature returns the trait of the one feature that a request must have, if there is one.
func (f *Filter) onlyFeature() classify.Traits {
	var found []classify.Feature
	for i := range f.cfg.Features {
		for _, feature := range classify.AllFeatures() {
			if g := &f.cfg.Features[i]; !g.negated && g.covers(feature.String()) && !slices.Contains(found, feature) {
				found = append(found, feature)
			}
		}
	}
	if len(found) != 1 {
		return 0
	}
	return classify.NewTraits(found[0].Trait())
}

// Requesters that no log has as they are, but for the last in some records.
var notLogged = []string{"anonymous", "unknown", "AmazonS3"}

// literals returns texts of which each must be in what the patterns match, one
// for each pattern; none if there is a pattern that is too short, or that
// matches one of some values that no log has as they are.
func literals(asked []Glob, notLogged ...string) [][]byte {
	var found [][]byte
	for i := range asked {
		g := &asked[i]
		if g.negated {
			continue // it makes others fewer, and matches nothing by itself
		}
		literal := g.literal()
		if len(literal) < minLiteral {
			return nil
		}
		for _, value := range notLogged {
			if g.covers(value) {
				return nil
			}
		}
		found = append(found, []byte(literal))
	}
	return found
}

// minLiteral is the least length of a text that is worth being looked for.
const minLiteral = 3

// literal returns the longest part of the pattern without wildcards and without
// what is not in a log as it is: a blank may be logged as a plus sign, and U+FFFD
// stands for bytes that are no UTF-8.
func (g *Glob) literal() string {
	longest := ""
	for part := range strings.FieldsFuncSeq(g.text, func(c rune) bool {
		return strings.ContainsRune(wildcards, c) || c == ' ' || c == utf8.RuneError
	}) {
		if len(part) > len(longest) {
			longest = part
		}
	}
	return longest
}

// addresses returns the texts of the sources that are logged in one form, and how records
// are marked that may have one of them in another form; none if there are others.
func addresses(asked []Source) (found [][]byte, unless []Mark) {
	for _, s := range asked {
		switch {
		case s.negated:
		case s.name != "":
			found = append(found, []byte(s.name))
		case s.network.IsSingleIP() && s.network.Addr().Is4():
			found = append(found, []byte(s.network.Addr().String()))
			unless = []Mark{MarkMapped}
		default: // a network, an address that can be written in many ways, or no address
			return nil, nil
		}
	}
	return found, unless
}

// hasMapped reports whether raw has the beginning of the group FFFF that the
// address of IPv4 follows.
func hasMapped(raw []byte) bool {
	const lower = 'a' - 'A'
	for i := 0; i+2 < len(raw); i++ {
		if raw[i] == ':' && raw[i+1]|lower == 'f' && raw[i+2]|lower == 'f' {
			return true
		}
	}
	return false
}
