package coverage

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

const ownID = "111122223333"

var now = time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)

func logsTo(target, prefix string, partitioned bool) *s3types.LoggingEnabled {
	enabled := &s3types.LoggingEnabled{TargetBucket: aws.String(target), TargetPrefix: aws.String(prefix)}
	if partitioned {
		enabled.TargetObjectKeyFormat = &s3types.TargetObjectKeyFormat{
			PartitionedPrefix: &s3types.PartitionedPrefix{PartitionDateSource: s3types.PartitionDateSourceDeliveryTime},
		}
	}
	return enabled
}

func logObject(key string, at time.Time) s3types.Object {
	return s3types.Object{Key: aws.String(key), LastModified: aws.Time(at)}
}

func trailIn(region, account, name string, edit func(*fakeTrail)) *fakeTrail {
	t := &fakeTrail{Trail: types.Trail{
		Name: aws.String(name), HomeRegion: aws.String(region),
		TrailARN:     aws.String("arn:aws:cloudtrail:" + region + ":" + account + ":trail/" + name),
		S3BucketName: aws.String("trail-logs"),
	}, logging: true, delivered: now.Add(-5 * time.Minute)}
	edit(t)
	return t
}

// world is an account with every case that a row can be.
func world() *fakeAWS {
	hourAgo := now.Add(-time.Hour)
	stream := "s3/" + ownID + "/eu-west-1/covered/2026/11/30/2026-11-30-11-00-00-"
	return &fakeAWS{
		buckets: []*fakeBucket{
			{name: "covered", region: "eu-west-1", logging: logsTo("access-logs", "s3/", true)},
			{name: "silent", region: "eu-west-1", logging: logsTo("access-logs", "s3/", true)},
			{name: "simple", region: "eu-west-1", logging: logsTo("access-logs", "simple/", false)},
			{name: "access-logs", region: "eu-west-1", objects: []s3types.Object{
				logObject(stream+"0123456789ABCDEF", hourAgo), logObject("simple/2026-11-30-10-00-00-0123456789ABCDEF", hourAgo),
			}},
			{name: "blind", region: "us-east-1"},
			{name: "into-itself", region: "us-east-1", logging: logsTo("into-itself", "", false), objects: []s3types.Object{
				logObject("2026-11-30-11-30-00-0123456789ABCDEF", hourAgo),
			}},
			{name: "closed", region: "us-east-1"},
			{name: "dotted.name.example", region: "ap-south-1"},
			{name: "fast--use1-az4--x-s3", region: "us-east-1", directory: true},
			{name: "trail-logs", region: "us-east-1"},
		},
		denied: map[string]bool{"GetBucketLogging closed": true},
		trails: []*fakeTrail{
			trailIn("us-east-1", ownID, "reads", func(t *fakeTrail) {
				t.IsMultiRegionTrail, t.regions = aws.Bool(true), []string{"ap-south-1", "eu-west-1"}
				t.selectors = advanced(equals("readOnly", "true"), startsWith("arn:aws:s3:::dotted.name.example/", "arn:aws:s3:::trail-logs/"))
			}),
			trailIn("us-east-1", "999988887777", "organization", func(t *fakeTrail) {
				t.IsMultiRegionTrail, t.IsOrganizationTrail = aws.Bool(true), aws.Bool(true)
				t.regions, t.deniedAway = []string{"eu-west-1"}, true
			}),
			trailIn("eu-west-1", ownID, "off", func(t *fakeTrail) { t.logging, t.selectors = false, advanced() }),
			trailIn("us-east-1", ownID, "lake", func(t *fakeTrail) { t.store, t.selectors = true, advanced(startsWith("arn:aws:s3:::blind/")) }),
		},
	}
}

func lookAt(t *testing.T, f *fakeAWS, edit ...func(*Options)) map[string]Bucket {
	t.Helper()
	options := Options{Now: now}
	for _, e := range edit {
		e(&options)
	}
	found, err := Look(t.Context(), f.account(ownID), options)
	if err != nil {
		t.Fatal(err)
	}
	rows := make(map[string]Bucket)
	for _, b := range found.Buckets {
		rows[b.Name] = b
	}
	if len(rows) != len(found.Buckets) {
		t.Errorf("%d rows of %d buckets", len(found.Buckets), len(rows))
	}
	return rows
}

