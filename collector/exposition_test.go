package collector

import (
	"bytes"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus/testutil/promlint"
	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// mixed are records of both logs, of every family.
func mixed() []record.Record {
	return []record.Record{
		request(),
		request(func(r *record.Record) { r.Duration, r.SentBytes = 3, 500 }),
		request(sigV2, fromIP("2001:db8::5")),
		request(sigV2, func(r *record.Record) {
			r.AuthMethod = record.QueryString
			r.UserAgent = []byte("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36")
			r.Status, r.ErrorCode = 403, []byte("SignatureDoesNotMatch")
			r.Requester, r.SentBytes, r.Duration = nil, 243, 7
		}),
		request(func(r *record.Record) {
			r.Anonymous, r.Requester, r.Signature, r.AuthMethod = true, nil, record.SignatureNone, record.AuthNone
			r.UserAgent = []byte("curl/8.11.0")
			r.Operation, r.Key, r.Bucket = []byte("REST.GET.BUCKET"), nil, []byte("example-public")
		}),
		request(func(r *record.Record) {
			r.Operation = []byte("REST.PUT.OBJECT")
			r.SentBytes, r.ReceivedBytes, r.Duration = record.Unknown, 1<<40, 123456
			r.UserAgent = []byte("Boto3/1.35.5 md/Botocore#1.35.5 ua/2.0 os/linux#6.8 md/arch#x86_64 lang/python#3.12.1 Botocore/1.35.5")
		}),
		request(func(r *record.Record) {
			r.Log, r.Status, r.Duration = record.CloudTrail, 0, record.Unknown
			r.Operation, r.Requester = []byte("PutBucketLifecycle"), []byte("config.amazonaws.com")
			r.InvokedBy, r.SourceIP = []byte("config.amazonaws.com"), []byte("config.amazonaws.com")
			r.UserAgent, r.Key, r.SentBytes = []byte("config.amazonaws.com"), nil, 0
		}),
		request(func(r *record.Record) {
			r.Operation, r.Requester, r.SourceIP = []byte("S3.EXPIRE.OBJECT"), []byte("AmazonS3"), nil
			r.UserAgent, r.Status, r.Signature = nil, 0, record.SignatureNone
			r.SentBytes, r.Duration, r.AuthMethod = record.Unknown, record.Unknown, record.AuthNone
		}),
	}
}

func TestCollector_ExpositionOfEveryFamily(t *testing.T) {
	c := newCollector(t, Config{Now: newClock().Now})
	commit(t, c, newMemStore(), mixed()...)
	golden(t, "mixed.txt", exposition(t, c, expfmt.NewFormat(expfmt.TypeTextPlain)))
	golden(t, "mixed.openmetrics.txt", exposition(t, c, openMetrics(t)))
}

func openMetrics(t *testing.T) expfmt.Format {
	t.Helper()
	format, err := expfmt.NewOpenMetricsFormat(expfmt.OpenMetricsVersion_1_0_0)
	if err != nil {
		t.Fatal(err)
	}
	return format
}

func TestCollector_AllFormatsAgree(t *testing.T) {
	c := newCollector(t, Config{Now: newClock().Now})
	commit(t, c, newMemStore(), mixed()...)

	fromText := decode(t, exposition(t, c, expfmt.NewFormat(expfmt.TypeTextPlain)), expfmt.NewFormat(expfmt.TypeTextPlain))
	fromProto := decode(t, exposition(t, c, expfmt.NewFormat(expfmt.TypeProtoDelim)), expfmt.NewFormat(expfmt.TypeProtoDelim))
	if !maps.Equal(fromText, fromProto) {
		t.Errorf("text has %v\nprotobuf has %v", fromText, fromProto)
	}
	if len(fromText) == 0 {
		t.Fatal("no samples")
	}
	// Nothing here reads OpenMetrics; its lines without created timestamps and
	// exemplars must be the text's.
	text := sampleLines(exposition(t, c, expfmt.NewFormat(expfmt.TypeTextPlain)))
	open := sampleLines(exposition(t, c, openMetrics(t)))
	if !slices.Equal(text, open) {
		t.Errorf("text has\n%s\nOpenMetrics has\n%s", strings.Join(text, "\n"), strings.Join(open, "\n"))
	}
}

// decode returns the samples of an exposition by name and labels.
func decode(t *testing.T, data []byte, format expfmt.Format) map[string]float64 {
	t.Helper()
	samples := make(map[string]float64)
	decoder := &expfmt.SampleDecoder{
		Dec:  expfmt.NewDecoder(bytes.NewReader(data), format),
		Opts: &expfmt.DecodeOptions{},
	}
	for {
		var vector model.Vector
		if err := decoder.Decode(&vector); err != nil {
			break
		}
		for _, sample := range vector {
			samples[sample.Metric.String()] = float64(sample.Value)
		}
	}
	return samples
}

func sampleLines(exposition []byte) []string {
	var lines []string
	for line := range strings.Lines(string(exposition)) {
		line, _, _ = strings.Cut(strings.TrimSpace(line), " # ")
		if strings.HasPrefix(line, "#") || strings.Contains(line, "_created{") {
			continue
		}
		lines = append(lines, strings.ReplaceAll(line, ".0", ""))
	}
	slices.Sort(lines)
	return lines
}

func TestCatalogue_FollowsConventions(t *testing.T) {
	c := newCollector(t, Config{Now: newClock().Now})
	commit(t, c, newMemStore(), mixed()...)
	text := exposition(t, c, expfmt.NewFormat(expfmt.TypeTextPlain))
	problems, err := promlint.New(bytes.NewReader(text)).Lint()
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		t.Errorf("%s: %s", problem.Metric, problem.Text)
	}
	for _, f := range c.schemas {
		if !strings.HasSuffix(f.help, ".") || strings.ToUpper(f.help[:1]) != f.help[:1] {
			t.Errorf("help of %s is no sentence: %q", f.name, f.help)
		}
		if !strings.Contains(string(text), "\n"+f.name) {
			t.Errorf("no record counts in %s", f.name)
		}
	}
}

