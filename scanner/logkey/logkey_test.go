package logkey_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

func TestParse_RecognisesEveryLayout(t *testing.T) {
	const trail = "AWSLogs/111122223333/CloudTrail/eu-west-1/"
	at := func(text string) time.Time {
		t.Helper()
		parsed, err := time.Parse(time.DateTime, text)
		if err != nil {
			t.Fatal(err)
		}
		return parsed
	}
	simple := func(prefix string) logkey.Stream { return logkey.Stream{Prefix: prefix, Layout: logkey.Simple} }
	tests := map[string]struct {
		key  string
		want logkey.Key
	}{
		"simple, no prefix": {"2026-03-04-05-06-07-0123456789ABCDEF", logkey.Key{Stream: simple(""), Time: at("2026-03-04 05:06:07")}},
		"simple, folder":    {"logs/2026-03-04-05-06-07-0123456789ABCDEF", logkey.Key{Stream: simple("logs/"), Time: at("2026-03-04 05:06:07")}},
		"simple, no slash":  {"logs2026-03-04-05-06-07-0123456789ABCDEF", logkey.Key{Stream: simple("logs"), Time: at("2026-03-04 05:06:07")}},
		"simple, prefix ends in digits": {
			"a/logs22026-03-04-05-06-07-0123456789ABCDEF",
			logkey.Key{Stream: simple("a/logs2"), Time: at("2026-03-04 05:06:07")},
		},
		"simple below the folders of another day": {
			"2020/01/01/2026-03-04-05-06-07-0123456789ABCDEF",
			logkey.Key{Stream: simple("2020/01/01/"), Time: at("2026-03-04 05:06:07")},
		},
		"simple, Ceph": {
			"logs/2026-03-04-05-06-07-0000001234XY12AB",
			logkey.Key{Stream: simple("logs/"), Time: at("2026-03-04 05:06:07"), Local: true},
		},
		"simple, Ceph, without a counter": {
			"logs/2026-03-04-05-06-07-4HX0QY7TB2MK91WL",
			logkey.Key{Stream: simple("logs/"), Time: at("2026-03-04 05:06:07"), Local: true},
		},
		"partitioned, Ceph": {
			"logs/somebody/default/b/2026/03/04/2026-03-04-05-06-07-0000001234XY12AB",
			logkey.Key{Stream: logkey.Stream{Prefix: "logs/somebody/default/b/", Layout: logkey.Partitioned}, Time: at("2026-03-04 05:06:07"), Local: true},
		},
		"partitioned, an account of Ceph's in a Region that is called like one of AWS's": {
			"RGW12345678901234567/eu-west-1/b/2026/03/04/2026-03-04-05-06-07-0000001234XY12AB",
			logkey.Key{Stream: logkey.Stream{Prefix: "RGW12345678901234567/eu-west-1/b/", Layout: logkey.Partitioned}, Time: at("2026-03-04 05:06:07"), Local: true},
		},
		"partitioned, a unique part of AWS's that looks like one of Ceph's": {
			"111122223333/eu-west-1/b/2026/03/04/2026-03-04-05-06-07-0001234567891234",
			logkey.Key{
				Stream: logkey.Stream{Prefix: "111122223333/eu-west-1/b/", Layout: logkey.Partitioned},
				Time:   at("2026-03-04 05:06:07"), AccountID: "111122223333", Region: "eu-west-1", Bucket: "b",
			},
		},
		"partitioned by delivery": {
			"logs/111122223333/eu-west-1/my.bucket/2026/03/04/2026-03-04-05-06-07-0123456789ABCDEF",
			logkey.Key{
				Stream: logkey.Stream{Prefix: "logs/111122223333/eu-west-1/my.bucket/", Layout: logkey.Partitioned},
				Time:   at("2026-03-04 05:06:07"), AccountID: "111122223333", Region: "eu-west-1", Bucket: "my.bucket",
			},
		},
		"partitioned by event, prefix without slash": {
			"logs9111122223333/us-gov-west-1/b/2026/03/04/2026-03-04-00-00-00-0123456789ABCDEF",
			logkey.Key{
				Stream: logkey.Stream{Prefix: "logs9111122223333/us-gov-west-1/b/", Layout: logkey.Partitioned},
				Time:   at("2026-03-04 00:00:00"), ByEvent: true, AccountID: "111122223333", Region: "us-gov-west-1", Bucket: "b",
			},
		},
		"partitioned, sorted into folders by somebody": {
			"archive/2026/03/04/2026-03-04-05-06-07-0123456789ABCDEF",
			logkey.Key{Stream: logkey.Stream{Prefix: "archive/", Layout: logkey.Partitioned}, Time: at("2026-03-04 05:06:07")},
		},
		"trail": {
			trail + "2026/03/04/111122223333_CloudTrail_eu-west-1_20260304T0506Z_aBcDeFgHiJkLmNoP.json.gz",
			logkey.Key{
				Stream: logkey.Stream{Prefix: trail, Layout: logkey.Trail, File: "111122223333_CloudTrail_eu-west-1_"},
				Time:   at("2026-03-04 05:06:00"), AccountID: "111122223333", Region: "eu-west-1",
			},
		},
		"trail of an organisation, name without the last underscore": {
			"p/q/AWSLogs/o-abcdefghij/111122223333/CloudTrail/us-east-1/2026/03/04/111122223333_CloudTrail_us-east-1_20260304T0506ZaBcDeFgHiJkLmNoP.json.gz",
			logkey.Key{
				Stream: logkey.Stream{
					Prefix: "p/q/AWSLogs/o-abcdefghij/111122223333/CloudTrail/us-east-1/", Layout: logkey.Trail,
					File: "111122223333_CloudTrail_us-east-1_",
				},
				Time: at("2026-03-04 05:06:00"), AccountID: "111122223333", Region: "us-east-1",
			},
		},
		"trail, copied and decompressed": {
			"copy/2026/03/04/111122223333_CloudTrail_us-east-1_20260304T0506Z_aBcDeFgHiJkLmNoP.json",
			logkey.Key{
				Stream: logkey.Stream{Prefix: "copy/", Layout: logkey.Trail},
				Time:   at("2026-03-04 05:06:00"), AccountID: "111122223333", Region: "us-east-1",
			},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			if got := logkey.Parse(test.key); got != test.want {
				t.Errorf("logkey.Parse(%q)\n got %+v\nwant %+v", test.key, got, test.want)
			}
		})
	}
}

