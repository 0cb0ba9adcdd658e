package main

import (
	"bytes"
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/fleet"
)

// samples are the values of a scrape by series, which stand as in the text format.
type samples map[string]float64

// parseSamples reads the text format.
func parseSamples(text []byte) (samples, error) {
	s := make(samples)
	for line := range bytes.Lines(text) {
		if line[0] == '#' {
			continue
		}
		end := bytes.LastIndexByte(line, ' ')
		value, err := strconv.ParseFloat(string(bytes.TrimSpace(line[end+1:])), 64)
		if err != nil {
			return nil, fmt.Errorf("line %q: %w", line, err)
		}
		s[string(line[:end])] = value
	}
	return s, nil
}

// labelled returns the name of a series, given its labels' names and values in
// the order of the names, but for le, which comes last.
func labelled(name string, labels ...string) string {
	if len(labels) == 0 {
		return name
	}
	var pairs []string
	for pair := range slices.Chunk(labels, 2) {
		pairs = append(pairs, pair[0]+"="+strconv.Quote(pair[1]))
	}
	return name + "{" + strings.Join(pairs, ",") + "}"
}

// clientInfo is the family whose values never change.
const clientInfo = "s3_access_client_info"

// verdict are the labels that a fleet does not know. Only clientInfo has it.
var verdict = regexp.MustCompile(`,sigv4_default="\w+",support="\w+"`)

// requestFamilies returns the samples that tell of requests, and so obey the two
// promises, as opposed to those that tell of the exporter.
func (s samples) requestFamilies() samples {
	found := make(samples)
	for series, value := range s {
		if strings.HasPrefix(series, "s3_access_") && !strings.HasPrefix(series, "s3_access_exporter_") {
			if strings.HasPrefix(series, clientInfo) {
				series = verdict.ReplaceAllString(series, "")
			}
			found[series] = value
		}
	}
	return found
}

// sum returns the sum of the series whose names begin with a text and contain
// all of some others.
func (s samples) sum(start string, parts ...string) float64 {
	sum := 0.0
	for series, value := range s {
		if strings.HasPrefix(series, start) &&
			!slices.ContainsFunc(parts, func(part string) bool { return !strings.Contains(series, part) }) {
			sum += value
		}
	}
	return sum
}

// diff returns where samples are not what was wanted, a few lines at most.
func (s samples) diff(want samples) string {
	const most = 10
	all := maps.Clone(want)
	maps.Copy(all, s)
	var text strings.Builder
	different := 0
	for _, series := range slices.Sorted(maps.Keys(all)) {
		got, shown := s[series]
		value, wanted := want[series]
		if got == value && shown == wanted {
			continue
		}
		if different++; different <= most {
			fmt.Fprintf(&text, "%s: got %v (%t), want %v (%t)\n", series, got, shown, value, wanted)
		}
	}
	if different > 0 {
		fmt.Fprintf(&text, "%d of %d series are different\n", different, len(all))
	}
	return text.String()
}

// expected returns the samples that tell of a fleet's requests, by the default
// labels.
func expected(requests []fleet.Request) samples {
	s := make(samples)
	for _, r := range requests {
		who := role(r.Requester)
		s[labelled("s3_access_requests_total", "account_id", r.AccountID, "aws_region", r.Region, "bucket", r.Bucket,
			"log", r.Log, "operation", r.Operation, "outcome", r.Outcome, "signature", r.Signature)]++
		s[labelled(clientInfo, "client", r.Client, "client_version", r.ClientVersion)] = 1
		if r.Signature == "SigV2" {
			s[labelled("s3_access_sigv2_requests_total", "auth_method", r.AuthMethod, "bucket", r.Bucket, "client", r.Client,
				"client_version", r.ClientVersion, "log", r.Log, "operation", r.Operation, "requester", who, "source_ip", r.SourceIP)]++
		}
		if r.Anonymous {
			s[labelled("s3_access_anonymous_requests_total", "bucket", r.Bucket, "client", r.Client,
				"client_version", r.ClientVersion, "log", r.Log, "operation", r.Operation, "outcome", r.Outcome, "source_ip", r.SourceIP)]++
		}
		if r.Key != "" || r.Operation == "DeleteObjects" {
			s[labelled("s3_access_object_requests_total", "bucket", r.Bucket, "client", r.Client, "client_version", r.ClientVersion,
				"log", r.Log, "operation", r.Operation, "outcome", r.Outcome, "requester", who, "source_ip", r.SourceIP)]++
		}
		for family, features := range map[string]string{
			"s3_access_legacy_requests_total": r.Features, "s3_access_legacy_undetermined_requests_total": r.Undetermined,
		} {
			for feature := range strings.SplitSeq(features, ",") {
				labels := []string{"bucket", r.Bucket, "feature", feature, "log", r.Log}
				if family == "s3_access_legacy_requests_total" {
					labels = []string{
						"bucket", r.Bucket, "client", r.Client, "client_version", r.ClientVersion, "feature", feature,
						"log", r.Log, "requester", who, "source_ip", r.SourceIP,
					}
				}
				if feature != "" && feature != "path_style" { // which does not count by default
					s[labelled(family, labels...)]++
				}
			}
		}
		traffic := []string{"bucket", r.Bucket, "log", r.Log, "requester", who, "source_ip", r.SourceIP}
		if r.SentBytes > 0 {
			s[labelled("s3_access_sent_bytes_total", traffic...)] += float64(r.SentBytes)
		}
		if r.ReceivedBytes > 0 {
			s[labelled("s3_access_received_bytes_total", traffic...)] += float64(r.ReceivedBytes)
		}
		if r.Duration != fleet.Unknown {
			s.observe(r)
		}
	}
	return s.inSeconds()
}

// durations is the family of the requests' durations.
const durations = "s3_access_request_duration_seconds"

// observe counts a request's duration, in milliseconds for the time being.
func (s samples) observe(r fleet.Request) {
	labels := []string{"bucket", r.Bucket, "log", r.Log, "operation", r.Operation}
	s[labelled(durations+"_count", labels...)]++
	s[labelled(durations+"_sum", labels...)] += float64(r.Duration)
	for bound, milliseconds := range map[string]int64{"0.01": 10, "0.1": 100, "1": 1000, "10": 10_000, "+Inf": r.Duration} {
		bucket := labelled(durations+"_bucket", append(slices.Clone(labels), "le", bound)...)
		s[bucket] += 0 // it is shown in any case
		if r.Duration <= milliseconds {
			s[bucket]++
		}
	}
}

// inSeconds turns the sums of durations from milliseconds, of which sums are
// exact, into seconds.
func (s samples) inSeconds() samples {
	for series := range s {
		if strings.HasPrefix(series, durations+"_sum") {
			s[series] /= 1000
		}
	}
	return s
}

// role returns an ARN without the session of an assumed role.
func role(requester string) string {
	if parts := strings.Split(requester, "/"); strings.Contains(parts[0], ":assumed-role") {
		return parts[0] + "/" + parts[1]
	}
	return requester
}

// scraped is an exporter that can be scraped.
type scraped interface {
	mustScrape(t *testing.T) samples
}

// wantExactly waits until an exporter shows exactly what stands in the requests.
func wantExactly(t *testing.T, p scraped, requests []fleet.Request) {
	t.Helper()
	want := expected(requests)
	var got samples
	t.Cleanup(func() {
		if diff := got.diff(want); t.Failed() && diff != "" {
			t.Log(diff)
		}
	})
	converge(t, "the counts are exact", func() (float64, bool) {
		got = p.mustScrape(t).requestFamilies()
		return got.sum(""), maps.Equal(got, want)
	})
}