func TestCollector_ShowsItsOwnFamiliesWhenEmpty(t *testing.T) {
	families := gather(t, newCollector(t, Config{}))
	for _, name := range []string{seriesName, overflowName} {
		if got := len(families[name].GetMetric()); got != int(familyCount) {
			t.Errorf("%s has %d series, want one for each of %d families", name, got, familyCount)
		}
	}
}

func TestCollector_CountersCarryCreatedTimestampAndExemplar(t *testing.T) {
	clock := newClock()
	c := newCollector(t, Config{Now: clock.Now})
	store := newMemStore()
	commit(t, c, store, request())
	created := clock.now
	clock.advance(time.Second)
	commit(t, c, store, request(func(r *record.Record) { r.Time += 60; r.RequestID = []byte("LATESTEXAMPLE000") }))
	commit(t, c, store, request(func(r *record.Record) { r.RequestID = []byte("EARLIEREXAMPLE00") }))

	counter := only(t, c, "s3_access_sent_bytes_total").GetCounter()
	if got := counter.GetCreatedTimestamp().AsTime(); !got.Equal(created) {
		t.Errorf("created %v, want %v", got, created)
	}
	exemplar := counter.GetExemplar()
	if got := exemplar.GetLabel()[0].GetValue(); got != "LATESTEXAMPLE000" {
		t.Errorf("exemplar is %s, want the latest event's", got)
	}
	if got, want := exemplar.GetTimestamp().AsTime().Unix(), request().Time+60; got != want {
		t.Errorf("exemplar at %d, want the event's time %d", got, want)
	}
	if exemplar.GetValue() != 1000 {
		t.Errorf("exemplar's value is %v, want the request's 1000 bytes", exemplar.GetValue())
	}
	histogram := only(t, c, "s3_access_request_duration_seconds").GetHistogram()
	if got := histogram.GetCreatedTimestamp().AsTime(); !got.Equal(created) {
		t.Errorf("histogram created %v, want %v", got, created)
	}
}

// Of two exemplars of one second, Prometheus takes the one that it sees second for out of
// order and logs a warning.
func TestCollector_ExemplarIsReplacedOnlyByALaterOne(t *testing.T) {
	c := newCollector(t, Config{})
	store := newMemStore()
	shown := func(want string) {
		t.Helper()
		exemplar := only(t, c, "s3_access_sent_bytes_total").GetCounter().GetExemplar()
		if got := exemplar.GetLabel()[0].GetValue(); got != want {
			t.Errorf("exemplar %s, want %s", got, want)
		}
	}
	at := func(second int64, id string, edit ...func(*record.Record)) record.Record {
		return request(append(edit, func(r *record.Record) { r.Time += second; r.RequestID = []byte(id) })...)
	}
	// Requests by browsers and by others are of different rows and count in one series.
	browser := func(r *record.Record) { r.UserAgent = []byte("Mozilla/5.0") }
	commit(t, c, store, at(10, "FIRST"), at(10, "SAMEROW"), at(10, "OTHERROW", browser))
	shown("FIRST")
	commit(t, c, store, at(10, "NEXTCOMMIT"), at(9, "EARLIER", browser))
	shown("FIRST")
	commit(t, c, store, at(11, "LATER", browser), at(11, "SAMESECOND"))
	shown("LATER")
	c = store.load(t, Config{}) // which is no reason for Prometheus to forget
	commit(t, c, store, at(10, "EARLIER"), at(11, "SAMESECOND", browser))
	if exemplar := only(t, c, "s3_access_sent_bytes_total").GetCounter().GetExemplar(); exemplar != nil {
		t.Errorf("exemplar %v after a restart, which is no later than the one before", exemplar)
	}
	commit(t, c, store, at(12, "EVENLATER"))
	shown("EVENLATER")
	commit(t, c, store, at(1<<32, "TOCOME")) // by somebody's clock
	shown("EVENLATER")
	commit(t, c, store, at(13, "LATEST"))
	shown("LATEST")
}

