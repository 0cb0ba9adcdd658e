package accesslog

import (
	"bytes"
	"encoding/binary"
	"math/bits"
)

// fields are the fields of one line that matter, as logged but for the quotes
// and brackets around them. They point into the line.
type fields struct {
	bucket, time, remoteIP, requester, requestID, operation, key []byte

	requestURI                                          []byte
	status, errorCode, bytesSent, objectSize, totalTime []byte
	userAgent                                           []byte

	signature, cipherSuite, authType, host []byte // nil where the line ends before them
}

// split finds the fields of a line. It returns the name of the first one that
// is not as it must be, or "". A run of spaces divides fields like one space,
// except between Referer and user agent.
func (f *fields) split(line []byte) (malformed string) {
	var ok bool
	_, rest := token(line) // the bucket's owner
	if f.bucket, rest = token(rest); len(f.bucket) == 0 {
		return "bucket"
	}
	if rest, ok = f.splitTime(rest); !ok {
		return "time"
	}
	f.remoteIP, rest = token(rest)
	if rest, ok = f.splitRequester(rest); !ok {
		return "operation"
	}
	if f.key, rest = token(rest); len(f.key) == 0 {
		return "key"
	}
	if rest, ok = f.splitRequestURI(rest); !ok {
		return "request URI to turn-around time"
	}
	if rest, ok = f.splitUserAgent(rest); !ok {
		return "user agent"
	}
	if !f.splitTail(rest) {
		return "signature version"
	}
	return ""
}

// splitTime takes the bracketed time from s. It checks the brackets only.
func (f *fields) splitTime(s []byte) (rest []byte, ok bool) {
	s = trimLeft(s)
	end := 1 + len(timeLayout)
	if len(s) < end+2 || s[0] != '[' || s[end] != ']' || s[end+1] != ' ' {
		return nil, false
	}
	f.time = s[1:end]
	return s[end+1:], true
}

// splitRequester takes requester, request ID and operation from s. The
// requester may hold spaces, as that of a CloudFront origin access identity
// does, so the operation ends it: the first token with the prefix of one, the
// token before being the request ID. No quote stands before it: after a quote
// comes what the client writes.
func (f *fields) splitRequester(s []byte) (rest []byte, ok bool) {
	s = trimLeft(s)
	_, afterRequester := token(s)
	requestID, afterID := token(afterRequester)
	for {
		operation, afterOperation := token(afterID)
		if len(operation) == 0 {
			return nil, false
		}
		if isOperation(operation) {
			f.requester = s[:len(s)-len(afterRequester)]
			f.requestID, f.operation = requestID, operation
			return afterOperation, bytes.IndexByte(s[:len(s)-len(afterID)], '"') < 0
		}
		afterRequester = afterID
		requestID, afterID = operation, afterOperation
	}
}

// isOperation reports whether s begins like an operation. What follows the
// prefix is open: operations of two, three and four parts are known.
func isOperation(s []byte) bool {
	return hasPrefix(s, "REST.") || hasPrefix(s, "BATCH.") || hasPrefix(s, "S3.") ||
		hasPrefix(s, "WEBSITE.") || hasPrefix(s, "SOAP.")
}

// splitRequestURI takes the fields from the Request-URI to the turn-around time
// from s. The Request-URI is quoted, or a bare dash in a record that is no HTTP
// request of its own. A quote closes it only where the fields that must follow
// do follow: a quote inside of the target is followed by the rest of the
// target, in which no raw space occurs.
func (f *fields) splitRequestURI(s []byte) (rest []byte, ok bool) {
	s = trimLeft(s)
	if !hasPrefix(s, `"`) {
		f.requestURI, s = token(s)
		if !isDash(f.requestURI) {
			return nil, false
		}
		return f.splitResponse(s)
	}
	for start := 1; ; {
		i := bytes.IndexByte(s[start:], '"')
		if i < 0 {
			return nil, false
		}
		end := start + i
		if rest, ok = f.splitResponse(s[end+1:]); ok {
			f.requestURI = s[1:end]
			return rest, true
		}
		start = end + 1
	}
}

// splitResponse takes the fields from the status to the turn-around time from
// s, which follows the Request-URI. It is false unless a Referer follows them.
func (f *fields) splitResponse(s []byte) (rest []byte, ok bool) {
	if !hasPrefix(s, " ") {
		return nil, false
	}
	if f.status, s = token(s); !isStatus(f.status) {
		return nil, false
	}
	if f.errorCode, s = token(s); len(f.errorCode) == 0 || bytes.IndexByte(f.errorCode, '"') >= 0 {
		return nil, false
	}
	if f.bytesSent, s = token(s); !isNumber(f.bytesSent) {
		return nil, false
	}
	if f.objectSize, s = token(s); !isNumber(f.objectSize) {
		return nil, false
	}
	if f.totalTime, s = token(s); !isNumber(f.totalTime) {
		return nil, false
	}
	turnAroundTime, s := token(s)
	if !isNumber(turnAroundTime) {
		return nil, false
	}
	s = trimLeft(s)
	return s, hasPrefix(s, `"`) || hasPrefix(s, "- ")
}

