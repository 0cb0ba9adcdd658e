package accesslogjson

import (
	"bytes"

	"github.com/s3access/s3_access_exporter/scanner/internal/access"
	"github.com/s3access/s3_access_exporter/scanner/internal/jsonscan"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// The members of a record, in the order in which AWS writes them. Those that do not
// matter are among them, so that it is known what follows.
const (
	schemaVersion = iota
	bucketARN
	bucketName
	requestTime
	bucketOwner
	remoteIP
	requester
	requestID
	operation
	keyName
	requestURI
	httpStatus
	errorCode
	bytesSent
	objectSize
	totalDuration
	turnAround
	referer
	userAgent
	versionID
	hostID
	signatureVersion
	cipherSuite
	authenticationType
	hostHeader
	tlsVersion
	accessPoint
	aclRequired
	sourceRegion
	members
)

var names = jsonscan.NamesOf("schema_version_id", "bucket_arn", "bucket_name", "request_time", "bucket_owner_id",
	"remote_ip", "requester", "request_id", "operation", "key_name", "request_uri", "http_status", "error_code",
	"bytes_sent_size", "object_size", "total_duration", "turn_around_duration", "referer", "user_agent", "version_id",
	"host_id", "signature_version", "cipher_suite", "authentication_type", "host_header", "tls_version",
	"access_point_arn", "acl_required", "source_region")

// knownSchema is the version that the members above are those of.
const knownSchema = "V_1_0"

// read passes over an object, which must have been held, and sets members. Members that
// are absent, or of a type that they should not have, are values that are no strings or
// numbers. Of members that stand there twice the last one counts, as in encoding/json.
func (d *Decoder) read(i int) (next int) {
	s := &d.scanner
	d.members = [members]jsonscan.Value{}
	s.Passed = s.Passed[:0]
	which := 0
	i, more := s.First(i, '}')
	for more {
		if s.Buf[i] <= ' ' {
			i, _ = s.Token(i)
		}
		if which == members {
			which = 0
		}
		if n := &names[which]; n.Begins((*[jsonscan.MaxName]byte)(s.Buf[i:])) { // mostly, and in line
			i += n.Size
		} else {
			which, i = s.Name(i, names, which+1)
		}
		if which == jsonscan.None {
			i = s.Skip(i)
		} else {
			d.members[which], i = s.Value(i)
		}
		which++
		if s.Buf[i] == ',' {
			i++
		} else {
			i, more = s.Next(i, '}')
		}
	}
	return i
}

// isRecord reports whether the object is a record of the log: whether it names a bucket,
// and a time or a schema version, in whatever way.
func (d *Decoder) isRecord() bool {
	m := &d.members
	return (m[bucketName].Kind != jsonscan.Absent || m[bucketARN].Kind != jsonscan.Absent) &&
		(m[requestTime].Kind != jsonscan.Absent || m[schemaVersion].Kind != jsonscan.Absent)
}

// fill sets every field of the record. If it cannot, reason says why.
func (d *Decoder) fill() (reason string) {
	m, r := &d.members, &d.record
	r.Reset()
	r.Log = record.ServerAccess
	schema := d.text(schemaVersion)
	r.NewSchema = len(schema) > 0 && string(schema) != knownSchema

	var ok bool
	if r.Time, ok = jsonscan.ParseTime(d.text(requestTime)); !ok {
		return "request_time is not a time"
	}
	if r.Bucket = d.bucket(); len(r.Bucket) == 0 {
		return "no bucket"
	}
	status, ok := d.scanner.Count(m[httpStatus])
	if !ok || status > maxStatus {
		return "http_status is out of range"
	}
	r.Status = int(max(0, status))
	if r.SentBytes, ok = d.scanner.Count(m[bytesSent]); !ok {
		return "bytes_sent_size is out of range"
	}
	r.SentBytes = max(0, r.SentBytes) // the text format has a dash for zero: what is not there is the same
	size, ok := d.scanner.Count(m[objectSize])
	if !ok {
		return "object_size is out of range"
	}
	if r.Duration, ok = d.scanner.Count(m[totalDuration]); !ok {
		return "total_duration is out of range"
	}
	r.ObjectSize = size
	if r.TurnAround, ok = d.scanner.Count(m[turnAround]); !ok {
		r.TurnAround = record.Unknown // nobody counts it, so the request counts without
	}
	r.Operation = d.text(operation)
	if access.IsUpload(r.Operation) {
		r.ReceivedBytes = size
	}
	r.SourceIP = d.text(remoteIP)
	r.RequestID = d.text(requestID)
	r.Key = d.text(keyName)
	r.ErrorCode = d.text(errorCode)
	r.UserAgent = d.text(userAgent)
	r.Host = d.text(hostHeader)
	d.fillRequester()
	d.fillRest()
	return ""
}

// fillRest sets the fields that only those ask for who look into a request, and the way
// that it came. A member that holds nothing is what the text format has a dash for.
func (d *Decoder) fillRest() {
	r := &d.record
	r.Referer = d.text(referer)
	r.VersionID = d.text(versionID)
	r.TLSVersion, r.CipherSuite = d.text(tlsVersion), d.text(cipherSuite)
	if r.Transport = record.TLS; len(r.TLSVersion) == 0 {
		r.Transport = access.Transport([]byte("-"), r.CipherSuite, d.text(requestURI))
	}
	r.AccessPoint = d.text(accessPoint)
	r.SourceRegion = d.text(sourceRegion)
	r.ACLRequired = record.No
	switch acl := d.members[aclRequired]; {
	case acl.Kind == jsonscan.Other && d.scanner.IsTrue(acl):
		r.ACLRequired = record.Yes
	case acl.IsString() && len(d.text(aclRequired)) > 0:
		r.ACLRequired = access.ACLRequired(d.text(aclRequired))
	}
}

const maxStatus = 999

// fillRequester sets the fields that show who came, and by what credentials.
func (d *Decoder) fillRequester() {
	r := &d.record
	meaning := access.Fields{
		Operation: r.Operation, Requester: d.text(requester), ErrorCode: r.ErrorCode,
		Signature: access.Signature(d.text(signatureVersion)), AuthMethod: record.ParseAuthMethod(d.text(authenticationType)),
	}
	if meaning.Signature == record.SignatureNone { // else nobody asks
		meaning.RequestURI = d.text(requestURI)
	}
	r.Requester = meaning.RequesterOf(&d.service)
	r.Signature, r.AuthMethod = meaning.Authentication()
	r.Anonymous = meaning.IsAnonymous(r.Signature)
}

// bucket returns the bucket that the request was made to.
func (d *Decoder) bucket() []byte {
	if name := d.text(bucketName); len(name) > 0 {
		return name
	}
	arn := d.text(bucketARN) // arn:aws:s3:::BUCKET
	return arn[bytes.LastIndexByte(arn, ':')+1:]
}

// text returns what a member holds that is a string; nil if it holds nothing.
func (d *Decoder) text(member int) []byte {
	v := &d.members[member]
	if !v.IsString() {
		return nil // mostly
	}
	text := d.scanner.Text(*v)
	if access.IsNothing(text) {
		return nil
	}
	return text
}
