package warehouse

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/engine"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/scanner/once"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// fakeClient is a Client whose queries scan some bytes and have a row each.
type fakeClient struct {
	queries []string
	scans   int64
	err     error
}

// Query implements Client.
func (c *fakeClient) Query(ctx context.Context, text string, progress func(State), _ func([]sql.NullString) error) error {
	c.queries = append(c.queries, text)
	progress(State{Text: "RUNNING", Bytes: c.scans})
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return c.err
}

// counted is a Sink that counts.
type counted struct{ requests int64 }

func (c *counted) NewBatch() engine.Batch  { return c }
func (c *counted) Take(engine.Batch) error { return nil }
func (c *counted) Add(e *query.Entry)      { c.requests += e.Weight.Requests }
func (c *counted) Done() int               { return 1 }

// bucketOf is a bucket with partitioned logs, 1000 bytes a day, and what lies beside them.
func bucketOf(days int, others ...string) *sourcetest.Fake {
	bucket := new(sourcetest.Fake)
	for d := range days {
		at := time.Date(2026, 1, 1+d, 12, 0, 0, 0, time.UTC)
		bucket.Put("p/111122223333/eu-west-1/photos/"+at.Format("2006/01/02/2006-01-02-15-04-05-")+"0123456789ABCDEF", make([]byte, 1000), at)
		bucket.Put("AWSLogs/111122223333/CloudTrail/eu-west-1/"+at.Format("2006/01/02/")+"111122223333_CloudTrail_eu-west-1_"+at.Format("20060102T1504Z_")+"AbCdEfGh12345678.json.gz", make([]byte, 500), at)
	}
	for _, key := range others {
		bucket.Put(key, []byte(`{"bucket_owner":"a","bucket_name":"b","request_time":"c","remote_ip":"d","requester":"e","request_id":"f","operation":"g","key":"h"}`), time.Now())
	}
	return bucket
}

func warehouseOf(bucket *sourcetest.Fake, client Client) (*Warehouse, *strings.Builder) {
	notes := new(strings.Builder)
	return &Warehouse{
		Dialect: Athena(), Client: client, Logger: slog.New(slog.DiscardHandler),
		Scan:  once.Config{Locations: []source.Location{{Name: "s3://logs", Source: bucket}}},
		Notes: func(line string) { fmt.Fprintln(notes, line) },
	}, notes
}

func TestWarehouse_SaysBeforeEachQueryWhatItScans(t *testing.T) {
	client := new(fakeClient)
	w, notes := warehouseOf(bucketOf(3), client)
	// The days at the ends are scanned whole.
	since := time.Date(2026, 1, 2, 15, 0, 0, 0, time.UTC)
	q := question(t, query.Config{Since: since, Until: since.Add(time.Hour), Slack: 24 * time.Hour}, engine.Needs{})
	if _, err := w.Run(t.Context(), q, new(counted)); err != nil {
		t.Fatal(err)
	}
	got := notes.String()
	if len(client.queries) != 2 || strings.Count(got, "\n") != 2 || !strings.Contains(got, "scans 1000 B in 1 log objects of 2026/01/03 to 2026/01/03, $0.00005 at Athena's list price") {
		t.Errorf("%d queries, %s", len(client.queries), got)
	}
	if !strings.Contains(client.queries[0], "day BETWEEN '2026/01/03' AND '2026/01/03'") || !strings.Contains(client.queries[0], "< '2026-01-03-16-00-00'") {
		t.Errorf("%s", client.queries[0])
	}
}

func TestWarehouse_ScansNoMoreThanItMay(t *testing.T) {
	for name, test := range map[string]struct {
		most, scans int64
		queries     int
		want        string
	}{
		"refused before":          {4000, 0, 0, "queries would scan 4.4 KiB, more than --max-scan=3.9 KiB"},
		"stopped":                 {5000, 6000, 1, "the query was stopped: 5.9 KiB are scanned, more than --max-scan=4.9 KiB"},
		"stopped by both queries": {5000, 3000, 2, "the query was stopped: 5.9 KiB are scanned"},
		"enough":                  {5000, 2000, 2, ""},
	} {
		t.Run(name, func(t *testing.T) {
			client := &fakeClient{scans: test.scans}
			w, _ := warehouseOf(bucketOf(3), client)
			w.MaxScan = test.most
			_, err := w.Run(t.Context(), question(t, query.Config{}, engine.Needs{}), new(counted))
			if len(client.queries) != test.queries || (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
				t.Errorf("%d queries, error %v", len(client.queries), err)
			}
		})
	}
}

