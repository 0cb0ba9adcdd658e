package rows

import (
	"io"
	"strings"

	"github.com/rivo/uniseg"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/terminal"
)

// Sentence returns a line of words for what stands above and below a table: on a terminal
// in as many lines as they have room in, broken between words.
func Sentence(w io.Writer, text string) string {
	room, ok := terminal.Width(w)
	if !ok {
		return text + "\n"
	}
	return wrapped(text, room)
}

func wrapped(text string, room int) string {
	out := lines{room: room, gap: " "}
	for word := range strings.FieldsSeq(text) {
		out.add(word)
	}
	return out.text()
}

// lines are those of one row of a table, or of a sentence.
type lines struct {
	room int    // columns of each line; 0: there is one line of any width
	gap  string // between two cells
	all  []string
	line string // the last one
}

// add adds a cell with its padding: to the last line if it has room for it.
func (l *lines) add(cell string) {
	if l.line == "" && len(l.all) == 0 {
		l.begin("", cell)
		return
	}
	// The padding at the end of a line needs no room.
	width := uniseg.StringWidth(l.line) + len(l.gap) + uniseg.StringWidth(strings.TrimRight(cell, " "))
	if l.room == 0 || width <= l.room {
		l.line += l.gap + cell
		return
	}
	l.end()
	l.begin(indent, strings.TrimLeft(cell, " "))
}

// begin begins a line with a cell. One that is wider than a line takes several.
func (l *lines) begin(indentation, cell string) {
	for text := cell; ; indentation = indent {
		room := l.room - len(indentation)
		first, rest := breakText(text, room)
		l.line = indentation + first
		if l.room == 0 || rest == "" {
			return
		}
		l.end()
		text = rest
	}
}

func (l *lines) end() {
	l.all = append(l.all, strings.TrimRight(l.line, " "))
	l.line = ""
}

func (l *lines) text() string {
	l.end()
	return strings.Join(l.all, "\n") + "\n"
}

// separators are characters behind which a text may go on in the next line: such as
// keys, ARNs and user agents have between their words.
const separators = " /:;,.=&?_-"

// breakText returns as much of a text as has room in a line, and the rest: broken behind
// a separator if there is one.
func breakText(text string, room int) (first, rest string) {
	if uniseg.StringWidth(strings.TrimRight(text, " ")) <= room || room <= 0 {
		return text, ""
	}
	end, word, width, state := 0, 0, 0, -1
	for left := text; left != ""; {
		var character string
		var columns int
		character, left, columns, state = uniseg.FirstGraphemeClusterInString(left, state)
		if width += columns; width > room && end > 0 {
			break
		}
		end += len(character)
		if strings.Contains(separators, character) {
			word = end
		}
	}
	if word > 0 {
		end = word
	}
	return text[:end], text[end:]
}