// splitUserAgent takes Referer and user agent from s. Each is quoted, or a bare
// dash. If both are quoted, the first `" "` is the border between them. If the
// user agent is quoted, the line's last quote closes it.
func (f *fields) splitUserAgent(s []byte) (rest []byte, ok bool) {
	if s[0] == '-' {
		_, s = token(s)
		s = trimLeft(s)
		if hasPrefix(s, `"`) {
			return f.splitQuoted(s)
		}
		f.userAgent, rest = token(s)
		return rest, isDash(f.userAgent) && bytes.IndexByte(rest, '"') < 0
	}
	if border := bytes.Index(s[1:], []byte(`" "`)); border >= 0 {
		return f.splitQuoted(s[1+border+2:])
	}
	end := lastQuote(s)
	afterReferer := s[end+1:]
	f.userAgent, rest = token(afterReferer)
	return rest, end > 0 && hasPrefix(afterReferer, " ") && isDash(f.userAgent)
}

// splitQuoted takes the user agent from s, which begins with its first quote.
func (f *fields) splitQuoted(s []byte) (rest []byte, ok bool) {
	end := lastQuote(s)
	if end == 0 {
		return nil, false
	}
	f.userAgent, rest = s[1:end], s[end+1:]
	return rest, len(rest) == 0 || rest[0] == ' '
}

// splitTail takes the fields from the version ID to the host header from s, as
// far as the line has them. If the place of the signature version holds something
// else but the next place does not, there is one field more before it, as in lines
// of March 2019. What begins with Sig counts as a version, for there will be
// others. If neither place holds one, the line is of a layout without it, and has
// fields behind that nobody knows; unless it has as many as the layouts with it,
// when it is not ok.
func (f *fields) splitTail(s []byte) (ok bool) {
	var tail [7][]byte // version ID, host ID, signature version to host header, TLS version
	for i := range tail {
		tail[i], s = token(s)
	}
	f.signature, f.cipherSuite, f.authType, f.host = nil, nil, nil, nil
	at := 2 // the place of the signature version
	switch {
	case isDash(tail[at]) || hasPrefixFold(tail[at], "Sig"):
	case isKnownSignature(tail[at+1]):
		at++
	default:
		return tail[len(tail)-1] == nil
	}
	f.signature, f.cipherSuite, f.authType, f.host = tail[at], tail[at+1], tail[at+2], tail[at+3]
	return true
}

// token takes the bytes up to the next space from s, after any spaces. At the
// end of s it is nil.
func token(s []byte) (tok, rest []byte) {
	s = trimLeft(s)
	switch i := indexSpace(s); {
	case i >= 0:
		return s[:i], s[i:]
	case len(s) > 0:
		return s, nil
	}
	return nil, nil
}

// indexSpace returns the index of the first space in s, -1 if there is none. Half of
// the fields are shorter than eight bytes, and those are looked at in less time than it
// takes to call bytes.IndexByte: x has a zero where s has a space, and of bytes below
// 0x80 the first zero is the first from which a one cannot be taken.
func indexSpace(s []byte) int {
	const (
		ones  = 0x0101010101010101
		highs = 0x80 * ones
	)
	if len(s) >= 8 {
		x := binary.LittleEndian.Uint64(s) ^ ' '*ones
		if zeros := (x - ones) &^ x & highs; zeros != 0 {
			return bits.TrailingZeros64(zeros) / 8
		}
	}
	return bytes.IndexByte(s, ' ')
}

func trimLeft(s []byte) []byte {
	for len(s) > 0 && s[0] == ' ' {
		s = s[1:]
	}
	return s
}

// lastQuote returns the index of the last quote in s, -1 if there is none. It
// goes forward because quotes are few and that is how bytes are searched fast.
func lastQuote(s []byte) int {
	last := -1
	for {
		i := bytes.IndexByte(s[last+1:], '"')
		if i < 0 {
			return last
		}
		last += 1 + i
	}
}

func hasPrefix(s []byte, prefix string) bool {
	return len(s) >= len(prefix) && string(s[:len(prefix)]) == prefix
}

// isDash reports whether s is the log's word for nothing.
func isDash(s []byte) bool { return len(s) == 1 && s[0] == '-' }

func isStatus(s []byte) bool { return isDash(s) || len(s) == 3 && isNumber(s) }

// isNumber reports whether s is a dash or digits only.
func isNumber(s []byte) bool {
	if isDash(s) {
		return true
	}
	for _, c := range s {
		if c < '0' || c > '9' {
			return false
		}
	}
	return len(s) > 0
}
