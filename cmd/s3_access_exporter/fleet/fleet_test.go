package fleet

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

var noon = time.Date(2026, time.November, 21, 12, 0, 0, 0, time.UTC)

func TestFleet_SameSeedAndTimesGiveTheSameBytes(t *testing.T) {
	const span = 20 * time.Second
	deliver := func(seed uint64, portion time.Duration) ([]Object, []Request) {
		f := New(Config{Seed: seed})
		var objects []Object
		var requests []Request
		for at := time.Duration(0); at < span; at += portion {
			o, r := f.Deliver(noon.Add(at), noon.Add(at+portion))
			objects, requests = append(objects, o...), append(requests, r...)
		}
		return objects, requests
	}
	objects, requests := deliver(1, span)
	for _, portion := range []time.Duration{span, time.Second, 400 * time.Millisecond} {
		o, r := deliver(1, portion)
		if !slices.EqualFunc(o, objects, equal) || !slices.Equal(r, requests) {
			t.Errorf("another course of events in portions of %v", portion)
		}
	}
	if o, _ := deliver(2, span); slices.EqualFunc(o, objects, equal) {
		t.Error("the same course of events with another seed")
	}
}

func equal(a, b Object) bool {
	return a.Key == b.Key && bytes.Equal(a.Body, b.Body) && a.Late == b.Late
}

func TestFleet_KeysHaveTheFormsOfAWS(t *testing.T) {
	const day, stamp, unique = `2026/11/2[12]/`, `2026-11-2[12]-\d\d-\d\d-\d\d`, `[0-9A-Z]{16}$`
	forms := map[string]*regexp.Regexp{
		"simple, with a slash":    regexp.MustCompile(`^access/assets/` + stamp + `-` + unique),
		"simple, without a slash": regexp.MustCompile(`^media` + stamp + `-` + unique),
		"by delivery":             regexp.MustCompile(`^partitioned/444455556666/(us-east-1/example-lake|eu-west-1/example-backups)/` + day + stamp + `-` + unique),
		"by event":                regexp.MustCompile(`^by-event/444455556666/eu-west-1/example-reports/` + day + `2026-11-2[12]-00-00-00-` + unique),
		"trail of one account":    regexp.MustCompile(`^cloudtrail/AWSLogs/o-exampleorg/111122223333/CloudTrail/([a-z]+-[a-z]+-1)/` + day + `111122223333_CloudTrail_([a-z]+-[a-z]+-1)_2026112[12]T\d{4}Z_[0-9A-Z]{16}\.json\.gz$`),
		"trail of the other":      regexp.MustCompile(`^cloudtrail/AWSLogs/o-exampleorg/444455556666/CloudTrail/([a-z]+-[a-z]+-1)/` + day + `444455556666_CloudTrail_([a-z]+-[a-z]+-1)_2026112[12]T\d{4}Z_[0-9A-Z]{16}\.json\.gz$`),
		"below hours":             regexp.MustCompile(`^json/AWSLogs/444455556666/s3/us-east-1/` + day + `\d\d/[0-9A-Z]{16}\.gz$`),
		"digest":                  regexp.MustCompile(`^cloudtrail/AWSLogs/o-exampleorg/111122223333/CloudTrail-Digest/us-east-1/` + day + `111122223333_CloudTrail-Digest_us-east-1_example-trail_us-east-1_2026112[12]T\d{6}Z\.json\.gz$`),
		"manifest":                regexp.MustCompile(`^inventory/example-lake/daily/2026-11-2[12]T\d\d-\d\d-\d\dZ/manifest\.json$`),
	}
	midnight := noon.Add(12 * time.Hour)
	objects, _ := New(Config{}).Deliver(midnight.Add(-time.Minute), midnight.Add(time.Minute))
	seen, found := map[string]bool{}, map[string]int{}
	for _, o := range objects {
		if seen[o.Key] {
			t.Errorf("%s is delivered twice", o.Key)
		}
		seen[o.Key] = true
		matched := false
		for form, pattern := range forms {
			if pattern.MatchString(o.Key) {
				matched = true
				found[form]++
			}
		}
		if !matched {
			t.Errorf("%s has no known form", o.Key)
		}
	}
	for form := range forms {
		if found[form] == 0 {
			t.Errorf("no key %s", form)
		}
	}
}

func TestFleet_LateObjectsTellATimeLongPast(t *testing.T) {
	const lateness = time.Hour
	f := New(Config{Lateness: lateness})
	stamp := regexp.MustCompile(`(\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d)-[0-9A-Z]{16}$`)
	late := 0
	for at := noon; at.Before(noon.Add(time.Minute)); at = at.Add(time.Second) {
		objects, _ := f.Deliver(at, at.Add(time.Second))
		for _, o := range objects {
			match := stamp.FindStringSubmatch(o.Key)
			if match == nil || strings.HasPrefix(o.Key, reports.prefix) {
				continue
			}
			told, err := time.Parse(stampFormat, match[1])
			if err != nil {
				t.Fatal(err)
			}
			age := at.Sub(told)
			switch {
			case o.Late && (age < lateness/2 || age > lateness):
				t.Errorf("%s is late by %v", o.Key, age)
			case !o.Late && age != 0:
				t.Errorf("%s is delivered %v later", o.Key, age)
			case o.Late:
				late++
			}
		}
	}
	if late == 0 {
		t.Error("nothing came late")
	}
}