func TestParse_SkipsWhatIsNoLogForAReason(t *testing.T) {
	const account, tail = "111122223333", "2026/03/04/111122223333_"
	tests := map[string]logkey.SkipReason{
		"AWSLogs/" + account + "/CloudTrail-Digest/us-east-1/" + tail + "CloudTrail-Digest_us-east-1_trail_us-east-1_20260304T050607Z.json.gz":          logkey.SkipDigest,
		"AWSLogs/" + account + "/CloudTrail-Digest/us-east-1/" + tail + "CloudTrail-Digest_us-east-1_trail_us-east-1_20260304T050607Z_backfill.json.gz": logkey.SkipDigest,
		"AWSLogs/" + account + "/CloudTrail-Insight/us-east-1/" + tail + "CloudTrail-Insight_us-east-1_20260304T0506Z_aBcDeFgHiJkLmNoP.json.gz":         logkey.SkipInsight,
		"AWSLogs/" + account + "/CloudTrail-Insight/us-east-1/" + tail + "CloudTrail_us-east-1_20260304T0506Z_aBcDeFgHiJkLmNoP.json.gz":                 logkey.SkipInsight,
		"AWSLogs/" + account + "/CloudTrail-NetworkActivity/us-east-1/" + tail + "CloudTrail-NetworkActivity_us-east-1_20260304T0506Z_aBcDeFgH.json.gz": logkey.SkipNetworkActivity,
		"AWSLogs/" + account + "/CloudTrail-Aggregated/us-east-1/" + tail + "CloudTrail-Aggregated_us-east-1_20260304T0506Z_aBcDeFgHiJkLmNoP.json.gz":   logkey.SkipAggregated,
		"AWSLogs/" + account + "/vpcflowlogs/us-east-1/" + tail + "vpcflowlogs_us-east-1_fl-0_20260304T0506Z_0.log.gz":                                  logkey.SkipUnknown,
		"AWSLogs/":                                    logkey.SkipFolder,
		"2026-02-30-05-06-07-0123456789ABCDEF":        logkey.SkipUnknown,
		"2026-03-04-05-06-07":                         logkey.SkipUnknown,
		"2026-03-04-05-06-07-":                        logkey.SkipUnknown,
		"1999-03-04-05-06-07-0123456789ABCDEF":        logkey.SkipUnknown,
		"data/part-00000.snappy.parquet":              logkey.SkipParquet,
		"lake/2026/07/02/08/part-00000.parquet":       logkey.SkipParquet,
		"lake/2026/07/02/08/part-00000.orc":           logkey.SkipORC,
		"2026/07/02/08/s-1-2026-07-02-08-15-27-u.zip": logkey.SkipCompressed,
		"lake/dt=2026-07-02/a.hsnappy":                logkey.SkipCompressed,
		"lake/year=2026/month=07/day=02/a.zst":        logkey.SkipCompressed,
		"backup/a.zip":                                logkey.SkipUnknown,
		"lake/year=2026/month=07/day=02/a.gz.parquet": logkey.SkipParquet,
		"AWSLogs/111122223333/CloudTrail-Lake/Query/2026/07/02/0f0f/result_1.csv.gz":                         logkey.SkipLakeResult,
		"shop/processing-failed/2026/07/02/08/shop-1-2026-07-02-08-15-27-0f":                                 logkey.SkipFailed,
		"exportedlogs/0f0f0f0f-0f0f-4f0f-8f0f-0f0f0f0f0f0f/shop/000000.gz":                                   logkey.SkipExport,
		"exportedlogs/0f0f0f0f-0f0f-4f0f-8f0f-0f0f0f0f0f0f/000000.gz":                                        logkey.SkipUnknown,
		"AWSLogs/111122223333/elasticloadbalancing/us-east-1/2026/03/04/111122223333_elasticloadbalancing_x": logkey.SkipUnknown,
		"": logkey.SkipFolder,
		"\xff2026-03-04-05-06-07-0123456789ABCDE\xff": logkey.SkipUnknown,
	}
	for key, want := range tests {
		if got := logkey.Parse(key); got.Skip != want {
			t.Errorf("logkey.Parse(%q).Skip = %q, want %q", key, got.Skip, want)
		}
		if !slices.Contains(logkey.SkipReasons(), want) {
			t.Errorf("%q is not in SkipReasons", want)
		}
	}
}

