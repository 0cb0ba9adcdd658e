package once_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/once"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// mixer writes objects in which records of all logs lie in all forms, among what is of none.
type mixer struct {
	*rand.Rand
	at     time.Time
	others int64 // that it has written
	events int
	lines  []byte   // the same requests as text
	trail  [][]byte // the same events
}

func (m *mixer) event() []byte {
	m.events++
	raw := fmt.Appendf(nil, `{"eventVersion":"1.11","eventTime":%q,"eventSource":"s3.amazonaws.com","eventName":"GetObject","eventID":"id-%d","recipientAccountId":"111122223333"}`,
		m.at.Format(time.RFC3339), m.events)
	m.trail = append(m.trail, raw)
	return m.written(raw)
}

func (m *mixer) request() []byte {
	r := logtest.RandomRequest(m.Rand, "bucket", m.at)
	m.lines = append(m.lines, r.Line()...)
	return m.written(r.JSON())
}

// written returns a value as somebody may write it.
func (m *mixer) written(raw []byte) []byte {
	if m.IntN(10) > 0 {
		return raw
	}
	var pretty bytes.Buffer
	_ = json.Indent(&pretty, raw, "", "\t") // it is valid
	return pretty.Bytes()
}

// other returns a value of no log.
func (m *mixer) other() []byte {
	m.others++
	others := []string{
		`{"level":"info","nested":{"schema_version_id":"V_1_0","bucket_name":"b","eventVersion":"1.11"}}`, `{}`,
		`{"message":"{\"schema_version_id\":\"V_1_0\"}","Records":{"eventVersion":"1.11"}}`, `{"version":2,"account-id":"111122223333"}`,
	}
	return []byte(others[m.IntN(len(others))])
}

// text returns a line that is no JSON.
func (m *mixer) text() []byte {
	m.others++
	texts := []string{"START RequestId: 0f0f Version: $LATEST", "  2 111122223333 eni-0 192.0.2.1 REJECT", "{'a': 1}", "{a=1}", "[1, 2]", "17", `"x"`, "}", "\xff\x00"}
	return []byte("\n" + texts[m.IntN(len(texts))] + "\n")
}

func (m *mixer) one() []byte {
	if m.IntN(2) == 0 {
		return m.event()
	}
	return m.request()
}

// envelope returns one with messages of both logs, and of others.
func (m *mixer) envelope() []byte {
	var messages [][]byte
	for range m.IntN(4) {
		switch m.IntN(4) {
		case 0:
			messages = append(messages, bytes.Trim(m.text(), "\n"))
		default:
			messages = append(messages, m.one())
		}
	}
	return m.written(logtest.Envelope(messages...))
}

func (m *mixer) file() []byte {
	var events [][]byte
	for range m.IntN(4) {
		events = append(events, m.event())
	}
	return slices.Concat([]byte(`{"Records":[`), bytes.Join(events, []byte(",")), []byte("]}"))
}

func (m *mixer) bridged() []byte {
	return fmt.Appendf(nil, `{"version":"0","detail-type":"AWS API Call via CloudTrail","source":"aws.s3","account":"111122223333","detail":%s}`, m.event())
}

// object returns an object of anything, one record at least among it.
func (m *mixer) object() (body []byte) {
	parts := []func() []byte{m.event, m.request, m.other, m.text, m.envelope, m.file, m.bridged, func() []byte { return []byte(logtest.ControlMessage) }}
	members := m.IntN(3) == 0
	add := func(part []byte) {
		part = append(part, []string{"", "\n", " \r\n"}[m.IntN(3)]...)
		if members {
			part = logtest.Gzip(part)
		}
		body = append(body, part...)
	}
	switch m.IntN(3) {
	case 0:
		add(m.text())
	case 1:
		add(m.other())
	}
	add(m.one())
	again := parts[m.IntN(len(parts))]
	for range m.IntN(30) {
		part := again
		if m.IntN(2) == 0 {
			part = parts[m.IntN(len(parts))]
		}
		add(part())
	}
	if !members && m.IntN(2) == 0 {
		body = logtest.Gzip(body)
	}
	return body
}

