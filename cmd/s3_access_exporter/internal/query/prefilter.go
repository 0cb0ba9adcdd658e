package query

import (
	"bytes"
	"strings"
	"unicode/utf8"

	"github.com/s3access/s3_access_exporter/scanner/accesslog"
	"github.com/s3access/s3_access_exporter/scanner/cloudtrail"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// needles are texts of which a record must have one, as it stands in its log, to
// be asked for. All of a Filter's needles must be found, or the record may still
// be another than it looks: see unsure.
type needles struct {
	literals [][]byte
	// unsure reports whether a record without the literals may be asked for all the
	// same, because what they are looked for in may be written in another way.
	unsure func(raw []byte) bool
}

func (n *needles) mayBeIn(raw []byte) bool {
	for _, literal := range n.literals {
		if bytes.Contains(raw, literal) {
			return true
		}
	}
	return n.unsure(raw)
}

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
func (f *Filter) findNeedles() map[record.Format][]needles {
	keys := literals(f.cfg.Keys)
	sources, mapped := addresses(f.cfg.Sources)
	requesters := literals(f.cfg.Requesters, notLogged...)
	buckets := literals(f.cfg.Buckets)
	trail := []needles{
		{keys, escaped}, {sources, either(escaped, mapped)}, {requesters, escaped}, {buckets, escaped},
	}
	lines := []needles{
		{keys, percentEncoded}, {sources, mapped}, {requesters, never}, {buckets, never},
	}
	for t := range f.traits.All() {
		trail = append(trail, needles{bytesOf(t.Needles(record.CloudTrail)), escaped})
		lines = append(lines, needles{bytesOf(t.Needles(record.ServerAccess)), never})
	}
	found := make(map[record.Format][]needles)
	for format, all := range map[record.Format][]needles{cloudtrail.Format: trail, accesslog.Format: lines} {
		for _, n := range all {
			if len(n.literals) > 0 {
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

// Requesters that no log has as they are, but for the last in some records.
var notLogged = []string{"anonymous", "unknown", "AmazonS3"}

// literals returns texts of which each must be in what the patterns match, one
// for each pattern; none if there is a pattern that tells too little, or that
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

// addresses returns the texts of the sources that are logged in one form; none if
// there are others. For addresses of IPv4, mapped reports whether a record has what
// may be one in IPv6.
func addresses(asked []Source) (found [][]byte, mapped func(raw []byte) bool) {
	mapped = never
	for _, s := range asked {
		switch {
		case s.negated:
		case s.name != "":
			found = append(found, []byte(s.name))
		case s.network.IsSingleIP() && s.network.Addr().Is4():
			found = append(found, []byte(s.network.Addr().String()))
			mapped = hasMapped
		default: // a network, an address that can be written in many ways, or no address
			return nil, never
		}
	}
	return found, mapped
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

// escaped reports whether characters of an event may be written as escapes.
func escaped(raw []byte) bool { return bytes.IndexByte(raw, '\\') >= 0 }

// percentEncoded reports whether characters of a line's key may be written as
// escapes.
func percentEncoded(raw []byte) bool { return bytes.IndexByte(raw, '%') >= 0 }

func never([]byte) bool { return false }

func either(a, b func(raw []byte) bool) func(raw []byte) bool {
	return func(raw []byte) bool { return a(raw) || b(raw) }
}
