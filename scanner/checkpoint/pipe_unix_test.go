//go:build unix

package checkpoint_test

import (
	"errors"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
)

func TestOpen_NeverWaitsForAPipe(t *testing.T) {
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := checkpoint.Open(path); !errors.Is(err, checkpoint.ErrForeign) || !strings.Contains(err.Error(), path) {
		t.Errorf("Open of a pipe: error %v", err)
	}
	if _, err := checkpoint.Verify(path); !errors.Is(err, checkpoint.ErrForeign) || !strings.Contains(err.Error(), path) {
		t.Errorf("Verify of a pipe: error %v", err)
	}
}
