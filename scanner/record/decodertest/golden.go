package decodertest

import (
	"bytes"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// goldenTrap is what a trap comes to: a record, or the reason why it is none.
type goldenTrap struct {
	Trap      string `json:",omitempty"`
	Skipped   string `json:",omitempty"`
	Malformed string `json:",omitempty"`
	Record    *Text  `json:",omitempty"`
}

// Golden compares what the Decoder makes of every trap with the golden files beside the
// fixtures, or, with the flag -update, writes them.
func Golden(t *testing.T, f Format) {
	for _, fixture := range f.Fixtures {
		t.Run(filepath.Base(fixture.Path), func(t *testing.T) {
			var traps []goldenTrap
			d := f.New()
			for _, trap := range fixture.Traps {
				traps = append(traps, golden(t, &f, d, trap))
			}
			compareGolden(t, fixture.Path+".golden.json", traps)
		})
	}
}

// golden reads a log of one record, of which there must be one Text or one reason.
func golden(t *testing.T, f *Format, d record.Decoder, trap Trap) goldenTrap {
	t.Helper()
	out := readBytes(d, f.Join(trap.Raw))
	found := goldenTrap{Trap: trap.Name}
	if !isLog(out.err) {
		t.Errorf("%s: %v", trap.Name, out.err)
	}
	things := len(out.records)
	for reason, n := range map[string]int64{"not S3": out.skipped.NotS3, "not a request": out.skipped.NotRequest} {
		if things += int(n); n > 0 {
			found.Skipped = reason
		}
	}
	if things += int(out.skipped.Malformed); out.skipped.Malformed > 0 {
		found.Malformed = out.skipped.First.Reason
	}
	if things != 1 {
		t.Errorf("%s: %d records and reasons, want one", trap.Name, things)
	}
	if len(out.records) > 0 {
		found.Record = &out.records[0]
	}
	return found
}

func compareGolden(t *testing.T, path string, traps []goldenTrap) {
	t.Helper()
	var got bytes.Buffer
	encoder := json.NewEncoder(&got)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(traps); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(path, got.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got.Bytes(), want) {
		t.Errorf("differs from %s (see it with -update and git diff); got:\n%s", path, got.Bytes())
	}
}
