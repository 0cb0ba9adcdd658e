package shard_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"testing/quick"

	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/shard"
)

const store = "aws/logs"

// accessLogs returns n streams of access logs.
func accessLogs(n int) []logkey.Stream {
	streams := make([]logkey.Stream, n)
	for i := range streams {
		streams[i] = logkey.Stream{Layout: logkey.Partitioned, Prefix: fmt.Sprintf("logs/%012d/eu-west-1/bucket-%d/", i%7, i)}
	}
	return streams
}

// trail returns the stream of an object of CloudTrail below a folder.
func trail(t *testing.T, folder, account, region string) logkey.Stream {
	t.Helper()
	key := logkey.Parse(folder + "2026/01/15/" + account + "_CloudTrail_" + region + "_20260115T1005Z_Abc123.json.gz")
	if key.Skip != "" || key.Stream.Layout != logkey.Trail {
		t.Fatalf("%s is no trail: %+v", folder, key)
	}
	return key.Stream
}

// However many shards there are, each has about as many streams as any other.
func TestOwner_SharesEvenly(t *testing.T) {
	const streams = 6000
	for _, count := range []int{2, 3, 5, 8, 20} {
		has := make([]int, count)
		for _, s := range accessLogs(streams) {
			has[shard.Owner(store, s, count)]++
		}
		mean := float64(streams) / float64(count)
		for index, n := range has {
			// Five standard deviations of a fair draw.
			if most := 5 * math.Sqrt(mean*(1-1/float64(count))); math.Abs(float64(n)-mean) > most {
				t.Errorf("of %d shards, shard %d has %d streams in place of %.0f ± %.0f", count, index, n, mean, most)
			}
		}
	}
}

// One shard more takes some streams from all others, and leaves the rest where they are.
func TestOwner_MovesOnlyToTheNewShard(t *testing.T) {
	for count := 1; count < 12; count++ {
		moved := 0
		for _, s := range accessLogs(2000) {
			before, after := shard.Owner(store, s, count), shard.Owner(store, s, count+1)
			switch {
			case after == count:
				moved++
			case after != before:
				t.Fatalf("%q moves from shard %d to %d when shard %d comes", s.Prefix, before, after, count)
			}
		}
		if mean := 2000 / (count + 1); moved < mean/2 || moved > 2*mean {
			t.Errorf("%d streams move to shard %d, not about %d", moved, count, mean)
		}
	}
}

// A stream always belongs to one shard, and its bucket sets it apart.
func TestShard_OwnsEachStreamOnce(t *testing.T) {
	apart := false
	once := func(prefix string, layout uint8, count uint8) bool {
		n := 1 + int(count)%10
		s := logkey.Stream{Prefix: prefix, Layout: logkey.Layout("sptdyxf"[layout%7])}
		owners := 0
		for index := range n {
			if (shard.Shard{Index: index, Count: n}).Owns(store, s) {
				owners++
			}
		}
		apart = apart || shard.Owner(store, s, n) != shard.Owner("aws/other", s, n)
		return owners == 1
	}
	if err := quick.Check(once, &quick.Config{MaxCount: 500}); err != nil {
		t.Error(err)
	}
	if !apart {
		t.Error("the store makes no difference")
	}
	if !(shard.Shard{}).Owns(store, accessLogs(1)[0]) {
		t.Error("the only shard does not own all")
	}
}

// Who owns what is part of what checkpoints mean.
func TestOwner_StaysAsItIs(t *testing.T) {
	var got strings.Builder
	for _, s := range accessLogs(20) {
		fmt.Fprint(&got, shard.Owner(store, s, 5))
	}
	for _, region := range []string{"eu-west-1", "us-east-1", "us-gov-west-1", "ap-southeast-2"} {
		fmt.Fprint(&got, shard.Owner(store, trail(t, "AWSLogs/111122223333/CloudTrail/"+region+"/", "111122223333", region), 5))
	}
	if want := "302204113423222213030321"; got.String() != want {
		t.Errorf("owners are %s, not %s", got.String(), want)
	}
}

// What may hold the same event of CloudTrail stays together, whatever the account and the
// log bucket.
func TestOwner_KeepsCloudTrailTogetherByRegion(t *testing.T) {
	regions := []string{"eu-west-1", "us-east-1", "us-west-2", "ap-south-1", "cn-north-1", "us-gov-east-1"}
	used := make(map[int]bool)
	for _, region := range regions {
		first := trail(t, "AWSLogs/111122223333/CloudTrail/"+region+"/", "111122223333", region)
		if first.Region() != region {
			t.Errorf("the Region is %q, not %s", first.Region(), region)
		}
		for _, folder := range []string{"", "org/", "a/b/"} {
			for _, account := range []string{"111122223333", "444455556666"} {
				other := trail(t, folder+"AWSLogs/o-abc123/"+account+"/CloudTrail/"+region+"/", account, region)
				for count := range 9 {
					if a, b := shard.Owner(store, first, count+1), shard.Owner("minio/x", other, count+1); a != b {
						t.Errorf("of %d shards, %q belongs to %d and %q to %d", count+1, first.Prefix, a, other.Prefix, b)
					}
				}
			}
		}
		used[shard.Owner(store, first, 6)] = true
	}
	if len(used) < 2 {
		t.Error("all Regions belong to one shard")
	}
}

// Where the folders do not show the Region of an event, all that may hold it is together.
func TestOwner_KeepsCloudTrailTogetherThatHasNoRegion(t *testing.T) {
	streams := []logkey.Stream{
		trail(t, "renamed/", "111122223333", "eu-west-1"),
		logkey.Parse("firehose/CloudTrail/2026/01/15/10/x-1-2026-01-15-10-00-00-abc").Stream,
		logkey.Parse("AWSLogs/111122223333/cloudtrail-logs/us-east-1/2026/01/15/x.gz").Stream,
		logkey.Parse("my-cloudtrail/year=2026/month=01/day=15/x.json").Stream,
	}
	for _, s := range streams {
		if s.Layout == 0 || s.Region() != "" || !shard.MayHoldEvents(s) {
			t.Errorf("%+v is not what it should be", s)
		}
		for count := range 9 {
			if a, b := shard.Owner(store, streams[0], count+1), shard.Owner("aws/other", s, count+1); a != b {
				t.Errorf("of %d shards, %q belongs to %d and %q to %d", count+1, streams[0].Prefix, a, s.Prefix, b)
			}
		}
	}
}

func TestShard_ValidatesPairs(t *testing.T) {
	for _, c := range []struct {
		shard shard.Shard
		ok    bool
	}{
		{shard.Shard{}, true},
		{shard.Shard{Index: 0, Count: 1}, true},
		{shard.Shard{Index: 2, Count: 3}, true},
		{shard.Shard{Index: 3, Count: 3}, false},
		{shard.Shard{Index: -1, Count: 3}, false},
		{shard.Shard{Index: 1}, false},
		{shard.Shard{Index: 0, Count: -1}, false},
		{shard.Shard{Index: 0, Count: shard.MaxCount}, true},
		{shard.Shard{Index: 0, Count: shard.MaxCount + 1}, false},
	} {
		if err := c.shard.Validate(); (err == nil) != c.ok {
			t.Errorf("%s: %v", c.shard, err)
		}
	}
}

func BenchmarkOwner(b *testing.B) {
	s := accessLogs(1)[0]
	for b.Loop() {
		shard.Owner(store, s, 10)
	}
}