func TestWarehouse_NamesWhatLiesInNoTable(t *testing.T) {
	for _, key := range []string{"simple/2026-01-01-00-00-00-0123456789ABCDEF", "json/2026/01/01/a.json"} {
		w, _ := warehouseOf(bucketOf(1, key), new(fakeClient))
		_, err := w.Run(t.Context(), question(t, query.Config{}, engine.Needs{}), new(counted))
		var partial *engine.PartialError
		if !errors.As(err, &partial) || !strings.Contains(err.Error(), "1 log objects such as s3://logs/"+key) || !strings.Contains(err.Error(), "--engine=scan") {
			t.Errorf("%s: %v", key, err)
		}
	}
}

func TestWarehouse_SaysWhichTableIsMissing(t *testing.T) {
	w, _ := warehouseOf(bucketOf(1), &fakeClient{err: fmt.Errorf("athena: %w", ErrNoTable)})
	_, err := w.Run(t.Context(), question(t, query.Config{}, engine.Needs{}), new(counted))
	if err == nil || !strings.Contains(err.Error(), "s3_access_exporter engine ddl --engine=athena s3://logs") {
		t.Error(err)
	}
}

// What an engine does not name is said before anybody believes that nothing is missing.
func TestWarehouse_SaysWhatIsNotNamed(t *testing.T) {
	for name, d := range map[string]Dialect{"athena": Athena(), "trino": Trino()} {
		var log strings.Builder
		w, _ := warehouseOf(bucketOf(1), new(fakeClient))
		w.Dialect, w.Logger = d, slog.New(slog.NewTextHandler(&log, nil))
		if _, err := w.Run(t.Context(), question(t, query.Config{}, engine.Needs{}), new(counted)); err != nil {
			t.Fatal(err)
		}
		if got := log.String(); !strings.Contains(got, "duplicates are left out") || strings.Contains(got, "does not name them") != (name == "athena") {
			t.Errorf("%s: %s", name, got)
		}
	}
}

func TestWarehouse_ExplainsWithoutAQuery(t *testing.T) {
	client := new(fakeClient)
	w, _ := warehouseOf(bucketOf(3), client)
	var out strings.Builder
	if err := w.Explain(t.Context(), question(t, query.Config{}, engine.Needs{}), &out); err != nil || len(client.queries) > 0 {
		t.Errorf("%v, %d queries", err, len(client.queries))
	}
	if !strings.HasSuffix(out.String(), "would scan 4.4 KiB in 6 log objects: $0.00005 at Athena's list price\n") || strings.Count(out.String(), "\n") != 3 {
		t.Error(out.String())
	}
}

