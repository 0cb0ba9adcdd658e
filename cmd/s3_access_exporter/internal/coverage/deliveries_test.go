package coverage

import (
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

const (
	toS3       = types.DeliveryDestinationTypeS3
	toGroup    = types.DeliveryDestinationTypeCwl
	toFirehose = types.DeliveryDestinationTypeFh
	asJSON     = types.OutputFormatJson
	asParquet  = types.OutputFormatParquet
)

// delivering is an account without trails in which each bucket is delivered in another way.
func delivering() *fakeAWS {
	f := &fakeAWS{}
	for _, name := range []string{"json", "prefixed", "parquet", "group", "firehose", "away", "inactive", "other", "both", "none", "itself", "logs"} {
		f.buckets = append(f.buckets, &fakeBucket{name: name, region: "eu-west-1"})
		if name == "both" {
			f.buckets[len(f.buckets)-1].logging = logsTo("logs", "text/", false)
		}
	}
	const group = "arn:aws:logs:eu-west-1:" + ownID + ":log-group:/aws/vendedlogs/s3/shop"
	for _, d := range []fakeDelivery{
		{bucket: "json", kind: toS3, to: "arn:aws:s3:::logs", format: asJSON},
		{bucket: "prefixed", kind: toS3, to: "arn:aws:s3:::logs/my/prefix", format: asJSON},
		{bucket: "parquet", kind: toS3, to: "arn:aws:s3:::logs", format: asParquet},
		{bucket: "group", kind: toGroup, to: group, format: asJSON},
		{bucket: "firehose", kind: toFirehose, to: "arn:aws:firehose:eu-west-1:" + ownID + ":deliverystream/shop", format: asJSON},
		{bucket: "away", kind: toS3},
		{bucket: "inactive", kind: toS3, to: "arn:aws:s3:::logs", format: asJSON, inactive: true},
		{bucket: "other", kind: toS3, to: "arn:aws:s3:::logs", format: asJSON, logType: "SOME_OTHER_LOGS"},
		{bucket: "both", kind: toS3, to: "arn:aws:s3:::logs", format: asJSON},
		{bucket: "itself", kind: toS3, to: "arn:aws:s3:::itself", format: asJSON},
	} {
		d.region = "eu-west-1"
		f.delivered = append(f.delivered, d)
	}
	return f
}

func TestLook_FindsDeliveriesOfCloudWatchLogs(t *testing.T) {
	rows := lookAt(t, delivering())
	for name, want := range map[string]struct {
		access  Scope
		verdict Verdict
		remark  string
	}{
		"json":     {ScopeAll, VerdictCovered, "whether the JSON access logs arrive is not known"},
		"prefixed": {ScopeAll, VerdictCovered, ""},
		"parquet":  {ScopeNone, VerdictBlind, "s3://logs/AWSLogs/ as parquet: logged, but not readable here"},
		"group":    {ScopeUnknown, VerdictUnknown, "log-group:/aws/vendedlogs/s3/shop: readable here only if they go on to a bucket"},
		"firehose": {ScopeUnknown, VerdictUnknown, "deliverystream/shop: readable here only"},
		"away":     {ScopeUnknown, VerdictUnknown, "of another account"},
		"inactive": {ScopeNone, VerdictBlind, ""},
		"other":    {ScopeNone, VerdictBlind, ""},
		"both":     {ScopeAll, VerdictCovered, "each request counts twice"},
		"none":     {ScopeNone, VerdictBlind, ""},
		"itself":   {ScopeAll, VerdictCovered, "logs into itself"},
	} {
		row := rows[name]
		if remarks := strings.Join(row.Remarks(now), "; "); row.AccessScope() != want.access || row.Verdict != want.verdict ||
			!strings.Contains(remarks, want.remark) || want.remark == "" && row.Verdict == VerdictBlind && remarks != "" {
			t.Errorf("%s: access log %s, %s, remarks %q", name, row.AccessScope(), row.Verdict, remarks)
		}
	}
}

// What nobody may ask is unknown, and no command turns on a second delivery.
func TestLook_DeliveriesThatNobodyMayAskForAreUnknown(t *testing.T) {
	for _, call := range []string{"DescribeDeliverySources", "DescribeDeliveries", "DescribeDeliveryDestinations"} {
		f := delivering()
		f.denied = map[string]bool{call: true}
		rows := lookAt(t, f)
		if none := rows["none"]; none.Verdict != VerdictUnknown || !strings.Contains(strings.Join(none.Remarks(now), ";"), "needs logs:"+call) {
			t.Errorf("%s: %s, %q", call, none.Verdict, none.Remarks(now))
		}
		if both := rows["both"]; both.AccessScope() != ScopeAll {
			t.Errorf("%s: text is %s", call, both.AccessScope())
		}
		var commands strings.Builder
		found, err := Look(t.Context(), f.account(ownID), Options{Now: now})
		if err != nil {
			t.Fatal(err)
		}
		if err := Close(t.Context(), f.account(ownID), found, false, &commands); err != nil || commands.Len() > 0 {
			t.Errorf("%s: %v, %s", call, err, &commands)
		}
	}
}

func TestLook_KnowsWhoTailsDeliveriesOfCloudWatchLogs(t *testing.T) {
	for location, want := range map[string][]string{
		"s3://logs":                  {"both", "json", "prefixed"},
		"s3://logs/AWSLogs/" + ownID: {"both", "json"},
		"s3://logs/my/prefix/2026":   {"prefixed"},
		"s3://elsewhere":             nil,
	} {
		rows := lookAt(t, delivering(), func(o *Options) { o.Locations = []Location{{URL: location}} })
		var got []string
		for name, row := range rows {
			if len(row.Tailed) > 0 {
				got = append(got, name)
			}
		}
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("%s reads the logs of %q, want %q", location, got, want)
		}
	}
}

func TestLocations_NameDeliveriesOfCloudWatchLogsButNotASecondTime(t *testing.T) {
	f := delivering()
	f.delivered[8].to = "arn:aws:s3:::second" // of what has text, too
	found, err := Look(t.Context(), f.account(ownID), Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	if got := Locations(found); !slices.Equal(got, []string{"s3://itself", "s3://logs"}) {
		t.Errorf("%q", got)
	}
}

func TestLook_AsksARegionWithoutSourcesNoMore(t *testing.T) {
	f := delivering()
	f.delivered = nil
	lookAt(t, f)
	if f.calls["DescribeDeliverySources"] != 1 || f.calls["DescribeDeliveries"]+f.calls["DescribeDeliveryDestinations"] > 0 {
		t.Errorf("calls %v", f.calls)
	}
}
