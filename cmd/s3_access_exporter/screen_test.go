package main

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3access/s3_access_exporter/collector"
	"github.com/s3access/s3_access_exporter/scanner/dirsource"
	"github.com/s3access/s3_access_exporter/scanner/once"
	"github.com/s3access/s3_access_exporter/scanner/source"
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

func terminalOf(columns int) (*screen, *bytes.Buffer) {
	var written bytes.Buffer
	return &screen{w: &written, width: func() (int, bool) { return columns, columns > 0 }}, &written
}

func TestScreen_KeepsTheLogAboveTheLineThatChanges(t *testing.T) {
	s, written := terminalOf(80)
	s.show("1 of 2")
	fmt.Fprintln(s, "first")
	fmt.Fprintln(s, "second")
	s.show("2 of 2")
	if got := strings.Join(shown(written.String()), "|"); got != "first|second|2 of 2" {
		t.Errorf("%q", got)
	}
	s.show("")
	fmt.Fprintln(s, "third")
	if got := strings.Join(shown(written.String()), "|"); got != "first|second|third|" {
		t.Errorf("%q", got)
	}
}

func TestScreen_CutsTheLineToTheWidth(t *testing.T) {
	for columns, want := range map[int]string{1: "", 2: "ä", 4: "äöü", 5: "äöü!", 80: "äöü!"} {
		s, written := terminalOf(columns)
		s.show("äöü!")
		if got := shown(written.String())[0]; got != want {
			t.Errorf("%d columns: %q, want %q", columns, got, want)
		}
	}
}

func TestScreen_ShowsNothingWhereItIsNoTerminal(t *testing.T) {
	s, written := terminalOf(0)
	s.show("1 of 2")
	stop := showProgress(s, new(once.Progress))
	fmt.Fprintln(s, "a line")
	stop()
	if written.String() != "a line\n" {
		t.Errorf("%q", written.String())
	}
}

func TestProgress_LeavesNothingBehind(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, written := terminalOf(80)
		stop := showProgress(s, new(once.Progress))
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
	counters, err := collector.New(collector.Config{})
	if err != nil {
		t.Fatal(err)
	}
	src, err := dirsource.New(singleObjectBucket(t, manyLines()))
	if err != nil {
		t.Fatal(err)
	}
	var p once.Progress
	bar := newProgressBar()
	if got, want := bar.text(&p), "0 of 0 or more objects"; !strings.HasPrefix(got, want) {
		t.Errorf("before: %q, want %q", got, want)
	}
	cfg := once.Config{Locations: []source.Location{{Name: "here", Source: src}}}
	if _, err := once.Run(t.Context(), cfg, once.Query{Progress: &p}, counting{counters}); err != nil {
		t.Fatal(err)
	}
	if got := bar.text(&p); !regexp.MustCompile(`^1 of 1 objects +\d+% \[[=>.]+\] \(7\.\d/7\.\d MiB(, .*/s)?\) \[\d+s:\d+s\]$`).MatchString(got) {
		t.Errorf("after: %q", got)
	}
}
