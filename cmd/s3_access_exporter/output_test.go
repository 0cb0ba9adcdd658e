package main

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"unicode"

	"github.com/rivo/uniseg"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/query"
)

// written returns what a format makes of rows of text.
func written(t *testing.T, format string, names []string, rows ...[]string) string {
	t.Helper()
	var columns []column
	for _, name := range names {
		columns = append(columns, column{name, query.KindText})
	}
	var out strings.Builder
	writeRows(t, newRowWriter(format, &out, columns), rows)
	return out.String()
}

func writeRows(t *testing.T, w rowWriter, rows [][]string) {
	t.Helper()
	for _, row := range rows {
		var cells []cell
		for _, text := range row {
			cells = append(cells, cell{text, text != ""})
		}
		if err := w.write(cells); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.close(); err != nil {
		t.Fatal(err)
	}
}

// hostileTexts are what clients may write into a log.
func hostileTexts() []string {
	return []string{
		"\x1b[2J\x1b]0;title\a", "a\nb\r\tc\x00", "\u009b31mred", "\x7f\u0085", "\u202etxt.exe", "\"quoted\" \\ <b>&", `";DROP`, "a,b", "=1+1",
	}
}

func TestRows_LetNoControlCharacterThrough(t *testing.T) {
	for _, format := range []string{formatTable, formatJSON, formatCSV} {
		for _, text := range hostileTexts() {
			out := written(t, format, []string{"user_agent"}, []string{text})
			for _, c := range out {
				if unicode.IsControl(c) && c != '\n' {
					t.Errorf("%s: %q is written as %q", format, text, out)
				}
			}
			lines := map[string]int{formatTable: 2, formatJSON: 1, formatCSV: 2}
			if got := strings.Count(out, "\n"); got != lines[format] {
				t.Errorf("%s: %q is written in %d lines", format, text, got)
			}
		}
	}
}

func TestRows_JSONIsReadBackAsItWas(t *testing.T) {
	for _, text := range append(hostileTexts(), "plain", "ünïcödé 日本", "\uFFFD") {
		var row map[string]any
		if err := json.Unmarshal([]byte(written(t, formatJSON, []string{"key", "client"}, []string{text, ""})), &row); err != nil {
			t.Fatal(err)
		}
		if row["key"] != text || row["client"] != nil {
			t.Errorf("%q is read back as %v", text, row)
		}
	}
}

func TestRows_CSVIsReadBackAsItWas(t *testing.T) {
	for _, text := range []string{"\"quoted\" \\ <b>&", "a,b", "", "ünïcödé"} {
		rows, err := csv.NewReader(strings.NewReader(written(t, formatCSV, []string{"a", "b"}, []string{text, "x"}))).ReadAll()
		if err != nil || len(rows) != 2 || rows[0][1] != "b" || rows[1][0] != text || rows[1][1] != "x" {
			t.Errorf("%q is read back as %q, %v", text, rows, err)
		}
	}
}

func TestTable_MakesNumbersReadable(t *testing.T) {
	for _, test := range []struct {
		kind query.Kind
		text string
		want string
	}{
		{query.KindNumber, "1234567", "1,234,567"},
		{query.KindNumber, "0", "0"},
		{query.KindBytes, "0", "0 B"},
		{query.KindBytes, "1288490189", "1.2 GiB"},
		{query.KindBytes, "9223372036854775807", "8.0 EiB"},
		{query.KindTime, "2026-01-15T08:00:00Z", "2026-01-15T08:00:00Z"},
		{query.KindText, "1234567", "1234567"},
		{query.KindText, "a b", "a b"},
		{query.KindText, "a\tb", `"a\tb"`},
		{query.KindText, "", "-"},
	} {
		if got := readable(cell{test.text, test.text != ""}, test.kind); got != test.want {
			t.Errorf("%s is %q, want %q", test.text, got, test.want)
		}
	}
}

func TestTable_FitsIntoATerminal(t *testing.T) {
	rows := [][]string{
		{"2026-01-15", "GetObject", strings.Repeat("images/", 20) + "a.jpg", "arn:aws:sts::111122223333:assumed-role/web-shop/i-0a1b2c3d4e5f60718"},
		{"2026-01-15", "GetObject", strings.Repeat("日本語", 30), "arn:aws:iam::111122223333:user/cms"},
	}
	columns := []column{{"time", query.KindTime}, {"operation", query.KindText}, {"key", query.KindText}, {"requester", query.KindText}}
	for _, room := range []int{0, 200, 120, 80, 60} {
		var out strings.Builder
		table := newTextTable(&out, columns)
		table.room = room
		writeRows(t, table, rows)
		lines := strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n")
		if len(lines) != 3 {
			t.Fatalf("%d lines", len(lines))
		}
		for _, line := range lines {
			if width := uniseg.StringWidth(line); room > 0 && width > room {
				t.Errorf("in %d columns, a line has %d: %s", room, width, line)
			}
		}
		if cut := strings.Contains(out.String(), "…"); cut != (room > 0) {
			t.Errorf("in %d columns, is it cut? %t", room, cut)
		}
		if !strings.Contains(lines[1], "GetObject") {
			t.Errorf("a narrow column is cut: %s", lines[1])
		}
	}
}

func TestTable_IsWholeInAFile(t *testing.T) {
	path := writeFile(t, "table.txt", "")
	file, err := os.OpenFile(path, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("images/", 100)
	writeRows(t, newRowWriter(formatTable, file, []column{{"key", query.KindText}}), [][]string{{long}})
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "KEY\n"+long+"\n" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestTable_WritesPagesAsTheyAreFull(t *testing.T) {
	var out strings.Builder
	table := newTextTable(&out, []column{{"key", query.KindText}, {"client", query.KindText}})
	for i := range 3 * pageRows {
		if err := table.write([]cell{{fmt.Sprint(i), true}, {"x", true}}); err != nil {
			t.Fatal(err)
		}
	}
	if len(table.page) > 0 {
		t.Errorf("%d rows are held", len(table.page))
	}
	wide := strings.Repeat("w", 20)
	if err := table.write([]cell{{wide, true}, {"x", true}}); err != nil {
		t.Fatal(err)
	}
	if err := table.close(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	if lines[0] != "KEY  CLIENT" || lines[1] != "0    x" || lines[pageRows+1] != fmt.Sprint(pageRows)+"  x" || lines[3*pageRows+1] != wide+"  x" {
		t.Errorf("%q, %q, %q", lines[0], lines[1], lines[3*pageRows+1])
	}
}

func TestRows_TellThatTheyCannotBeWritten(t *testing.T) {
	for _, format := range []string{formatTable, formatJSON, formatCSV} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		_, _ = r.Close(), w.Close()
		rows := newRowWriter(format, w, []column{{"key", query.KindText}})
		err = rows.write([]cell{{"a", true}})
		if err == nil {
			err = rows.close()
		}
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s: %v", format, err)
		}
	}
}
