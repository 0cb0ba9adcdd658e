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
			return f.splitQuoted(s, 0)
		}
		return f.splitBare(s)
	}
	if hasPrefix(s, `"-" "`) { // mostly
		f.referer = s[1:2]
		return f.splitQuoted(s[4:], 0)
	}
	border := 1 + bytes.IndexByte(s[1:], '"')
	if border > 0 && hasPrefix(s[border:], `" "`) {
		f.referer = s[1:border]
		return f.splitQuoted(s[border+2:], 0)
	}
	if more := bytes.Index(s[border+1:], []byte(`" "`)); border > 0 && more >= 0 {
		border += 1 + more
		f.referer = s[1:border]
		return f.splitQuoted(s, border+2)
	}
	end := lastQuote(s)
	if end <= 0 || !hasPrefix(s[end+1:], " ") {
		return "user agent"
	}
	if hasReturn(s[:end]) {
		return withReturn
	}
	if _, _, others := f.possibleTails(s[:end], s); others > 0 {
		return "user agent"
	}
	f.referer = s[1:end]
	return f.splitBare(s[end+1:])
}

// withReturn is why a line is malformed that has a carriage return behind a quote, or behind
// its last fields, and goes on there: it is several lines, which others than AWS have
// parted so. No header of HTTP has a carriage return in it (RFC 9110, section 5.5).
const withReturn = "a carriage return within the line"

func hasReturn(s []byte) bool { return bytes.IndexByte(s, '\r') >= 0 }

// splitBare takes a user agent that is a bare dash, and the tail, from s. No client
// has a part in them.
func (f *fields) splitBare(s []byte) (malformed string) {
	f.userAgent, s = token(s)
	if !isDash(f.userAgent) {
		return "user agent"
	}
	if hasReturn(s) {
		return withReturn
	}
	switch f.found.read(s); {
	case f.found.n < 2 && bytes.IndexByte(s, '"') < 0:
		f.takeShort()
	case f.found.n < tailFields || !f.take():
		return "signature version"
	}
	return ""
}

// splitQuoted takes the user agent and the tail from s, in which the user agent's opening
// quote is at start. What is left of that is a Referer with quotes in it, if anything.
//
// AWS quotes nothing right of the user agent, so nearly always the line's last quote
// closes it, and a complete tail stands behind that: nothing in the user agent can
// forge it. What else there may be is left to splitDoubtful.
func (f *fields) splitQuoted(s []byte, start int) (malformed string) {
	if start == 0 && f.splitKnown(s) {
		return ""
	}
	first := bytes.IndexByte(s[start+1:], '"')
	if first < 0 {
		return "user agent"
	}
	first += start + 1
	if hasReturn(s[first:]) || start > 0 && hasReturn(s[:start]) {
		return withReturn
	}
	end := first + lastQuote(s[first:])
	f.found.n = 0
	closed := isClosed(s[end+1:])
	if closed {
		if f.found.readBare(s[end+1:]); f.found.isComplete() {
			if (first < end || start > 0) && f.isOutdone(s[:end], s) {
				return "signature version"
			}
			f.userAgent, f.tail = s[start+1:end], f.found.tail(0)
			f.learnTail(s[end+1:])
			return ""
		}
	}
	return f.splitDoubtful(s, start, end, closed)
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
//   - Two to six fields are no layout: since 2019, when tails came up, it must be further
//     left, the only one there, and all behind it must be fields.
//   - Seven fields or more that make no complete tail count if there is none further left.
func (f *fields) splitDoubtful(s []byte, start, end int, closed bool) (malformed string) {
	further, at, others := f.possibleTails(s[:end], s)
	found := &f.found
	early := f.time < year2019
	switch {
	case closed && found.n < 2 && (others == 0 || early):
		f.userAgent = s[start+1 : end]
		f.takeShort()
		return ""
	case closed && found.n == tailFields && others == 0 && f.take():
		f.userAgent = s[start+1 : end]
		return ""
	case others == 1 && at > start && !early && found.n < tailFields && (found.n != 1 || isTLSVersion(found.fields[0])):
		*found = further
		if found.n == tailFields && found.isClear() && found.endsInFields() && f.take() {
			f.userAgent = s[start+1 : at]
			return ""
		}
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
	if found.fits(0) {
		if f.tail = found.tail(0); !f.in2019() || f.isUsual(f.tail) {
			return true
		}
	}
	if found.fits(1) && f.in2019() {
		f.tail = found.tail(1)
		return f.isUsual(f.tail)
	}
	return false
}

// isUsual reports whether a tail that fits is that of a line of 2019, when a dash in the
// place of the signature version may be another field.
func (f *fields) isUsual(t tail) bool {
	if !isDash(t[tailSignature]) {
		return true
	}
	tlsVersion := t[tailTLSVersion]
	return (tlsVersion == nil || isDash(tlsVersion) || isTLSVersion(tlsVersion)) &&
		(isDash(t[tailAuthType]) || f.canHave(record.SignatureUnknown))
}

func (f *fields) in2019() bool { return year2019 <= f.time && f.time < year2020 }

// foundTail is the first fields that stand behind a quote.
type foundTail struct {
	fields [tailFields + 1][]byte // one more for the lines of March 2019
	n      int                    // of the fields, up to tailFields; there may be more if all are there
	rest   []byte                 // what stands behind
	bare   bool                   // and has no quote in it
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
	t.bare, t.behind = false, nil
	bareSignature := false
	for t.n = 0; t.n < tailFields; t.n++ {
		var ok bool
		s = trimLeft(s)
		quoted := hasPrefix(s, `"`)
		if t.fields[t.n], t.rest, ok = field(s); !ok {
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
	case !isSignature(signature) || !isDash(tlsVersion) && !beginsWith(tlsVersion, "tls") ||
		beginsWith(t.fields[tailCipherSuite], "sig"):
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

// fits reports whether the fields may be a tail, up to the authentication type, if so many
// are more than usual behind the version ID: none or one. Many a part of a line that is none
// is like this; but any tail is, also that of a request without a Host header.
func (t *foundTail) fits(extra int) bool {
	if t.n <= extra+tailAuthType {
		return false
	}
	signature, cipherSuite, authType := t.fields[extra+tailSignature], t.fields[extra+tailCipherSuite], t.fields[extra+tailAuthType]
	switch {
	case !isSignature(signature) || beginsWith(cipherSuite, "sig"):
		return false // what has a signature version in the place behind is another tail
	case extra > 0 && !isKnownSignature(signature):
		return false
	}
	return !isDash(signature) || isDash(authType) || record.ParseAuthMethod(authType) != record.AuthUnknown
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

// maxSignature is the length of what may be a signature version, and is no host ID.
const maxSignature = 16

// isSignature reports whether s may stand in the place of the signature version.
func isSignature(s []byte) bool { return isDash(s) || beginsWith(s, "sig") && len(s) <= maxSignature }

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
