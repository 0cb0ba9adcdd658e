package accesslog

import (
	"bytes"
	"encoding/binary"
	"math/bits"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// fields are the fields of one line that matter, as logged but for the quotes
// and brackets around them. They point into the line.
type fields struct {
	line []byte // that they are of

	bucket, remoteIP, requester, requestID, operation, key []byte

	time int64 // Unix seconds
	ceph bool  // the line is of Ceph's gateway

	requestURI []byte
	response
	referer, userAgent, versionID []byte

	// One of the next two is there, but in layouts without a signature version.
	known     *knownTail // what is known of the end of the line,
	knownText []byte     // which is this
	tail      tail
	found     foundTail // what the tail is of

	// From the lines before.
	head   knownHead
	minute knownMinute
	tails  knownTails
}

// response is the fields from the status to the turn-around time. Numbers are
// record.Unknown for a dash, or tooLong.
type response struct {
	status, errorCode                            []byte
	bytesSent, objectSize, totalTime, turnAround int64
}

// split finds the fields of a line. It returns the name of the first one that
// is not as it must be, or "". A run of spaces divides fields like one space,
// except between Referer and user agent.
func (f *fields) split(line []byte) (malformed string) {
	var rest []byte
	var ok bool
	f.line, f.known, f.tail, f.versionID = line, nil, nil, nil
	if f.bucket, rest, ok = f.head.split(line); !ok {
		_, rest = token(line) // the bucket's owner
		if f.bucket, rest = token(rest); len(f.bucket) == 0 {
			return "bucket"
		}
		f.head.learn(line, f.bucket, rest)
	}
	if rest, ok = f.splitTime(rest); !ok {
		return "time"
	}
	f.remoteIP, rest = token(rest)
	if rest, ok = f.splitRequester(rest); !ok {
		return "operation"
	}
	if f.ceph = isCeph(f.requestID); f.ceph {
		return f.splitCeph(rest)
	}
	if f.key, rest = token(rest); len(f.key) == 0 {
		return "key"
	}
	if rest, ok = f.splitRequestURI(rest); !ok {
		return "request URI to turn-around time"
	}
	return f.splitAgent(rest)
}

// splitTime takes the bracketed time from s.
func (f *fields) splitTime(s []byte) (rest []byte, ok bool) {
	s = trimLeft(s)
	end := 1 + len(timeLayout)
	if len(s) < end+2 || s[0] != '[' || s[end] != ']' || s[end+1] != ' ' {
		return nil, false
	}
	f.time, ok = f.minute.parse(s[1:end])
	return s[end+1:], ok
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
			before := s[:len(s)-len(afterID)]
			return afterOperation, bytes.IndexByte(before, '"') < 0 && !hasReturn(before)
		}
		afterRequester = afterID
		requestID, afterID = operation, afterOperation
	}
}

// isOperation reports whether s begins like an operation. What follows the
// prefix is open: operations of two, three and four parts are known.
func isOperation(s []byte) bool {
	return hasPrefix(s, "REST.") || hasPrefix(s, "BATCH.") || hasPrefix(s, "S3.") ||
		hasPrefix(s, "WEBSITE.") || hasPrefix(s, "SOAP.") ||
		hasPrefix(s, "B2_API.") || hasPrefix(s, "B2_LIFECYCLE.") // Backblaze's own
}

// isBackblaze reports whether an operation is written as Backblaze writes it, whose lines
// have dashes for what TLS was like, though it takes no other connections:
// https://www.backblaze.com/docs/cloud-storage-call-the-s3-compatible-api
func isBackblaze(operation []byte) bool {
	return hasPrefix(operation, "REST.S3_") || hasPrefix(operation, "B2_")
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
		rest, ok = f.splitResponse(s)
		return rest, ok && isDash(f.requestURI) && isReferer(rest)
	}
	for start := 1; ; {
		i := bytes.IndexByte(s[start:], '"')
		if i < 0 {
			return nil, false
		}
		end := start + i
		if rest, ok = f.splitResponse(s[end+1:]); ok && isReferer(rest) {
			f.requestURI = s[1:end]
			return rest, start == 1 || !hasReturn(f.requestURI) // else it is of two lines
		}
		start = end + 1
	}
}

// isReferer reports whether s begins as a Referer does: with a quote, or as a bare
// dash before another field.
func isReferer(s []byte) bool { return hasPrefix(s, `"`) || hasPrefix(s, "- ") }

// splitResponse takes the fields from the status to the turn-around time from
// s, which follows the Request-URI.
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
	if s, ok = number(s, &f.bytesSent); !ok {
		return nil, false
	}
	if s, ok = number(s, &f.objectSize); !ok {
		return nil, false
	}
	if s, ok = number(s, &f.totalTime); !ok {
		return nil, false
	}
	if rest, ok = number(s, &f.turnAround); ok {
		return trimLeft(rest), true
	}
	text, rest := token(s)
	if _, ok = number(bytes.TrimSuffix(text, []byte("ms")), &f.turnAround); !ok { // the unit is Ceph's
		return nil, false
	}
	return trimLeft(rest), true
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

// indexSpace returns the index of the first space in s, -1 if there is none. Most of
// the fields are shorter than sixteen bytes, and those are looked at in less time than it
// takes to call bytes.IndexByte.
func indexSpace(s []byte) int {
	if len(s) < 16 {
		return bytes.IndexByte(s, ' ')
	}
	if spaces := spacesIn(s); spaces != 0 {
		return bits.TrailingZeros64(spaces) / 8
	}
	if spaces := spacesIn(s[8:]); spaces != 0 {
		return 8 + bits.TrailingZeros64(spaces)/8
	}
	return bytes.IndexByte(s, ' ')
}

// spacesIn returns a word in which the lowest bit that is set is in the byte where the
// first space is in the first eight bytes of s, 0 if none is: x has a zero where s has a
// space, and of bytes below 0x80 the first zero is the first from which a one cannot be
// taken.
func spacesIn(s []byte) uint64 {
	const (
		ones  = 0x0101010101010101
		highs = 0x80 * ones
	)
	x := binary.LittleEndian.Uint64(s) ^ ' '*ones
	return (x - ones) &^ x & highs
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

// maxDigits is the number of digits that a number may have: what is shorter than an
// int64's 19 cannot overflow.
const maxDigits = 18

// tooLong stands for a number of more digits.
const tooLong = -2

// number takes a number, or a dash, from s, after any spaces, and sets n to its value,
// record.Unknown, or tooLong. It is false if the next token is neither.
func number(s []byte, n *int64) (rest []byte, ok bool) {
	s = trimLeft(s)
	i := 0
	var value int64
	for ; i < len(s) && s[i] != ' '; i++ {
		digit := s[i] - '0'
		if digit > 9 {
			if i == 0 && s[0] == '-' && (len(s) == 1 || s[1] == ' ') {
				*n = record.Unknown
				return s[1:], true
			}
			return nil, false
		}
		value = 10*value + int64(digit)
	}
	if i > maxDigits {
		value = tooLong
	}
	*n = value
	return s[i:], i > 0
}

func isStatus(s []byte) bool {
	_, ok := digits(s)
	return isDash(s) || len(s) == 3 && ok
}
