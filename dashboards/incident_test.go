//go:build integration

package dashboards_test

import (
	"fmt"
	"strings"
	"time"
)

// incident is what happens to a bucket of which nothing was heard before:
// somebody with stolen credentials tries what they permit and deletes what they
// can, a scanner comes by, and a client with a revoked key still signs with
// Signature Version 2.
type incident struct {
	bucket   string
	at       time.Time
	requests int
	lines    strings.Builder
}

func newIncident(bucket string, at time.Time) *incident {
	const (
		thief = "arn:aws:iam::111122223333:user/contractor"
		boto  = "Boto/2.49.0 Python/2.7.18"
		cli   = "aws-cli/2.31.0 md/awscrt#0.27.6"
	)
	i := &incident{bucket: bucket, at: at.UTC()}
	for range 150 {
		i.line("198.51.100.66", thief, "REST.GET.OBJECT", 403, "AccessDenied", cli, "SigV4", "AuthHeader")
		i.line("198.51.100.66", thief, "REST.DELETE.OBJECT", 204, "-", cli, "SigV4", "AuthHeader")
		i.line("203.0.113.99", "-", "REST.GET.OBJECT", 403, "AccessDenied", "curl/8.5.0", "-", "-")
	}
	i.line("192.0.2.10", "-", "REST.PUT.OBJECT", 403, "InvalidAccessKeyId", boto, "SigV2", "AuthHeader")
	return i
}

// line adds a line of a server access log.
func (i *incident) line(ip, requester, operation string, status int, code, agent, signature, auth string) {
	i.requests++
	method, key := strings.Split(operation, ".")[1], fmt.Sprintf("2026/%d.csv", i.requests)
	fmt.Fprintf(&i.lines, `%s %s [%s] %s %s %016X %s %s "%s /%s HTTP/1.1" %d %s 243 - 12 11 "-" "%s" - %s= `+
		"%s TLS_AES_128_GCM_SHA256 %s %s.s3.us-east-1.amazonaws.com TLSv1.3 - -\n",
		strings.Repeat("5a0ac1d2", 8), i.bucket, i.at.Format("02/Jan/2006:15:04:05 -0700"), ip, requester, i.requests, operation, key,
		method, key, status, code, agent, strings.Repeat("x", 75), signature, auth, i.bucket)
}

// object returns the body of the log object that tells of it.
func (i *incident) object() []byte { return []byte(i.lines.String()) }

// accessLogKey returns the key of an object of a server access log.
func accessLogKey(log string, at time.Time, unique string) string {
	return "access/" + log + "/" + at.Format("2006-01-02-15-04-05-") + unique
}

// trailKey returns the key of an object of a trail.
func trailKey(at time.Time, unique string) string {
	const account, region = "111122223333", "us-east-1"
	return "cloudtrail/AWSLogs/o-exampleorg/" + account + "/CloudTrail/" + region + at.Format("/2006/01/02/") +
		account + "_CloudTrail_" + region + "_" + at.Format("20060102T1504Z") + "_" + unique + ".json.gz"
}
