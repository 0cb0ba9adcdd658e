package accesslog

import (
	"github.com/s3access/s3_access_exporter/scanner/internal/access"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// maxDigits is the number of digits that a number may have: what is shorter
// than an int64's 19 cannot overflow.
const maxDigits = 18

// decode makes line, which is not blank, the current record. It returns the
// name of the first field that could not be understood, or "".
func (d *Decoder) decode(line []byte) (malformed string) {
	f, r := &d.fields, &d.record
	if malformed = f.split(line); malformed != "" {
		return malformed
	}
	r.Reset()
	r.Log = record.ServerAccess

	var ok bool
	r.Time = f.time
	status, _ := number(f.status, 0)
	r.Status = int(status)
	if r.SentBytes, ok = number(f.bytesSent, 0); !ok { // "or - if zero": AWS's page on the format
		return "bytes sent"
	}
	size, ok := number(f.objectSize, record.Unknown)
	if !ok {
		return "object size"
	}
	if access.IsUpload(f.operation) {
		r.ReceivedBytes = size
	}
	if r.Duration, ok = number(f.totalTime, record.Unknown); !ok {
		return "total time"
	}

	r.Bucket = value(f.bucket)
	r.SourceIP = value(f.remoteIP)
	r.RequestID = value(f.requestID)
	r.Operation = f.operation
	if r.Key = value(f.key); !f.ceph {
		r.Key = d.decodeKey(f.operation, r.Key)
	}
	meaning := f.meaning()
	r.Requester = meaning.RequesterOf(&d.service)
	r.ErrorCode = value(f.errorCode)
	r.UserAgent = value(f.userAgent)
	r.Host = value(f.host)
	r.Signature, r.AuthMethod = meaning.Authentication()
	r.Anonymous = meaning.IsAnonymous(r.Signature)
	return ""
}

// meaning returns the fields that have a meaning together.
func (f *fields) meaning() access.Fields {
	return access.Fields{
		Operation: f.operation, Requester: f.requester, ErrorCode: f.errorCode, RequestURI: f.requestURI,
		Signature: f.signature, AuthType: f.authType, Unsaid: f.signature == nil,
	}
}

// value returns s, or nil if it is the log's word for nothing.
func value(s []byte) []byte {
	if isDash(s) {
		return nil
	}
	return s
}

// number returns the value of s, which holds only digits or is a dash; that
// counts as dash. It is false if s is too long.
func number(s []byte, dash int64) (n int64, ok bool) {
	if isDash(s) {
		return dash, true
	}
	if len(s) > maxDigits {
		return 0, false
	}
	return digits(s)
}
