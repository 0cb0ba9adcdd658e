package web

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/price"
	"github.com/s3access/s3_access_exporter/scanner"
)

// maxRows is how many rows a table of the status page has at most. The JSON has
// all of them.
const maxRows = 200

// statusView is what the status page shows.
type statusView struct {
	scanner.Status
	Findings []finding
	Streams  table[streamRow] // the silent ones first, then those that lag most
	Objects  table[objectRow] // the quarantined ones first
	Coverage *coverageView    // nil: nobody looks
	Calls    []callRow
	Cost     cost
}

// finding is something that is not well.
type finding struct {
	Grave bool // it does not pass by itself
	Text  string
	Link  string // to the part of the page with the details; may be empty
}

type streamRow struct {
	Location string
	scanner.StreamStatus
}

type objectRow struct {
	Location    string
	Quarantined bool
	scanner.ObjectStatus
}

// callRow is the requests to S3 of one operation.
type callRow struct {
	Operation string
	Requests  int
	Price     float64 // of 1,000, in dollars
	Cost      float64 // in dollars
}

// table is the beginning of a table.
type table[T any] struct {
	Rows []T
	All  int // rows, also those that are left out
}

// More returns how many rows are left out.
func (t table[T]) More() int { return t.All - len(t.Rows) }

func newTable[T any](rows []T) table[T] {
	return table[T]{Rows: rows[:min(len(rows), maxRows)], All: len(rows)}
}

func newStatusView(status scanner.Status, role *Role, looked *coverageView) statusView {
	var streams []streamRow
	var quarantined, pending []objectRow
	silent := 0
	for _, l := range status.Locations {
		for _, s := range l.Streams {
			streams = append(streams, streamRow{l.Name, s})
			if s.Silent {
				silent++
			}
		}
		for _, o := range l.Quarantined {
			quarantined = append(quarantined, objectRow{l.Name, true, o})
		}
		for _, o := range l.Pending {
			pending = append(pending, objectRow{l.Name, false, o})
		}
	}
	slices.SortStableFunc(streams, bySilence)
	view := statusView{
		Status:   status,
		Findings: findings(status, role, len(quarantined), len(pending), silent),
		Streams:  newTable(streams),
		Objects:  newTable(slices.Concat(quarantined, pending)),
		Coverage: looked,
		Cost:     costOf(status),
	}
	view.Findings = append(view.Findings, looked.findings()...)
	for _, operation := range slices.Sorted(maps.Keys(status.Requests)) {
		n, each := status.Requests[operation], price.Request(operation)
		view.Calls = append(view.Calls, callRow{
			Operation: operation,
			Requests:  int(n),
			Price:     price.Dollars(1000 * each),
			Cost:      price.Dollars(n * each),
		})
	}
	return view
}

// bySilence orders streams: the silent ones first, then by lag.
func bySilence(a, b streamRow) int {
	switch {
	case a.Silent && !b.Silent:
		return -1
	case b.Silent && !a.Silent:
		return 1
	}
	return cmp.Compare(b.Lag, a.Lag)
}

// findings lists what is not well, the gravest first.
func findings(status scanner.Status, role *Role, quarantined, pending, silent int) []finding {
	var found []finding
	if status.CommitError != "" {
		found = append(found, finding{true, "The checkpoint cannot be written, and nothing is counted until it can: " + status.CommitError, ""})
	}
	for _, l := range status.Locations {
		if l.PollError != "" {
			found = append(found, finding{true, l.Name + " cannot be listed: " + l.PollError, "#locations"})
		}
	}
	for _, l := range status.Locations {
		if l.NotLookedAt && l.PollError == "" {
			found = append(found, finding{true, "Objects in " + l.Name + " could not be looked at: whether they are log objects is not known.", "#skipped"})
		}
	}
	if n := status.DoubleCounted.Buckets; n > 0 {
		found = append(found, finding{true, requestsOf(n) + " count twice: they lie in two places that are both read.", "#twice"})
	}
	if quarantined > 0 {
		found = append(found, finding{true, plural(quarantined, "object") + " quarantined: not counted, and tried again at the next start, or once changed.", "#objects"})
	}
	found = append(found, uncounted(status)...)
	if pending > 0 {
		found = append(found, finding{false, plural(pending, "object") + " pending: could not be read yet, and will be tried again.", "#objects"})
	}
	if silent > 0 {
		found = append(found, finding{false, plural(silent, "stream") + " silent for more than three times the usual rhythm.", "#streams"})
	}
	for _, l := range status.Locations {
		switch {
		case !l.Ready:
			found = append(found, finding{false, "Not ready: still reading what lay in " + l.Name + " at the start.", "#locations"})
		case len(l.Streams) == 0 && l.OtherStreams > 0: // they are others' to read
		case len(l.Streams) == 0 && l.BeforeStart == 0:
			found = append(found, finding{false, "No logs were found in " + l.Name + " so far.", ""})
		case l.BeforeStart > 0 && !slices.ContainsFunc(l.Streams, func(s scanner.StreamStatus) bool { return s.NewestTime.After(l.Start) }):
			found = append(found, finding{false, "Nothing in " + l.Name + " is newer than " + l.Start.UTC().Format(time.RFC3339) +
				", where it starts: " + beforeStart(l) + " before that and not counted.", ""})
		}
	}
	switch {
	case role != nil && !role.Active:
		found = append(found, finding{false, strings.ToUpper(role.standby()[:1]) + role.standby()[1:] + ". What was counted is shown there.", ""})
	case len(status.Locations) == 0:
		found = append(found, finding{false, "Not ready: starting or ending.", ""})
	}
	return found
}

