package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
)

// Whoever is told to begin a new checkpoint loses all counters: that is no advice where
// only the local copy is damaged.
func TestJournalError_AdvisesANewJournalOnlyWhereTheJournalIsDamaged(t *testing.T) {
	const advice = "choose another prefix"
	journal := fmt.Errorf("checkpoint s3://b/p: %w", checkpoint.ErrDamaged)
	err := journalError(journal)
	if !strings.Contains(err.Error(), advice) || !errors.Is(err, checkpoint.ErrDamaged) {
		t.Errorf("the journal: %v", err)
	}
	// Nor where what was read may not be what lies there.
	if first := strings.Index(err.Error(), "proxy"); first < 0 || first > strings.Index(err.Error(), advice) {
		t.Errorf("the journal: %v", err)
	}
	local := fmt.Errorf("local copy cache.db: %w; %w", checkpoint.ErrDamaged, checkpoint.ErrLocal)
	if err := journalError(local); strings.Contains(err.Error(), advice) || !strings.Contains(err.Error(), "next start") {
		t.Errorf("the local copy: %v", err)
	}
}