func TestFleet_ObjectsHoldNoMoreRequestsThanConfigured(t *testing.T) {
	objects, requests := New(Config{Rate: 500, ObjectRequests: 50}).Deliver(noon, noon.Add(6*time.Second))
	records := 0
	for _, o := range objects {
		n := len(recordsOf(t, o))
		if n > 50 {
			t.Errorf("%s holds %d records", o.Key, n)
		}
		records += n
	}
	if records != len(requests) {
		t.Errorf("%d records in the objects, %d requests told", records, len(requests))
	}
}

// What a demonstration has to show, it shows soon.
func TestFleet_EverythingHappensWithinAMinute(t *testing.T) {
	_, requests := New(Config{}).Deliver(noon, noon.Add(time.Minute))
	found := map[string]bool{}
	for _, r := range requests {
		found[r.Log+" signature "+r.Signature] = true
		found[r.Log+" auth "+r.AuthMethod] = true
		found[r.Log+" outcome "+r.Outcome] = true
		found[r.Log+" operation "+r.Operation] = true
		found[r.Log+" bucket "+r.Bucket] = true
		found[r.Log+" requester "+r.Requester] = true
		found[r.Log+" client "+r.Client] = true
		found[fmt.Sprint(r.Log, " status ", r.Status)] = true
	}
	want := []string{
		"server_access status 304", "server_access status 404", "server_access status 503", "server_access status 403",
		"server_access requester unknown", "server_access requester AmazonS3", "server_access client none",
		"server_access requester delivery.logs.amazonaws.com", "server_access operation REST.COPY.OBJECT_GET",
		"server_access requester arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E2EXAMPLE1ABCD",
		"server_access requester " + canonicalIDs[research], "server_access requester " + canonicalIDs[partner],
		"cloudtrail requester " + partner, "cloudtrail requester arn:aws:iam::" + research + ":root",
		"cloudtrail requester cloudtrail.amazonaws.com", "cloudtrail signature unknown", "cloudtrail client aws-service",
	}
	for _, log := range []string{"server_access", "cloudtrail"} {
		for _, s := range []string{"SigV2", "SigV4", "SigV4A", "none"} {
			want = append(want, log+" signature "+s)
		}
		for _, s := range []string{"AuthHeader", "QueryString", "HtmlForm", "none"} {
			want = append(want, log+" auth "+s)
		}
		for _, s := range []string{"success", "denied", "error"} {
			want = append(want, log+" outcome "+s)
		}
		for _, s := range []string{"GetObject", "HeadObject", "PutObject", "DeleteObject", "DeleteObjects", "CopyObject", "UploadPart", "ListObjects"} {
			want = append(want, log+" operation "+s)
		}
		for _, b := range buckets {
			want = append(want, log+" bucket "+b.name)
		}
		for _, s := range []string{"aws-cli", "boto", "boto3", "aws-sdk-java", "aws-sdk-nodejs", "aws-sdk-go-v2", "rclone", "browser", "curl", "other", "aws-console"} {
			want = append(want, log+" client "+s)
		}
		want = append(want, log+" requester anonymous")
	}
	for _, w := range want {
		if !found[w] {
			t.Errorf("no request with %s", w)
		}
	}
}

func TestFleet_BothLogsTellOfMostRequests(t *testing.T) {
	_, requests := New(Config{}).Deliver(noon, noon.Add(time.Minute))
	logs := map[string]map[string]bool{}
	for _, r := range requests {
		if logs[r.RequestID] == nil {
			logs[r.RequestID] = map[string]bool{}
		}
		logs[r.RequestID][r.Log] = true
	}
	both := 0
	for _, l := range logs {
		if len(l) == 2 {
			both++
		}
	}
	if both*4 < len(logs)*3 {
		t.Errorf("%d of %d requests stand in both logs", both, len(logs))
	}
}

func BenchmarkFleet_Deliver(b *testing.B) {
	f := New(Config{Rate: 10_000, ObjectRequests: 10_000})
	now := noon
	var size, requests int
	b.ReportAllocs()
	for b.Loop() {
		objects, told := f.Deliver(now, now.Add(time.Second))
		now = now.Add(time.Second)
		for _, o := range objects {
			size += len(o.Body)
		}
		requests += len(told)
	}
	b.SetBytes(int64(size / b.N))
	b.ReportMetric(float64(requests)/b.Elapsed().Seconds(), "records/s")
}
