package logkey_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/logkey"
)

func TestParse_FindsDatesAnywhereInFreeKeys(t *testing.T) {
	day := time.Date(2026, 7, 2, 0, 0, 0, 0, time.UTC)
	hour := day.Add(8 * time.Hour)
	dated := func(prefix string) logkey.Stream { return logkey.Stream{Prefix: prefix, Layout: logkey.Dated} }
	hive := func(prefix string) logkey.Stream { return logkey.Stream{Prefix: prefix, Layout: logkey.Hive} }
	const acct = "111122223333"
	for key, want := range map[string]logkey.Key{
		"2026/07/02/x":            {Stream: dated(""), Time: day, Grain: 24 * time.Hour},
		"2026/07/02/08/x":         {Stream: dated(""), Time: hour, Grain: time.Hour},
		"p/2026/07/02/24/x":       {Stream: dated("p/"), Time: day, Grain: 24 * time.Hour},
		"p/2026/07/02/8/x":        {Stream: dated("p/"), Time: day, Grain: 24 * time.Hour},
		"p/2026/07/02/08/30/x":    {Stream: dated("p/"), Time: hour, Grain: time.Hour},
		"p/2026/07/02/shop/x":     {Stream: dated("p/"), Time: day, Grain: 24 * time.Hour},
		"2020/01/01/2026/07/02/x": {Stream: dated("2020/01/01/"), Time: day, Grain: 24 * time.Hour},
		"logs/2026/07/02/08/shop-1-2026-07-02-08-15-27-0f0f0f0f-0f0f-4f0f-8f0f-0f0f0f0f0f0f": {Stream: dated("logs/"), Time: hour, Grain: time.Hour},
		"logs-2026/07/02/08/shop-1-2026-07-02-08-15-27-0f0f0f0f-0f0f-4f0f-8f0f-0f0f0f0f0f0f": {Stream: dated("logs-"), Time: hour, Grain: time.Hour},
		"p/v12026/07/02/x":                 {Stream: dated("p/v1"), Time: day, Grain: 24 * time.Hour},
		"dt=2026/07/02/x":                  {Stream: dated("dt="), Time: day, Grain: 24 * time.Hour},
		"p/2026/07/02/run-2026/07/03/x":    {Stream: dated("p/"), Time: day, Grain: 24 * time.Hour},
		"p-2026/07/01/run-2026/07/02/08/x": {Stream: dated("p-2026/07/01/run-"), Time: hour, Grain: time.Hour},
		"AWSLogs/" + acct + "/s3/eu-west-1/2026/07/02/x.gz": {
			Stream: dated("AWSLogs/" + acct + "/s3/eu-west-1/"), Time: day, Grain: 24 * time.Hour, AccountID: acct, Region: "eu-west-1",
		},
		"p/AWSLogs/aws-account-id=" + acct + "/s3/region=eu-west-1/year=2026/month=07/day=02/hour=08/x.gz": {
			Stream: hive("p/AWSLogs/aws-account-id=" + acct + "/s3/region=eu-west-1/year="), Time: hour, Grain: time.Hour,
			AccountID: acct, Region: "eu-west-1",
		},
		"p/dt=2026-07-02/x":                                {Stream: logkey.Stream{Prefix: "p/dt=", Layout: logkey.HiveDay}, Time: day, Grain: 24 * time.Hour},
		"date=2026-07-02/hour=08/x":                        {Stream: logkey.Stream{Prefix: "date=", Layout: logkey.HiveDay}, Time: hour, Grain: time.Hour},
		"year=2026/month=07/day=02/x":                      {Stream: hive("year="), Time: day, Grain: 24 * time.Hour},
		"backup/2026/08/01/fh/year=2026/month=07/day=02/x": {Stream: hive("backup/2026/08/01/fh/year="), Time: day, Grain: 24 * time.Hour},
		"year=2026/month=08/day=01/dt=2026-07-02/x":        {Stream: logkey.Stream{Prefix: "year=2026/month=08/day=01/dt=", Layout: logkey.HiveDay}, Time: day, Grain: 24 * time.Hour},
		"backup/year=2026/month=08/day=01/2026/07/02/x":    {Stream: dated("backup/year=2026/month=08/day=01/"), Time: day, Grain: 24 * time.Hour},
	} {
		if got := logkey.Parse(key); got != want || !got.Free() {
			t.Errorf("logkey.Parse(%q)\n got %+v\nwant %+v", key, got, want)
		}
	}
	for _, key := range []string{
		"p/2026/7/2/x", "p/2026/02/30/x", "p/2026/13/01/x", "p/1999/07/02/x", "p1999/07/02/x",
		"year=2026/month=7/day=2/x", "myear=2026/month=07/day=02/x", "p/2026/07/02", "p/2026-07-02/x", "created=2026-07-02/x", "pdt=2026-07-02/x", "dt=2026-07-2/x", "dt=2026-13-02/x",
	} {
		if got := logkey.Parse(key); got.Free() || got.Skip != logkey.SkipUnknown {
			t.Errorf("logkey.Parse(%q) = %+v", key, got)
		}
	}
}

