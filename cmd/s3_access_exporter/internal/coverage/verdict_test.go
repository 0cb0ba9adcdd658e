package coverage

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// loggedBy returns an account with the bucket shop, logged as words say: what a log
// holds (the access log text or json, or a trail of all, reads, writes or part), where
// it goes (here, which is tailed, or away), and how it comes: as it should, or silent
// for 100 days, or failing since a minute.
func loggedBy(t *testing.T, logs ...string) *fakeAWS {
	t.Helper()
	shop, long := &fakeBucket{name: "shop", region: "us-east-1"}, now.Add(-100*24*time.Hour)
	here, away := &fakeBucket{name: "here", region: "us-east-1"}, &fakeBucket{name: "away", region: "us-east-1"}
	f := &fakeAWS{buckets: []*fakeBucket{shop, here, away}}
	for i, words := range logs {
		word := strings.Fields(words + " well")
		holds, target, state := word[0], here, word[2]
		if word[1] == "away" {
			target = away
		}
		switch holds {
		case "text":
			shop.logging = logsTo(target.name, "text/", false)
			if state == "well" {
				target.objects = []s3types.Object{logObject("text/2026-11-30-11-00-00-0123456789ABCDEF", now.Add(-time.Hour))}
			}
			continue
		case "json":
			f.delivered = append(f.delivered, fakeDelivery{region: "us-east-1", bucket: "shop", kind: toS3, to: "arn:aws:s3:::" + target.name, format: asJSON})
			continue
		}
		f.trails = append(f.trails, trailIn("us-east-1", ownID, fmt.Sprint("trail-", i), func(trail *fakeTrail) {
			trail.S3BucketName = aws.String(target.name)
			switch trail.selectors = advanced(startsWith("arn:aws:s3:::shop/")); holds {
			case "reads":
				trail.selectors = advanced(startsWith("arn:aws:s3:::shop/"), equals("readOnly", "true"))
			case "writes":
				trail.selectors = advanced(startsWith("arn:aws:s3:::shop/"), equals("readOnly", "false"))
			case "part":
				trail.selectors = advanced(startsWith("arn:aws:s3:::shop/secret/"))
			case "all":
			default:
				t.Fatalf("no log holds %q", holds)
			}
			switch state {
			case "silent":
				trail.delivered = long
			case "failing":
				trail.failure = "NoSuchBucket"
			}
		}))
	}
	return f
}

// A verdict is about logs that come, and then about those that come and are read: what
// one log holds is worth nothing if it is another one that comes, or is read.
func TestLook_JudgesByTheLogsThatComeAndAreRead(t *testing.T) {
	const yes, no = "1\n", "0\n" // s3_access_bucket_tailed
	for _, test := range []struct {
		logs    string
		verdict Verdict
		tailed  string // empty: no series
		remark  string
	}{
		{"", VerdictBlind, "", ""},

		{"text here", VerdictCovered, yes, ""},
		{"text away", VerdictNotTailed, no, ""},
		{"text here silent", VerdictNotArriving, yes, "no access log came for 3 days"},
		{"text away silent", VerdictNotArriving, no, "no access log came for 3 days"},
		{"json here", VerdictCovered, yes, "whether the JSON access logs arrive is not known"},
		{"json away", VerdictNotTailed, no, ""},
		{"all here", VerdictCovered, yes, ""},
		{"all away", VerdictNotTailed, no, ""},
		{"all here silent", VerdictNotArriving, yes, "a trail records it and delivered nothing for 3 days"},
		{"all here failing", VerdictNotArriving, yes, "CloudTrail cannot deliver: NoSuchBucket"},
		{"writes here", VerdictPart, yes, ""},
		{"writes away", VerdictPart, no, ""},

		// One holds every request, another one comes.
		{"text here silent, writes here", VerdictPart, yes, "no access log came for 3 days"},
		{"text here silent, all here", VerdictCovered, yes, "no access log came for 3 days"},
		{"text here, all here failing", VerdictCovered, yes, "CloudTrail cannot deliver: NoSuchBucket"},
		{"text here silent, all here failing", VerdictNotArriving, yes, "CloudTrail cannot deliver: NoSuchBucket"},
		{"all here failing, writes here", VerdictPart, yes, "CloudTrail cannot deliver: NoSuchBucket"},
		{"all away silent, writes here", VerdictPart, yes, "a trail records it and delivered nothing for 3 days"},
		{"writes here, all here silent", VerdictPart, yes, "a trail records it and delivered nothing for 3 days"},
		{"all here silent, all here", VerdictCovered, yes, ""},

		// One comes and holds every request, another one is read.
		{"text away, writes here", VerdictNotTailed, no, "logs come that no given location reads: what is read holds writes"},
		{"text away, all here", VerdictCovered, yes, ""},
		{"text here, all away", VerdictCovered, yes, ""},
		{"json away, writes here", VerdictNotTailed, no, "what is read holds writes"},
		{"json away, text here", VerdictCovered, yes, "each request counts twice"},
		{"all away, reads here", VerdictNotTailed, no, "what is read holds reads"},
		{"writes away, part here", VerdictPart, no, "what is read holds part"},
		{"part away, part here", VerdictPart, no, "what is read holds part"},

		// One comes, another one is read, and what is read does not come.
		{"text here silent, all away", VerdictNotTailed, no, "what is read holds none"},
		{"text here silent, writes away", VerdictPart, no, "what is read holds none"},
		{"all here failing, json away", VerdictNotTailed, no, "what is read holds none"},

		// Two together.
		{"reads here, writes here", VerdictCovered, yes, ""},
		{"reads here, writes away", VerdictNotTailed, no, "what is read holds reads"},
		{"reads here, writes here silent", VerdictPart, yes, "a trail records it and delivered nothing for 3 days"},
		{"reads here failing, writes here silent", VerdictNotArriving, yes, "CloudTrail cannot deliver: NoSuchBucket"},
		{"part here, part here", VerdictPart, yes, ""},
	} {
		var logs []string
		if test.logs != "" {
			logs = strings.Split(test.logs, ", ")
		}
		row := lookAt(t, loggedBy(t, logs...), func(o *Options) { o.Locations = []Location{{URL: "s3://here"}} })["shop"]
		remarks := strings.Join(row.Remarks(now), "; ")
		if row.Verdict != test.verdict || !strings.Contains(remarks, test.remark) || test.remark == "" && strings.Contains(remarks, "logs come") {
			t.Errorf("%s: %s, remarks %q; want %s, %q", test.logs, row.Verdict, remarks, test.verdict, test.remark)
		}
		m := NewMetrics()
		m.Set([]Bucket{row}, now)
		var exposition strings.Builder
		if err := m.Print(&exposition); err != nil {
			t.Fatal(err)
		}
		_, tailed, _ := strings.Cut(exposition.String(), "\ns3_access_bucket_tailed{")
		if _, value, _ := strings.Cut(tailed, "} "); !strings.HasPrefix(value, test.tailed) || (value == "") != (test.tailed == "") {
			t.Errorf("%s: s3_access_bucket_tailed is %q, want %q", test.logs, value, test.tailed)
		}

		if all := lookAt(t, loggedBy(t, logs...))["shop"]; all.Verdict != test.verdict && test.verdict != VerdictNotTailed ||
			test.verdict == VerdictNotTailed && all.Verdict != VerdictCovered {
			t.Errorf("%s: without locations it is %s", test.logs, all.Verdict)
		}
	}
}

