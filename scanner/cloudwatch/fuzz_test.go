package cloudwatch

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/s3access/s3_access_exporter/scanner/internal/jsonscan"
	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/record/decodertest"
)

// output is all that a decoder makes of its input. If err is not empty, nothing else is
// compared.
type output struct {
	records []decodertest.Text
	skipped record.Skipped
	err     string
}

func (o *output) add(r *record.Record) {
	valid := *r
	for _, b := range []*[]byte{
		&valid.Host, &valid.Bucket, &valid.Operation, &valid.Key, &valid.Requester, &valid.SourceIP, &valid.UserAgent, &valid.InvokedBy,
		&valid.AccountID, &valid.Region, &valid.ErrorCode, &valid.RequestID, &valid.EventID, &valid.SharedEventID, &valid.OriginalEventID,
		&valid.TLSVersion, &valid.CipherSuite, &valid.Referer, &valid.VersionID, &valid.AccessPoint, &valid.SourceRegion,
		&valid.AccessKeyID, &valid.VPCEndpointID, &valid.VPCEndpointAccountID,
	} {
		*b = []byte(string([]rune(string(*b)))) // what is not UTF-8 is U+FFFD to encoding/json
	}
	o.records = append(o.records, decodertest.TextOf(&valid))
}

// end returns the output of an input that has ended. Of malformed messages the number of
// the first one is compared, not where it stands.
func (o *output) end(skipped record.Skipped, err error) output {
	switch {
	case err == nil:
	case errors.As(err, new(*jsonscan.SyntaxError)): // whether it wraps record.ErrNotLog too, others compare
		return output{err: "syntax"}
	case errors.Is(err, record.ErrOtherLog):
		return output{err: "other logs"}
	case errors.Is(err, record.ErrNotLog):
		return output{err: "not a log"}
	default:
		return output{err: err.Error()}
	}
	if o.skipped = skipped; skipped.First != nil {
		o.skipped.First = &record.MalformedError{Number: skipped.First.Number}
	}
	return *o
}

func decodeAll(d *Decoder, r io.Reader) (out output) {
	d.Reset(r)
	for d.Next() {
		out.add(d.Record())
	}
	return out.end(d.Skipped(), d.Err())
}

// bridged returns messages that are objects in envelopes of EventBridge.
func bridged(raws ...[]byte) (log []byte) {
	for _, raw := range raws {
		if json.Valid(raw) && raw[0] == '{' {
			log = fmt.Appendf(log, `{"version":"0","id":"0f0f","detail-type":"AWS API Call via CloudTrail","source":"aws.s3","account":"111122223333","resources":[],"detail":%s}`, raw)
		}
	}
	return log
}

// Events that EventBridge has sent are those of CloudTrail.
func TestDecoder_ReadsEnvelopesOfEventBridge(t *testing.T) {
	const event = `{"eventVersion":"1.11","eventTime":"2026-07-02T08:15:42Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"eu-west-1","requestID":"r1","eventID":"e1"}`
	created := strings.Replace(string(bridged([]byte(`{"version":"0","bucket":{"name":"b"},"object":{"key":"k"}}`))), "AWS API Call via CloudTrail", "Object Created", 1)
	d := NewDecoder(strings.NewReader(created + string(bridged([]byte(event), []byte(event)))))
	n := 0
	for d.Next() {
		r := d.Record()
		if n++; r.Log != record.CloudTrail || string(r.EventID) != "e1" || string(r.AccountID) != "111122223333" || string(r.Region) != "eu-west-1" {
			t.Errorf("%+v", decodertest.TextOf(r))
		}
	}
	if n != 2 || d.Err() != nil || d.Skipped().OtherLog != 1 {
		t.Errorf("%d records, %v, %+v", n, d.Err(), d.Skipped())
	}
	d.Reset(strings.NewReader(created))
	if d.Next() || !errors.Is(d.Err(), record.ErrOtherLog) {
		t.Errorf("of other events alone: %v", d.Err())
	}
}

func compare(t *testing.T, data []byte, got, want output) {
	t.Helper()
	if got.err != want.err || !slices.Equal(got.records, want.records) || fmt.Sprintf("%+v", got.skipped) != fmt.Sprintf("%+v", want.skipped) {
		t.Errorf("%q\n got %+v\nwant %+v", data, got, want)
	}
}

