package collector

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"

	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// plainAmounts returns what a record counts by the name of the family: for the
// histogram, an observation.
func plainAmounts(r *record.Record) map[string]float64 {
	amounts := map[string]float64{"s3_access_requests_total": 1}
	if r.Signature == record.SigV2 {
		amounts["s3_access_sigv2_requests_total"] = 1
	}
	if r.Anonymous {
		amounts["s3_access_anonymous_requests_total"] = 1
	}
	if len(r.Key) > 0 || string(r.Operation) == "DeleteObjects" || string(r.Operation) == "REST.POST.MULTI_OBJECT_DELETE" {
		amounts["s3_access_object_requests_total"] = 1
	}
	if r.SentBytes > 0 {
		amounts["s3_access_sent_bytes_total"] = float64(r.SentBytes)
	}
	if r.ReceivedBytes > 0 {
		amounts["s3_access_received_bytes_total"] = float64(r.ReceivedBytes)
	}
	if r.Duration >= 0 {
		amounts["s3_access_request_duration_seconds"] = 1
	}
	has, unknown := plainFeatures(r)
	if len(has) > 0 {
		amounts["s3_access_legacy_requests_total"] = float64(len(has))
	}
	if len(unknown) > 0 {
		amounts["s3_access_legacy_undetermined_requests_total"] = float64(len(unknown))
	}
	return amounts
}

// totals is the plain count that every family must sum up to.
type totals map[string]float64

func (n totals) add(r *record.Record) {
	for family, amount := range plainAmounts(r) {
		n[family] += amount
	}
}

// randomRecord returns a record of a world small enough for label sets to meet
// again, and large enough to go over small limits.
func randomRecord(rng *rand.Rand) record.Record {
	pick := func(texts ...string) []byte { return []byte(texts[rng.IntN(len(texts))]) }
	return request(func(r *record.Record) {
		r.Log = record.Logs()[rng.IntN(2)]
		r.Bucket = fmt.Appendf(nil, "example-%d", rng.IntN(4))
		r.Operation = pick("REST.GET.OBJECT", "GetObject", "REST.POST.MULTI_OBJECT_DELETE", "DeleteObjects", "REST.GET.ACL", "\xff")
		r.Key = pick("", "key")
		r.Requester = fmt.Appendf(nil, "arn:aws:sts::11112222333%d:assumed-role/r%d/s%d", rng.IntN(2), rng.IntN(3), rng.IntN(50))
		r.Anonymous = rng.IntN(4) == 0
		r.SourceIP = pick("192.0.2.1", "192.0.2.200", "198.51.100.7", "2001:db8::1", "2001:db8::2", "", "nonsense", "AWS Internal")
		r.UserAgent = fmt.Appendf(nil, "aws-cli/1.%d.%d", rng.IntN(3), rng.IntN(300))
		r.Signature = record.Signature(rng.IntN(5))
		r.Status = []int{0, 200, 403, 404, 500}[rng.IntN(5)]
		r.SentBytes = rng.Int64N(1000) - 1
		r.ReceivedBytes = rng.Int64N(3) - 1
		r.Duration = rng.Int64N(100_000) - 1
	})
}

func randomRecords(rng *rand.Rand, most int) []record.Record {
	records := make([]record.Record, rng.IntN(most+1))
	for i := range records {
		records[i] = randomRecord(rng)
	}
	return records
}

func TestCollector_SumsAreExactUnderEverySetting(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for _, requester := range []string{"arn", "role", "account", "off"} {
		for _, sourceIP := range []string{"full", "24,64", "0,0", "off"} {
			for _, version := range []string{"full", "minor", "major", "off"} {
				for _, limit := range []int{0, 1, 7} {
					config := Config{Labels: labelConfig(t, requester, sourceIP, version), SeriesLimit: limit}
					c, store := newCollector(t, config), newMemStore()
					want := totals{}
					for range 4 {
						records := randomRecords(rng, 40)
						commit(t, c, store, records...)
						for i := range records {
							want.add(&records[i])
						}
					}
					got := sums(t, c)
					for family, total := range want {
						if got[family] != total {
							t.Errorf("%s %s %s limit %d: %s sums to %v, want %v",
								requester, sourceIP, version, limit, family, got[family], total)
						}
					}
				}
			}
		}
	}
}

func labelConfig(t *testing.T, requester, sourceIP, version string) classify.Config {
	t.Helper()
	var config classify.Config
	var err error
	if config.Requester, err = classify.ParseRequesterMode(requester); err != nil {
		t.Fatal(err)
	}
	if config.SourceIP, err = classify.ParseSourceIPMode(sourceIP); err != nil {
		t.Fatal(err)
	}
	if config.ClientVersion, err = classify.ParseClientVersionMode(version); err != nil {
		t.Fatal(err)
	}
	return config
}

// In any order of stages, failed commits, crashes and restarts, no counter that
// a scrape has shown ever falls, and in the end every committed record counts
// once.
func TestCollector_CountersNeverFall(t *testing.T) {
	for seed := range uint64(12) {
		rng := rand.New(rand.NewPCG(seed, 3))
		clock := newClock()
		config := Config{SeriesLimit: rng.IntN(20), SeriesHold: time.Duration(rng.IntN(3)) * time.Minute, Now: clock.Now}
		c, store := newCollector(t, config), newMemStore()
		want, shown := totals{}, make(map[string]float64)
		for range 40 {
			clock.advance(time.Duration(rng.IntN(60)) * time.Second)
			records := randomRecords(rng, 8)
			expose, err := c.Stage([]*Tally{tallyOf(c, records...)}, store)
			if err != nil {
				t.Fatal(err)
			}
			switch rng.IntN(4) {
			case 0: // the commit fails
				store.rollback()
			case 1: // killed before the commit
				store.rollback()
				c = store.load(t, config)
			case 2: // killed between the commit and expose
				store.commit()
				c = store.load(t, config)
				want.addAll(records)
			default:
				store.commit()
				expose()
				want.addAll(records)
			}
			noneFell(t, c, shown)
		}
		clock.advance(time.Hour)
		commit(t, c, store)
		noneFell(t, c, shown)
		got := sums(t, c)
		for family, total := range want {
			if got[family] != total {
				t.Errorf("seed %d: %s sums to %v, want %v", seed, family, got[family], total)
			}
		}
	}
}

func (n totals) addAll(records []record.Record) {
	for i := range records {
		n.add(&records[i])
	}
}

// noneFell compares a scrape with what scrapes have shown before.
func noneFell(t *testing.T, c *Collector, shown map[string]float64) {
	t.Helper()
	seen := 0
	for name, family := range gather(t, c) {
		if family.GetType() == dto.MetricType_GAUGE || name == overflowName {
			continue
		}
		for _, m := range family.GetMetric() {
			key := name + fmt.Sprint(m.GetLabel())
			value := m.GetCounter().GetValue() + m.GetHistogram().GetSampleSum()
			if value < shown[key] {
				t.Errorf("%s fell from %v to %v", key, shown[key], value)
			}
			shown[key] = value
			seen++
		}
	}
	if seen != len(shown) {
		t.Errorf("%d series are shown, %d were", seen, len(shown))
	}
}