// What has the name of a log object with something behind it is none, and may hold requests.
func TestParse_NamesWhatIsCalledLikeALog(t *testing.T) {
	const (
		access = "2026-03-04-05-06-07-0123456789ABCDEF"
		trail  = "111122223333_CloudTrail_eu-west-1_20260304T0506Z_aBcDeFgHiJkLmNoP"
	)
	for _, key := range []string{
		access + ".gz", "logs/" + access + ".log", "my.logs-" + access + ".txt.zst", "logs/x/" + access + "-old", access + " (1)", access + "_1.gz.part-2",
		"logs/2026-03-04-05-06-07-0000001234XY12AB.gz", // Ceph's
		trail + ".json.gz", "dump/" + trail + ".json", "dump/" + trail + ".json.zst", "dump/" + trail,
		"AWSLogs/111122223333/CloudTrail/eu-west-1/" + trail + ".json.gz",
	} {
		if got := logkey.Parse(key); got != (logkey.Key{Skip: logkey.SkipRenamed}) || logkey.Unknown(key) != logkey.SkipRenamed {
			t.Errorf("logkey.Parse(%q) = %+v", key, got)
		}
	}
	const delivery = "shop-1-2026-03-04-05-06-07-0f0f0f0f-0f0f-4f0f-8f0f-0f0f0f0f0f0f"
	for key, want := range map[string]logkey.SkipReason{ // in folders that nobody knows
		delivery: logkey.SkipRenamed, "a/2026-03-04/" + delivery: logkey.SkipRenamed, "a/y=2026/m=3/d=4/" + delivery + ".gz": logkey.SkipRenamed,
		delivery + "0": logkey.SkipUnknown, delivery[:len(delivery)-1]: logkey.SkipUnknown,
		delivery[len("shop-1-2026-"):]: logkey.SkipUnknown, "-" + delivery[len("shop-1-2026-03-04-05-06-07-"):]: logkey.SkipUnknown, "-": logkey.SkipUnknown,
	} {
		if got := logkey.Parse(key); got != (logkey.Key{Skip: want}) {
			t.Errorf("logkey.Parse(%q) = %+v, want %q", key, got, want)
		}
	}
	// Below folders of days, their content shows more.
	for _, key := range []string{"logs/2026/03/04/" + access + ".gz", "dt=2026-03-04/" + access + ".log", "2026/03/04/" + trail + ".json.zst"} {
		if got := logkey.Parse(key); !got.Free() || logkey.Unknown(key) != logkey.SkipRenamed {
			t.Errorf("logkey.Parse(%q) = %+v", key, got)
		}
	}
	for _, key := range []string{
		"", ".gz", "a.jpg", "2026-03-04-05-06-07.gz", "2026-03-04-05-06-07-holidays.jpg", "2026-03-04-05-06-07-0123456789ABCDE.gz", "2026-03-04-05-06-07-0123456789ABCDEF0.gz",
		"2026-02-30-05-06-07-0123456789ABCDEF.gz", "1999-03-04-05-06-07-0123456789ABCDEF.gz", "2026-03-04-05-06-07-0123456789abcdef.gz", access + "/a.gz",
		"x_CloudTrail_eu-west-1_20260304T0506Z_a.json", "111122223333_CloudTrail-Digest_eu-west-1_20260304T0506Z_a.json.gz",
		"111122223333_CloudTrail_eu-west-1_20260332T0506Z_a.json", "111122223333_CloudTrail_nowhere_20260304T0506Z_a.json", "111122223333_CloudTrail_eu-west-1",
	} {
		if got := logkey.Unknown(key); got != logkey.SkipUnknown {
			t.Errorf("logkey.Unknown(%q) = %q", key, got)
		}
	}
	if got := logkey.Parse("AWSLogs/111122223333/CloudTrail-Digest/eu-west-1/" + trail + ".json.gz"); got.Skip != logkey.SkipDigest {
		t.Errorf("in the folder of digests: %+v", got)
	}
}

