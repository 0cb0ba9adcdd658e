package accesslog

import (
	"bytes"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// tail is the fields right of the user agent that every layout with a signature version
// has, by their place; what lines of March 2019 have more is left out. It is nil in
// layouts without a signature version.
type tail *[tailFields][]byte

// The places of a tail.
const (
	tailVersionID = iota
	tailHostID
	tailSignature
	tailCipherSuite
	tailAuthType
	tailHost
	tailTLSVersion // nil where the line ends before it, in March 2019
	tailFields
)

// The years in which layouts changed, in Unix seconds.
const (
	year2019 = 1546300800
	year2020 = 1577836800
)

// splitAgent takes Referer, user agent and tail from s. Each of the first two is
// quoted, or a bare dash. If both are quoted, the first `" "` is the border between
// them.
func (f *fields) splitAgent(s []byte) (malformed string) {
	if s[0] == '-' {
		f.referer, s = token(s)
		s = trimLeft(s)
		if hasPrefix(s, `"`) {
			return f.splitQuoted(s)
		}
		return f.splitBare(s)
	}
	if hasPrefix(s, `"-" "`) { // mostly
		f.referer = s[1:2]
		return f.splitQuoted(s[4:])
	}
	if border := bytes.Index(s[1:], []byte(`" "`)); border >= 0 {
		f.referer = s[1 : 1+border]
		return f.splitQuoted(s[1+border+2:])
	}
	end := lastQuote(s)
	if end <= 0 || !hasPrefix(s[end+1:], " ") {
		return "user agent"
	}
	f.referer = s[1:end]
	return f.splitBare(s[end+1:])
}

// splitBare takes a user agent that is a bare dash, and the tail, from s. No client
// has a part in them.
func (f *fields) splitBare(s []byte) (malformed string) {
	f.userAgent, s = token(s)
	if !isDash(f.userAgent) {
		return "user agent"
	}
	switch f.found.read(s); {
	case f.found.n < 2 && bytes.IndexByte(s, '"') < 0:
		f.takeShort()
	case f.found.n < tailFields || !f.take():
		return "signature version"
	}
	return ""
}

// splitQuoted takes the user agent and the tail from s, which begins with the user
// agent's opening quote.
//
// AWS quotes nothing right of the user agent, so nearly always the line's last quote
// closes it, and a complete tail stands behind that: nothing in the user agent can
// forge it. What else there may be is left to splitDoubtful.
func (f *fields) splitQuoted(s []byte) (malformed string) {
	if f.splitKnown(s) {
		return ""
	}
	end := lastQuote(s)
	if end == 0 {
		return "user agent"
	}
	f.found.n = 0
	closed := isClosed(s[end+1:])
	if closed {
		if f.found.readBare(s[end+1:]); f.found.isComplete() {
			f.userAgent, f.tail = s[1:end], f.found.tail(0)
			f.learnTail(s[end+1:])
			return ""
		}
	}
	return f.splitDoubtful(s, end, closed)
}

// splitDoubtful is splitQuoted for a line of which the last quote, s[end], may be
// another one than that of the user agent; f.found is the tail behind it. If fields
// right of the user agent are quoted, then some quote further left has a tail behind
// it. But a user agent can hold one too. So there must be no other way to read the
// line:
//
//   - No or one field behind the last quote is a layout of before 2019, or of another
//     store. Since 2019, if there is a tail further left, one field leaves the matter
//     open, as it may be a version ID, unless it is a TLS version. No field does not:
//     only in its first years AWS wrote no version ID.
//   - Two to six fields are no layout: the tail must be further left, and the only one
//     there.
//   - Seven fields or more that make no complete tail count if there is none further left.
func (f *fields) splitDoubtful(s []byte, end int, closed bool) (malformed string) {
	further, at, others := possibleTails(s[:end], s)
	found := &f.found
	short := closed && found.n < 2
	switch {
	case short && (others == 0 || f.time < year2019):
		f.userAgent = s[1:end]
		f.takeShort()
		return ""
	case closed && found.n == tailFields && others == 0 && f.take():
		f.userAgent = s[1:end]
		return ""
	case others == 1 && found.n < tailFields && (found.n != 1 || isTLSVersion(found.fields[0])):
		*found = further
		f.userAgent, f.tail = s[1:at], found.tail(0)
		return ""
	case !closed:
		return "user agent"
	}
	return "signature version"
}

// takeShort takes the tail of a layout without a signature version: a version ID, or
// nothing.
func (f *fields) takeShort() {
	if f.found.n > 0 {
		f.versionID = f.found.fields[0]
	}
}

// take takes a tail of seven fields or more as it is: one whose signature version
// stands in its place, or, in 2019, in the place behind. What begins with Sig counts
// as a version, for there will be others.
func (f *fields) take() (ok bool) {
	found := &f.found
	switch signature := found.fields[2]; {
	case isSignature(signature):
		f.tail = found.tail(0)
	case isKnownSignature(found.fields[3]) && year2019 <= f.time && f.time < year2020:
		f.tail = found.tail(1)
	default:
		return false
	}
	return true
}

// possibleTails looks for quotes in head that may have a tail behind them in s, of which
// head is the beginning. It returns one of these tails, the index of the quote before
// it, and how many there are, up to two. One that can be read in several ways is two.
func possibleTails(head, s []byte) (found foundTail, at, n int) {
	for i := 1; i < len(head) && n < 2; i++ {
		next := bytes.IndexByte(head[i:], '"')
		if next < 0 {
			break
		}
		if i += next; !isClosed(s[i+1:]) {
			continue
		}
		var candidate foundTail
		if candidate.read(s[i+1:]); candidate.isPossible() {
			found, at, n = candidate, i, n+1
			if !candidate.isClear() {
				n = 2
			}
		}
	}
	return found, at, n
}

// foundTail is the first fields that stand behind a quote.
type foundTail struct {
	fields [tailFields + 1][]byte // one more for the lines of March 2019
	n      int                    // of the fields, up to tailFields; there may be more if all are there
	rest   []byte                 // what stands behind
	bare   bool                   // and has no quote in it
	broken bool                   // a field follows that has a quote inside of it or is not closed
	behind []byte                 // what stands behind a host that is in quotes, where the signature version is not
}

// readBare reads the fields at the beginning of s, in which there is no quote.
func (t *foundTail) readBare(s []byte) {
	n := 0
	for ; n < tailFields; n++ {
		var value []byte
		if value, s = token(s); value == nil {
			break
		}
		t.fields[n] = value
	}
	t.n, t.rest, t.bare = n, s, true
}

// read is readBare for fields that may be quoted. It ends before a field that has a
// quote inside of it or is not closed.
func (t *foundTail) read(s []byte) {
	t.bare, t.broken, t.behind = false, false, nil
	bareSignature := false
	for t.n = 0; t.n < tailFields; t.n++ {
		var ok bool
		s = trimLeft(s)
		quoted := hasPrefix(s, `"`)
		if t.fields[t.n], t.rest, ok = field(s); !ok {
			t.broken = len(s) > 0
			return
		}
		s = t.rest
		switch {
		case t.n == tailSignature:
			bareSignature = !quoted
		case t.n == tailHost && quoted && bareSignature:
			t.behind = s
		}
	}
}

// field takes a field, which may be quoted, from s.
func field(s []byte) (value, rest []byte, ok bool) {
	s = trimLeft(s)
	if !hasPrefix(s, `"`) {
		value, rest = token(s)
		return value, rest, value != nil && bytes.IndexByte(value, '"') < 0
	}
	end := 1 + bytes.IndexByte(s[1:], '"')
	if end == 0 || !isClosed(s[end+1:]) {
		return nil, nil, false
	}
	return s[1:end], s[end+1:], true
}

// isComplete reports whether every field is as it must be in a tail of AWS's, so that
// hardly any other part of a line can be taken for one. A request of HTTP/1.0 need not
// have a Host header, and may be to S3; if it is unsigned too, there is little but
// the host ID to know its tail by.
func (t *foundTail) isComplete() bool {
	if t.n < tailFields {
		return false
	}
	signature, authType, tlsVersion := t.fields[tailSignature], t.fields[tailAuthType], t.fields[tailTLSVersion]
	switch {
	case !isSignature(signature) || !isDash(tlsVersion) && !beginsWith(tlsVersion, "tls"):
		return false
	case isDash(signature) && isDash(authType):
		return !isDash(t.fields[tailHost]) || isHostID(t.fields[tailHostID])
	}
	return !isDash(signature) && record.ParseAuthMethod(authType) != record.AuthUnknown
}

// isHostID reports whether s is as long as AWS's host IDs, which have 76 or 96 characters, or
// nearly so, and of Base64 as they are.
func isHostID(s []byte) bool {
	for _, c := range s {
		letter, digit := c|0x20, c
		if (letter < 'a' || letter > 'z') && (digit < '0' || digit > '9') && c != '+' && c != '/' && c != '=' {
			return false
		}
	}
	const least = 40
	return len(s) >= least
}

// isPossible reports whether the fields may be a tail. Many a part of a line that is none
// is like this; but any tail is, also that of a request without a Host header, and one that
// a client broke by quotes in a field that its store quotes, as its host is.
func (t *foundTail) isPossible() bool {
	if t.n <= tailSignature || t.n < tailFields && !t.broken || !isSignature(t.fields[tailSignature]) {
		return false
	}
	if t.n <= tailAuthType || !isDash(t.fields[tailSignature]) {
		return true
	}
	authType := t.fields[tailAuthType]
	return isDash(authType) || record.ParseAuthMethod(authType) != record.AuthUnknown
}

// isClear reports whether a possible tail can be read in one way alone: if no client can
// have written the quote that closes its host, as a later one closes it too. Where all
// fields are quoted, the quotes are not the client's to tell apart.
func (t *foundTail) isClear() bool {
	for behind := t.behind; ; {
		i := bytes.IndexByte(behind, '"')
		if i < 0 {
			return !t.broken
		}
		behind = behind[i+1:]
		if tok, _ := token(behind); isClosed(behind) && tok != nil {
			return false
		}
	}
}

// tail returns the fields, if so many are more than usual behind the version ID: none or
// one.
func (t *foundTail) tail(extra int) tail {
	if extra > 0 {
		t.fields[tailFields] = nil
		if value, rest, ok := field(t.rest); ok {
			t.fields[tailFields], t.rest = value, rest
		}
		t.fields[1] = t.fields[0]
	}
	return (*[tailFields][]byte)(t.fields[extra:])
}

// isSignature reports whether s may stand in the place of the signature version.
func isSignature(s []byte) bool { return isDash(s) || beginsWith(s, "sig") }

// isTLSVersion reports whether s is a TLS version and no version ID, which is longer.
func isTLSVersion(s []byte) bool {
	return beginsWith(s, "tls") && len(s) > len("tls") && s[len("tls")]|0x20 == 'v' && len(s) <= len("TLSv1.3")
}

// beginsWith reports whether s begins with three letters, in any case; they are given in
// lower case.
func beginsWith(s []byte, letters string) bool {
	const toLower = 0x20
	return len(s) >= 3 && s[0]|toLower == letters[0] && s[1]|toLower == letters[1] && s[2]|toLower == letters[2]
}

// isClosed reports whether what stands behind a quote lets it close a field.
func isClosed(behind []byte) bool { return len(behind) == 0 || behind[0] == ' ' }