func TestLook_FindsHowEachBucketIsLogged(t *testing.T) {
	rows := lookAt(t, world())
	for name, want := range map[string]struct {
		access, trail, lake Scope
		verdict             Verdict
		remark              string
	}{
		"covered":              {ScopeAll, ScopeUnknown, ScopeNone, VerdictCovered, "needs cloudtrail:GetEventSelectors"},
		"silent":               {ScopeAll, ScopeUnknown, ScopeNone, VerdictNotArriving, "no access log came for 3 days"},
		"simple":               {ScopeAll, ScopeUnknown, ScopeNone, VerdictCovered, ""},
		"access-logs":          {ScopeNone, ScopeUnknown, ScopeNone, VerdictUnknown, ""},
		"blind":                {ScopeNone, ScopeUnknown, ScopeAll, VerdictUnknown, "in CloudTrail Lake (all)"},
		"into-itself":          {ScopeAll, ScopeUnknown, ScopeNone, VerdictCovered, "logs into itself"},
		"closed":               {ScopeUnknown, ScopeUnknown, ScopeNone, VerdictUnknown, "needs s3:GetBucketLogging"},
		"dotted.name.example":  {ScopeNone, ScopeReads, ScopeNone, VerdictPart, ""},
		"fast--use1-az4--x-s3": {ScopeNone, ScopeUnknown, ScopeNone, VerdictUnknown, ""},
		"trail-logs":           {ScopeNone, ScopeReads, ScopeNone, VerdictPart, "trail reads records the requests to its own log bucket"},
	} {
		row, ok := rows[name]
		if !ok {
			t.Errorf("%s is not there", name)
			continue
		}
		if row.Access.Scope != want.access || row.Trail.Scope != want.trail || row.Trail.Lake != want.lake || row.Verdict != want.verdict {
			t.Errorf("%s: access log %s, CloudTrail %s, Lake %s, %s; want %s, %s, %s, %s", name,
				row.Access.Scope, row.Trail.Scope, row.Trail.Lake, row.Verdict, want.access, want.trail, want.lake, want.verdict)
		}
		remarks := strings.Join(row.Remarks(now), "\n")
		if !strings.Contains(remarks, want.remark) || strings.Count(remarks, "\n")+1 > 4 {
			t.Errorf("%s: remarks %q, want %q", name, remarks, want.remark)
		}
	}
	if got := rows["dotted.name.example"].Region; got != "ap-south-1" {
		t.Errorf("the Region is %q", got)
	}
}

// Without the trail of which nobody knows what it records, what is not logged is not
// logged.
func TestLook_WhatNothingRecordsIsBlind(t *testing.T) {
	f := world()
	f.trails = f.trails[:1]
	rows := lookAt(t, f)
	for _, name := range []string{"blind", "access-logs", "fast--use1-az4--x-s3"} {
		if rows[name].Verdict != VerdictBlind {
			t.Errorf("%s is %s", name, rows[name].Verdict)
		}
	}
	if rows["closed"].Verdict != VerdictUnknown {
		t.Errorf("what nobody may look at is %s", rows["closed"].Verdict)
	}
}

