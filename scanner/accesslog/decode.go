package accesslog

import (
	"bytes"

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
	if isUpload(f.operation) {
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
	nobody := isNobody(f.requester)
	r.Requester = d.requesterOf(f, nobody)
	r.ErrorCode = value(f.errorCode)
	r.UserAgent = value(f.userAgent)
	r.Host = value(f.host)
	r.Signature, r.AuthMethod = f.authentication(nobody)
	r.Anonymous = nobody && r.Signature == record.SignatureNone && !isOwnWork(f.operation)
	return ""
}

// requesterOf returns who made the request, if that was somebody. What S3 does on its own account has
// no requester in some records and AmazonS3 in others; it is AmazonS3 in both.
func (d *Decoder) requesterOf(f *fields, nobody bool) []byte {
	const service = "svc:" // before the name of a service that acts for itself
	switch {
	case nobody && hasPrefix(f.operation, "S3."):
		d.requester = append(d.requester[:0], "AmazonS3"...)
		return d.requester
	case nobody:
		return nil
	case hasPrefix(f.requester, service):
		return f.requester[len(service):]
	}
	return f.requester
}

// isNobody reports whether this is what stands for the requester where there is none:
// a dash, or, up to 2015 on AWS's page on the format and today in Ceph, the word
// Anonymous.
func isNobody(requester []byte) bool {
	return isDash(requester) || len(requester) == len("anonymous") && bytes.EqualFold(requester, []byte("anonymous"))
}

// isOwnWork reports whether operation is S3's own, or Backblaze's: lifecycle rules,
// restores, checksums of a batch job.
func isOwnWork(operation []byte) bool {
	return hasPrefix(operation, "S3.") || hasPrefix(operation, "B2_LIFECYCLE.")
}

// isUpload reports whether the object size is that of the request's body. A
// copy's is not: it has none.
func isUpload(operation []byte) bool {
	switch string(operation) {
	case "REST.PUT.OBJECT", "REST.PUT.PART", "REST.POST.OBJECT", "SOAP.PUT.OBJECT", "WEBSITE.PUT.OBJECT":
		return true
	}
	return false
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
