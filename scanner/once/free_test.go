package once_test

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/once"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/record/decodertest"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// collected is a once.Consumer that keeps all records, without what only some keys show.
type collected struct{ records []decodertest.Text }

type collectedTally struct{ records []decodertest.Text }

func (t *collectedTally) Add(r *record.Record) {
	text := decodertest.TextOf(r)
	text.AccountID, text.Region = "", ""
	t.records = append(t.records, text)
}
func (t *collectedTally) Done() int { return len(t.records) }

func (c *collected) NewTally(_, _ string) once.Tally { return new(collectedTally) }
func (c *collected) Take(t once.Tally) error {
	c.records = append(c.records, t.(*collectedTally).records...)
	return nil
}

// inOrder returns the records in an order that does not depend on where they lay.
func (c *collected) inOrder() []decodertest.Text {
	slices.SortFunc(c.records, func(a, b decodertest.Text) int { return bytes.Compare([]byte(fmt.Sprint(a)), []byte(fmt.Sprint(b))) })
	return c.records
}

// freeKeys are ways in which keys of JSON deliveries are written.
var freeKeys = map[string]freeKey{
	"CloudWatch's, days":  {"AWSLogs/111122223333/s3/eu-west-1/", "2006/01/02/"},
	"CloudWatch's, hours": {"my/prefix/", "2006/01/02/15/"},
	"CloudWatch's, Hive":  {"AWSLogs/aws-account-id=111122223333/s3/region=eu-west-1/", "year=2006/month=01/day=02/"},
	"Hive, hours":         {"", "year=2006/month=01/day=02/hour=15/"},
	"one folder a day":    {"p/dt=", "2006-01-02/"},
	"Firehose's":          {"", "2006/01/02/15/shop-v-2006-01-02-15-04-05-abababab-abab-abab-abab-abababab"},
}

// freeKey is a prefix, and the layout of a time behind it.
type freeKey struct{ prefix, layout string }

func (k freeKey) at(t time.Time) string { return k.prefix + t.Format(k.layout) }

// writings are ways in which the JSON records of an object are written.
var writings = map[string]func(records [][]byte) []byte{
	"lines":                func(records [][]byte) []byte { return append(bytes.Join(records, []byte("\n")), '\n') },
	"one behind the other": func(records [][]byte) []byte { return bytes.Join(records, nil) },
	"compressed":           func(records [][]byte) []byte { return logtest.Gzip(bytes.Join(records, []byte("\n"))) },
	"compressed twice":     func(records [][]byte) []byte { return logtest.Gzip(logtest.Gzip(bytes.Join(records, nil))) },
	"envelope": func(records [][]byte) []byte {
		return append([]byte(logtest.ControlMessage), logtest.Envelope(records...)...)
	},
	"envelopes, each compressed": func(records [][]byte) (all []byte) {
		for _, r := range records {
			all = append(all, logtest.Gzip(logtest.Envelope(r, []byte("2 111122223333 eni-0 REJECT")))...)
		}
		return append(all, logtest.Gzip([]byte(logtest.ControlMessage))...)
	},
	"envelopes, compressed twice": func(records [][]byte) (all []byte) {
		for _, r := range records {
			all = append(all, logtest.Gzip(logtest.Envelope(r))...)
		}
		return logtest.Gzip(all)
	},
	"in envelopes and without, in turn": func(records [][]byte) (all []byte) {
		for i, r := range records {
			if i%2 == 0 {
				r = logtest.Envelope(r)
			}
			all = append(all, r...)
		}
		return all
	},
	"among lines of text and other JSON": func(records [][]byte) []byte {
		return slices.Concat([]byte("START 1\n{'a': 1}\n{}"), bytes.Join(records, []byte("\nEND 1\n{\"level\":1}")), []byte("\nEND 1"))
	},
	"a member for a record": func(records [][]byte) (all []byte) {
		for _, r := range records {
			all = append(all, logtest.Gzip(r)...)
		}
		return all
	},
}

