package accesslog

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/record/decodertest"
)

// format is the format as decodertest has to know it.
func format(tb testing.TB) decodertest.Format {
	tb.Helper()
	f := decodertest.Format{
		New:   newDecoder,
		Join:  joinLines,
		Empty: []string{"", "\n", "\r\n \n\n"},
		NotLogs: map[string]string{
			"a page":              "<!DOCTYPE html>\n<html><head><title>Sign in</title></head>\n<body></body></html>\n",
			"JSON":                `{"Records":[]}`,
			"a line that is cut":  line[:100],
			"a line with no end":  strings.Repeat("x", 2*MaxLine),
			"binary":              "\x00\x01\x02\n\x03",
			"a Journal of Ceph's": "alice photos [14/Nov/2026:11:15:27 +0200] REST.PUT.OBJECT plan.txt 512 - 0123\n",
		},
		Less: less,
	}
	for _, path := range fixturePaths(tb) {
		name := strings.TrimSuffix(path, ".log")
		f.Fixtures = append(f.Fixtures, decodertest.Fixture{
			Path: name, Traps: readFixture(tb, path), Forged: filepath.Base(name) == "forgery",
		})
	}
	return f
}

// joinLines returns the log that lines without their line feeds make.
func joinLines(lines ...[]byte) []byte {
	var log []byte
	for _, line := range lines {
		log = append(append(log, line...), '\n')
	}
	return log
}

// less returns what a line that was cut shows that the whole line does not: of a
// signature it must show as much, or that it is unknown.
func less(cut, whole decodertest.Text) string {
	if cut.Signature != whole.Signature && cut.Signature != "unknown" {
		return "signature " + cut.Signature + ", not " + whole.Signature
	}
	if cut.Anonymous && !whole.Anonymous {
		return "it is anonymous"
	}
	whole.Signature, whole.Anonymous, whole.AuthMethod = cut.Signature, cut.Anonymous, cut.AuthMethod
	// What is part of another request may have the way that the other came by; alone it has none.
	part := strings.HasPrefix(whole.Operation, "BATCH.") || strings.HasPrefix(whole.Operation, "S3.") || strings.HasSuffix(whole.Operation, "_GET")
	if cut.Transport != whole.Transport && cut.Transport != "unknown" && (cut.Transport != "none" || !part) {
		return "it came by " + cut.Transport
	}
	if cut.ACLRequired != whole.ACLRequired && cut.ACLRequired != "unknown" {
		return "an ACL was required: " + cut.ACLRequired
	}
	whole.Transport, whole.ACLRequired = cut.Transport, cut.ACLRequired
	whole.Referer, whole.UserAgent, whole.Host = cut.Referer, cut.UserAgent, cut.Host
	whole.VersionID, whole.TLSVersion, whole.CipherSuite = cut.VersionID, cut.TLSVersion, cut.CipherSuite
	whole.AccessPoint, whole.SourceRegion = cut.AccessPoint, cut.SourceRegion
	if cut != whole {
		return "fields left of the Referer differ"
	}
	return ""
}

func fixturePaths(tb testing.TB) []string {
	tb.Helper()
	paths, err := filepath.Glob("testdata/*.log")
	if err != nil || len(paths) == 0 {
		tb.Fatalf("no fixtures: %v", err)
	}
	return paths
}

// readFixture returns the lines of a file of testdata, without their line feeds. There,
// a line that begins with # names what the lines below it are a trap for.
func readFixture(tb testing.TB, path string) (traps []decodertest.Trap) {
	tb.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		tb.Fatal(err)
	}
	var name string
	for line := range bytes.Lines(data) {
		line = bytes.TrimSuffix(line, []byte("\n"))
		if title, ok := bytes.CutPrefix(line, []byte("# ")); ok {
			name = string(title)
			continue
		}
		traps = append(traps, decodertest.Trap{Name: name, Raw: line})
	}
	return traps
}

// decodeAll returns what a Decoder makes of a log.
func decodeAll(log io.Reader) (records []decodertest.Text, skipped record.Skipped, err error) {
	d := NewDecoder(log)
	for d.Next() {
		records = append(records, decodertest.TextOf(d.Record()))
	}
	return records, d.Skipped(), d.Err()
}

func TestDecoder_KeepsTheContract(t *testing.T) { decodertest.Run(t, format(t)) }

func TestDecoder_ReadsEveryTrap(t *testing.T) { decodertest.Golden(t, format(t)) }
