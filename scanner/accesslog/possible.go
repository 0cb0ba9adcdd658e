package accesslog

import (
	"bytes"

	"github.com/s3access/s3_access_exporter/scanner/internal/access"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// possibleTails looks for quotes in head that may have a tail behind them in s, of which
// head is the beginning. It returns one of these tails, the index of the quote before
// it, and how many there are, up to two.
func (f *fields) possibleTails(head, s []byte) (found foundTail, at, n int) {
	var candidate foundTail
	for i := f.nextPossible(head, s, 0, &candidate); i > 0 && n < 2; i = f.nextPossible(head, s, i, &candidate) {
		found, at, n = candidate, i, n+1
	}
	return found, at, n
}

// nextPossible looks behind an index for a quote in head that may have a tail behind it in
// s. It sets found to the tail, and returns the index of the quote, 0 if there is none. A
// tail may end behind the authentication type: whatever a client has put into its host
// stands behind that.
func (f *fields) nextPossible(head, s []byte, behind int, found *foundTail) (at int) {
	for i := behind + 1; i < len(head); i++ {
		next := bytes.IndexByte(head[i:], '"')
		if next < 0 {
			return 0
		}
		if i += next; !isClosed(s[i+1:]) {
			continue
		}
		found.read(s[i+1:])
		for extra := range 1 + f.extra(found) {
			if found.fits(extra) {
				return i
			}
		}
	}
	return 0
}

// extra returns how many fields there may be at most before the version ID of a tail, or
// between it and the host ID: a user agent that is a bare dash, and what lines of 2019 have
// more.
func (f *fields) extra(t *foundTail) (n int) {
	if t.n > 0 && isDash(t.fields[0]) {
		n++
	}
	if f.in2019() {
		n++
	}
	return n
}

// isOutdone reports whether a possible tail further left would make a request of another
// signature of the line, to which people pay more attention than to that of f.found: what
// stands behind the last quote was written by the client then, if there is a host that has
// quotes and spaces. HTTP has none, and AWS finds no bucket by one, so in AWS's lines the
// tail behind the last quote is the true one, whatever the user agent, unless it is one of
// nobody's request and the requester is known. Of other stores nobody knows, and whoever
// signs with SigV2 must not have a way to hide it.
func (f *fields) isOutdone(head, s []byte) bool {
	last := access.Signature(f.found.fields[tailSignature])
	if owner, _ := token(f.line); isCanonicalID(owner) && (f.canHave(last) || last != record.SignatureNone) {
		return false
	}
	var candidate foundTail
	for i := f.nextPossible(head, s, 0, &candidate); i > 0; i = f.nextPossible(head, s, i, &candidate) {
		for extra := range 1 + f.extra(&candidate) {
			if !candidate.fits(extra) {
				continue
			}
			other := access.Signature(candidate.fields[extra+tailSignature])
			if other != last && f.canHave(other) && (!f.canHave(last) || attention(other) > attention(last)) {
				return true
			}
		}
	}
	return false
}

// isCanonicalID reports whether s is what AWS writes of a bucket's owner: 64 hexadecimal
// digits. See https://docs.aws.amazon.com/AmazonS3/latest/userguide/finding-canonical-user-id.html.
func isCanonicalID(s []byte) bool {
	for _, c := range s {
		if (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	return len(s) == 64
}

// canHave reports whether a signature goes with the requester, which no client writes:
// there is none without a signature, unless it was refused.
func (f *fields) canHave(signature record.Signature) bool {
	nobody := access.IsNobody(f.requester)
	if signature == record.SignatureNone {
		return nobody || access.IsOwnWork(f.operation)
	}
	return !nobody || record.FailedAuthentication(f.errorCode)
}

// attention returns a number that is the greater, the less a request that is signed so may
// be overlooked.
func attention(signature record.Signature) int {
	switch signature {
	case record.SigV2:
		return 3
	case record.SignatureNone:
		return 2
	case record.SigV4, record.SigV4A:
		return 0
	}
	return 1
}

// isClear reports whether no other quote than the first may close a host that is in quotes:
// none behind which a field follows. Where the signature version is in quotes too, all is,
// and the quotes are not the client's to tell apart.
func (t *foundTail) isClear() bool {
	for behind := t.behind; ; {
		i := bytes.IndexByte(behind, '"')
		if i < 0 {
			return true
		}
		behind = behind[i+1:]
		if tok, _ := token(behind); isClosed(behind) && tok != nil {
			return false
		}
	}
}

// endsInFields reports whether there is nothing but fields behind the tail.
func (t *foundTail) endsInFields() bool {
	for rest := trimLeft(t.rest); len(rest) > 0; rest = trimLeft(rest) {
		var ok bool
		if _, rest, ok = field(rest); !ok {
			return false
		}
	}
	return true
}