// Of a random tree and period, every object that the scanner reads lies in one partition that
// is asked for, and in one query alone.
func TestWarehouse_AsksForWhateverTheScannerReads(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	first := time.Date(2026, 2, 27, 0, 0, 0, 0, time.UTC)
	for range 200 {
		bucket := new(sourcetest.Fake)
		for range 60 {
			at := first.Add(time.Duration(random.IntN(5*24*60)) * time.Minute).Truncate(time.Duration(1+random.IntN(2*60)) * time.Minute)
			account, region := []string{"111122223333", "444455556666"}[random.IntN(2)], []string{"eu-west-1", "us-east-1"}[random.IntN(2)]
			if random.IntN(2) == 0 {
				bucket.Put("p/"+account+"/"+region+"/photos"+strconv.Itoa(random.IntN(3))+at.Format("/2006/01/02/2006-01-02-15-04-05-")+"0123456789ABCDEF", []byte("x"), at)
			} else {
				bucket.Put("AWSLogs/"+account+"/CloudTrail/"+region+at.Format("/2006/01/02/")+account+"_CloudTrail_"+region+at.Format("_20060102T1504Z_")+"AbCdEfGh12345678.json.gz", []byte("x"), at)
			}
		}
		cfg := query.Config{Slack: time.Duration(random.IntN(48)) * time.Hour}
		if random.IntN(3) > 0 {
			cfg.Since = first.Add(time.Duration(random.IntN(5*24*3600)) * time.Second)
		}
		if random.IntN(3) > 0 {
			cfg.Until = first.Add(time.Duration(5*24*3600+random.IntN(3*24*3600)) * time.Second).Add(-cfg.Slack)
			if !cfg.Since.IsZero() && !cfg.Since.Before(cfg.Until) {
				cfg.Until = cfg.Since.Add(time.Second)
			}
		}
		if random.IntN(3) == 0 {
			cfg.Buckets = globs(t, "photos1", "!photos2")
		}
		if random.IntN(3) == 0 {
			cfg.Regions = globs(t, "eu-*")
		}
		q := question(t, cfg, engine.Needs{})
		w, _ := warehouseOf(bucket, nil)
		asked := make(map[string]int)
		f, err := w.find(t.Context(), q.Filter)
		if err != nil {
			t.Fatal(err)
		}
		for _, table := range f.sorted() {
			for _, c := range f.chunks(table) {
				for _, in := range c.folders {
					for day := c.first; day <= c.last; {
						asked[table.key(in)+day]++
						next, err := time.Parse(dayFormat, day)
						if err != nil {
							t.Fatal(err)
						}
						day = next.AddDate(0, 0, 1).Format(dayFormat)
					}
				}
			}
		}
		_, err = once.List(t.Context(), w.Scan, q.Filter.Query(), func(l once.Listed) {
			folder := path.Dir(l.Object.Key)
			if asked[folder] != 1 {
				t.Errorf("%+v: %s is asked for %d times", cfg, l.Object.Key, asked[folder])
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Of a thousand accounts no query is longer than Athena takes it, and all days of all
// folders are asked for once.
func TestFound_ChunksHoldEveryPartitionOnce(t *testing.T) {
	f := found{tables: make(map[Table]map[folder]map[string]extent)}
	tables := []Table{{Log: record.ServerAccess, Location: "s3://logs", Root: "p/"}, {Log: record.CloudTrail, Location: "s3://logs", Root: "AWSLogs/"}}
	for _, table := range tables {
		f.tables[table] = make(map[folder]map[string]extent)
		for a := range 1000 {
			days := make(map[string]extent)
			for d := range 500 {
				days[time.Date(2024, 1, 1+d, 0, 0, 0, 0, time.UTC).Format(dayFormat)] = extent{once.Extent{Objects: 1, Bytes: 1}, true}
			}
			in := folder{account: fmt.Sprintf("%012d", a/2), region: "eu-west-1"}
			if table.Log == record.ServerAccess {
				in.bucket = fmt.Sprintf("bucket-%d-%s", a, strings.Repeat("x", 50))
			} else if a%2 == 1 {
				in.region = "us-east-1"
			}
			f.tables[table][in] = days
		}
	}
	for _, table := range tables {
		asked := int64(0)
		for _, c := range f.chunks(table) {
			asked += c.extent.Objects
			if sql := c.rows(Athena(), table.Name(), &once.Query{Since: time.Now(), Until: time.Now()}); len(sql) > 200_000 {
				t.Errorf("%s: a query of %d bytes", table.Log, len(sql))
			}
		}
		if asked != 1000*500 {
			t.Errorf("%s: %d partitions are asked for", table.Log, asked)
		}
	}
}

// An engine holds every event of a query in memory, so that one of CloudTrail has a bound.
func TestFound_QueriesOfCloudTrailAreBounded(t *testing.T) {
	f := found{tables: make(map[Table]map[folder]map[string]extent)}
	days := make(map[string]extent)
	for d, halves := range []int64{1, 1, 1, 5, 1} { // of what a query may read
		days[time.Date(2026, 1, 1+d, 0, 0, 0, 0, time.UTC).Format(dayFormat)] = extent{once.Extent{Objects: 1, Bytes: halves * maxTrails / 2}, true}
	}
	for log, want := range map[record.Log]string{record.CloudTrail: "01-02 03-03 04-04 05-05", record.ServerAccess: "01-05"} {
		table := Table{Log: log, Location: "s3://logs", Root: "p/"}
		f.tables[table] = map[folder]map[string]extent{{account: "111122223333", region: "eu-west-1", bucket: "photos"}: days}
		var got []string
		for _, c := range f.chunks(table) {
			got = append(got, path.Base(c.first)+"-"+path.Base(c.last))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s: %s, want %s", log, got, want)
		}
	}
}

func TestTable_NamesAreOfOneFolderEach(t *testing.T) {
	names := make(map[string]string)
	for _, table := range []Table{
		{Log: record.ServerAccess, Location: "s3://logs", Root: "a/b/"},
		{Log: record.ServerAccess, Location: "s3://logs", Root: "a_b/"},
		{Log: record.CloudTrail, Location: "s3://logs", Root: "a/b/"},
		{Log: record.ServerAccess, Location: "s3://other", Root: "a/b/"},
		{Log: record.ServerAccess, Location: "s3://logs", Root: strings.Repeat("long/", 50)},
		{Log: record.ServerAccess, Location: "s3://logs", Root: strings.Repeat("long/", 51)},
	} {
		name := table.Name()
		if other, twice := names[name]; twice || len(name) > 128 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789_") != "" {
			t.Errorf("%s: of %s, and of %s", name, table.folderName(), other)
		}
		names[name] = table.folderName()
	}
	spelled := Table{Log: record.ServerAccess, Location: "s3://logs/a/", Root: "a/b/"}
	if whole := (Table{Log: record.ServerAccess, Location: "s3://logs", Root: "a/b/"}); spelled.Name() != whole.Name() {
		t.Error("the name depends on how the location is written")
	}
	if got := spelled.logObject("s3a://logs/a/b/x"); got != "s3://logs/a/b/x" {
		t.Error(got)
	}
	local := Table{Location: "file://" + filepath.ToSlash("/srv/logs")}
	if got := local.logObject("local:///srv/logs/a/x"); got != "file:///srv/logs/a/x" {
		t.Error(got)
	}
}