// grammars are the ways in which free keys are written, by the folders of a time.
var grammars = map[string]string{
	"days":              "%s2006/01/02/",
	"hours":             "%s2006/01/02/15/",
	"days of Hive":      "%syear=2006/month=01/day=02/",
	"hours of Hive":     "%syear=2006/month=01/day=02/hour=15/",
	"one folder a day":  "%sdt=2006-01-02/",
	"and one an hour":   "%sdate=2006-01-02/hour=15/",
	"days, and more":    "%s2006/01/02/shop/",
	"hours and minutes": "%s2006/01/02/15/04/",
	"no slash before":   "%sfirehose-2006/01/02/15/",
}

// What tailing relies on, for every grammar: keys sort by their folders' times, and a
// listing from a time on comes across all keys of that time and later, in one stream,
// below its end.
func TestStream_FreeKeysSortByTheirFolders(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	for name, grammar := range grammars {
		for _, prefix := range []string{"", "logs/", "AWSLogs/111122223333/s3/eu-west-1/", "a/2020/01/01/"} {
			var keys []string
			for range 500 {
				at := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(random.IntN(400*24*3600)) * time.Second)
				keys = append(keys, fmt.Sprintf(at.Format(grammar), prefix)+fmt.Sprintf("%c%04x", "0az_~"[random.IntN(5)], random.IntN(1<<16)))
			}
			slices.Sort(keys)
			stream := logkey.Parse(keys[0]).Stream
			grain := logkey.Parse(keys[0]).Grain
			before := time.Time{}
			for _, key := range keys {
				k := logkey.Parse(key)
				if !k.Free() || k.Stream != stream || k.Grain != grain {
					t.Fatalf("%s: %s is of %+v, want %+v", name, key, k, stream)
				}
				if k.Time.Before(before) {
					t.Fatalf("%s: %s sorts behind keys of %s", name, key, before)
				}
				before = k.Time
				if key <= stream.After(k.Time.Truncate(24*time.Hour)) || key >= stream.End() || key >= k.Beyond() || !strings.HasPrefix(stream.End(), stream.Prefix) {
					t.Errorf("%s: %s is not between %s and %s, %s", name, key, stream.After(k.Time), stream.End(), k.Beyond())
				}
				if later := k.Ahead(k.Time.Add(48 * time.Hour)); key >= later {
					t.Errorf("%s: %s is above %s", name, key, later)
				}
				if grain == time.Hour && (key <= stream.AfterHour(k.Time) || key >= stream.AfterHour(k.Time.Add(time.Hour)) && k.Time.Hour() < 23) {
					t.Errorf("%s: %s is not between %s and %s", name, key, stream.AfterHour(k.Time), stream.AfterHour(k.Time.Add(time.Hour)))
				}
			}
		}
	}
}
