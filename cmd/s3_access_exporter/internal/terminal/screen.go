// Package terminal writes to terminals: Screen is standard error with a line that
// changes, ShowProgress fills that line.
package terminal

import (
	"io"
	"os"
	"sync"

	"golang.org/x/term"
)

// Screen is standard error. On a terminal it has a line that changes, below all
// others. It may be written to from any goroutine.
type Screen struct {
	w     io.Writer
	width func() (columns int, ok bool) // of the terminal, if it is one

	mu   sync.Mutex
	line string // that changes; empty: none is shown
}

// eraseLine erases the line that the cursor is in, and puts the cursor to its
// beginning (ECMA-48: EL).
const eraseLine = "\x1b[2K\r"

// New returns the Screen that writes to w.
func New(w io.Writer) *Screen {
	return &Screen{w: w, width: func() (int, bool) { return Width(w) }}
}

// Width returns the width of a terminal, if a writer is one. One that does
// not know its width is taken for a narrow one.
func Width(w io.Writer) (columns int, ok bool) {
	file, ok := w.(*os.File)
	if !ok {
		return 0, false
	}
	columns, _, err := term.GetSize(int(file.Fd()))
	if columns == 0 {
		columns = 80
	}
	return columns, err == nil
}

// Write implements io.Writer. What is written are whole lines.
func (s *Screen) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.line == "" {
		return s.w.Write(p)
	}
	// Where the terminal cannot be written to, the line does not matter.
	_, _ = io.WriteString(s.w, eraseLine)
	defer func() { _, _ = io.WriteString(s.w, s.line) }()
	return s.w.Write(p)
}

// Show makes a text the line that changes, as much of it as there is room for.
// The empty text erases it. Nothing happens if this is no terminal.
func (s *Screen) Show(text string) {
	columns, ok := s.width()
	if !ok {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	line := []rune(text)
	s.line = string(line[:min(len(line), max(columns-1, 0))])
	_, _ = io.WriteString(s.w, eraseLine+s.line)
}
