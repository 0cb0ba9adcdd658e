package checkpoint_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	"go.etcd.io/bbolt"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
)

// commitsAndClose makes a checkpoint with commits that put their number.
func commitsAndClose(t *testing.T, commits ...string) (path string) {
	t.Helper()
	path = newPath(t)
	f := open(t, path)
	for _, commit := range commits {
		update(t, f, func(tx *checkpoint.Tx) error { return tx.Series().Put([]byte("last"), []byte(commit)) })
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return path
}

// metaPages returns where the newest meta page of a file begins, and the other one.
func metaPages(t *testing.T, path string) (newest, older int64) {
	t.Helper()
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	size := int64(db.Info().PageSize)
	tx, err := db.Begin(false)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = tx.Rollback() }()
	newest = int64(tx.ID()) % 2 * size
	return newest, size - newest
}

// damage changes one byte of a file.
func damage(t *testing.T, path string, at int64) {
	t.Helper()
	file, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file[at] ^= 0x10
	if err := os.WriteFile(path, file, 0o600); err != nil {
		t.Fatal(err)
	}
}

func last(t *testing.T, f *checkpoint.File) (value string) {
	t.Helper()
	view(t, f, func(tx *checkpoint.Tx) error {
		return tx.Series().Each(func(_, v []byte) error {
			value = string(v)
			return nil
		})
	})
	return value
}

// What is read behind a damaged meta page is the commit before, maybe, and so it is said,
// until the next commit writes that page anew.
func TestOpen_NoticesADamagedMetaPageUntilTheNextCommit(t *testing.T) {
	const header, checksum = 16, 16 + 56
	for name, test := range map[string]struct {
		newest  bool
		at      int64 // within the page
		content string
	}{
		"magic of the newest":        {newest: true, at: header, content: "2"},
		"root of the newest":         {newest: true, at: header + 16, content: "2"},
		"transaction of the newest":  {newest: true, at: header + 48, content: "2"},
		"checksum of the newest":     {newest: true, at: checksum, content: "2"},
		"version of the older one":   {at: header + 4, content: "3"},
		"page size of the older one": {at: header + 8, content: "3"},
		"checksum of the older one":  {at: checksum + 7, content: "3"},
	} {
		t.Run(name, func(t *testing.T) {
			path := commitsAndClose(t, "1", "2", "3")
			newest, older := metaPages(t, path)
			at := older
			if test.newest {
				at = newest
			}
			damage(t, path, at+test.at)
			wantMeta(t, path, true)

			f := open(t, path)
			if !f.MetaDamaged() {
				t.Error("it was opened without a word")
			}
			if got := last(t, f); got != test.content {
				t.Errorf("it holds commit %s, want %s", got, test.content)
			}
			update(t, f, func(tx *checkpoint.Tx) error { return tx.Series().Put([]byte("last"), []byte("4")) })
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			wantMeta(t, path, false)
			if again := open(t, path); again.MetaDamaged() {
				t.Error("the next commit has not repaired it")
			}
		})
	}
}

// wantMeta checks whether Verify reports a damaged meta page.
func wantMeta(t *testing.T, path string, damaged bool) {
	t.Helper()
	report, err := checkpoint.Verify(path)
	if err != nil {
		t.Fatal(err)
	}
	if got := strings.Contains(report.String(), "meta page"); report.MetaDamaged != damaged || got != damaged {
		t.Errorf("a damaged meta page: %v, want %v:\n%s", report.MetaDamaged, damaged, report)
	}
}

func TestOpen_HasNoWordForSoundMetaPages(t *testing.T) {
	for _, commits := range [][]string{nil, {"1"}, {"1", "2"}} {
		path := commitsAndClose(t, commits...)
		wantMeta(t, path, false)
		if f := open(t, path); f.MetaDamaged() {
			t.Errorf("after %d commits a meta page is taken for damaged", len(commits))
		}
	}
	if f := open(t, newPath(t)); f.MetaDamaged() {
		t.Error("a meta page of a new checkpoint is taken for damaged")
	}
}

func TestOpen_RefusesTwoDamagedMetaPages(t *testing.T) {
	path := commitsAndClose(t, "1", "2")
	newest, older := metaPages(t, path)
	damage(t, path, newest+40)
	damage(t, path, older+40)
	if _, err := checkpoint.Open(path); !errors.Is(err, checkpoint.ErrDamaged) || !strings.Contains(err.Error(), "meta pages") {
		t.Errorf("Open: %v, want ErrDamaged", err)
	}
	if _, err := checkpoint.Verify(path); !errors.Is(err, checkpoint.ErrDamaged) {
		t.Errorf("Verify: %v, want ErrDamaged", err)
	}
}
