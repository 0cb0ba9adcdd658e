//go:build integration

package dashboards_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"
)

func TestBackfill_BecomesBlocksWhoseIncreasesAreWhatReportCounts(t *testing.T) {
	binary := build(t)
	for name, test := range map[string]struct {
		bucket, step string
		filters      []string
	}{
		"a fleet":  {deliveredBucket(t, time.Minute), "1m", nil},
		"fixtures": {fixtureBucket(t), "5m", []string{"--since=2026-01-01"}},
	} {
		t.Run(name, func(t *testing.T) {
			history, report := commands(t, binary, test.bucket, test.step, test.filters...)
			dir := t.TempDir()
			file := filepath.Join(dir, "history.om")
			if err := os.WriteFile(file, history, 0o600); err != nil {
				t.Fatal(err)
			}
			blocks := filepath.Join(dir, "blocks")
			promtool := exec.CommandContext(t.Context(), "promtool", "tsdb", "create-blocks-from", "openmetrics", "--quiet", file, blocks)
			if out, err := promtool.CombinedOutput(); err != nil {
				t.Fatalf("promtool: %v\n%s", err, out)
			}
			db := openStorage(t, blocks)
			if len(db.Blocks()) == 0 {
				t.Error("promtool made no blocks")
			}
			wantIncreases(t, db, parseHistory(t, history), report)
		})
	}
}
