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

func TestTable_GoesOnInTheNextLineColumnByColumn(t *testing.T) {
	rows := [][]string{
		{"2026-01-15T08:00:00Z", "GetObject", strings.Repeat("images/", 20) + "a.jpg", "1234", "arn:aws:sts::111122223333:assumed-role/web-shop/i-0a1b2c3d4e5f60718"},
		{"2026-01-15T08:00:00Z", "GetObject", "b.jpg", "7", "arn:aws:iam::111122223333:user/cms"},
		{"2026-01-15T08:00:00Z", "GetObject", strings.Repeat("日本語", 30), "", "-"},
	}
	columns := []Column{
		{"time", query.KindTime}, {"operation", query.KindText}, {"key", query.KindText}, {"requests", query.KindNumber}, {"requester", query.KindText},
	}
	for _, room := range []int{0, 400, 200, 120, 80, 60, 20} {
		var out strings.Builder
		table := newTextTable(&out, columns)
		table.room = room
		writeRows(t, table, rows)
		found := 0 // rows
		for line := range strings.Lines(out.String()) {
			line = strings.TrimSuffix(line, "\n")
			if width := uniseg.StringWidth(line); room > 0 && width > room {
				t.Errorf("in %d columns, a line has %d: %s", room, width, line)
			}
			if !strings.HasPrefix(line, indent) {
				found++
			}
			if rest := strings.TrimRight(line, separators); room >= 60 && strings.Contains(line, "images/") && rest != strings.TrimRight(line, "/") {
				t.Errorf("in %d columns, a line ends in the middle of a word: %s", room, line)
			}
		}
		if found != 1+len(rows) || room == 0 && strings.Count(out.String(), "\n") != found {
			t.Errorf("in %d columns, there are %d rows:\n%s", room, found, out.String())
		}
		// Nothing is lost.
		joined := strings.Join(strings.Fields(out.String()), "")
		for _, row := range rows {
			for i, text := range row {
				if i != 3 && !strings.Contains(joined, text) {
					t.Errorf("in %d columns, %s is missing:\n%s", room, text, out.String())
				}
			}
		}
	}
}

func TestTable_LooksLikeThisIn80Columns(t *testing.T) {
	var out strings.Builder
	table := newTextTable(&out, []Column{
		{"log", query.KindText},
		{"requester", query.KindText},
		{"client", query.KindText},
		{"requests", query.KindNumber},
		{"sent_bytes", query.KindBytes},
		{"first_seen", query.KindTime},
		{"last_seen", query.KindTime},
	})
	table.room = 80
	writeRows(t, table, [][]string{
		{"cloudtrail", "arn:aws:sts::111122223333:assumed-role/web-shop", "boto3", "1234567", "1024", "2026-01-15T08:00:00Z", "2026-01-15T09:00:00Z"},
		{"server_access", "anonymous", "curl", "3", "0", "2026-01-15T08:00:00Z", "2026-01-15T09:00:00Z"},
	})
	const want = `LOG            REQUESTER                   CLIENT   REQUESTS  SENT_BYTES
    FIRST_SEEN            LAST_SEEN
cloudtrail     arn:aws:sts::111122223333:assumed-role/web-shop  boto3
    1,234,567     1.0 KiB  2026-01-15T08:00:00Z  2026-01-15T09:00:00Z
server_access  anonymous                   curl            3         0 B
    2026-01-15T08:00:00Z  2026-01-15T09:00:00Z
`
	if out.String() != want {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

func TestSentence_BreaksBetweenWords(t *testing.T) {
	const text = "server_access: 7 requests, from 2026-01-15T08:00:00Z to 2026-01-15T09:00:00Z"
	const want = "server_access: 7 requests, from\n    2026-01-15T08:00:00Z to\n    2026-01-15T09:00:00Z\n"
	if got := wrapped(text, 40); got != want {
		t.Errorf("got\n%s", got)
	}
	if got := Sentence(&strings.Builder{}, text); got != text+"\n" {
		t.Errorf("in a file it is %q", got)
	}
	if got := wrapped("", 40); got != "\n" {
		t.Errorf("an empty line is %q", got)
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