// Trails show that they do not come where what they record is in no trail that does.
func TestLook_TrailsComeIfAllThatTheyRecordDoes(t *testing.T) {
	minutesAgo, longAgo := now.Add(-5*time.Minute), now.Add(-100*24*time.Hour)
	for logs, want := range map[string]time.Time{
		"all here":                                 minutesAgo,
		"all here silent":                          longAgo,
		"all here silent, writes here":             longAgo,
		"writes here, all here silent":             longAgo,
		"reads here silent, writes here":           longAgo,
		"writes here silent, all here":             minutesAgo,
		"all here silent, reads here, writes here": minutesAgo,
		"part here silent, part here":              longAgo,
		"reads here":                               minutesAgo,
	} {
		row := lookAt(t, loggedBy(t, strings.Split(logs, ", ")...))["shop"]
		if !row.Trail.Newest.Equal(want) {
			t.Errorf("%s: the newest came at %s, want %s", logs, row.Trail.Newest, want)
		}
	}
}

// A location reads no server access log in a form that it leaves out, and all of CloudTrail.
func TestLook_KnowsWhichFormsALocationLeavesOut(t *testing.T) {
	for log, want := range map[string]map[Location]bool{
		"text here": {{LeavesText: true}: false, {LeavesJSON: true}: true},
		"json here": {{LeavesText: true}: true, {LeavesJSON: true}: false},
		"all here":  {{LeavesText: true}: true, {LeavesJSON: true}: true},
	} {
		for location, read := range want {
			location.URL = "s3://here"
			row := lookAt(t, loggedBy(t, log), func(o *Options) { o.Locations = []Location{location} })["shop"]
			if got := row.Verdict == VerdictCovered; got != read || len(row.Tailed) > 0 != read {
				t.Errorf("%s by %+v: %s, tailed by %q", log, location, row.Verdict, row.Tailed)
			}
		}
	}
}

// What is held by some of several logs is looked at again request by request.
func TestWeigh_FindsWhatEachRequestIsIn(t *testing.T) {
	holding := []logged{{}, {reads: levelAll}, {writes: levelAll}, both(levelAll)}
	var kinds []log
	for _, holds := range holding[1:] {
		for _, arrives := range []bool{false, true} {
			kinds = append(kinds, log{holds, arrives, false, nil}, log{holds, arrives, false, []string{"s3://here"}})
		}
	}
	for _, a := range kinds {
		for _, b := range kinds {
			for _, c := range kinds {
				logs := []log{a, b, c}
				var comes, read, of logged
				for _, l := range logs {
					of = of.or(l.logged)
					for _, kind := range holding[1:3] { // reads, writes
						if in := l.logged.and(kind); l.arrives {
							comes = comes.or(in)
							if l.readBy != nil {
								read = read.or(in)
							}
						}
					}
				}
				want := VerdictCovered
				switch {
				case comes == holding[0]:
					want = VerdictNotArriving
				case comes != holding[3]:
					want = VerdictPart
				case read != holding[3]:
					want = VerdictNotTailed
				}
				bucket := Bucket{Trail: Trail{Scope: of.scope()}}
				bucket.weigh(logs, []Location{{URL: "s3://here"}})
				if got := bucket.judge(); got != want || bucket.Read != read.scope() || comes != holding[0] && bucket.Missed != (read != comes) {
					t.Fatalf("%+v: %s, read %s, missed %v; want %s, %s", logs, got, bucket.Read, bucket.Missed, want, read.scope())
				}
			}
		}
	}
}
