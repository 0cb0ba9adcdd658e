package collector

import (
	"bytes"
	"errors"
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

var update = flag.Bool("update", false, "rewrite the golden files under testdata")

// golden compares text with a file under testdata.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s differs; got:\n%s", path, got)
	}
}

// clock is a clock that a test moves.
type clock struct{ now time.Time }

func newClock() *clock { return &clock{now: time.Date(2026, 11, 21, 9, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time { return c.now }

func (c *clock) advance(d time.Duration) { c.now = c.now.Add(d) }

// memStore is a Store whose writes count only after commit, as in a database.
type memStore struct {
	committed map[string][]byte
	puts      map[string][]byte
	deletes   map[string]bool
	fail      error
}

func newMemStore() *memStore {
	return &memStore{committed: make(map[string][]byte), puts: make(map[string][]byte), deletes: make(map[string]bool)}
}

func (s *memStore) Put(key, value []byte) error {
	s.puts[string(key)] = value
	return s.fail
}

func (s *memStore) Delete(key []byte) error {
	s.deletes[string(key)] = true
	return s.fail
}

func (s *memStore) commit() {
	maps.Copy(s.committed, s.puts)
	for key := range s.deletes {
		delete(s.committed, key)
	}
	s.rollback()
}

func (s *memStore) rollback() {
	clear(s.puts)
	clear(s.deletes)
}

// load returns a new Collector with the stored series, as after a restart.
func (s *memStore) load(t testing.TB, config Config) *Collector {
	t.Helper()
	c := newCollector(t, config)
	for key, value := range s.committed {
		if err := c.Load([]byte(key), value); err != nil {
			t.Fatal(err)
		}
	}
	return c
}

func newCollector(t testing.TB, config Config) *Collector {
	t.Helper()
	c, err := New(config)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// commit stages tallies of the records, commits and exposes.
func commit(t testing.TB, c *Collector, store *memStore, records ...record.Record) {
	t.Helper()
	tally := tallyOf(c, records...)
	tally.Done()
	expose, err := c.Stage([]*Tally{tally}, store)
	if err != nil {
		t.Fatal(err)
	}
	store.commit()
	expose()
}

func tallyOf(c *Collector, records ...record.Record) *Tally {
	tally := c.NewTally()
	for i := range records {
		tally.Add(&records[i])
	}
	return tally
}

// request returns a record of an ordinary download, changed by edit.
func request(edit ...func(*record.Record)) record.Record {
	var r record.Record
	r.Reset()
	r.Log = record.ServerAccess
	r.Time = 1795251600 // 2026-11-21 09:00:00 UTC
	r.AccountID = []byte("111122223333")
	r.Region = []byte("eu-west-1")
	r.Bucket = []byte("example-photos")
	r.Operation = []byte("REST.GET.OBJECT")
	r.Key = []byte("summer/beach.jpg")
	r.Requester = []byte("arn:aws:sts::444455556666:assumed-role/uploader/i-0a1b2c3d4e5f60718")
	r.SourceIP = []byte("192.0.2.17")
	r.UserAgent = []byte("aws-cli/1.11.90 Python/2.7.12 Linux/4.4.0 botocore/1.5.53")
	r.Signature = record.SigV4
	r.AuthMethod = record.AuthHeader
	r.Status = 200
	r.SentBytes = 1000
	r.Duration = 42
	r.RequestID = []byte("K2F4M6P8R0T2V4X6")
	for _, change := range edit {
		change(&r)
	}
	return r
}

func sigV2(r *record.Record) { r.Signature = record.SigV2 }

func fromIP(ip string) func(*record.Record) {
	return func(r *record.Record) { r.SourceIP = []byte(ip) }
}

// at is an option of request: when it came.
func at(t time.Time) func(*record.Record) { return func(r *record.Record) { r.Time = t.Unix() } }

func inBucket(name string) func(*record.Record) {
	return func(r *record.Record) { r.Bucket = []byte(name) }
}

// gather returns what a scrape of c gets, by family.
func gather(t testing.TB, c *Collector) map[string]*dto.MetricFamily {
	t.Helper()
	registry := prometheus.NewPedanticRegistry()
	registry.MustRegister(c)
	gathered, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	families := make(map[string]*dto.MetricFamily)
	for _, family := range gathered {
		families[family.GetName()] = family
	}
	return families
}

// held returns the number of series that c holds.
func held(c *Collector) int {
	n := 0
	for _, family := range c.series {
		n += len(family)
	}
	return n
}

// sums returns the sum over every family of one scrape: of a histogram, the
// number of observations.
func sums(t testing.TB, c *Collector) map[string]float64 {
	t.Helper()
	totals := make(map[string]float64)
	for name, family := range gather(t, c) {
		for _, m := range family.GetMetric() {
			totals[name] += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return totals
}

// sum returns the sum over a family.
func sum(t testing.TB, c *Collector, family string) float64 {
	t.Helper()
	return sums(t, c)[family]
}

// count returns the number of series that a scrape shows of a family.
func count(t testing.TB, c *Collector, family string) int {
	t.Helper()
	return len(gather(t, c)[family].GetMetric())
}

// exposition returns a scrape in a format.
func exposition(t testing.TB, c *Collector, format expfmt.Format) []byte {
	t.Helper()
	families := gather(t, c)
	var out bytes.Buffer
	encoder := expfmt.NewEncoder(&out, format)
	for _, name := range slices.Sorted(maps.Keys(families)) {
		if err := encoder.Encode(families[name]); err != nil {
			t.Fatal(err)
		}
	}
	if closer, ok := encoder.(expfmt.Closer); ok {
		if err := closer.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return out.Bytes()
}

var errCommit = errors.New("disk full")