// However records come, in one Tally or in many of the same rows, the exemplar is the
// latest event's that has a request ID.
func TestStage_KeepsTheLatestExemplar(t *testing.T) {
	at := func(second int64, id string) record.Record {
		return request(func(r *record.Record) { r.Time += second; r.RequestID = []byte(id); r.SentBytes = 100 + second })
	}
	latest := strings.Repeat("A", maxRequestID)
	// The one of another bucket, which is sent nothing, is what a forgetful tally forgets the rest for.
	records := []record.Record{
		at(10, "EARLY"), at(20, latest), at(30, ""), request(inBucket("b"), func(r *record.Record) { r.SentBytes = -1 }), at(15, "BETWEEN"),
	}
	check := func(rows, perTally int) {
		c := forgetful(t, Config{}, rows)
		var tallies []*Tally
		for some := range slices.Chunk(records, perTally) {
			tally := tallyOf(c, some...)
			tally.Done() // so that the next one counts in the same rows
			tallies = append(tallies, tally)
		}
		stageAll(t, c, newMemStore(), tallies)
		counter := only(t, c, "s3_access_sent_bytes_total").GetCounter()
		if got, want := counter.GetValue(), float64(4*100+10+20+30+15); got != want {
			t.Errorf("%d rows, %d a tally: %v bytes, want %v", rows, perTally, got, want)
		}
		exemplar := counter.GetExemplar()
		if id := exemplar.GetLabel()[0].GetValue(); id != latest || exemplar.GetValue() != 120 {
			t.Errorf("%d rows, %d a tally: the exemplar is %s with %v bytes, want the latest event's", rows, perTally, id, exemplar.GetValue())
		}
	}
	for range records {
		records = append(records[1:], records[0])
		for perTally := range records {
			check(1, perTally+1)
			check(maxRows, perTally+1)
		}
	}
}

// only returns the one series of a family.
func only(t *testing.T, c *Collector, family string) *dto.Metric {
	t.Helper()
	metrics := gather(t, c)[family].GetMetric()
	if len(metrics) != 1 {
		t.Fatalf("%s has %d series, want 1", family, len(metrics))
	}
	return metrics[0]
}

func TestTally_RefusesRequestIDsThatAreNoExemplars(t *testing.T) {
	for _, id := range []string{"", "\xff", "A\x1b[31m", "A\u202eB", strings.Repeat("A", maxRequestID+1)} {
		c := newCollector(t, Config{})
		commit(t, c, newMemStore(), request(func(r *record.Record) { r.RequestID = []byte(id) }))
		if exemplar := only(t, c, "s3_access_requests_total").GetCounter().GetExemplar(); exemplar != nil {
			t.Errorf("request ID %q became an exemplar", id)
		}
	}
}

func TestCollector_HostileTextCannotBreakTheExposition(t *testing.T) {
	c := newCollector(t, Config{})
	store := newMemStore()
	want := 0.0
	for b := range 256 {
		evil := "x" + string([]byte{byte(b)}) + "\n# HELP evil\nevil 1\"},\\"
		commit(t, c, store, request(func(r *record.Record) {
			r.Bucket, r.Region, r.Requester = []byte(evil), []byte(evil), []byte(evil)
			r.AccountID, r.SourceIP, r.UserAgent = []byte(evil), []byte(evil), []byte(evil)
			r.Operation, r.Host, r.InvokedBy = []byte(evil), []byte(evil), []byte(evil)
			r.RequestID = []byte(evil)
		}))
		want++
	}
	for _, format := range []expfmt.Format{expfmt.NewFormat(expfmt.TypeTextPlain), expfmt.NewFormat(expfmt.TypeProtoDelim)} {
		got := 0.0
		for name, value := range decode(t, exposition(t, c, format), format) {
			if strings.HasPrefix(name, "s3_access_requests_total{") {
				got += value
			}
			if strings.HasPrefix(name, "evil") {
				t.Errorf("%s: the log forged a sample", format)
			}
		}
		if got != want {
			t.Errorf("%s: %v requests, want %v", format, got, want)
		}
	}
	for line := range strings.Lines(string(exposition(t, c, openMetrics(t)))) {
		if !strings.HasPrefix(line, "s3_access_") && !strings.HasPrefix(line, "# ") {
			t.Errorf("OpenMetrics: the log forged a line %q", line)
		}
	}
}

func TestClassifier_LabelValuesAreBoundedText(t *testing.T) {
	long := strings.Repeat("é", 200) + "\xc3"
	class := classify.NewClassifier(classify.Config{}).Classify(new(request(inBucket(long), func(r *record.Record) {
		r.Requester = []byte(long)
	})))
	for label, value := range class.Labels {
		if !utf8.ValidString(value) || len(value) > classify.MaxValue {
			t.Errorf("%s = %q: %d bytes", classify.Label(label), value, len(value))
		}
	}
	if got, want := class.Labels[classify.LabelBucket], strings.Repeat("é", 128); got != want {
		t.Errorf("bucket is %q, want %q", got, want)
	}
	class = classify.NewClassifier(classify.Config{}).Classify(new(request(inBucket("a\xff\xfeb"))))
	if got, want := class.Labels[classify.LabelBucket], "a\ufffdb"; got != want {
		t.Errorf("bucket is %q, want %q", got, want)
	}
}
