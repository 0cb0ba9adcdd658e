package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/fleet"
)

// The whole tour takes half a minute, for the new series' hold; what is born at 0
// is there before.
func TestDemo_ShowsAllFamiliesAndLeavesNothingBehind(t *testing.T) {
	scratch := t.TempDir()
	t.Setenv("TMPDIR", scratch)
	e := start(t, "demo")
	for _, text := range []string{e.url() + "/metrics", "s3_access_sigv2_requests_total", "s3_access_anonymous_requests_total", "s3_access_client_info"} {
		if !strings.Contains(e.stdout.String(), text) {
			t.Errorf("it does not tell of %s:\n%s", text, e.stdout.String())
		}
	}
	eventually(t, "all families are there", func() bool {
		shown := e.mustScrape(t).requestFamilies()
		for name := range describedFamilies(t) {
			ofRequests := !strings.HasPrefix(name, "s3_access_exporter_") && !strings.HasPrefix(name, "s3_access_bucket_")
			if ofRequests && !hasFamily(shown, name) {
				return false
			}
		}
		return true
	})
	if code := e.stop(); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	left, err := os.ReadDir(scratch)
	if err != nil || len(left) > 0 {
		t.Errorf("%v, %v is left", err, left)
	}
}

// hasFamily reports whether a sample of a family is there.
func hasFamily(s samples, name string) bool {
	for series := range s {
		if series == name || strings.HasPrefix(series, name+"{") || strings.HasPrefix(series, name+"_count") {
			return true
		}
	}
	return false
}

func TestDemo_KeepsNoMoreThanAnHourOfLogs(t *testing.T) {
	d := delivery{clients: fleet.New(fleet.Config{Seed: 1}), bucket: t.TempDir()}
	start := time.Date(2026, 1, 15, 8, 0, 0, 0, time.UTC)
	for now := start; now.Before(start.Add(75 * time.Minute)); now = now.Add(time.Minute) {
		if err := d.deliver(now, now.Add(10*time.Second)); err != nil {
			t.Fatal(err)
		}
		if err := d.removeBefore(now.Add(-demoKept)); err != nil {
			t.Fatal(err)
		}
		if oldest := d.lying[0].at; now.Sub(oldest) > demoKept {
			t.Fatalf("at %v, logs of %v lie there", now, oldest)
		}
	}
	lying := 0
	for _, l := range d.lying {
		lying += len(l.paths)
	}
	files := 0
	err := filepath.WalkDir(d.bucket, func(_ string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			files++
		}
		return err
	})
	if err != nil || files != lying || files == 0 {
		t.Errorf("%d files, want %d, %v", files, lying, err)
	}
}
