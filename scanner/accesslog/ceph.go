package accesslog

import "bytes"

// Ceph's RADOS Gateway writes its records of the kind Standard after AWS's format of
// 26 fields, but what it does not write itself stands in them as it came:
//
//   - The key, with spaces, quotes and all.
//   - The Referer, without quotes around it. Some versions have them.
//   - The host header, and a header of the client's in the place of the host ID.
//
// Besides, the turn-around time may have its unit, as in 3ms. So of such a line far more
// is the client's to choose, and nothing may be left open: there must be one place alone
// that can be the Request-URI, no quote inside of Referer, user agent and what is right
// of them, and nine fields behind the user agent, no more and no fewer, with one space
// before each: where there are two, a header that is empty makes up for one with a space
// in it. Any other line is malformed. A key with a line feed in it still makes two lines of one, of which the
// second is whatever the key's author likes: nothing in the log shows it.
//
// See https://docs.ceph.com/en/latest/radosgw/bucket_logging/ and, for how the fields
// are written, src/rgw/rgw_bucket_logging.cc in https://github.com/ceph/ceph.

// cephTail is the number of fields right of the user agent: those that tailFields
// counts, access point ARN and aclRequired.
const cephTail = tailFields + 2

// isCeph reports whether a request ID is one of Ceph's gateway. Since 2026 it is the
// transaction's: tx, 21 hexadecimal digits, and the rest behind a dash. Before, it was the
// request's: that of the zone, and two numbers, with dots between them. See
// https://github.com/ceph/ceph/pull/67984.
func isCeph(requestID []byte) bool { return isTransaction(requestID) || isCephRequest(requestID) }

func isTransaction(requestID []byte) bool {
	const prefix, digits = "tx", 21
	if len(requestID) <= len(prefix)+digits || !hasPrefix(requestID, prefix) || requestID[len(prefix)+digits] != '-' {
		return false
	}
	for _, c := range requestID[len(prefix) : len(prefix)+digits] {
		if _, ok := unhex(c); !ok {
			return false
		}
	}
	return true
}

func isCephRequest(requestID []byte) bool {
	for range 2 {
		dot := bytes.LastIndexByte(requestID, '.')
		if dot < 1 || dot == len(requestID)-1 || len(bytes.Trim(requestID[dot+1:], "0123456789")) > 0 {
			return false
		}
		requestID = requestID[:dot]
	}
	return requestID[len(requestID)-1] != '.'
}

// splitCeph takes the fields from the key on from s, which follows the operation. It
// returns the name of the first one that is not as it must be, or "".
func (f *fields) splitCeph(s []byte) (malformed string) {
	at, s := f.findCephRequest(s)
	if at < 0 {
		return "key to turn-around time"
	}
	if hasPrefix(s, "- ") && bytes.IndexByte(s, '"') < 0 { // of the first version, which writes no user agent
		f.referer, s = token(s)
		if malformed = f.splitBare(trimLeft(s)); malformed == "" && f.tail == nil { // cut off
			malformed = "signature version"
		}
		return malformed
	}
	border, quotes := bytes.Index(s, []byte(` "`)), 2
	if hasPrefix(s, `"`) { // around the Referer
		border, quotes = 2+bytes.IndexByte(s[1:], '"'), 4
	}
	end := lastQuote(s)
	if border < 0 || !hasPrefix(s[border:], ` "`) || border+1 == end || bytes.Count(s, []byte(`"`)) != quotes {
		return "user agent"
	}
	f.referer, f.userAgent = bytes.Trim(s[:border], `"`), s[border+2:end]

	behind := s[end+1:]
	f.found.readBare(behind)
	if !isClosed(behind) || countTokens(behind) != cephTail || bytes.Contains(behind, []byte("  ")) ||
		!isSignature(f.found.fields[tailSignature]) {
		return "signature version"
	}
	f.tail = f.found.tail(0)
	return ""
}

// findCephRequest takes the fields from the key to the turn-around time from s. It
// returns the index of the space before the Request-URI, which is negative unless there
// is one place alone that it can have, and what stands behind these fields.
func (f *fields) findCephRequest(s []byte) (at int, behind []byte) {
	at = -1
	for start := 0; ; start++ {
		i := bytes.Index(s[start:], []byte(` "`))
		if i < 0 {
			return at, behind
		}
		start += i
		uri, rest := requestLine(s[start+len(` "`):])
		if uri == nil || start < 2 { // a space and a key at least
			continue
		}
		var found fields
		rest, ok := found.splitResponse(rest)
		switch {
		case !ok || len(rest) == 0:
		case at >= 0:
			return -1, nil
		default:
			at, behind = start, rest
			f.key, f.requestURI = s[1:start], uri
			f.response = found.response
		}
	}
}

// requestLine takes a method, a target and an HTTP version, and the quote behind them,
// from s. It returns nil if they are not there.
func requestLine(s []byte) (line, rest []byte) {
	if hasPrefix(s, " ") {
		return nil, nil
	}
	method, rest := token(s)
	target, rest := token(rest)
	version, rest := token(rest)
	if !isMethod(method) || len(target) == 0 || !hasPrefix(version, "HTTP/") || !bytes.HasSuffix(version, []byte(`"`)) {
		return nil, nil
	}
	return s[:len(s)-len(rest)-len(`"`)], rest
}

func isMethod(s []byte) bool {
	for _, c := range s {
		if c < 'A' || c > 'Z' {
			return false
		}
	}
	return len(s) > 0
}

func countTokens(s []byte) (n int) {
	for {
		var tok []byte
		if tok, s = token(s); tok == nil {
			return n
		}
		n++
	}
}
