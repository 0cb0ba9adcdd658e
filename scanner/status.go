package scanner

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// Status shows what a Scanner is doing. It is a copy that belongs to the caller.
// Slices and maps are never nil, a time that is not known is zero. Its JSON is the
// exporter's API: names stay as they are.
type Status struct {
	Time    time.Time `json:"time"`             // at which all of this is true
	Started time.Time `json:"started,omitzero"` // when Run began
	// Ready is whether Scanner.Ready returns nil.
	Ready bool `json:"ready"`
	// CommitError is why the checkpoint cannot be written; empty if it can.
	// Meanwhile nothing is counted.
	CommitError string           `json:"commit_error,omitempty"`
	Shard       ShardStatus      `json:"shard"`
	Locations   []LocationStatus `json:"locations"` // in the order of the Config
	// DoubleCounted are the buckets whose requests count twice.
	DoubleCounted DoubleCountedStatus `json:"double_counted"`
	Uncounted     UncountedStatus     `json:"uncounted"`
	// Requests is how many HTTP requests were sent to S3, by operation, such as
	// "GetObject": s3_access_exporter_s3_api_requests_total.
	Requests map[string]int64 `json:"requests"`
	Recent   Usage            `json:"recent"` // the same in the last hours
}

// UncountedStatus is how much was found since the start that is not counted, or not as it is now,
// and never will be. The log names the objects, or one of several that were found together.
type UncountedStatus struct {
	MalformedRecords int64 `json:"malformed_records"` // that could not be understood
	GoneObjects      int64 `json:"gone_objects"`      // that were listed, and were not there any more
	ResizedObjects   int64 `json:"resized_objects"`   // of another size than when they were counted
}

// ShardStatus shows which part of the streams is tailed.
type ShardStatus struct {
	Index int `json:"index"` // from 0 on
	Count int `json:"count"` // at least 1
}

// LocationStatus shows what is known of a location.
type LocationStatus struct {
	Name     string    `json:"name"`
	LastPoll time.Time `json:"last_poll,omitzero"` // when it was last listed without an error
	// PollError is why the last attempt to list it failed; empty if it did not.
	PollError string `json:"poll_error,omitempty"`
	// Start is how far back the location was read at first: objects whose keys have an
	// earlier time, and that were there then, do not count. Zero: all count.
	Start time.Time `json:"start,omitzero"`
	// BeforeStart is how many log objects lay before Start. If there were very many,
	// BeforeStartMore is true, and there are more.
	BeforeStart     int  `json:"before_start_objects"`
	BeforeStartMore bool `json:"before_start_more,omitempty"`
	// LastAudit is when every stream had been audited, as far as they all were: the
	// beginning of the earliest one of their last complete audits.
	LastAudit time.Time `json:"last_audit,omitzero"`
	// Ready is whether everything that lay there at the start is resolved.
	Ready bool `json:"ready"`
	// Backlog is how many of the objects that lay there at the start were found
	// and are not resolved yet.
	Backlog int            `json:"backlog_objects"`
	Streams []StreamStatus `json:"streams"` // in the order of their prefixes
	// OtherStreams is how many streams the last search has found that belong to other
	// shards, those included whose objects may turn out to be no logs.
	OtherStreams int `json:"other_shards_streams"`
	// NotLookedAt is whether the last search for streams could not look at an object whose
	// content alone shows whether it is a log object.
	NotLookedAt bool `json:"not_looked_at,omitempty"`
	// Skipped are the objects that were found to be no log objects since the start, in the
	// order of their reasons.
	Skipped []SkippedStatus `json:"skipped"`
	// Pending objects could not be read and are tried again, quarantined ones not
	// before the next start, or until they have changed. Both are in the order of their keys.
	Pending     []ObjectStatus `json:"pending"`
	Quarantined []ObjectStatus `json:"quarantined"`
}

// SkippedStatus shows what was skipped for a reason. Others have written the key: escape
// it.
type SkippedStatus struct {
	Reason  logkey.SkipReason `json:"reason"`
	Objects int               `json:"objects"`
	Example string            `json:"example"` // the key of the first one
}

// StreamStatus shows how far a stream was read. What its keys hold, others have
// written: escape it.
type StreamStatus struct {
	Prefix string `json:"prefix"` // everything before the date in its keys
	Log    string `json:"log"`    // "server_access" or "cloudtrail"; "unknown" if keys do not show it, and nothing was counted yet
	Layout string `json:"layout"` // of its keys: "simple", "partitioned", "cloudtrail", "dated", "hive" or "hive_day"
	// EventTime is whether the keys have no more than the day of the requests. Times
	// of keys, and the lag, are then those of a day's beginning.
	EventTime bool `json:"event_time"`
	// Watermark is a key: the objects up to it are counted, or pending, or
	// quarantined. It is empty before the first.
	Watermark     string    `json:"watermark"`
	WatermarkTime time.Time `json:"watermark_time,omitzero"` // that in the key
	// Newest is the highest key that was listed; empty before the first.
	Newest     string    `json:"newest"`
	NewestTime time.Time `json:"newest_time,omitzero"` // that in the key
	// Lag is the time since NewestTime in seconds, 0 if there is none.
	Lag      int64     `json:"lag_seconds"`
	NextPoll time.Time `json:"next_poll,omitzero"` // when it is listed next
	InFlight int       `json:"in_flight_objects"`  // found, and not committed yet
	// Cadence is the longest usual time between two objects in seconds: the longest
	// that the last sweep has seen, or that came since, but no less than
	// Config.Interval. It is 0 as long as there were not two objects.
	Cadence int64 `json:"rhythm_seconds"`
	// Silent is whether Lag is more than three times Cadence, which is not 0.
	Silent bool `json:"silent"`
}

