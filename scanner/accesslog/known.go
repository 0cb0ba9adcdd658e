package accesslog

import (
	"bytes"
	"hash/maphash"

	"github.com/s3access/s3_access_exporter/scanner/internal/access"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// knownTails remembers what lines mean from the signature version on. Clients of one
// kind that ask for one bucket have the same there, and have it in each of their
// lines. A tail has two slots in which it may be, and the older one is what another takes:
// memory is bounded, and nothing is allocated for a line.
//
// It knows but tails that are complete and have no quote in them, see splitQuoted.
type knownTails struct {
	seed  maphash.Seed
	slots [256]knownTail
	older [128]uint8 // of each two slots, the one that was learnt first: 0 or 1
}

// maxKnownTail is the length of the tails that are remembered: they fit with their slot in
// 256 bytes, and nearly all are half as long.
const maxKnownTail = 236

// knownTail is what a tail means.
type knownTail struct {
	text       [maxKnownTail]byte // from the space before the signature version to the line's end
	size       uint8              // 0: nothing is known
	signature  record.Signature
	authMethod record.AuthMethod
	acl        record.Answer

	cipherSuite, host, tlsVersion, accessPoint, sourceRegion span
}

// span is where a field is in a tail. The zero value is that of one that is not there.
type span struct{ from, to uint8 }

func (s span) of(text []byte) []byte {
	if s.to == 0 {
		return nil
	}
	return text[s.from:s.to]
}

// find returns what a tail means, or nil if it is not known.
func (k *knownTails) find(text []byte) *knownTail {
	at := k.slot(text)
	switch first, second := &k.slots[at], &k.slots[at+1]; {
	case first.is(text):
		return first
	case second.is(text):
		return second
	}
	return nil
}

// slot returns the first of the two slots in which a tail may be.
func (k *knownTails) slot(text []byte) int {
	return 2 * int(maphash.Bytes(k.seed, text)%uint64(len(k.older)))
}

func (k *knownTail) is(text []byte) bool {
	return k.size > 0 && bytes.Equal(k.text[:k.size], text)
}

// learn takes a tail that is complete, not known, and has no quote in it. It keeps nothing
// of text.
func (k *knownTails) learn(text []byte) {
	if len(text) > maxKnownTail {
		return
	}
	at := k.slot(text)
	older := &k.older[at/2]
	k.slots[at+int(*older)].learn(text)
	*older = 1 - *older
}

func (k *knownTail) learn(text []byte) {
	*k = knownTail{}
	k.size = uint8(copy(k.text[:], text))
	rest := text
	next := func() (field []byte, at span) {
		if field, rest = token(rest); field == nil {
			return nil, span{}
		}
		end := len(text) - len(rest)
		if isDash(field) {
			return field, span{}
		}
		return field, span{uint8(end - len(field)), uint8(end)}
	}
	signature, _ := next()
	k.signature = access.Signature(signature)
	_, k.cipherSuite = next()
	authType, _ := next()
	k.authMethod = record.ParseAuthMethod(authType)
	_, k.host = next()
	_, k.tlsVersion = next()
	_, k.accessPoint = next()
	aclRequired, _ := next()
	k.acl = access.ACLRequired(aclRequired)
	_, k.sourceRegion = next()
}

// fill sets what the tail means, which stands in text. The signature is as logged.
func (k *knownTail) fill(r *record.Record, text []byte) {
	r.Signature, r.AuthMethod, r.ACLRequired = k.signature, k.authMethod, k.acl
	r.CipherSuite, r.Host, r.TLSVersion = k.cipherSuite.of(text), k.host.of(text), k.tlsVersion.of(text)
	r.AccessPoint, r.SourceRegion = k.accessPoint.of(text), k.sourceRegion.of(text)
}

// splitKnown takes the user agent and the tail from s, as splitQuoted does, if the quote
// that comes next closes the user agent, the tail behind is known from the signature
// version on, and neither a quote nor a carriage return is before that. Then that quote is
// the line's last one, and the tail behind it is complete.
func (f *fields) splitKnown(s []byte) bool {
	end := 1 + bytes.IndexByte(s[1:], '"')
	if end == 0 || end+1 == len(s) || s[end+1] != ' ' {
		return false
	}
	behind := s[end+1:]
	versionID, rest := token(behind)
	_, rest = token(rest) // the host ID
	known := f.tails.find(rest)
	if known == nil {
		return false
	}
	if ids := behind[:len(behind)-len(rest)]; bytes.IndexByte(ids, '"') >= 0 || hasReturn(ids) {
		return false
	}
	f.userAgent, f.versionID = s[1:end], versionID
	f.known, f.knownText = known, rest
	return true
}

// learnTail remembers the tail of a line in which behind has no quote and is complete.
func (f *fields) learnTail(behind []byte) {
	_, rest := token(behind)
	_, rest = token(rest)
	f.tails.learn(rest)
}

// knownHead remembers the owner and the bucket of the line before: most log objects are of
// one bucket, or have many lines of one behind the other.
type knownHead struct {
	text   []byte // up to the space behind the bucket, included
	bucket span
}

// maxKnownHead is the length of the heads that are remembered: an owner has 64 bytes, a
// bucket 63.
const maxKnownHead = 255

// split returns the bucket and what stands behind it, if the line begins like that before.
func (k *knownHead) split(line []byte) (bucket, rest []byte, ok bool) {
	n := len(k.text)
	if n == 0 || len(line) < n || !bytes.Equal(line[:n], k.text) {
		return nil, nil, false
	}
	return k.bucket.of(line), line[n:], true
}

// learn takes the beginning of a line, up to the bucket.
func (k *knownHead) learn(line, bucket, rest []byte) {
	end := len(line) - len(rest)
	if k.text = k.text[:0]; len(rest) == 0 || end+1 > maxKnownHead {
		return
	}
	k.text = append(k.text, line[:end+1]...)
	k.bucket = span{uint8(end - len(bucket)), uint8(end)}
}

// knownMinute remembers the minute of the line before, in which most lines are.
type knownMinute struct {
	known bool
	text  [len("02/Jan/2006:15:04:")]byte
	zone  [len(" -0700")]byte
	unix  int64
}

// parse is parseTime.
func (k *knownMinute) parse(text []byte) (unix int64, ok bool) {
	s := (*[len(timeLayout)]byte)(text)
	const seconds, zone = len(k.text), len(timeLayout) - len(k.zone)
	if k.known && [len(k.text)]byte(s[:]) == k.text && [len(k.zone)]byte(s[zone:]) == k.zone {
		if second := twoDigits(s[seconds], s[seconds+1]); 0 <= second && second <= 59 {
			return k.unix + second, true
		}
		return 0, false
	}
	if unix, ok = parseTime(text); ok {
		k.known, k.text, k.zone = true, [len(k.text)]byte(s[:]), [len(k.zone)]byte(s[zone:])
		k.unix = unix - twoDigits(s[seconds], s[seconds+1])
	}
	return unix, ok
}
