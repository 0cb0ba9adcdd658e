package checkpoint_test

import (
	"bytes"
	"log/slog"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/checkpoint/journaltest"
)

// What a journal has lost, its own objects do not show. A local copy does.
func TestJournal_NoticesThatItHasLostItsLastCommits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const warning = "the journal ends before its local copy"
		store, cache := new(journaltest.Fake), filepath.Join(t.TempDir(), "cache.db")
		var log bytes.Buffer
		cfg := checkpoint.JournalConfig{Objects: store, Writer: "a", Cache: cache, Logger: slog.New(slog.NewTextHandler(&log, nil))}
		first := join(t, cfg).lead()
		first.mustPut("1", "2")
		first.end()
		join(t, cfg).lead().end()
		if strings.Contains(log.String(), warning) {
			t.Errorf("a journal that has lost nothing: %s", log.String())
		}
		keys := store.Keys("journal/")
		for _, key := range keys[2:] {
			if err := store.Delete(t.Context(), key); err != nil {
				t.Fatal(err)
			}
		}
		again := join(t, cfg).lead()
		again.holds("1")
		if !strings.Contains(log.String(), warning) || strings.Count(log.String(), "level=WARN") != 1 {
			t.Errorf("no word about what is lost: %s", log.String())
		}
		again.end()
		log.Reset()
		join(t, cfg).lead().end()
		if strings.Contains(log.String(), warning) {
			t.Errorf("the next start: %s", log.String())
		}
	})
}
