package cloudwatch

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/record/decodertest"
)

// readFixture returns the messages of a file of testdata. There, a line that begins with #
// names what the lines below it are a trap for.
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

// envelopes joins messages to envelopes of three, with control messages between them.
func envelopes(raws ...[]byte) (log []byte) {
	for len(raws) > 0 {
		n := min(3, len(raws))
		log = append(append(log, logtest.ControlMessage...), logtest.Envelope(raws[:n]...)...)
		raws = raws[n:]
	}
	return log
}

func format(tb testing.TB) decodertest.Format {
	tb.Helper()
	return decodertest.Format{
		New:   func() record.Decoder { return NewDecoder(nil) },
		Join:  envelopes,
		Empty: []string{"", " \n"},
		NotLogs: map[string]string{
			"control messages alone": logtest.ControlMessage + logtest.ControlMessage,
			"messages of other logs": string(logtest.Envelope([]byte("2 111122223333 eni-0 192.0.2.1 REJECT"), []byte(`{"level":"info"}`))),
			"no messages":            `{"messageType":"DATA_MESSAGE","owner":"111122223333","logEvents":[]}`,
			"no envelope":            `{"level":"info"}`,
			"no object":              `[1,2]`,
		},
		Less:     func(decodertest.Text, decodertest.Text) string { return "a record was made of a part" },
		Fixtures: []decodertest.Fixture{{Path: "testdata/messages", Traps: readFixture(tb, "testdata/messages.txt")}},
	}
}

func TestDecoder_KeepsTheContract(t *testing.T) { decodertest.Run(t, format(t)) }

func TestDecoder_ReadsEveryTrap(t *testing.T) { decodertest.Golden(t, format(t)) }

// mixed joins records, each in a form of its own: as it is, in a log file or in an envelope.
// Lines of text and objects of no log are before and behind them.
func mixed(raws ...[]byte) []byte {
	log := []byte("START 1\n{'a': 1}\n{}")
	for _, raw := range raws {
		switch form := len(raw) % 3; {
		case form == 0 || !json.Valid(raw): // elsewhere, that would be the end
			log = append(log, logtest.Envelope(raw)...)
		case form == 1 && isEvent(raw):
			log = slices.Concat(log, []byte(`{"Records":[`), raw, []byte("]}\n"))
		default:
			log = append(log, raw...)
		}
	}
	return append(log, "\n{\"a\":1}\nEND 1"...)
}

func mixedFormat(tb testing.TB) decodertest.Format {
	tb.Helper()
	f := format(tb)
	f.Join = mixed
	f.NotLogs = map[string]string{
		"text alone": "START 1\nEND 1\n", "text that begins as JSON": "{'a': 1}\n{a}\n", "an array": `[{"schema_version_id":"V_1_0"}]`,
		"objects of other logs": `{"level":"info"}{"version":2}`, "a log file of others": `{"Records":[{"Sns":{}}]}`, "a byte order mark": "\ufeff1",
		"what is broken before any record": `{"level":"info"}{"lev`, "a record with text before it": `2026-07-02T08:15:42Z {"schema_version_id":"V_1_0"}`,
	}
	f.Empty = append(f.Empty, `{"Records":[]}`, "\ufeff")
	return f
}

func TestDecoder_KeepsTheContractWithAllFormsMixed(t *testing.T) { decodertest.Run(t, mixedFormat(t)) }

func exportFormat(tb testing.TB) decodertest.Format {
	tb.Helper()
	f := format(tb)
	f.New = func() record.Decoder { return NewExportDecoder(nil) }
	f.Join = logtest.ExportLines
	f.NotLogs = map[string]string{
		"lines of other logs": "2026-07-02T08:15:42.318Z 2 111122223333 eni-0\n2026-07-02T08:15:42.318Z {\"level\":\"info\"}\n",
		"a line too long":     "2026-07-02T08:15:42.318Z " + strings.Repeat("x", 100),
	}
	f.Fixtures[0].Path = "testdata/lines"
	// A line feed that is missing is no part of a record.
	f.Less = func(cut, whole decodertest.Text) string {
		if cut != whole {
			return "it differs"
		}
		return ""
	}
	return f
}

func TestExportDecoder_KeepsTheContract(t *testing.T) { decodertest.Run(t, exportFormat(t)) }

func TestExportDecoder_ReadsEveryTrap(t *testing.T) { decodertest.Golden(t, exportFormat(t)) }