// What is refused is unknown, never none, and the row has the permission.
func TestLook_RefusalsAreUnknownAndNameThePermission(t *testing.T) {
	for operation, want := range map[string]string{
		"GetBucketLogging":  "needs s3:GetBucketLogging",
		"DescribeTrails":    "needs cloudtrail:DescribeTrails",
		"GetTrailStatus":    "needs cloudtrail:GetTrailStatus",
		"GetEventSelectors": "needs cloudtrail:GetEventSelectors",
		"ListBuckets":       "needs s3:ListAllMyBuckets",
		"ListObjectsV2":     "needs s3:ListBucket on access-logs",
	} {
		f := world()
		f.denied = map[string]bool{operation: true}
		f.trails = f.trails[:1]
		for i := range f.trails {
			f.trails[i].deniedAway = false
		}
		told := false
		for name, row := range lookAt(t, f) {
			if operation != "ListObjectsV2" && row.Verdict == VerdictBlind && row.Kind == KindGeneral {
				t.Errorf("%s is refused, and %s is blind", operation, name)
			}
			if row.Verdict == VerdictCovered && row.Access.Unseen != "" && row.Trail.Scope != ScopeAll {
				t.Errorf("%s is refused, and %s is covered by what nobody has seen", operation, name)
			}
			for _, remark := range row.Remarks(now) {
				told = told || strings.Contains(remark, want)
				if strings.Contains(remark, "\n") {
					t.Errorf("a remark has lines: %q", remark)
				}
			}
		}
		if !told {
			t.Errorf("%s is refused, and no row has %q", operation, want)
		}
	}
}

func TestLook_AnAccountThatIsClosedIsOneUnknownRow(t *testing.T) {
	account := Account{ID: ownID, Unknown: "the account is suspended"}
	found, err := Look(t.Context(), account, Options{Now: now})
	if err != nil || len(found.Buckets) != 1 || found.Buckets[0].Verdict != VerdictUnknown ||
		!slices.Contains(found.Buckets[0].Remarks(now), "access log unknown: the account is suspended") {
		t.Errorf("got %+v, %v", found, err)
	}
}

// The keys of a simple format have no folders, whatever their prefix is.
func TestLook_FindsTheNewestAccessLogWhateverThePrefix(t *testing.T) {
	for prefix, others := range map[string][]string{
		"":              {"AWSLogs/" + ownID + "/elasticloadbalancing/x.log", "333322221111/eu-west-1/other/2026/11/30/2026-11-30-11-00-00-0123456789ABCDEF"},
		"flat":          {"flat3-2026-11-30-11-00-00-0123456789ABCDEF", "flat/2026-11-30-11-00-00-0123456789ABCDEF"},
		"logs/":         {"logs/x"},
		"logs/s3/deep/": {"logs/s3/deep/er/2026-11-30-11-00-00-0123456789ABCDEF"},
		"a/b/c/d/e":     nil,
	} {
		for _, partitioned := range []bool{false, true} {
			stream, layout := prefix, "2006-01-02-15-04-05-"
			if partitioned {
				stream, layout = prefix+ownID+"/us-east-1/shop/", "2006/01/02/2006-01-02-15-04-05-"
			}
			for _, newest := range []time.Time{now.Add(-time.Hour), now.Add(-20 * 24 * time.Hour)} {
				target := &fakeBucket{name: "here", region: "us-east-1"}
				for at := newest.Add(-300 * 24 * time.Hour); !at.After(newest); at = at.Add(time.Hour) {
					target.objects = append(target.objects, logObject(stream+at.Format(layout)+"0123456789ABCDEF", at))
				}
				for _, key := range others {
					target.objects = append(target.objects, logObject(key, now))
				}
				f := &fakeAWS{buckets: []*fakeBucket{{name: "shop", region: "us-east-1", logging: logsTo("here", prefix, partitioned)}, target}}
				row := lookAt(t, f)["shop"]
				if got := now.Sub(row.Access.Newest) <= Patience; got != (now.Sub(newest) <= Patience) || row.Access.Newest.After(newest) {
					t.Errorf("prefix %q, partitioned %v: the newest is of %s, want %s", prefix, partitioned, row.Access.Newest, newest)
				}
			}
		}
	}
}