func TestRun_ReadsTheSameRequestsInEveryForm(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	at := time.Date(2026, 7, 2, 8, 15, 27, 0, time.UTC)
	text := new(sourcetest.Fake)
	var objects [][]logtest.Request
	for i := range 40 {
		var object []logtest.Request
		for range 1 + random.IntN(20) {
			object = append(object, logtest.RandomRequest(random, "bucket", at.Add(time.Duration(i)*time.Hour)))
		}
		var lines []byte
		for _, r := range object {
			lines = append(lines, r.Line()...)
		}
		text.Put(logtest.SimpleKey(object[0].Time, fmt.Sprintf("%04d", i)), lines, at)
		objects = append(objects, object)
	}
	want := read(t, text, once.Query{}).inOrder()
	for grammar, layout := range freeKeys {
		for writing, write := range writings {
			t.Run(grammar+", "+writing, func(t *testing.T) {
				fake := new(sourcetest.Fake)
				for i, object := range objects {
					var records [][]byte
					for _, r := range object {
						records = append(records, r.JSON())
					}
					fake.Put(layout.at(object[0].Time)+fmt.Sprintf("%04d", i), write(records), at)
				}
				if got := read(t, fake, once.Query{}).inOrder(); !slices.Equal(got, want) {
					t.Errorf("%d records, want %d of the same", len(got), len(want))
				}
			})
		}
	}
}

func TestRun_ReadsExportTasks(t *testing.T) {
	random := rand.New(rand.NewPCG(7, 8))
	at := time.Date(2026, 7, 2, 8, 15, 27, 0, time.UTC)
	text, export := new(sourcetest.Fake), new(sourcetest.Fake)
	var lines []byte
	var messages [][]byte
	for range 100 {
		r := logtest.RandomRequest(random, "bucket", at)
		lines, messages = append(lines, r.Line()...), append(messages, r.JSON())
	}
	text.Put(logtest.SimpleKey(at, "A"), lines, at)
	const task = "exportedlogs/0f0f0f0f-0f0f-4f0f-8f0f-0f0f0f0f0f0f/"
	export.Put(task+"shop/000000.gz", logtest.Gzip(logtest.ExportLines(messages[:50]...)), at)
	export.Put(task+"shop/000001.gz", logtest.Gzip(logtest.ExportLines(messages[50:]...)), at)
	for _, q := range []once.Query{{}, {Since: at, Until: at.Add(time.Hour)}} {
		if got, want := read(t, export, q).inOrder(), read(t, text, q).inOrder(); !slices.Equal(got, want) || len(want) != 100 {
			t.Errorf("%d records, want %d of the same", len(got), len(want))
		}
	}
	other := new(sourcetest.Fake)
	other.Put(task+"app/000000.gz", logtest.Gzip(logtest.ExportLines([]byte(`{"level":"info"}`))), at)
	summary, err := once.Run(t.Context(), once.Config{Locations: []source.Location{{Name: "logs", Source: other}}}, once.Query{}, new(collected))
	if err != nil || summary.Locations[0].Found || summary.SkippedObjects[logkey.SkipOtherLog].Objects != 1 {
		t.Errorf("%+v, error %v", summary, err)
	}
}

func TestRun_ReadsTheSameEventsInEveryForm(t *testing.T) {
	at := time.Date(2026, 7, 2, 8, 15, 27, 0, time.UTC)
	var events [][]byte
	for i := range 50 {
		events = append(events, fmt.Appendf(nil, `{"eventVersion":"1.11","eventTime":%q,"eventSource":"s3.amazonaws.com","eventName":"GetObject","eventID":"id-%d","recipientAccountId":"111122223333"}`,
			at.Format(time.RFC3339), i))
	}
	trail := new(sourcetest.Fake)
	trail.Put(logtest.TrailKey(trailPrefix, "111122223333", "eu-west-1", at, "aBcDeFgHiJkLmNoP"), slices.Concat([]byte(`{"Records":[`), bytes.Join(events, []byte(",")), []byte("]}")), at)
	want := read(t, trail, once.Query{}).inOrder()
	if len(want) != 50 {
		t.Fatalf("%d records", len(want))
	}
	for writing, write := range writings {
		t.Run(writing, func(t *testing.T) {
			fake := new(sourcetest.Fake)
			fake.Put(freeKeys["Firehose's"].at(at)+"abab", write(events), at)
			if got := read(t, fake, once.Query{}).inOrder(); !slices.Equal(got, want) {
				t.Errorf("%d records, want %d of the same", len(got), len(want))
			}
		})
	}
}

