package accesslogjson

import (
	"bytes"

	"github.com/s3access/s3_access_exporter/scanner/internal/access"
	"github.com/s3access/s3_access_exporter/scanner/internal/jsonscan"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// fill sets every field of the record. If it cannot, reason says why.
func (d *Decoder) fill() (reason string) {
	v, r := &d.values, &d.record
	r.Reset()
	r.Log = record.ServerAccess
	schema := v.texts[schemaVersion]
	r.NewSchema = len(schema) > 0 && string(schema) != knownSchema

	var ok bool
	if r.Time, ok = jsonscan.ParseTime(v.texts[requestTime]); !ok {
		return "request_time is not a time"
	}
	if r.Bucket = d.bucket(); len(r.Bucket) == 0 {
		return "no bucket"
	}
	if reason = v.outOfRange(); reason != "" {
		return reason
	}
	if unclear := v.mistyped & whoAndHow; unclear != 0 {
		return unclear.first() + " is not a text"
	}
	r.Status = int(max(0, v.counts[httpStatus]))
	r.SentBytes = max(0, v.counts[bytesSent]) // the text format has a dash for zero: what is not there is the same
	r.ObjectSize, r.Duration = max(record.Unknown, v.counts[objectSize]), max(record.Unknown, v.counts[totalDuration])
	r.TurnAround = max(record.Unknown, v.counts[turnAround])
	r.Operation = v.texts[operation]
	if access.IsUpload(r.Operation) {
		r.ReceivedBytes = r.ObjectSize
	}
	r.SourceIP = v.texts[remoteIP]
	r.RequestID = v.texts[requestID]
	r.Key = access.Key(v.texts[keyName], v.texts[requestURI])
	r.ErrorCode = v.texts[errorCode]
	r.UserAgent = v.texts[userAgent]
	r.Host = v.texts[hostHeader]
	d.fillRequester()
	d.fillRest()
	return ""
}

// fillRest sets the fields that only those ask for who look into a request, and the way
// that it came. A member that holds nothing is what the text format has a dash for.
func (d *Decoder) fillRest() {
	v, r := &d.values, &d.record
	r.Referer = v.texts[referer]
	r.VersionID = v.texts[versionID]
	r.TLSVersion, r.CipherSuite = v.texts[tlsVersion], v.texts[cipherSuite]
	if r.Transport = record.TLS; len(r.TLSVersion) == 0 {
		r.Transport = access.Transport([]byte("-"), r.CipherSuite, v.texts[requestURI])
	}
	if r.Transport == record.PlainHTTP && v.mistyped&setOf(tlsVersion, cipherSuite) != 0 {
		r.Transport = record.TransportUnknown
	}
	r.AccessPoint = v.texts[accessPoint]
	r.SourceRegion = v.texts[sourceRegion]
	r.ACLRequired = v.aclRequired
}

const maxStatus = 999

// fillRequester sets the fields that show who came, and by what credentials.
func (d *Decoder) fillRequester() {
	v, r := &d.values, &d.record
	meaning := access.Fields{
		Operation: r.Operation, Requester: v.texts[requester], ErrorCode: r.ErrorCode,
		Signature: access.Signature(v.texts[signatureVersion]), AuthMethod: record.ParseAuthMethod(v.texts[authenticationType]),
	}
	if meaning.Signature == record.SignatureNone { // else nobody asks
		meaning.RequestURI = v.texts[requestURI]
	}
	r.Requester = meaning.RequesterOf(&d.service)
	r.Signature, r.AuthMethod = meaning.Authentication()
	r.Anonymous = meaning.IsAnonymous(r.Signature)
}

// outOfRange returns the reason why numbers that count cannot be right, or "".
func (v *values) outOfRange() (reason string) {
	switch {
	case v.counts[httpStatus] == noNumber: // it would pass for the status of a success
		return "http_status is not a number"
	case v.counts[httpStatus] == outOfRange, v.counts[httpStatus] > maxStatus:
		return "http_status is out of range"
	case v.counts[bytesSent] == outOfRange:
		return "bytes_sent_size is out of range"
	case v.counts[objectSize] == outOfRange:
		return "object_size is out of range"
	case v.counts[totalDuration] == outOfRange:
		return "total_duration is out of range"
	}
	return ""
}

// bucket returns the bucket that the request was made to.
func (d *Decoder) bucket() []byte {
	if name := d.values.texts[bucketName]; len(name) > 0 {
		return name
	}
	arn := d.values.texts[bucketARN] // arn:aws:s3:::BUCKET
	return arn[bytes.LastIndexByte(arn, ':')+1:]
}
