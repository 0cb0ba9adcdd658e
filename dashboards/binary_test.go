package dashboards_test

import (
	"bytes"
	"compress/gzip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

// build returns the real binary, which is of another module than its dashboards.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "s3_access_exporter")
	const version = "-X github.com/prometheus/common/version.Version=1.2.3"
	command := exec.CommandContext(t.Context(), "go", "build", "-ldflags", version, "-o", binary, "./cmd/s3_access_exporter")
	command.Dir = ".."
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return binary
}

// writeFile writes a file that has long settled.
func writeFile(t *testing.T, path string, body []byte) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	temporary := filepath.Join(filepath.Dir(path), ".new")
	if err := os.WriteFile(temporary, body, 0o600); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	if err := os.Chtimes(temporary, old, old); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(temporary, path); err != nil {
		t.Fatal(err)
	}
}

func gzipped(t *testing.T, text []byte) []byte {
	t.Helper()
	var body bytes.Buffer
	z := gzip.NewWriter(&body)
	if _, err := z.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	return body.Bytes()
}