func TestRun_NamesEnvelopesOfOtherLogs(t *testing.T) {
	at := time.Date(2026, 7, 2, 8, 0, 0, 0, time.UTC)
	fake := new(sourcetest.Fake)
	for i, body := range [][]byte{
		logtest.Envelope([]byte("2 111122223333 eni-0 REJECT")), []byte(logtest.ControlMessage), logtest.Envelope([]byte(`{"level":"info"}`)),
	} {
		fake.Put(fmt.Sprint("2026/07/02/08/", i), logtest.Gzip(body), at)
	}
	summary, err := once.Run(t.Context(), once.Config{Locations: []source.Location{{Name: "logs", Source: fake}}}, once.Query{}, new(collected))
	want := map[logkey.SkipReason]once.SkippedObjects{logkey.SkipOtherLog: {Objects: 3, Example: summary.SkippedObjects[logkey.SkipOtherLog].Example}}
	if err != nil || summary.Locations[0].Found || !maps.Equal(summary.SkippedObjects, want) {
		t.Errorf("%+v, error %v", summary, err)
	}
}

func read(t *testing.T, src source.Source, q once.Query) *collected {
	t.Helper()
	c := new(collected)
	summary, err := once.Run(t.Context(), once.Config{Locations: []source.Location{{Name: "logs", Source: src}}}, q, c)
	if err != nil || len(summary.Unread) > 0 || len(summary.SkippedObjects) > 0 || !summary.Locations[0].Found {
		t.Fatalf("%+v, error %v", summary, err)
	}
	return c
}

func TestRun_NamesWhatIsNoLogByItsContent(t *testing.T) {
	at := time.Date(2026, 7, 2, 8, 0, 0, 0, time.UTC)
	fake := new(sourcetest.Fake)
	for key, body := range map[string]string{
		"a/2026/07/02/part-1.parquet":              "PAR1",
		"a/2026/07/02/part-1":                      "PAR1xxxx",
		"a/2026/07/02/zipped":                      "PK\x03\x04xxxx",
		"h/2026/07/02/orc":                         "ORC\x0a\x7bxxxx",
		"i/2026/07/02/text":                        "ORCHESTRA\n",
		"b/2026/07/02/08/app.json":                 `{"level":"info","message":"started"}`,
		"b/2026/07/02/09/app.json":                 `{"level":"info","message":"running"}`,
		"b/2026/07/02/09/photo.jpg":                "\xff\xd8\xff",
		"c/2026/07/02/text.log":                    "a line\n",
		"AWSLogs/111122223333/CloudTrail-Lake/q/1": "a,b\n",
		"d/2026/07/02/broken.gz":                   "\x1f\x8bx",
		"e/2026/07/02/empty":                       "",
		"f/2026/07/02/more.json":                   string(logtest.Gzip([]byte(`{"version":1}{"version":2}`))),
	} {
		fake.Put(key, []byte(body), at)
	}
	c := new(collected)
	summary, err := once.Run(t.Context(), once.Config{Locations: []source.Location{{Name: "logs", Source: fake}}}, once.Query{}, c)
	if err != nil || len(summary.Unread) > 0 || summary.Objects > 0 || summary.Locations[0].Found || len(c.records) > 0 {
		t.Errorf("%+v, error %v", summary, err)
	}
	want := map[logkey.SkipReason]once.SkippedObjects{
		logkey.SkipParquet:    {Objects: 2, Example: once.Example{Location: "logs", Key: "a/2026/07/02/part-1"}},
		logkey.SkipUnknownLog: {Objects: 3, Example: once.Example{Location: "logs", Key: "b/2026/07/02/08/app.json"}},
		logkey.SkipUnknown:    {Objects: 5, Example: once.Example{Location: "logs", Key: "b/2026/07/02/09/photo.jpg"}},
		logkey.SkipCompressed: {Objects: 1, Example: once.Example{Location: "logs", Key: "a/2026/07/02/zipped"}},
		logkey.SkipORC:        {Objects: 1, Example: once.Example{Location: "logs", Key: "h/2026/07/02/orc"}},
		logkey.SkipLakeResult: {Objects: 1, Example: once.Example{Location: "logs", Key: "AWSLogs/111122223333/CloudTrail-Lake/q/1"}},
	}
	if !maps.Equal(summary.SkippedObjects, want) {
		t.Errorf("skipped\n     %+v\nwant %+v", summary.SkippedObjects, want)
	}
	if opens := fake.Opens(); opens > 11 { // not each object
		t.Errorf("%d objects were opened", opens)
	}
}