// What listing relies on: every key of a stream sorts above After of its time, at
// or below After of a later one, and below End and Beyond.
func TestStream_BoundsHoldForItsKeys(t *testing.T) {
	keys := []string{
		"2026-03-04-05-06-07-0123456789ABCDEF",
		"logs2099-12-31-23-59-59-ZZZZZZZZZZZZZZZZ",
		"logs/2006-01-01-00-00-00-0000000000000000",
		"logs/111122223333/eu-west-1/my.bucket/2026/03/04/2026-03-04-05-06-07-0123456789ABCDEF",
		"logs/111122223333/eu-west-1/my.bucket/2026/03/04/2026-03-04-00-00-00-0123456789ABCDEF",
		"AWSLogs/111122223333/CloudTrail/eu-west-1/2026/03/04/111122223333_CloudTrail_eu-west-1_20260304T0506Z_aBcDeFgHiJkLmNoP.json.gz",
		"copy/2026/03/04/111122223333_CloudTrail_us-east-1_20260304T0506Z_aBcDeFgHiJkLmNoP.json",
		"AWSLogs/111122223333/CloudTrail-Digest/us-east-1/2026/03/04/x.json.gz",
	}
	for _, key := range keys {
		k := logkey.Parse(key)
		s := k.Stream
		if after := s.After(k.Time); key <= after {
			t.Errorf("%s: does not sort after After of its own time, %s", key, after)
		}
		if after := s.After(k.Time.Add(24 * time.Hour)); key >= after {
			t.Errorf("%s: sorts after After of the day that follows, %s", key, after)
		}
		for name, bound := range map[string]string{"End": s.End(), "Beyond": s.Beyond(k.Time)} {
			if key >= bound || !strings.HasPrefix(bound, s.Prefix) {
				t.Errorf("%s: %s is %s", key, name, bound)
			}
		}
	}
}

