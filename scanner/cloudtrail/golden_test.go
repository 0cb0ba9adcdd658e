package cloudtrail

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// goldenEvent is what an event of a fixture comes to: a record, or the reason why
// it is none.
type goldenEvent struct {
	Trap      string        `json:",omitempty"`
	Skipped   string        `json:",omitempty"`
	Malformed string        `json:",omitempty"`
	Record    *goldenRecord `json:",omitempty"`
}

// goldenRecord leaves out what CloudTrail never tells.
type goldenRecord struct {
	Time          string
	AccountID     string `json:",omitempty"`
	Region        string `json:",omitempty"`
	Host          string `json:",omitempty"`
	Bucket        string `json:",omitempty"`
	Operation     string
	Key           string `json:",omitempty"`
	Requester     string `json:",omitempty"`
	Anonymous     bool   `json:",omitempty"`
	InvokedBy     string `json:",omitempty"`
	SourceIP      string `json:",omitempty"`
	UserAgent     string `json:",omitempty"`
	Signature     string
	AuthMethod    string
	ErrorCode     string `json:",omitempty"`
	SentBytes     int64
	ReceivedBytes int64
	RequestID     string `json:",omitempty"`
	EventID       string `json:",omitempty"`
	SharedEventID string `json:",omitempty"`

	OriginalEventID string `json:",omitempty"`
}

func TestDecoder_ReadsEveryTrap(t *testing.T) {
	for _, path := range fixturePaths(t) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".json"), func(t *testing.T) {
			var events []goldenEvent
			d := NewDecoder(nil)
			for _, event := range readFixture(t, path) {
				events = append(events, decodeTrap(t, d, event))
			}
			compareGolden(t, strings.TrimSuffix(path, ".json")+".golden.json", events)
		})
	}
}

// decodeTrap decodes one event, of which there must be one record or one reason.
func decodeTrap(t *testing.T, d *Decoder, event json.RawMessage) goldenEvent {
	t.Helper()
	var named struct {
		Trap string `json:"trap"`
	}
	_ = json.Unmarshal(event, &named) // what is no object has no name
	golden := goldenEvent{Trap: named.Trap}
	d.Reset(bytes.NewReader(logOf(event)))
	for d.Next() {
		if golden.Record != nil {
			t.Errorf("%s: more than a record", named.Trap)
		}
		golden.Record = goldenRecordOf(t, d.Record())
	}
	if err := d.Err(); err != nil {
		t.Errorf("%s: %v", named.Trap, err)
	}
	switch skipped := d.Skipped(); {
	case skipped.NotS3 == 1:
		golden.Skipped = "not S3"
	case skipped.NotRequest == 1:
		golden.Skipped = "not a request"
	case skipped.Malformed == 1:
		golden.Malformed = skipped.First.Reason
	case golden.Record == nil:
		t.Errorf("%s: neither a record nor a reason", named.Trap)
	}
	return golden
}

func goldenRecordOf(t *testing.T, r *record.Record) *goldenRecord {
	t.Helper()
	if r.Log != record.CloudTrail || r.Status != 0 || r.Duration != record.Unknown {
		t.Errorf("log %v, status %d, duration %d: CloudTrail tells none", r.Log, r.Status, r.Duration)
	}
	return &goldenRecord{
		Time:          time.Unix(r.Time, 0).UTC().Format(time.RFC3339),
		AccountID:     readable(r.AccountID),
		Region:        readable(r.Region),
		Host:          readable(r.Host),
		Bucket:        readable(r.Bucket),
		Operation:     readable(r.Operation),
		Key:           readable(r.Key),
		Requester:     readable(r.Requester),
		Anonymous:     r.Anonymous,
		InvokedBy:     readable(r.InvokedBy),
		SourceIP:      readable(r.SourceIP),
		UserAgent:     readable(r.UserAgent),
		Signature:     r.Signature.String(),
		AuthMethod:    r.AuthMethod.String(),
		ErrorCode:     readable(r.ErrorCode),
		SentBytes:     r.SentBytes,
		ReceivedBytes: r.ReceivedBytes,
		RequestID:     readable(r.RequestID),
		EventID:       readable(r.EventID),
		SharedEventID: readable(r.SharedEventID),

		OriginalEventID: readable(r.OriginalEventID),
	}
}

// readable makes JSON of any bytes: JSON alone would lose those that are not UTF-8.
func readable(b []byte) string {
	if utf8.Valid(b) {
		return string(b)
	}
	return "bytes " + strconv.Quote(string(b))
}

func compareGolden(t *testing.T, path string, events []goldenEvent) {
	t.Helper()
	var got bytes.Buffer
	encoder := json.NewEncoder(&got)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(events); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("differs from %s (see it with -update and git diff); got:\n%s", path, got.Bytes())
	}
}