func TestRun_LooksAtFewObjectsOfAFolderAndDay(t *testing.T) {
	at := time.Date(2026, 7, 2, 0, 0, 0, 0, time.UTC)
	fake := new(sourcetest.Fake)
	random := rand.New(rand.NewPCG(3, 4))
	requests := 0
	for i := range 300 {
		day := at.AddDate(0, 0, i/100)
		fake.Put(fmt.Sprintf("app/%s/%04d", day.Format("2006/01/02"), i), []byte(`{"a":1}`), at)
		if i >= 100 { // a folder in which logs begin later
			r := logtest.RandomRequest(random, "bucket", day)
			fake.Put(fmt.Sprintf("logs/%s/%04d", day.Format("2006/01/02"), i), r.JSON(), at)
			requests++
		} else {
			fake.Put(fmt.Sprintf("logs/%s/%04d", day.Format("2006/01/02"), i), []byte(`{"a":1}`), at)
		}
	}
	c := new(collected)
	summary, err := once.Run(t.Context(), once.Config{Locations: []source.Location{{Name: "logs", Source: fake}}}, once.Query{}, c)
	if err != nil || len(c.records) != requests || summary.SkippedObjects[logkey.SkipUnknownLog].Objects != 400 {
		t.Errorf("%d records, want %d; %+v, error %v", len(c.records), requests, summary, err)
	}
	// Of the folder in which logs begin later, what lay there before is read after all.
	if opens := fake.Opens(); opens != 3*7+7+1+requests+100 { // of the 100 of each day the 1st, 2nd, 4th to 64th
		t.Errorf("%d objects were opened to read %d", opens, requests)
	}
}

// Where other objects lie in the folders of logs, and come before them on some days, all
// logs are read nevertheless, and the others are named.
func TestRun_ReadsLogsThatLieAmongOtherObjects(t *testing.T) {
	at := time.Date(2026, 7, 2, 8, 0, 0, 0, time.UTC)
	fake := new(sourcetest.Fake)
	random := rand.New(rand.NewPCG(5, 6))
	requests, others := 0, int64(0)
	for i := range 300 {
		hour := at.Add(time.Duration(i) * time.Hour)
		name := fmt.Sprintf("mixed/%s/%08x", hour.Format("2006/01/02/15"), random.Uint32())
		switch random.IntN(3) {
		case 0:
			fake.Put(name, []byte(`{"level":"info"}`), at)
			others++
		case 1:
			fake.Put(name, []byte("PAR1"), at)
		default:
			r := logtest.RandomRequest(random, "bucket", hour)
			fake.Put(name, r.JSON(), at)
			requests++
		}
	}
	c := new(collected)
	summary, err := once.Run(t.Context(), once.Config{Locations: []source.Location{{Name: "logs", Source: fake}}}, once.Query{}, c)
	if err != nil || len(c.records) != requests || summary.SkippedObjects[logkey.SkipUnknownLog].Objects != others || len(summary.Unread) > 0 {
		t.Errorf("%d records, want %d, and %d other objects; %+v, error %v", len(c.records), requests, others, summary, err)
	}
}

// What is asked for of some hours is read, whatever zone the folders' times are of, and
// hardly more.
func TestRun_ReadsFreeKeysAsFarAsAskedFor(t *testing.T) {
	first := time.Date(2026, 6, 1, 0, 30, 0, 0, time.UTC)
	for grammar, layout := range freeKeys {
		for _, zone := range []int{-12, 0, 9, 14} {
			t.Run(fmt.Sprint(grammar, ", ", zone), func(t *testing.T) {
				fake := new(sourcetest.Fake)
				random := rand.New(rand.NewPCG(5, 6))
				for i := range 25 * 24 {
					r := logtest.RandomRequest(random, "bucket", first.Add(time.Duration(i)*time.Hour))
					local := r.Time.In(time.FixedZone("", zone*3600))
					fake.Put(layout.at(local)+fmt.Sprintf("%04d", i), r.JSON(), r.Time)
				}
				since := first.AddDate(0, 0, 12).Truncate(time.Hour)
				c := new(collected)
				q := once.Query{Since: since, Until: since.Add(6 * time.Hour), Slack: time.Hour}
				if _, err := once.Run(t.Context(), once.Config{Locations: []source.Location{{Name: "logs", Source: fake}}}, q, c); err != nil {
					t.Fatal(err)
				}
				found := 0
				for _, r := range c.records {
					if r.Time >= q.Since.Format(time.RFC3339) && r.Time < q.Until.Format(time.RFC3339) {
						found++
					}
				}
				if found != 6 || fake.Opens() > 100 {
					t.Errorf("%d of 6 requests were found in %d objects", found, fake.Opens())
				}
			})
		}
	}
}
