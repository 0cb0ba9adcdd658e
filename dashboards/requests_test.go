package dashboards_test

import (
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
)

// features are what AWS turns off.
var features = []string{"sigv2", "tls1.0", "tls1.1", "plain_http", "acl_required", "soap", "path_style"}

// growing stores a series that grows by a number a step, from one time to
// another, with both ends.
func (p *timeless) growing(t *testing.T, from, to time.Time, step time.Duration, growth float64, name string, pairs ...string) {
	t.Helper()
	p.storeLine(t, from, to, step, 0, growth, name, pairs...)
}

// constant stores a series that is always 1.
func (p *timeless) constant(t *testing.T, from, to time.Time, step time.Duration, name string, pairs ...string) {
	t.Helper()
	p.storeLine(t, from, to, step, 1, 0, name, pairs...)
}

func (p *timeless) storeLine(t *testing.T, from, to time.Time, step time.Duration, number, growth float64, name string, pairs ...string) {
	t.Helper()
	series := labels.NewBuilder(labels.FromStrings(pairs...)).Set(model.MetricNameLabel, name)
	for _, target := range [][2]string{{"job", "s3_access_exporter"}, {"instance", "exporter:10403"}} {
		if series.Get(target[0]) == "" {
			series.Set(target[0], target[1])
		}
	}
	for at := from; !at.After(to); at = at.Add(step) {
		p.add(t, at, []sample{{labels: series.Labels(), number: number}})
		number += growth
	}
}

// someRequests stores an hour of requests in the server access log, of two
// accounts with a bucket each and of no bucket.
func someRequests(t *testing.T, p *timeless, begin time.Time, step time.Duration) {
	t.Helper()
	const log = "server_access"
	end := begin.Add(time.Hour)
	for _, owner := range []struct {
		account, bucket, requester, ip string
		growth                         float64
	}{
		{"012345678901", "example.media", "arn:aws:iam::012345678901:user/cms", "192.0.2.1", 1},
		{"444455556666", "example-lake", "arn:aws:sts::444455556666:assumed-role/etl", "192.0.2.2", 2},
		{"", "", "arn:aws:sts::444455556666:assumed-role/lister", "192.0.2.3", 3},
	} {
		add := func(name string, growth float64, pairs ...string) {
			p.growing(t, begin, end, step, growth, name, append(pairs, "log", log, "bucket", owner.bucket)...)
		}
		for _, outcome := range []string{"success", "denied", "error"} {
			for _, signature := range []string{"SigV2", "SigV4", "none"} {
				add("s3_access_requests_total", owner.growth, "account_id", owner.account, "aws_region", "eu-west-1", "operation", "GetObject",
					"outcome", outcome, "signature", signature)
			}
			for _, operation := range []string{"GetObject", "DeleteObject"} {
				add("s3_access_object_requests_total", owner.growth, "operation", operation, "outcome", outcome, "requester", owner.requester,
					"source_ip", owner.ip, "client", "aws-cli", "client_version", "1.10")
				add("s3_access_anonymous_requests_total", owner.growth, "operation", operation, "outcome", outcome, "source_ip", owner.ip,
					"client", "browser", "client_version", "")
			}
		}
		add("s3_access_sigv2_requests_total", owner.growth, "operation", "GetObject", "auth_method", "AuthHeader", "requester", owner.requester,
			"source_ip", owner.ip, "client", "aws-cli", "client_version", "1.10")
		for _, feature := range features {
			add("s3_access_legacy_requests_total", owner.growth, "feature", feature, "requester", owner.requester, "source_ip", owner.ip,
				"client", "aws-cli", "client_version", "1.10")
			add("s3_access_legacy_undetermined_requests_total", owner.growth, "feature", feature)
		}
		add("s3_access_sent_bytes_total", owner.growth, "requester", owner.requester, "source_ip", owner.ip)
		add("s3_access_received_bytes_total", owner.growth, "requester", owner.requester, "source_ip", owner.ip)
		for _, le := range []string{"0.1", "+Inf"} {
			add("s3_access_request_duration_seconds_bucket", owner.growth, "operation", "GetObject", "le", le)
		}
	}
	p.constant(t, begin, end, step, "s3_access_client_info", "client", "aws-cli", "client_version", "1.10", "sigv4_default", "no", "support", "ended")
}

// anHour is the begin of someRequests, and its end.
func anHour() (begin, end time.Time) {
	begin = time.Unix(1_800_000_000, 0)
	return begin, begin.Add(time.Hour)
}