// ObjectStatus shows why an object could not be read. Others have written the key,
// and may have a say in the error: escape them.
type ObjectStatus struct {
	Key      string        `json:"key"`
	Reason   source.Reason `json:"reason"` // why the last attempt failed
	Error    string        `json:"error"`  // of the last attempt
	Attempts int           `json:"attempts"`
	Since    time.Time     `json:"since"`             // of the first attempt
	NextTry  time.Time     `json:"next_try,omitzero"` // zero if quarantined
}

// Status returns what the Scanner is doing now. It may be called from any
// goroutine; before and after Run there are no locations. Each stream is shown as
// it is at one moment, different streams at slightly different ones.
func (s *Scanner) Status() Status {
	s.mu.Lock()
	locations, started := s.locations, s.started
	s.mu.Unlock()
	now := s.cfg.Now()
	status := Status{
		Time:        now.UTC(),
		Started:     started.UTC(),
		Ready:       s.ready.err() == nil,
		CommitError: message(s.ready.commitError()),
		Shard:       ShardStatus{Index: s.cfg.Shard.Index, Count: max(s.cfg.Shard.Count, 1)},
		Locations:   make([]LocationStatus, len(locations)),
		Requests:    countsOf(s.cfg.Metrics.requests),
		Recent:      s.usage.last(now),

		DoubleCounted: doubleCounted(s.twice),
		Uncounted:     s.cfg.Metrics.uncounted(),
	}
	for i, l := range locations {
		status.Locations[i] = l.status(now)
	}
	return status
}

// show makes the locations those that Status shows.
func (s *Scanner) show(locations []*location, started time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.locations, s.started = locations, started
}

func message(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

func (l *location) status(now time.Time) LocationStatus {
	l.mu.Lock()
	status := LocationStatus{
		Name:        l.Name,
		LastPoll:    l.polled.UTC(),
		PollError:   message(l.failure),
		Streams:     []StreamStatus{},
		Skipped:     l.skips.status(),
		Pending:     []ObjectStatus{},
		Quarantined: []ObjectStatus{},

		Start:           l.prefix.Floor.UTC(),
		BeforeStart:     l.prefix.Before,
		BeforeStartMore: l.prefix.More,

		OtherStreams: l.others,
		NotLookedAt:  l.blind,
	}
	l.mu.Unlock()
	status.Backlog, status.Ready = l.backlog.left()
	for i, st := range l.all() {
		if audited := st.state().Audited.UTC(); i == 0 || audited.Before(status.LastAudit) {
			status.LastAudit = audited
		}
		status.Streams = append(status.Streams, st.status(now, l.cfg.Interval))
		for key, f := range st.failed() {
			if f.Quarantined {
				status.Quarantined = append(status.Quarantined, objectStatus(key, f))
			} else {
				status.Pending = append(status.Pending, objectStatus(key, f))
			}
		}
	}
	slices.SortFunc(status.Streams, func(a, b StreamStatus) int {
		return cmp.Or(strings.Compare(a.Prefix, b.Prefix), strings.Compare(a.Layout, b.Layout))
	})
	for _, objects := range [][]ObjectStatus{status.Pending, status.Quarantined} {
		slices.SortFunc(objects, func(a, b ObjectStatus) int { return strings.Compare(a.Key, b.Key) })
	}
	return status
}

func (s *stream) status(now time.Time, interval time.Duration) StreamStatus {
	s.mu.Lock()
	defer s.mu.Unlock()
	status := StreamStatus{
		Prefix:    s.Prefix,
		Log:       s.log(),
		Layout:    s.Layout.Name(),
		EventTime: s.byEvent,
		Watermark: s.kept.Watermark,
		Newest:    s.listed,
		NextPoll:  s.nextPoll.UTC(),
		InFlight:  len(s.inflight),
	}
	if s.kept.Watermark != "" {
		status.WatermarkTime = logkey.Parse(s.kept.Watermark).Time
	}
	if s.cadence > 0 {
		status.Cadence = seconds(max(s.cadence, interval))
	}
	if s.listed != "" {
		status.NewestTime = logkey.Parse(s.listed).Time
		status.Lag = max(0, seconds(now.Sub(status.NewestTime)))
		status.Silent = status.Cadence > 0 && status.Lag > silence*status.Cadence
	}
	return status
}

// log returns the log of the stream's objects as far as it is known. s.mu is held.
func (s *stream) log() string { return cmp.Or(s.kept.Log, s.Log().String()) }

func seconds(d time.Duration) int64 { return int64(d / time.Second) }

func objectStatus(key string, f checkpoint.Failure) ObjectStatus {
	return ObjectStatus{
		Key:      key,
		Reason:   source.Reason(f.Reason),
		Error:    f.Error,
		Attempts: f.Attempts,
		Since:    f.Since.UTC(),
		NextTry:  f.NextTry.UTC(),
	}
}