// uncounted lists what was found and is not counted, and never will be.
func uncounted(status scanner.Status) []finding {
	mayHold := 0
	for _, l := range status.Locations {
		for _, s := range l.Skipped {
			if s.Reason.MayHoldRequests() {
				mayHold += s.Objects
			}
		}
	}
	var found []finding
	for _, u := range []struct {
		n                int
		what, text, link string
	}{
		{int(status.Uncounted.MalformedRecords), "record", " malformed: not counted. The log names the objects.", ""},
		{mayHold, "object", " skipped that may hold requests.", "#skipped"},
		{int(status.Uncounted.GoneObjects), "object", " gone before being read: not counted. The log names each.", ""},
		{int(status.Uncounted.ResizedObjects), "object", " of another size than when counted: what was read then counts. The log names some.", ""},
	} {
		if u.n > 0 {
			found = append(found, finding{false, plural(u.n, u.what) + u.text, u.link})
		}
	}
	return found
}

// requestsOf returns whose requests are meant, of so many buckets.
func requestsOf(buckets int) string {
	if buckets == 1 {
		return "The requests of 1 bucket"
	}
	return "The requests of " + groupDigits(buckets) + " buckets"
}

// beforeStart returns how many log objects lie before a location's start.
func beforeStart(l scanner.LocationStatus) string {
	if l.BeforeStartMore {
		return "more than " + groupDigits(l.BeforeStart) + " log objects are"
	}
	return plural(l.BeforeStart, "log object")
}

// moment is a time as the page shows it.
type moment struct {
	Exact    string // RFC 3339, UTC
	Relative string // to the page's time
}

// Moment returns how to show a time, nil if it is not known.
func (v statusView) Moment(t time.Time) *moment {
	if t.IsZero() {
		return nil
	}
	m := &moment{Exact: t.UTC().Format(time.RFC3339)}
	switch age := v.Time.Sub(t).Truncate(time.Second); {
	case age > 0:
		m.Relative = formatSpan(int64(age/time.Second)) + " ago"
	case age < 0:
		m.Relative = "in " + formatSpan(int64(-age/time.Second))
	default:
		m.Relative = "now"
	}
	return m
}

// objectName is an object of a stream as the page names it: its time, and its
// key behind the last slash. What stands before follows from the stream and the time.
type objectName struct {
	Name   string // empty: there is none
	Moment *moment
}

// Object returns how to name an object.
func (v statusView) Object(key string, t time.Time) objectName {
	return objectName{Name: key[strings.LastIndexByte(key, '/')+1:], Moment: v.Moment(t)}
}

// formatSpan writes a number of seconds in its one or two largest units.
func formatSpan(seconds int64) string {
	const minute, hour, day = 60, 60 * 60, 24 * 60 * 60
	two := func(large int64, largeUnit string, small int64, smallUnit string) string {
		text := groupDigits(int(seconds/large)) + " " + largeUnit
		if rest := seconds % large / small; rest > 0 {
			text += fmt.Sprintf(" %d %s", rest, smallUnit)
		}
		return text
	}
	switch {
	case seconds < minute:
		return fmt.Sprint(seconds, " s")
	case seconds < hour:
		return fmt.Sprint(seconds/minute, " min")
	case seconds < 2*day:
		return two(hour, "h", minute, "min")
	}
	return two(day, "d", hour, "h")
}

// groupDigits writes a number that is not negative in groups of three digits.
func groupDigits(n int) string {
	text := strconv.Itoa(n)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

func plural(n int, what string) string {
	if n == 1 {
		return "1 " + what + " is"
	}
	return groupDigits(n) + " " + what + "s are"
}

// formatPrice writes dollars exactly.
func formatPrice(amount float64) string { return "$" + strconv.FormatFloat(amount, 'f', -1, 64) }

// formatUSD writes dollars to the cent, or to four digits where they are few.
func formatUSD(amount float64) string {
	switch {
	case amount >= 1:
		cents := int(amount*100 + .5)
		return fmt.Sprintf("$%s.%02d", groupDigits(cents/100), cents%100)
	case amount > 0 && amount < .0001:
		return "< $0.0001"
	}
	return fmt.Sprintf("$%.4f", amount)
}
