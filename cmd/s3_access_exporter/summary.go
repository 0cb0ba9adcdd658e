package main

import (
	"cmp"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dustin/go-humanize"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/once"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// summaryText is the last line of a command that looks once at what lies there: what it
// looked at, and what it left out, so that nothing matches and nothing was there never
// look alike. candidates: requests that cannot match were passed over, and not counted.
func summaryText(s *once.Summary, candidates bool) string {
	line := fmt.Sprintf("%s (%s)", counted(s.Objects, "log object"), humanize.IBytes(uint64(s.Bytes)))
	if s.Objects > 0 {
		line += ": " + requestsText(s, candidates)
	}
	if n := len(s.Unread); n > 0 {
		line += fmt.Sprintf("; could not read %s", counted(int64(n), "log object"))
	}
	if s.NewSchema > 0 {
		line += fmt.Sprintf("; %s of a schema version that is not known, read as far as it is", counted(s.NewSchema, "request"))
	}
	if skipped := skippedText(s); skipped != "" {
		line += "; skipped " + skipped
	}
	return line
}

func requestsText(s *once.Summary, candidates bool) string {
	what := "request"
	if candidates {
		what = "candidate request"
	}
	var byLog []string
	total := int64(0)
	for _, log := range record.Logs() {
		if n := s.Requests[log]; n > 0 {
			byLog = append(byLog, humanize.Comma(n)+" "+log.String())
			total += n
		}
	}
	if total == 0 {
		return "no " + what + "s"
	}
	if total > 1 {
		what += "s"
	}
	if s.First.IsZero() {
		return strings.Join(byLog, " and ") + " " + what + ", to come by the clock"
	}
	return fmt.Sprintf("%s %s from %s to %s", strings.Join(byLog, " and "), what, s.First.Format(time.RFC3339), s.Last.Format(time.RFC3339))
}

// isExpected reports whether objects that are skipped for the reason lie beside logs as a
// matter of course.
func isExpected(reason logkey.SkipReason) bool {
	switch reason {
	case logkey.SkipDigest, logkey.SkipInsight, logkey.SkipNetworkActivity, logkey.SkipAggregated, logkey.SkipFolder:
		return true
	}
	return false
}

// skippedText lists what was skipped by reason, with an example of the objects that may
// hold what somebody misses.
func skippedText(s *once.Summary) string {
	var lists []string
	if objects := skippedObjects(s.SkippedObjects); objects != "" {
		lists = append(lists, objects)
	}
	var parts []string
	total := int64(0)
	for _, reason := range slices.Sorted(maps.Keys(s.SkippedRecords)) {
		n := s.SkippedRecords[reason]
		total += n
		parts = append(parts, fmt.Sprintf("%s %s", reason, humanize.Comma(n)))
	}
	if total > 0 {
		lists = append(lists, fmt.Sprintf("%s (%s)", counted(total, "record"), strings.Join(parts, ", ")))
	}
	return strings.Join(lists, " and ")
}

func skippedObjects(byReason map[logkey.SkipReason]once.SkippedObjects) string {
	var parts []string
	total := int64(0)
	for _, reason := range slices.Sorted(maps.Keys(byReason)) {
		skipped := byReason[reason]
		total += skipped.Objects
		text := fmt.Sprintf("%s %s", reason, humanize.Comma(skipped.Objects))
		if !isExpected(reason) {
			text += " such as " + strconv.Quote(query.LogObject(skipped.Example.Location, skipped.Example.Key))
		}
		parts = append(parts, text)
	}
	if total == 0 {
		return ""
	}
	return fmt.Sprintf("%s (%s)", counted(total, "object"), strings.Join(parts, ", "))
}

// counted writes a number of things. Series are their own plural.
func counted(n int64, what string) string {
	if n != 1 && what != "series" {
		what += "s"
	}
	return humanize.Comma(n) + " " + what
}

// warnOfSkipped warns of skipped objects that may hold requests.
func warnOfSkipped(logger *slog.Logger, s *once.Summary) {
	for _, reason := range slices.Sorted(maps.Keys(s.SkippedObjects)) {
		if skipped := s.SkippedObjects[reason]; reason.MayHoldRequests() {
			logger.Warn("objects are skipped that may hold requests", "reason", reason, "objects", skipped.Objects, "location", skipped.Example.Location, "key", skipped.Example.Key)
		}
	}
}

// warnOfDoubles warns of buckets whose requests were read twice.
func warnOfDoubles(logger *slog.Logger, s *once.Summary) {
	if s.DoubleCountedBuckets == 0 {
		return
	}
	found := s.DoubleCounted[0]
	a, b := found.Places[0], found.Places[1]
	logger.Warn("requests of a bucket lie in two places and are counted twice: read fewer locations, or one format with --record-format", "bucket", found.Bucket, "buckets", s.DoubleCountedBuckets,
		"location", a.Location, "stream", a.Stream, "other_location", b.Location, "other_stream", b.Stream)
}

// warnOfFarApart warns of events of CloudTrail that may have been counted twice.
func warnOfFarApart(logger *slog.Logger, s *once.Summary) {
	if s.FarApart == nil {
		return
	}
	a, b := s.FarApart.Places[0], s.FarApart.Places[1]
	logger.Warn("events of CloudTrail that lie in two places may be counted twice, as more lie between their copies than are remembered: read fewer locations, or less time with --since and --until",
		"location", a.Location, "stream", a.Stream, "other_location", b.Location, "other_stream", b.Stream)
}

// oldest returns the time of a location's first log object as attributes of a log line;
// nothing if no key shows one.
func oldest(l *once.LocationSummary) []any {
	if l.OldestKey.IsZero() {
		return nil
	}
	return []any{"oldest", l.OldestKey}
}

// checkRead warns of each location of which nothing was read, for whatever reason, and
// returns an error then.
func checkRead(logger *slog.Logger, s *once.Summary) error {
	var failed error
	for _, l := range s.Locations {
		switch {
		case l.Failed != nil: // which is an error of its own
		case !l.Found:
			logger.Warn("no log object lies here; a location is a bucket, a prefix in one, or a directory", "location", l.Name)
			failed = cmp.Or(failed, fmt.Errorf("no log object lies in %s", l.Name))
		case !l.Asked, s.Objects == 0 && len(s.Unread) == 0:
			logger.Warn("no log object here can hold what is asked for: see --since, --until, --record-format and the other filters",
				append([]any{"location", l.Name}, oldest(&l)...)...)
			failed = cmp.Or(failed, fmt.Errorf("no log object was read of %s", l.Name))
		}
	}
	return failed
}
