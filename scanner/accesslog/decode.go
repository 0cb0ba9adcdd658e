package accesslog

import (
	"github.com/s3access/s3_access_exporter/scanner/internal/access"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// decode makes line, which is not blank, the current record. It returns the
// name of the first field that could not be understood, or "".
func (d *Decoder) decode(line []byte) (malformed string) {
	f, r := &d.fields, &d.record
	if malformed = f.split(line); malformed != "" {
		return malformed
	}
	r.Reset()
	r.Log = record.ServerAccess

	if malformed = f.tooLong(); malformed != "" {
		return malformed
	}
	r.Time = f.time
	if !isDash(f.status) {
		status, _ := digits(f.status)
		r.Status = int(status)
	}
	r.SentBytes = max(0, f.bytesSent) // "or - if zero": AWS's page on the format
	if f.ceph {
		r.SentBytes = record.Unknown // it is the length of the request's body, see log_record in rgw_bucket_logging.cc
	}
	r.ObjectSize, r.Duration, r.TurnAround = f.objectSize, f.totalTime, max(record.Unknown, f.turnAround)
	if access.IsUpload(f.operation) {
		r.ReceivedBytes = f.objectSize
	}

	r.Bucket = value(f.bucket)
	r.SourceIP = value(f.remoteIP)
	r.RequestID = value(f.requestID)
	r.Operation = f.operation
	if r.Key = access.Key(f.key, f.requestURI); !f.ceph {
		r.Key = d.decodeKey(f.operation, r.Key)
	}
	r.ErrorCode = value(f.errorCode)
	r.UserAgent, r.Referer = value(f.userAgent), value(f.referer)
	d.fillTail()
	d.fillRequester()
	return ""
}

// fillTail sets what follows from the fields right of the user agent. The signature is as
// logged.
func (d *Decoder) fillTail() {
	f, r := &d.fields, &d.record
	tlsVersion := dash // of a field that is there
	switch t := f.tail; {
	case f.known != nil:
		r.VersionID = value(f.versionID)
		f.known.fill(r, f.knownText)
	case t != nil:
		r.VersionID, r.Host = value(t[tailVersionID]), value(t[tailHost])
		r.TLSVersion, r.CipherSuite = value(t[tailTLSVersion]), value(t[tailCipherSuite])
		r.Signature, r.AuthMethod = access.Signature(t[tailSignature]), record.ParseAuthMethod(t[tailAuthType])
		tlsVersion = t[tailTLSVersion]
		d.fillNewer(f.found.rest, f.found.bare)
	default:
		r.VersionID = value(f.versionID)
		if access.IsNothing(f.requestURI) { // of no HTTP request
			r.Transport = record.NoTransport
		}
		return
	}
	if r.Transport = record.TLS; r.TLSVersion == nil {
		r.Transport = access.Transport(tlsVersion, r.CipherSuite, f.requestURI)
		if r.Transport == record.PlainHTTP && isBackblaze(f.operation) {
			r.Transport = record.TransportUnknown
		}
	}
}

// fillRequester sets the fields that show who came, and by what credentials.
func (d *Decoder) fillRequester() {
	f, r := &d.fields, &d.record
	meaning := access.Fields{
		Operation: f.operation, Requester: f.requester, ErrorCode: f.errorCode, RequestURI: f.requestURI,
		Signature: r.Signature, AuthMethod: r.AuthMethod, Unsaid: f.known == nil && f.tail == nil,
		Ceph: f.ceph,
	}
	r.Requester = meaning.RequesterOf(&d.service)
	r.Signature, r.AuthMethod = meaning.Authentication()
	r.Anonymous = meaning.IsAnonymous(r.Signature)
}

// fillNewer sets the fields behind a tail, which only lines of newer layouts have. bare:
// there is no quote in s.
func (d *Decoder) fillNewer(s []byte, bare bool) {
	r := &d.record
	if !bare {
		d.fillQuoted(s)
		return
	}
	var accessPoint, aclRequired []byte
	if accessPoint, s = dashOrToken(s); accessPoint == nil {
		return
	}
	r.AccessPoint = value(accessPoint)
	if aclRequired, s = dashOrToken(s); aclRequired == nil {
		return
	}
	r.ACLRequired = access.ACLRequired(aclRequired)
	if len(s) > 0 {
		sourceRegion, _ := token(s)
		r.SourceRegion = value(sourceRegion)
	}
}

// dashOrToken is token, and faster for a dash before another field.
func dashOrToken(s []byte) (tok, rest []byte) {
	if len(s) > 2 && s[0] == ' ' && s[1] == '-' && s[2] == ' ' {
		return s[1:2], s[2:]
	}
	return token(s)
}

// fillQuoted is fillNewer for fields that may be quoted.
func (d *Decoder) fillQuoted(s []byte) {
	r := &d.record
	accessPoint, s, ok := field(s)
	if !ok {
		return
	}
	r.AccessPoint = value(accessPoint)
	aclRequired, s, ok := field(s)
	if !ok {
		return
	}
	r.ACLRequired = access.ACLRequired(aclRequired)
	if sourceRegion, _, ok := field(s); ok {
		r.SourceRegion = value(sourceRegion)
	}
}

// dash is the log's word for nothing.
var dash = []byte("-")

// value returns s, or nil if it is the log's word for nothing, or nothing in quotes.
func value(s []byte) []byte {
	if access.IsNothing(s) {
		return nil
	}
	return s
}

// tooLong returns the name of the first number that counts and has too many digits, or "".
func (f *response) tooLong() string {
	switch {
	case f.bytesSent == tooLong:
		return "bytes sent"
	case f.objectSize == tooLong:
		return "object size"
	case f.totalTime == tooLong:
		return "total time"
	}
	return ""
}