func TestLook_FindsWhoTailsABucket(t *testing.T) {
	for location, want := range map[string][]string{
		"s3://access-logs":     {"covered", "silent", "simple"},
		"s3://access-logs/s3/": {"covered", "silent"},
		"s3://access-logs/s3/" + ownID + "/eu-west-1/covered/":                 {"covered"},
		"s3://access-logs/s3/" + ownID + "/eu-west-1/covered/2026/11/":         nil, // the logs of one month
		"s3://access-logs/simple":                                              {"simple"},
		"s3://trail-logs/AWSLogs":                                              {"dotted.name.example", "trail-logs"},
		"s3://trail-logs/AWSLogs/" + ownID + "/CloudTrail/ap-south-1/":         {"dotted.name.example"},
		"s3://trail-logs/AWSLogs/" + ownID + "/CloudTrail/ap-south-1/2026/11/": nil,
		"s3://trail-logs/AWSLogs/444455556666/":                                nil,
		"s3://other":                                                           nil,
	} {
		var got []string
		for name, row := range lookAt(t, world(), func(o *Options) { o.Locations = []Location{{URL: location}} }) {
			if len(row.Tailed) > 0 {
				got = append(got, name)
			}
			if row.Verdict == VerdictCovered && len(row.Tailed) == 0 {
				t.Errorf("%s: %s is covered, and nobody reads it", location, name)
			}
		}
		slices.Sort(got)
		slices.Sort(want)
		if !slices.Equal(got, want) {
			t.Errorf("%s tails %q, want %q", location, got, want)
		}
	}
}

func TestLook_FindsTrailsThatRecordTheReadingOfLogs(t *testing.T) {
	f := world()
	f.trails[0].selectors = advanced(startsWith("arn:aws:s3:::access-logs/"))
	remark := "trail reads records the exporter's own reading here"
	for location, want := range map[string]bool{"s3://access-logs/s3/": true, "s3://trail-logs": false} {
		row := lookAt(t, f, func(o *Options) { o.Locations = []Location{{URL: location}} })["access-logs"]
		if got := strings.Contains(strings.Join(row.Remarks(now), "\n"), remark); got != want {
			t.Errorf("%s: %q", location, row.Remarks(now))
		}
	}
}

func TestLook_FindsRegionsThatAreNotListed(t *testing.T) {
	f := world()
	f.noRegions = true
	for name, row := range lookAt(t, f) {
		if want := f.bucket(aws.String(name)).region; row.Region != want {
			t.Errorf("%s is in %s, want %s", name, row.Region, want)
		}
	}
}

func TestLook_AsksOnlyForWhatIsWanted(t *testing.T) {
	f := world()
	rows := lookAt(t, f, func(o *Options) {
		o.Wanted = func(account, region, bucket string) bool {
			return account == ownID && region == "us-east-1" && bucket == "blind"
		}
	})
	if len(rows) != 1 || f.calls["GetBucketLogging"] != 1 {
		t.Errorf("%d rows, %d calls of GetBucketLogging, want 1 and 1", len(rows), f.calls["GetBucketLogging"])
	}
}

func TestLook_CallsGrowWithBucketsNotWithTheirSquare(t *testing.T) {
	f := &fakeAWS{trails: world().trails[:1]}
	const buckets = 1000
	for i := range buckets {
		f.buckets = append(f.buckets, &fakeBucket{name: "b" + strings.Repeat("x", i%7) + "-" + time.Duration(i).String(), region: "us-east-1"})
	}
	lookAt(t, f)
	total := 0
	for _, n := range f.calls {
		total += n
	}
	if want := buckets + buckets/2 + 20; total > want { // pages of the fake have two
		t.Errorf("%d calls for %d buckets, want at most %d: %v", total, buckets, want, f.calls)
	}
}

func TestLook_EndsWithItsContext(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	f := world()
	f.denied = map[string]bool{"ListBuckets": true} // as the SDK fails then
	if _, err := Look(ctx, f.account(ownID), Options{Now: now}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

func TestSummary_IsOneLine(t *testing.T) {
	found, err := Look(t.Context(), world().account(ownID), Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := Summarize(found.Buckets).String(), "10 buckets: 3 covered, 2 part, 4 unknown, 1 not_arriving"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if !slices.IsSortedFunc(found.Buckets, func(a, b Bucket) int { return int(a.Verdict) - int(b.Verdict) }) {
		t.Error("the worst is not first")
	}
}
