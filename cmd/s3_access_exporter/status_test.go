package main

import (
	"encoding/json"
	"errors"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/web"
	"github.com/s3access/s3_access_exporter/scanner"
)

func TestServe_ReportsItsStatus(t *testing.T) {
	e := start(t, "serve", append(whole(filepath.Join(t.TempDir(), "x.db")), fixtureBucket(t))...)
	e.awaitReady(t)
	code, body, err := e.get(t.Context(), web.StatusAPIPath, "")
	var status scanner.Status
	if err := errors.Join(err, json.Unmarshal(body, &status)); err != nil || code != http.StatusOK {
		t.Fatalf("%d %v:\n%s", code, err, body)
	}
	if len(status.Locations) != 1 || !status.Locations[0].Ready || len(status.Locations[0].Streams) < 3 ||
		len(status.Locations[0].Quarantined) != 1 || !strings.HasSuffix(status.Locations[0].Quarantined[0].Key, broken) {
		t.Errorf("%s", body)
	}
	if code, body, err := e.get(t.Context(), web.StatusPath, ""); err != nil || code != http.StatusOK || !strings.Contains(string(body), broken) {
		t.Errorf("%d %v:\n%s", code, err, body)
	}
}

// Nobody answers for AWS: which buckets are logged cannot be found out, and all else
// goes on.
func TestServe_CountsWhileNobodyCanLookWhichBucketsAreLogged(t *testing.T) {
	for name, value := range map[string]string{
		"AWS_ENDPOINT_URL": "http://127.0.0.1:9", "AWS_EC2_METADATA_DISABLED": "true", "AWS_MAX_ATTEMPTS": "1", "AWS_REGION": "us-east-1",
		"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		t.Setenv(name, value)
	}
	e := start(t, "serve", append(whole(filepath.Join(t.TempDir(), "x.db")), "--coverage.interval=10ms", fixtureBucket(t))...)
	e.awaitReady(t)
	const failed = "which buckets are logged cannot be found out"
	eventually(t, "the failure is logged", func() bool { return strings.Contains(e.stderr.String(), failed) })
	found := e.mustScrape(t)
	if at, ok := found["s3_access_exporter_coverage_last_success_timestamp_seconds"]; !ok || at != 0 || found.sum("s3_access_bucket_") != 0 {
		t.Errorf("the last look is %v (%t), and %v", at, ok, found.sum("s3_access_bucket_"))
	}
	if found.sum("s3_access_requests_total") == 0 {
		t.Error("nothing is counted")
	}
	if _, body, err := e.get(t.Context(), web.StatusPath, ""); err != nil || !strings.Contains(string(body), "not looked at yet") {
		t.Errorf("%v: the status page does not show that nobody has looked", err)
	}
	if code := e.stop(); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	if n := strings.Count(e.stderr.String(), failed); n != 1 {
		t.Errorf("the failure is logged %d times", n)
	}
}

func TestWebFlags_PathsOfTheServerAreTaken(t *testing.T) {
	for _, path := range web.Paths() {
		err := webFlags{ListenAddress: []string{":0"}, TelemetryPath: path}.Validate()
		if err == nil || !strings.Contains(err.Error(), path+" is taken") {
			t.Errorf("%s: %v", path, err)
		}
	}
}
