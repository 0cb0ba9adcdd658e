// Package logtest makes small log objects and their keys, for tests.
package logtest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"time"
)

// AccessLog returns a server access log with one request for each request ID.
func AccessLog(at time.Time, ids ...string) []byte {
	var b bytes.Buffer
	for _, id := range ids {
		fmt.Fprintf(&b, `0f0f bucket [%s] 192.0.2.1 arn:aws:iam::111122223333:user/u %s REST.GET.OBJECT k "GET /k HTTP/1.1" 200 - 1 1 1 1 "-" "-" - h SigV4 c AuthHeader bucket.s3.eu-west-1.amazonaws.com TLSv1.3 - -`+"\n",
			at.UTC().Format("02/Jan/2006:15:04:05 -0700"), id)
	}
	return b.Bytes()
}

// Trail returns a compressed log file of CloudTrail with one event for each ID, which
// is also that of its request.
func Trail(at time.Time, ids ...string) []byte { return Gzip(TrailText(at, ids...)) }

// TrailText is Trail, not compressed.
func TrailText(at time.Time, ids ...string) []byte {
	var b bytes.Buffer
	b.WriteString(`{"Records":[`)
	for i, id := range ids {
		if i > 0 {
			b.WriteString(",")
		}
		fmt.Fprintf(&b, `{"eventVersion":"1.11","eventTime":%q,"eventSource":"s3.amazonaws.com","eventName":"GetObject","requestID":%q,"eventID":%q}`,
			at.UTC().Format(time.RFC3339), id, id)
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

// Gzip returns compressed text.
func Gzip(text []byte) []byte {
	var b bytes.Buffer
	z := gzip.NewWriter(&b)
	_, _ = z.Write(text) // a bytes.Buffer takes everything
	_ = z.Close()
	return b.Bytes()
}

// SimpleKey returns a key of the simple stream access/. Its unique part begins with
// unique, of at most 16 characters.
func SimpleKey(at time.Time, unique string) string {
	return "access/" + at.UTC().Format("2006-01-02-15-04-05-") + unique + "0123456789ABCDEF"[len(unique):]
}

// PartitionedKey returns a key of the partitioned stream with that prefix.
func PartitionedKey(prefix string, at time.Time, unique string) string {
	return prefix + at.UTC().Format("2006/01/02/2006-01-02-15-04-05-") + unique
}

// TrailKey returns a key of CloudTrail's stream with that prefix.
func TrailKey(prefix, account, region string, at time.Time, unique string) string {
	return prefix + at.UTC().Format("2006/01/02/") + account + "_CloudTrail_" + region + at.UTC().Format("_20060102T1504Z_") + unique + ".json.gz"
}