// Whatever lies in one object, in whatever order, each request counts once, and what is of no
// log that is read is counted.
func TestRun_ReadsEachRequestOnceWhateverIsMixedInAnObject(t *testing.T) {
	at := time.Date(2026, 7, 2, 8, 15, 27, 0, time.UTC)
	for seed := range uint64(20) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			m := &mixer{Rand: rand.New(rand.NewPCG(seed, 1)), at: at}
			mixed, plain := new(sourcetest.Fake), new(sourcetest.Fake)
			for i := range 30 {
				mixed.Put(fmt.Sprintf("2026/07/02/08/s-1-2026-07-02-08-15-27-%04d", i), m.object(), at)
			}
			plain.Put(logtest.SimpleKey(at, "A"), m.lines, at)
			plain.Put(logtest.TrailKey(trailPrefix, "111122223333", "eu-west-1", at, "aBcDeFgHiJkLmNoP"),
				slices.Concat([]byte(`{"Records":[`), bytes.Join(m.trail, []byte(",")), []byte("]}")), at)
			want := read(t, plain, once.Query{}).inOrder()
			got := new(collected)
			summary, err := once.Run(t.Context(), once.Config{Locations: []source.Location{{Name: "logs", Source: mixed}}}, once.Query{}, got)
			if err != nil || len(summary.Unread) > 0 || len(summary.SkippedObjects) > 0 || !slices.Equal(got.inOrder(), want) || len(want) < 200 {
				t.Fatalf("%d records, want %d of the same; %+v, error %v", len(got.records), len(want), summary, err)
			}
			if len(summary.SkippedRecords) > 1 || summary.SkippedRecords[record.SkipOtherLog] != m.others {
				t.Errorf("%v, want %d values of other logs", summary.SkippedRecords, m.others)
			}
		})
	}
}

// In a folder in which logs lie, what lies behind much else in an object counts too.
func TestRun_ReadsRecordsBehindMuchElse(t *testing.T) {
	at := time.Date(2026, 7, 2, 8, 15, 27, 0, time.UTC)
	random := rand.New(rand.NewPCG(1, 2))
	request := func() []byte {
		r := logtest.RandomRequest(random, "bucket", at)
		return r.JSON()
	}
	much := bytes.Repeat([]byte(`{"level":"info"}`+"\n"), 10_000)
	for name, test := range map[string]struct {
		body    []byte
		records int
		skip    logkey.SkipReason
	}{
		"other JSON before":            {slices.Concat(much, request()), 1, ""},
		"other JSON alone":             {much, 0, logkey.SkipUnknownLog},
		"other JSON that is broken":    {append(slices.Clone(much), `{"level`...), 0, logkey.SkipUnknownLog},
		"text of another kind":         {bytes.Repeat([]byte("a line\n"), 20_000), 0, logkey.SkipUnknown},
		"text before":                  {slices.Concat(bytes.Repeat([]byte("\x1b[32ma line\x1b[0m\n"), 20_000), request()), 1, ""},
		"white space before":           {slices.Concat(bytes.Repeat([]byte(" \n"), 40_000), request()), 1, ""},
		"no text":                      {slices.Concat(bytes.Repeat([]byte("\x00 line\n"), 20_000), request()), 0, logkey.SkipUnknown},
		"records within lines of text": {slices.Concat([]byte("2026-07-02T08:15:42Z "), request()), 0, logkey.SkipUnknownLog},
		"an array of records":          {slices.Concat([]byte("["), request(), []byte("]")), 0, logkey.SkipUnknownLog},
	} {
		t.Run(name, func(t *testing.T) {
			fake := new(sourcetest.Fake)
			fake.Put("2026/07/02/08/a", request(), at)
			fake.Put("2026/07/02/08/b", test.body, at)
			c := new(collected)
			summary, err := once.Run(t.Context(), once.Config{Locations: []source.Location{{Name: "logs", Source: fake}}}, once.Query{}, c)
			if err != nil || len(summary.Unread) > 0 || len(c.records) != 1+test.records || test.skip != "" && summary.SkippedObjects[test.skip].Objects != 1 {
				t.Errorf("%d records, %+v, error %v", len(c.records), summary, err)
			}
		})
	}
}

// Where JSON is left out, events of CloudTrail in the same objects count all the same.
func TestRun_LeavesOutTheAccessLogOfMixedObjectsAlone(t *testing.T) {
	at := time.Date(2026, 7, 2, 8, 15, 27, 0, time.UTC)
	m := &mixer{Rand: rand.New(rand.NewPCG(3, 4)), at: at}
	fake := new(sourcetest.Fake)
	for i := range 30 {
		fake.Put(fmt.Sprintf("2026/07/02/08/%04d", i), m.object(), at)
	}
	c := new(collected)
	summary, err := once.Run(t.Context(), once.Config{Locations: []source.Location{{Name: "logs", Source: fake, Form: record.Text}}}, once.Query{}, c)
	requests := int64(bytes.Count(m.lines, []byte("\n")))
	if err != nil || len(summary.Unread) > 0 || len(c.records) != len(m.trail) || summary.SkippedRecords[record.SkipOtherForm]+summary.SkippedObjects[logkey.SkipOtherForm].Objects < requests/2 {
		t.Errorf("%d records, want %d, and %d left out; %+v, error %v", len(c.records), len(m.trail), requests, summary, err)
	}
	for _, r := range c.records {
		if r.Log != record.CloudTrail {
			t.Errorf("%+v", r)
		}
	}
}
