package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/web"
)

// No spelling makes an access key a label: not on the command line, in the environment or
// in a file.
func TestAccessKeys_AreNoLabelHoweverOneAsks(t *testing.T) {
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	const by, noField, noMode = "--by goes with --output table, json or csv", "there is no field", "must be arn, role, account or off"
	for _, test := range []struct {
		name, args string
		env        map[string]string
		want       string
	}{
		{"alone", "report -o prometheus --by access_key_id DIR", nil, by},
		{"before", "report --by=access_key_id --output=prometheus DIR", nil, by},
		{"with others", "report -oprometheus --by bucket,access_key_id,log DIR", nil, by},
		{"like a flag", "report -o prometheus --by access-key-id DIR", nil, noField},
		{"in capitals", "report -o prometheus --by ACCESS_KEY_ID DIR", nil, noField},
		{"with a blank", "report -o prometheus --by bucket,\u00a0access_key_id DIR", nil, noField},
		{"in the environment", "report -o prometheus DIR", map[string]string{"S3_ACCESS_EXPORTER_BY": "access_key_id"}, by},
		{"format in the environment", "report --by access_key_id DIR", map[string]string{"S3_ACCESS_EXPORTER_OUTPUT": "prometheus"}, by},
		{"in a file", "report -o prometheus --config.file=" + file("by.yaml", "by: access_key_id\n") + " DIR", nil, by},
		{"all in a file", "report --config.file=" + file("both.yaml", "by: log,access_key_id\noutput: prometheus\n") + " DIR", nil, by},
		{"backfill", "backfill --by access_key_id DIR", nil, "unknown flag --by"},
		{"backfill's labels", "backfill --labels.requester=access_key_id DIR", nil, noMode},
		{"serve's labels", "serve --labels.requester=access_key_id DIR", nil, noMode},
		{"serve's labels in the environment", "serve DIR", map[string]string{"S3_ACCESS_EXPORTER_LABELS_REQUESTER": "access_key_id"}, noMode},
		{"serve's labels in a file", "serve --config.file=" + file("labels.yaml", "labels:\n  requester: access_key_id\n") + " DIR", nil, noMode},
	} {
		t.Run(test.name, func(t *testing.T) {
			for name, value := range test.env {
				t.Setenv(name, value)
			}
			args := strings.Split(test.args, " ")
			args[len(args)-1] = dir
			wantFailure(t, runToEnd(t, args...), exitUsage, test.want)
		})
	}
}

// accessKeyBucket returns a new log bucket in which access keys stand wherever AWS writes
// them, and where it does not.
func accessKeyBucket(t *testing.T, key string) string {
	t.Helper()
	f := legacyFacts{operation: "REST.GET.OBJECT", signed: "SigV2", presigned: true, tls: "TLSv1", host: "shop.s3.amazonaws.com"}
	old := strings.ReplaceAll(f.line(18, 1), "AKIAIOSFODNN7EXAMPLE", key)
	modern := strings.ReplaceAll(f.line(27, 2), "AKIAIOSFODNN7EXAMPLE", key)
	f.signed = "SigV4"
	fourth := strings.ReplaceAll(f.line(27, 3), "X-Amz-Signature=00", "X-Amz-Credential="+key+"%2F20260115%2Feu-west-1%2Fs3%2Faws4_request&X-Amz-Signature=00")
	broken := "0f0f shop [15/Jan/2026:08:00:00 +0000] " + key + " " + key + "\n"
	events := []map[string]any{f.event(2026, 1), f.event(2026, 2), f.event(2026, 3)}
	for _, e := range events {
		e["userIdentity"].(map[string]any)["accessKeyId"] = key
	}
	events[1]["eventTime"] = key // malformed
	events[2]["additionalEventData"] = map[string]any{"bytesTransferredOut": -1, "SignatureVersion": key}
	trail, err := json.Marshal(map[string]any{"Records": events})
	if err != nil {
		t.Fatal(err)
	}
	bucket := t.TempDir()
	now := time.Now().UTC().Add(-time.Hour)
	for name, body := range map[string]string{
		now.Format("text/2006-01-02-15-04-05-") + "0A1B2C3D4E5F6071": old + modern + fourth + broken,
		"AWSLogs/111122223333/CloudTrail/eu-west-1/" + now.Format("2006/01/02/") + "111122223333_CloudTrail_eu-west-1_" + now.Format("20060102T1504Z") + "_AbCdEfGhIjKlMnOp.json": string(trail),
		"AWSLogs/111122223333/CloudTrail/eu-west-1/" + now.Format("2006/01/02/") + "111122223333_CloudTrail_eu-west-1_" + now.Format("20060102T1504Z") + "_BbCdEfGhIjKlMnOp.json": string(trail[:len(trail)-3]) + key, // broken
	} {
		if err := writeObject(filepath.Join(bucket, filepath.FromSlash(name)), []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	return bucket
}

// An access key reaches events and report's tables alone: neither metrics nor the status
// nor the log have it, whatever its record is like.
func TestAccessKeys_AreInNothingThatIsShown(t *testing.T) {
	const key = "AKIAZZZZZZZZZZZZZZZZ"
	bucket := accessKeyBucket(t, key)
	shown := make(map[string]string)

	e := start(t, "serve", "--log.level=debug", "--legacy.features=all", "--series.hold=0s", "--scan.since=all", "--labels.requester=arn", "--scan.interval=500ms", "--scan.sweep-interval=1s",
		"--checkpoint.path="+filepath.Join(t.TempDir(), "x.db"), bucket)
	eventually(t, "all is counted, and the broken object is seen", func() bool {
		s := e.mustScrape(t)
		return s.sum("s3_access_requests_total") == 5 && s.sum("s3_access_exporter_quarantined_objects") == 1
	})
	for name, page := range map[string][2]string{
		"metrics": {"/metrics", "text/plain"}, "OpenMetrics": {"/metrics", "application/openmetrics-text"}, "status": {web.StatusPath, ""}, "status as JSON": {web.StatusAPIPath, ""},
		"start page": {"/", ""}, "readiness": {web.ReadyPath, ""},
	} {
		_, body, err := e.get(t.Context(), page[0], page[1])
		if err != nil || len(body) == 0 {
			t.Errorf("%s: %d bytes, %v", name, len(body), err)
		}
		shown[name] = string(body)
	}
	e.stop()
	shown["serve's log"] = e.stderr.String() + e.stdout.String()
	for name, args := range map[string][]string{
		"metrics of report": {"report", "-o", "prometheus"}, "overview": {"report", "-o", "json"}, "backfill": {"backfill", "--step=1h", "--since=2020-01-01", "--until=2026-12-31", "-o", os.DevNull},
	} {
		got := runToEnd(t, append(args, "--log.level=debug", bucket)...)
		shown[name] = got.stdout + got.stderr
	}
	for name, text := range shown {
		if strings.Contains(text, key) {
			i := strings.Index(text, key)
			t.Errorf("%s has the access key: …%q", name, text[max(0, i-200):min(len(text), i+60)])
		}
	}
	if got := runToEnd(t, "report", "--by=access_key_id", "-o", "csv", bucket); !strings.Contains(got.stdout, key) {
		t.Errorf("report has no access key: %s", got.stdout)
	}
}