// inputs are envelopes as they are and as they may be.
func inputs(tb testing.TB) (all [][]byte) {
	var raws [][]byte
	for _, trap := range readFixture(tb, "testdata/messages.txt") {
		raws = append(raws, trap.Raw)
		all = append(all, logtest.Envelope(trap.Raw))
	}
	whole := envelopes(raws...)
	var pretty bytes.Buffer
	if err := json.Indent(&pretty, logtest.Envelope(raws[0], raws[1]), "", "\t"); err != nil {
		tb.Fatal(err)
	}
	message, err := json.Marshal(string(raws[0]))
	if err != nil {
		tb.Fatal(err)
	}
	of := func(envelope string) []byte { return []byte(strings.ReplaceAll(envelope, "MESSAGE", string(message))) }
	plain := func(values string) []byte {
		for old, raw := range map[string][]byte{"RECORD": raws[0], "EVENT": raws[10], "OTHER": raws[13]} {
			values = strings.ReplaceAll(values, old, string(raw))
		}
		return []byte(values)
	}
	return append(all,
		plain("RECORD\nEVENT\nOTHER\nRECORDEVENT{\"Records\":[EVENT,OTHER,RECORD,1,EVENT]}\n{\"level\":1}\n"),
		plain(`{"Records":[EVENT]} {"a":1,"Records":[EVENT],"Records":[EVENT],"schema_version_id":1,"logEvents":[]}RECORD`),
		plain(`{"a":{"bucket_name":1},"bucket_name":"x","Records":[EVENT]}{"eventSource":"x"}{"eventVersion":1}{"Records":[]}`),
		plain("START 1\nRECORD\nEND 1\r\nREPORT {\"a\":1}\n\n  indented\nEVENT\n1\n[RECORD]\nnull"),
		plain("{'a': 1}\nRECORD\n{\n  a: 1\n}\nRECORD\n { }\n{x\n"),
		plain("2026-07-02T08:15:42.318Z RECORD\nRECORD"), plain("RECORD x\nRECORD"), plain("RECORD,\nRECORD"), plain("RECORD}\nRECORD"),
		plain("\ufeffRECORD\n\ufeffRECORD"), plain("\ufeff"), plain("\xef\xbb"), plain("text alone"), plain("RECORD\n{"), plain("{"), plain("x\n{\"a\""),
		plain(`{"Records":[EVENT,]}`), plain("{\x00}\nRECORD"), plain("\x00\nRECORD\n\x00"), whole, pretty.Bytes(), bytes.ReplaceAll(whole, []byte("}{"), []byte("}\r\n{")),
		of(`{"logEvents":[{"message":MESSAGE}],"owner":"behind"}`),
		of(`{"owner":"o","owner":"p","logEvents":[{"message":MESSAGE,"message":MESSAGE}],"logEvents":[{"message":MESSAGE}]}`),
		of(`{"logEvents":[{"message":MESSAGE}],"messageType":"CONTROL_MESSAGE","logEvents":[{"message":MESSAGE}]}`),
		of(`{"logEvents":{"message":MESSAGE},"logEvents":[[{"message":MESSAGE}],MESSAGE,null,{"message":{"message":MESSAGE}}]}`),
		of(`{"\u006cogEvents":[{"messag\u0065":MESSAGE}]}`),
		of(`[{"logEvents":[{"message":MESSAGE}]}] MESSAGE`),
		of(`{"logEvents":[{"message":MESSAGE}`),
		of(`{"logEvents":[{"message":"\ud800{\u0000"},{"message":" \n{}"},{"message":""}]}`),
		bridged(raws...), []byte(`{"detail":{},"detail":{"detail":{}},"detail":[],"detail":"x"}`), []byte(`{"detail":{"a":`),
		[]byte(logtest.ControlMessage), nil, []byte(" "), []byte("{}"), []byte(`{"logEvents":[]}`), []byte("\x1f\x8b"),
	)
}

func TestDecoder_AgreesWithEncodingJSON(t *testing.T) {
	d := NewDecoder(nil)
	records := 0
	for _, data := range inputs(t) {
		want := referenceOf(data)
		records += len(want.records)
		for _, in := range []io.Reader{bytes.NewReader(data), iotest.OneByteReader(bytes.NewReader(data)), iotest.HalfReader(bytes.NewReader(data))} {
			compare(t, data, decodeAll(d, in), want)
		}
	}
	if records < 20 {
		t.Errorf("%d records: the inputs show too little", records)
	}
}

func FuzzDecoder(f *testing.F) {
	for _, data := range inputs(f) {
		f.Add(data)
	}
	d := NewDecoder(nil)
	f.Fuzz(func(t *testing.T, data []byte) {
		if (bytes.Contains(data, []byte(`"owner`)) || bytes.Contains(data, []byte(`"account"`))) && !bytes.Equal(data, bytes.ToValidUTF8(data, nil)) {
			return // an owner's length is counted in bytes as they are
		}
		compare(t, data, decodeAll(d, bytes.NewReader(data)), referenceOf(data))
	})
}

// FuzzExportDecoder holds the lines of export tasks against an obvious way to read them.
func FuzzExportDecoder(f *testing.F) {
	raw, err := os.ReadFile("testdata/messages.txt")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(raw)
	for _, trap := range readFixture(f, "testdata/messages.txt") {
		f.Add(logtest.ExportLines(trap.Raw))
	}
	d := NewExportDecoder(nil)
	f.Fuzz(func(t *testing.T, data []byte) {
		d.Reset(bytes.NewReader(data))
		var got output
		for d.Next() {
			got.add(d.Record())
		}
		got = got.end(d.Skipped(), d.Err())
		want := reference{messages: newMessages()}
		filled := false
		for line := range bytes.SplitSeq(data, []byte("\n")) {
			if line = bytes.TrimSpace(line); len(line) == 0 {
				continue
			}
			filled = true
			if before, after, ok := strings.Cut(string(line), " "); ok && !strings.Contains(before, "{") {
				line = []byte(after)
			}
			for want.begin(line, 0); want.next(); {
				want.add(want.record)
			}
		}
		var failed error
		if filled && !want.own {
			failed = record.ErrOtherLog
		}
		compare(t, data, got, want.output.end(want.messages.skipped, failed))
	})
}
