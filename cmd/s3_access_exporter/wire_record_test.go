//go:build integration

package main

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// authentication finds how the request is signed.
func (s *seenRequest) authentication() {
	header, query := s.Header.Get("Authorization"), s.URL.Query()
	switch found := credential.FindStringSubmatch(header); {
	case found != nil:
		s.signature, s.method, s.accessKey = "SigV4", "AuthHeader", found[1]
	case strings.HasPrefix(header, "AWS "):
		s.signature, s.method = "SigV2", "AuthHeader"
		s.accessKey, _, _ = strings.Cut(strings.TrimPrefix(header, "AWS "), ":")
	case query.Get("X-Amz-Credential") != "":
		s.signature, s.method = "SigV4", "QueryString"
		s.accessKey, _, _ = strings.Cut(query.Get("X-Amz-Credential"), "/")
	case query.Get("AWSAccessKeyId") != "":
		s.signature, s.method, s.accessKey = "SigV2", "QueryString", query.Get("AWSAccessKeyId")
	}
}

func (s *seenRequest) requester() string {
	if !s.known {
		return ""
	}
	return "arn:aws:iam::" + wireAccount + ":user/wire"
}

// tlsVersions are the versions' names in both logs.
var tlsVersions = map[uint16]string{
	tls.VersionTLS10: "TLSv1", tls.VersionTLS11: "TLSv1.1", tls.VersionTLS12: "TLSv1.2", tls.VersionTLS13: "TLSv1.3",
}

// transport returns the TLS version and the cipher suite; nothing of plain HTTP.
func (s *seenRequest) transport() (version, suite string) {
	if s.TLS == nil {
		return "", ""
	}
	return tlsVersions[s.TLS.Version], tls.CipherSuiteName(s.TLS.CipherSuite)
}

// line returns the line of the server access log, with a dash for what is empty.
func (s *seenRequest) line() string {
	resource := "OBJECT"
	if s.key == "" {
		resource = "BUCKET"
	}
	operation := "REST." + s.Request.Method + "." + resource
	if s.soap != "" {
		operation = "SOAP." + s.soap
	}
	version, suite := s.transport()
	acl := map[bool]string{true: "Yes"}[s.byACL]
	quoted := func(text string) string { return `"` + cmp.Or(strings.ReplaceAll(text, `"`, "%22"), "-") + `"` }
	fields := []string{
		strings.Repeat("1f2e3d4c", 8), s.bucket, s.at.Format("[02/Jan/2006:15:04:05 -0700]"), "192.0.2.80", s.requester(), s.requestID,
		operation, url.QueryEscape(s.key), quoted(s.Request.Method + " " + s.uri + " " + s.Proto), fmt.Sprint(s.status), s.errorCode,
		fmt.Sprint(s.sent), "", "12", "9", quoted(s.Referer()), quoted(s.UserAgent()), "", "aGVsbG8=", s.signature, suite, s.method, s.Host,
		version, "", acl, "",
	}
	for i := range fields {
		fields[i] = cmp.Or(fields[i], "-")
	}
	return strings.Join(fields, " ") + "\n"
}

// event returns the event of CloudTrail. SOAP's actions have the names of REST's there.
func (s *seenRequest) event() map[string]any {
	names := map[string]string{"GET": "GetObject", "PUT": "PutObject", "HEAD": "HeadObject"}
	additional := map[string]any{"bytesTransferredOut": s.sent, "bytesTransferredIn": 0, "x-amz-id-2": "aGVsbG8="}
	identity := map[string]any{"type": "AWSAccount", "principalId": "", "accountId": "anonymous"}
	if s.known {
		identity = map[string]any{
			"type": "IAMUser", "arn": s.requester(), "accountId": wireAccount, "accessKeyId": s.accessKey, "userName": "wire",
		}
	}
	if s.signature != "" {
		additional["SignatureVersion"], additional["AuthenticationMethod"] = s.signature, s.method
	}
	if s.byACL {
		additional["aclRequired"] = "Yes"
	}
	e := map[string]any{
		"eventVersion": "1.11", "userIdentity": identity, "eventTime": s.at.Format(time.RFC3339), "eventSource": "s3.amazonaws.com",
		"eventName": cmp.Or(s.soap, names[s.Request.Method]), "awsRegion": "us-east-1", "sourceIPAddress": "192.0.2.80",
		"userAgent": "[" + s.UserAgent() + "]", "requestParameters": map[string]any{"bucketName": s.bucket, "key": s.key, "Host": s.Host},
		"additionalEventData": additional, "requestID": s.requestID, "eventID": "00000000-0000-4000-8000-" + s.requestID[4:],
		"eventType": "AwsApiCall", "recipientAccountId": wireAccount, "eventCategory": "Data",
	}
	if version, suite := s.transport(); version != "" {
		additional["CipherSuite"] = suite
		e["tlsDetails"] = map[string]any{"tlsVersion": version, "cipherSuite": suite, "clientProvidedHostHeader": s.Host}
	}
	if s.errorCode != "" {
		e["errorCode"] = s.errorCode
	}
	return e
}

// bucketOf writes both logs into a new log bucket.
func (w *wire) bucketOf(t *testing.T, lines []byte) string {
	t.Helper()
	dir := t.TempDir()
	w.mu.Lock()
	defer w.mu.Unlock()
	trail, err := json.Marshal(map[string]any{"Records": w.events})
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now().UTC()
	for key, body := range map[string][]byte{
		now.Format("wire/2006-01-02-15-04-05-") + "0A1B2C3D4E5F6071": lines,
		"AWSLogs/" + wireAccount + "/CloudTrail/us-east-1/" + now.Format("2006/01/02/") + wireAccount + "_CloudTrail_us-east-1_" +
			now.Format("20060102T1504Z") + "_AbCdEfGhIjKlMnOp.json.gz": gzipped(t, trail),
	} {
		if err := writeObject(filepath.Join(dir, filepath.FromSlash(key)), body); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

// oldLayout returns the lines as they were until 2018, with 18 fields.
func oldLayout(lines []byte) []byte {
	tail := regexp.MustCompile(` aGVsbG8= .*`)
	var old bytes.Buffer
	for line := range bytes.Lines(lines) {
		old.Write(tail.ReplaceAll(line, nil))
	}
	return old.Bytes()
}
