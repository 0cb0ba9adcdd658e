package rows

import (
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/rivo/uniseg"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/hostile"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
)

// written returns what a format makes of rows of text.
func written(t *testing.T, format string, names []string, rows ...[]string) string {
	t.Helper()
	var columns []Column
	for _, name := range names {
		columns = append(columns, Column{name, query.KindText})
	}
	var out strings.Builder
	writeRows(t, New(format, &out, columns), rows)
	return out.String()
}

func writeRows(t *testing.T, w Writer, rows [][]string) {
	t.Helper()
	for _, row := range rows {
		var cells []Cell
		for _, text := range row {
			cells = append(cells, Cell{text, text != ""})
		}
		if err := w.Write(cells); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// hostileTexts are what clients may write into a log.
func hostileTexts() []string {
	return []string{
		"\x1b[2J\x1b]0;title\a", "a\nb\r\tc\x00", "\u009b31mred", "\x7f\u0085", "\u202etxt.exe", "\"quoted\" \\ <b>&", `";DROP`, "a,b", "=1+1",
	}
}

func TestRows_LetNothingThroughThatDeceives(t *testing.T) {
	for _, format := range []string{Table, JSON, CSV} {
		for _, text := range hostileTexts() {
			out := written(t, format, []string{"user_agent"}, []string{text})
			for _, c := range out {
				if hostile.Deceives(c) && c != '\n' {
					t.Errorf("%s: %q is written as %q", format, text, out)
				}
			}
			lines := map[string]int{Table: 2, JSON: 1, CSV: 2}
			if got := strings.Count(out, "\n"); got != lines[format] {
				t.Errorf("%s: %q is written in %d lines", format, text, got)
			}
		}
	}
}

func TestRows_JSONIsReadBackAsItWas(t *testing.T) {
	for _, text := range append(hostileTexts(), "plain", "ünïcödé 日本", "\uFFFD") {
		var row map[string]any
		if err := json.Unmarshal([]byte(written(t, JSON, []string{"key", "client"}, []string{text, ""})), &row); err != nil {
			t.Fatal(err)
		}
		if row["key"] != text || row["client"] != nil {
			t.Errorf("%q is read back as %v", text, row)
		}
	}
}

func TestRows_CSVIsReadBackAsItWas(t *testing.T) {
	for _, text := range []string{"\"quoted\" \\ <b>&", "a,b", "", "ünïcödé"} {
		rows, err := csv.NewReader(strings.NewReader(written(t, CSV, []string{"a", "b"}, []string{text, "x"}))).ReadAll()
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
		if got := readable(Cell{test.text, test.text != ""}, test.kind); got != test.want {
			t.Errorf("%s is %q, want %q", test.text, got, test.want)
		}
	}
}

func TestTable_FitsIntoATerminal(t *testing.T) {
	rows := [][]string{
		{"2026-01-15", "GetObject", strings.Repeat("images/", 20) + "a.jpg", "arn:aws:sts::111122223333:assumed-role/web-shop/i-0a1b2c3d4e5f60718"},
		{"2026-01-15", "GetObject", strings.Repeat("日本語", 30), "arn:aws:iam::111122223333:user/cms"},
	}
	columns := []Column{{"time", query.KindTime}, {"operation", query.KindText}, {"key", query.KindText}, {"requester", query.KindText}}
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
	path := filepath.Join(t.TempDir(), "table.txt")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("images/", 100)
	writeRows(t, New(Table, file, []Column{{"key", query.KindText}}), [][]string{{long}})
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(path); err != nil || string(got) != "KEY\n"+long+"\n" {
		t.Errorf("%q, %v", got, err)
	}
}

func TestTable_WritesPagesAsTheyAreFull(t *testing.T) {
	var out strings.Builder
	table := newTextTable(&out, []Column{{"key", query.KindText}, {"client", query.KindText}})
	for i := range 3 * pageRows {
		if err := table.Write([]Cell{{fmt.Sprint(i), true}, {"x", true}}); err != nil {
			t.Fatal(err)
		}
	}
	if len(table.page) > 0 {
		t.Errorf("%d rows are held", len(table.page))
	}
	wide := strings.Repeat("w", 20)
	if err := table.Write([]Cell{{wide, true}, {"x", true}}); err != nil {
		t.Fatal(err)
	}
	if err := table.Close(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(out.String(), "\n")
	if lines[0] != "KEY  CLIENT" || lines[1] != "0    x" || lines[pageRows+1] != fmt.Sprint(pageRows)+"  x" || lines[3*pageRows+1] != wide+"  x" {
		t.Errorf("%q, %q, %q", lines[0], lines[1], lines[3*pageRows+1])
	}
}

func TestRows_TellThatTheyCannotBeWritten(t *testing.T) {
	for _, format := range []string{Table, JSON, CSV} {
		r, w, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		_, _ = r.Close(), w.Close()
		rows := New(format, w, []Column{{"key", query.KindText}})
		err = rows.Write([]Cell{{"a", true}})
		if err == nil {
			err = rows.Close()
		}
		if !errors.Is(err, os.ErrClosed) {
			t.Errorf("%s: %v", format, err)
		}
	}
}
