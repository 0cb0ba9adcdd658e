package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/golden"
)

// broken is the object of the bucket that cannot be read.
const broken = "111122223333_CloudTrail_eu-west-1_20260115T1015Z_BrokenBroken1234.json.gz"

func TestReport_PrintsAllThatCanBeReadAndNamesTheRest(t *testing.T) {
	got := runToEnd(t, "report", "-o", "prometheus", fixtureBucket(t))
	golden.Want(t, "report.golden", got.stdout)
	if got.code != exitFailed {
		t.Errorf("exit code %d", got.code)
	}
	if !regexp.MustCompile(`level=ERROR .*` + regexp.QuoteMeta(broken) + `"? reason=json err=`).MatchString(got.stderr) {
		t.Errorf("the broken object is not named in\n%s", got.stderr)
	}
	lines := strings.Split(strings.TrimSpace(got.stderr), "\n")
	if line := lines[len(lines)-2]; !strings.HasPrefix(line, program+": error: 1 log object") {
		t.Errorf("the last line but one is %s", line)
	}
}

func TestReport_SucceedsIfEverythingCanBeRead(t *testing.T) {
	bucket := fixtureBucket(t)
	found, err := filepath.Glob(filepath.Join(bucket, "trail/AWSLogs/*/*/CloudTrail/*/*/*/*", broken))
	if err != nil || len(found) != 1 {
		t.Fatalf("%v, %v", found, err)
	}
	if err := os.Remove(found[0]); err != nil {
		t.Fatal(err)
	}
	got := runToEnd(t, "report", "-o", "prometheus", bucket)
	golden.Want(t, "report.golden", got.stdout)
	if got.code != exitOK || strings.Contains(got.stderr, "ERROR") {
		t.Errorf("exit code %d, %s", got.code, got.stderr)
	}
}

func TestServe_ExposesTheFixtures(t *testing.T) {
	t.Parallel()
	bucket := fixtureBucket(t)
	e := start(t, "serve", append(whole(filepath.Join(t.TempDir(), "checkpoint.db")), bucket)...)
	e.awaitReady(t)
	_, body, err := e.get(t.Context(), "/metrics", "text/plain")
	if err != nil {
		t.Fatal(err)
	}
	golden.Want(t, "serve.golden", timeless(strings.ReplaceAll(string(body), bucket, "/BUCKET")))
	if e.stop() != exitOK {
		t.Errorf("exit code %d", e.code)
	}
}

var (
	// foreign families come from client_golang, and depend on it and on Go.
	foreignFamily = regexp.MustCompile(`(?m)^(# \w+ )?(go|process)_.*\n`)
	// varying samples depend on when and how fast the exporter ran, or on how it
	// was built.
	varyingSample = regexp.MustCompile(`(?m)^(s3_access_exporter_(?:last_poll_timestamp|delivery_delay|checkpoint_)\w+(?:\{.*\})?) .*$`)
	buildLabels   = regexp.MustCompile(`(?m)^(s3_access_exporter_build_info)\{.*\}`)
)

// timeless returns an exposition without what differs from run to run.
func timeless(exposition string) string {
	exposition = foreignFamily.ReplaceAllString(exposition, "")
	exposition = varyingSample.ReplaceAllString(exposition, "$1 VARIES")
	return buildLabels.ReplaceAllString(exposition, "$1{VARIES}")
}
