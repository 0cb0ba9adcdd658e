package terminal

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// shown returns the lines that a terminal shows of what was written to it.
func shown(written string) []string {
	lines := strings.Split(written, "\n")
	for i, line := range lines {
		lines[i] = line[strings.LastIndex(line, eraseLine)+1:]
		lines[i] = strings.TrimPrefix(lines[i], eraseLine[1:])
	}
	return lines
}

func terminalOf(columns int) (*Screen, *bytes.Buffer) {
	var written bytes.Buffer
	return &Screen{w: &written, width: func() (int, bool) { return columns, columns > 0 }}, &written
}

func TestScreen_KeepsTheLogAboveTheLineThatChanges(t *testing.T) {
	s, written := terminalOf(80)
	s.Show("1 of 2")
	fmt.Fprintln(s, "first")
	fmt.Fprintln(s, "second")
	s.Show("2 of 2")
	if got := strings.Join(shown(written.String()), "|"); got != "first|second|2 of 2" {
		t.Errorf("%q", got)
	}
	s.Show("")
	fmt.Fprintln(s, "third")
	if got := strings.Join(shown(written.String()), "|"); got != "first|second|third|" {
		t.Errorf("%q", got)
	}
}

func TestScreen_CutsTheLineToTheWidth(t *testing.T) {
	for columns, want := range map[int]string{1: "", 2: "ä", 4: "äöü", 5: "äöü!", 80: "äöü!"} {
		s, written := terminalOf(columns)
		s.Show("äöü!")
		if got := shown(written.String())[0]; got != want {
			t.Errorf("%d columns: %q, want %q", columns, got, want)
		}
	}
}

func TestScreen_ShowsNothingWhereItIsNoTerminal(t *testing.T) {
	s, written := terminalOf(0)
	s.Show("1 of 2")
	stop := ShowProgress(s, func() Progress { return Progress{} })
	fmt.Fprintln(s, "a line")
	stop()
	if written.String() != "a line\n" {
		t.Errorf("%q", written.String())
	}
}

func TestProgress_LeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, written := terminalOf(80)
		stop := ShowProgress(s, func() Progress { return Progress{} })
		time.Sleep(time.Second) // of the bubble's clock
		synctest.Wait()
		stop()
		if !strings.Contains(written.String(), "0 of 0 or more objects") {
			t.Errorf("%q", written.String())
		}
		if got := shown(written.String()); len(got) != 1 || got[0] != "" {
			t.Errorf("%q is left", got)
		}
	})
}

func TestProgress_TellsObjectsAndBytes(t *testing.T) {
	bar := newProgressBar()
	if got, want := bar.text(Progress{}), "0 of 0 or more objects"; !strings.HasPrefix(got, want) {
		t.Errorf("before: %q, want %q", got, want)
	}
	all := Amount{Objects: 2, Bytes: 15 << 19} // 7.5 MiB
	got := bar.text(Progress{Done: all, Found: all, Complete: true})
	if !regexp.MustCompile(`^2 of 2 objects +\d+% \[[=>.]+\] \(7\.5/7\.5 MiB(, .*/s)?\) \[\d+s:\d+s\]$`).MatchString(got) {
		t.Errorf("after: %q", got)
	}
}
