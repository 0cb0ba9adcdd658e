package main

import (
	"encoding/json"
	"errors"
	"net/http"
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

func TestWebFlags_PathsOfTheServerAreTaken(t *testing.T) {
	for _, path := range web.Paths() {
		err := webFlags{ListenAddress: []string{":0"}, TelemetryPath: path}.Validate()
		if err == nil || !strings.Contains(err.Error(), path+" is taken") {
			t.Errorf("%s: %v", path, err)
		}
	}
}
