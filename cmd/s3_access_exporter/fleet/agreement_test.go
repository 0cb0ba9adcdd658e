package fleet_test

import (
	"bytes"
	"compress/gzip"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/fleet"
	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/accesslog"
	"github.com/s3access/s3_access_exporter/scanner/accesslogjson"
	"github.com/s3access/s3_access_exporter/scanner/cloudtrail"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// decoder is what the decoders of both logs have in common.
type decoder interface {
	Next() bool
	Record() *record.Record
	Err() error
	Skipped() record.Skipped
}

func TestDecodersAndLabelsTellTheFleetsTruth(t *testing.T) {
	start := time.Date(2026, time.November, 21, 23, 59, 0, 0, time.UTC)
	objects, requests := fleet.New(fleet.Config{Seed: 1}).Deliver(start, start.Add(2*time.Minute))
	classifier := classify.NewClassifier(classify.Config{Requester: classify.RequesterARN})
	for _, object := range objects {
		key := logkey.Parse(object.Key)
		if key.Skip != "" {
			continue
		}
		records := open(t, key, object)
		for records.Next() {
			if len(requests) == 0 {
				t.Fatalf("%s: more records than requests", object.Key)
			}
			want := requests[0]
			requests = requests[1:]
			if got := classified(classifier, key, records.Record()); got != want {
				t.Errorf("%s\n got %+v\nwant %+v", object.Key, got, want)
			}
		}
		if err := records.Err(); err != nil {
			t.Errorf("%s: %v", object.Key, err)
		}
		if skipped := records.Skipped(); skipped != (record.Skipped{}) {
			t.Errorf("%s: skipped %+v", object.Key, skipped)
		}
	}
	if len(requests) > 0 {
		t.Errorf("%d requests were not found", len(requests))
	}
}

// open returns a decoder of a log object.
func open(t *testing.T, key logkey.Key, object fleet.Object) decoder {
	t.Helper()
	if key.Free() {
		text, err := gzip.NewReader(bytes.NewReader(object.Body))
		if err != nil {
			t.Fatalf("%s: %v", object.Key, err)
		}
		return accesslogjson.NewDecoder(text)
	}
	if key.Stream.Log() == record.ServerAccess {
		return accesslog.NewDecoder(bytes.NewReader(object.Body))
	}
	text, err := gzip.NewReader(bytes.NewReader(object.Body))
	if err != nil {
		t.Fatalf("%s: %v", object.Key, err)
	}
	return cloudtrail.NewDecoder(text)
}

// classified returns the record of an object with its labels.
func classified(classifier *classify.Classifier, key logkey.Key, r *record.Record) fleet.Request {
	if key.Stream.Layout == logkey.Partitioned || key.Free() {
		r.AccountID, r.Region = []byte(key.AccountID), []byte(key.Region)
	}
	class := classifier.Classify(r)
	label, traits := class.Labels, class.Traits
	return fleet.Request{
		Log: label[classify.LabelLog], Time: time.Unix(r.Time, 0).UTC(),
		AccountID: label[classify.LabelAccountID], Region: label[classify.LabelRegion], Bucket: label[classify.LabelBucket],
		Operation: label[classify.LabelOperation], Key: string(r.Key),
		Requester: label[classify.LabelRequester], Anonymous: r.Anonymous, SourceIP: label[classify.LabelSourceIP],
		Client: label[classify.LabelClient], ClientVersion: label[classify.LabelClientVersion],
		Signature: label[classify.LabelSignature], AuthMethod: label[classify.LabelAuthMethod],
		Outcome: label[classify.LabelOutcome], Status: r.Status, ErrorCode: string(r.ErrorCode),
		SentBytes: r.SentBytes, ReceivedBytes: r.ReceivedBytes, Duration: r.Duration, RequestID: string(r.RequestID),
		Features: traits.Features().String(), Undetermined: traits.Undetermined().String(),
	}
}
