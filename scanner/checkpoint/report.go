package checkpoint

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Report is what a checkpoint holds.
type Report struct {
	Path    string
	Size    int64         // of the file, in bytes
	Format  int           // number of the file's format
	Journal string        // what it consists of, of a journal; empty of a file
	Series  int           // stored counters and histograms
	Events  int           // IDs of CloudTrail events, of 16 bytes each
	Stores  []StoreReport // by name
	// MetaDamaged is File.MetaDamaged.
	MetaDamaged bool
	// Shard is which part of the streams it is for; nil: it does not say so.
	Shard *Shard
	// Resharding is not nil while the streams are being shared out anew.
	Resharding *Resharding
	// Moving is not nil if what it held is elsewhere, or is not all here yet.
	Moving *Moving
}

// StoreReport is what a checkpoint holds of a store.
type StoreReport struct {
	Store       string   // as in StreamID
	Prefixes    []string // that are, or were, listed
	Streams     int
	Marks       int       // objects that were seen: counted, passed over, or gone
	From, To    Day       // of the keys of these objects, if there are any
	Pending     int       // objects that could not be read and are tried again
	Quarantined int       // objects that could not be read
	Newest      time.Time // of the requests that were counted; zero if there are none
}

// metaDamagedText holds for a crash, after which nothing is missing, and for what else may
// have changed the page.
const metaDamagedText = "one of its two meta pages is damaged, until the next commit: if a crash did that, nothing is missing; " +
	"else the last commit may be, and then its objects count again, and counters are lower until they have"

// String returns the report as lines of text.
func (r *Report) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "checkpoint %s is sound: format %d, %d bytes\n", visible(r.Path), r.Format, r.Size)
	if r.MetaDamaged {
		fmt.Fprintln(&b, metaDamagedText)
	}
	if r.Journal != "" {
		fmt.Fprintln(&b, r.Journal)
	}
	switch s := r.Shard; {
	case s == nil:
	case s.Index >= s.Count:
		fmt.Fprintf(&b, "of shard %d, which was dissolved when there were to be %d\n", s.Index, s.Count)
	default:
		fmt.Fprintf(&b, "shard %s\n", s)
	}
	if s := r.Resharding; s != nil {
		fmt.Fprintf(&b, "being shared out anew, from %d shards to %d, which is not complete\n", s.From, s.To)
	}
	if m := r.Moving; m != nil {
		fmt.Fprintln(&b, m.refuse())
	}
	fmt.Fprintf(&b, "%d series, %d event IDs\n", r.Series, r.Events)
	for _, s := range r.Stores {
		fmt.Fprintln(&b, visible(s.Store))
		for _, prefix := range s.Prefixes {
			fmt.Fprintf(&b, "  prefix %q\n", prefix)
		}
		fmt.Fprintf(&b, "  %d streams, %d objects seen", s.Streams, s.Marks)
		if s.Marks > 0 {
			fmt.Fprintf(&b, " from %s to %s", s.From.Time().Format(time.DateOnly), s.To.Time().Format(time.DateOnly))
		}
		fmt.Fprintf(&b, ", %d pending, %d quarantined\n", s.Pending, s.Quarantined)
		if !s.Newest.IsZero() {
			fmt.Fprintf(&b, "  newest request %s\n", s.Newest.UTC().Format(time.RFC3339))
		}
	}
	return b.String()
}

// visible returns a name as it is if every character of it can be seen, and else quoted as
// in Go: a directory may have a name that a terminal would obey.
func visible(name string) string {
	if strings.ContainsFunc(name, func(c rune) bool { return !strconv.IsPrint(c) }) {
		return strconv.Quote(name)
	}
	return name
}

// reporter makes a Report of all entries of a checkpoint, which come in the order of
// the tables.
type reporter struct {
	report Report
	stores map[string]*StoreReport
	sets   map[set]*StoreReport // whose marks and failures are in a set
}

func newReporter(size int64) *reporter {
	return &reporter{
		report: Report{Size: size, Format: version},
		stores: make(map[string]*StoreReport),
		sets:   make(map[set]*StoreReport),
	}
}

// meta takes what the table meta has stored.
func (r *reporter) meta(stored map[string][]byte) error {
	for key, to := range map[string]func(value []byte) error{
		string(shardKey):      func(value []byte) error { return json.Unmarshal(value, &r.report.Shard) },
		string(reshardingKey): func(value []byte) error { return json.Unmarshal(value, &r.report.Resharding) },
		string(movingKey):     func(value []byte) error { return json.Unmarshal(value, &r.report.Moving) },
	} {
		if value := stored[key]; value != nil && to(value[:len(value)-checksumSize]) != nil {
			return &damagedError{table: tableNames[tableMeta], key: []byte(key)}
		}
	}
	return nil
}

// take takes an entry. It returns false if it is not what the table holds.
func (r *reporter) take(id tableID, key, value []byte) bool {
	switch id {
	case tableSeries:
		r.report.Series++
	case tableEvents:
		r.report.Events += len(value) / eventIDSize
	case tablePrefixes:
		return r.prefix(key, value)
	case tableStreams:
		return r.stream(key, value)
	case tableFailures:
		return r.failure(key, value)
	case tableMarks:
		if len(key) != keySize || len(value)%markSize != 0 {
			return false
		}
		r.marks(set(key[setAt:]), dayOfKey(key), len(value)/markSize)
	case tablePacked:
		if len(key) != keySize {
			return false
		}
		return eachGroup(value, func(of set, marks []byte) bool {
			r.marks(of, dayOfKey(key), len(marks)/markSize)
			return true
		})
	}
	return true
}

func (r *reporter) prefix(key, value []byte) bool {
	store, prefix, ok := cutText(key)
	if !ok || json.Unmarshal(value, new(Prefix)) != nil {
		return false
	}
	b := r.store(store)
	b.Prefixes = append(b.Prefixes, string(prefix))
	return true
}

func (r *reporter) stream(key, value []byte) bool {
	var s Stream
	store, stream, ok := cutText(key)
	if !ok || json.Unmarshal(value, &s) != nil {
		return false
	}
	b := r.store(store)
	b.Streams++
	if s.Newest.After(b.Newest) {
		b.Newest = s.Newest
	}
	id := StreamID{Store: store, Stream: string(stream)}
	for _, of := range []set{id.failures(), id.marks(Counted), id.marks(PassedOver)} {
		r.sets[of] = b
	}
	return true
}

func (r *reporter) failure(key, value []byte) bool {
	var f Failure
	if len(key) < len(set{}) || json.Unmarshal(value, &f) != nil {
		return false
	}
	b := r.sets[set(key)]
	switch {
	case b == nil:
		return false
	case f.Quarantined:
		b.Quarantined++
	default:
		b.Pending++
	}
	return true
}

// marks takes marks of a set and day. Of a stream that is not there, there are none.
func (r *reporter) marks(of set, day Day, n int) {
	b := r.sets[of]
	if b == nil {
		return
	}
	if b.Marks == 0 || day < b.From {
		b.From = day
	}
	if b.Marks == 0 || day > b.To {
		b.To = day
	}
	b.Marks += n
}

func (r *reporter) store(name string) *StoreReport {
	if r.stores[name] == nil {
		r.stores[name] = &StoreReport{Store: name}
	}
	return r.stores[name]
}

// finish returns the Report.
func (r *reporter) finish() *Report {
	for _, name := range slices.Sorted(maps.Keys(r.stores)) {
		r.report.Stores = append(r.report.Stores, *r.stores[name])
	}
	return &r.report
}