func TestStream_BeyondPassesOverNoOtherStream(t *testing.T) {
	// All of these may lie below one prefix, where several buckets are logged to.
	simple := logkey.Parse("logs/2026-03-04-05-06-07-0123456789ABCDEF")
	for _, other := range []string{
		"logs/2027-01-01-00-00-00-0123456789ABCDEF", // of the same stream
		"logs/202612345678/eu-west-1/b/2026/03/04/2026-03-04-05-06-07-0123456789ABCDEF",
		"logs/210012345678/eu-west-1/b/2026/03/04/2026-03-04-05-06-07-0123456789ABCDEF",
		"logs/2026-archive/2026-03-04-05-06-07-0123456789ABCDEF",
		"logs/x/2026-03-04-05-06-07-0123456789ABCDEF",
	} {
		if beyond := simple.Stream.Beyond(simple.Time); other <= beyond {
			t.Errorf("%s lies below %s", other, beyond)
		}
	}
}

func TestStream_LogFollowsFromTheLayout(t *testing.T) {
	for layout, want := range map[logkey.Layout]record.Log{
		logkey.Simple: record.ServerAccess, logkey.Partitioned: record.ServerAccess,
		logkey.Trail: record.CloudTrail, logkey.Foreign: 0,
	} {
		if got := (logkey.Stream{Layout: layout}).Log(); got != want {
			t.Errorf("layout %c: log %v, want %v", layout, got, want)
		}
	}
}

func TestParseID_TakesTheIDsOfStreams(t *testing.T) {
	for _, key := range []string{
		"access/2026-03-04-12-00-00-0123456789ABCDEF",
		"2026-03-04-12-00-00-0123456789ABCDEF",
		"logs/111122223333/eu-west-1/b/2026/03/04/2026-03-04-12-00-00-0123456789ABCDEF",
		"AWSLogs/111122223333/CloudTrail/us-east-1/2026/03/04/111122223333_CloudTrail_us-east-1_20260304T1200Z_aBcDeFgHiJkLmNoP.json.gz",
		"copied/2026/03/04/111122223333_CloudTrail_us-east-1_20260304T1200Z_aBcDeFgHiJkLmNoP.json.gz",
		"free/2026/03/04/12/x.gz",
		"free/year=2026/month=03/day=04/x.gz",
	} {
		want := logkey.Parse(key).Stream
		if got, ok := logkey.ParseID(want.ID()); !ok || got != want {
			t.Errorf("%s: %+v %v, want %+v", want.ID(), got, ok, want)
		}
	}
	for _, id := range []string{"", "s", "sx", "x:logs/", "f:logs/", logkey.Stream{}.ID()} {
		if got, ok := logkey.ParseID(id); ok {
			t.Errorf("%q is the ID of %+v", id, got)
		}
	}
}

func TestStream_MayHoldWhatReachesIntoItsDates(t *testing.T) {
	simple := logkey.Stream{Layout: logkey.Simple, Prefix: "logs/"}
	folders := logkey.Stream{Layout: logkey.Partitioned, Prefix: "logs/1/r/b/"}
	hive := logkey.Stream{Layout: logkey.Hive, Prefix: "logs/year="}
	for _, test := range []struct {
		stream logkey.Stream
		prefix string
		want   bool
	}{
		{simple, "", true},
		{simple, "logs", true},
		{simple, "logs/", true},
		{simple, "logs/2026-03-0", true},
		{simple, "logs/2026-03-04-12-00-00-0123", true},
		{simple, "logs/2026/03/04/", false},
		{simple, "logs/1", false},
		{simple, "logs/201122223333/", false},
		{simple, "logs/other", false},
		{simple, "other", false},
		{folders, "logs/1/r/", true},
		{folders, "logs/1/r/b/2026/03/0", true},
		{folders, "logs/1/r/b/2026/03/04/2026-03-04-12", true},
		{folders, "logs/1/r/b/2026-03-04", false},
		{folders, "logs/1/r/b/c", false},
		{hive, "logs/year=2026/mon", true},
		{hive, "logs/year=2026/month=03/day=04/hour=12", true},
		{hive, "logs/year=2026/03", false},
	} {
		if got := test.stream.MayHold(test.prefix); got != test.want {
			t.Errorf("%+v may hold %q: %v, want %v", test.stream, test.prefix, got, test.want)
		}
	}
}
