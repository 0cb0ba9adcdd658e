package checkpoint

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"
)

// StreamID names a stream of log objects.
type StreamID struct {
	// Store names the store and the bucket, the same however a location in it is
	// spelled.
	Store string
	// Stream is a name that no other stream of the store has.
	Stream string
}

func (id StreamID) key() []byte { return append(lengthen(id.Store), id.Stream...) }

// set names a set of entries that belong to one stream, or another.
type set [8]byte

func newSet(key []byte) (s set) {
	sum := sha256.Sum256(key)
	copy(s[:], sum[:])
	return s
}

// failures returns the set of the stream's failures.
func (id StreamID) failures() set { return newSet(id.key()) }

// Stream is how far a stream was read.
type Stream struct {
	// Watermark is the key below which every object that was ever listed is
	// resolved: counted, or kept as a Failure. Empty: there is none yet.
	Watermark string `json:"watermark,omitempty"`
	// Begin: objects whose keys tell this time or a later one, and that have neither
	// a mark nor a Failure, are new. Others may have been there before.
	Begin time.Time `json:"begin"`
	// Audited is when the last complete audit began, zero if there was none.
	Audited time.Time `json:"audited,omitzero"`
	// Within is the prefix of the keys that are listed, if it reaches into the dates
	// of the stream's; empty if all of them are.
	Within string `json:"within,omitempty"`
	// Outside is Begin as it holds for the keys outside of Within, of which audits pass over
	// none; zero if it is the same.
	Outside time.Time `json:"outside,omitzero"`
	// Newest is the time of the newest request that was counted, zero if there was
	// none.
	Newest time.Time `json:"newest,omitzero"`
	// Log is the log of the objects that were counted last, where the stream's keys do not
	// show it; empty where they do, and before the first.
	Log string `json:"log,omitempty"`
}

// Stream returns what is kept of a stream, or false if the checkpoint does not know
// it.
func (tx *Tx) Stream(id StreamID) (s Stream, known bool, err error) {
	var stored storedStream
	known, err = tx.table(tableStreams).getJSON(id.key(), &stored)
	return stored.stream(), known, err
}

// PutStream stores what is kept of a stream.
func (tx *Tx) PutStream(id StreamID, s Stream) error {
	stored := storedStream{Stream: s}
	if !utf8.ValidString(s.Watermark) {
		stored.Watermark, stored.Bytes = "", []byte(s.Watermark)
	}
	return tx.table(tableStreams).putJSON(id.key(), stored)
}

// storedStream is a Stream as it is stored: JSON has no strings of any bytes, as the keys
// of files may be.
type storedStream struct {
	Stream
	Bytes []byte `json:"watermark_bytes,omitempty"` // the Watermark, if that is no UTF-8
}

func (s *storedStream) stream() Stream {
	if len(s.Bytes) > 0 {
		s.Watermark = string(s.Bytes)
	}
	return s.Stream
}

// EachStream calls fn with every stream of a store, in the order of their names,
// until fn returns an error.
func (tx *Tx) EachStream(store string, fn func(id StreamID, s Stream) error) error {
	prefix := lengthen(store)
	return tx.table(tableStreams).each(prefix, func(key, value []byte) error {
		var s storedStream
		if err := parseJSON(tableStreams, key, value, &s); err != nil {
			return err
		}
		return fn(StreamID{Store: store, Stream: string(key[len(prefix):])}, s.stream())
	})
}

// Prefix is what is kept of a prefix of keys that is, or was, listed in a store.
type Prefix struct {
	// Floor is how far back the first start went: objects whose keys tell an earlier
	// time, and that were there then, are not counted. Zero: it went all the way.
	Floor time.Time `json:"floor,omitzero"`
	// Searched is when the last complete search for streams began, zero if there was
	// none. What lies in a stream that it did not find has come later.
	Searched time.Time `json:"searched,omitzero"`
	// Looked is how far back the first search looked at objects whose content alone shows
	// what they are; zero: to Floor.
	Looked time.Time `json:"looked,omitzero"`
	// Blind are the names of the streams in which the first search could not look at
	// objects, one a line: what they held then does not count.
	Blind string `json:"blind,omitempty"`
	// Kept are the prefixes of source.Keeper, one a line, as of the last search.
	Kept string `json:"kept,omitempty"`
	// Before is how many log objects the first search found that lie before Floor. It
	// does not count on for ever: More is whether there are more.
	Before int  `json:"before,omitempty"`
	More   bool `json:"more,omitempty"`
	// Form is that of the records of server access logs that are read; empty: all are.
	Form string `json:"form,omitempty"`
	// Text is from when on those are read whose records are text, where they were left
	// out before; zero: they were not.
	Text time.Time `json:"text,omitzero"`
}

// LookedBack returns how far back the first search looked at objects whose content alone
// shows what they are. The zero time is before all others.
func (p Prefix) LookedBack() time.Time {
	if p.Looked.IsZero() || p.Floor.Before(p.Looked) {
		return p.Floor
	}
	return p.Looked
}

// IsBlind reports whether a stream is one of Blind.
func (p Prefix) IsBlind(stream string) bool {
	return p.Blind != "" && slices.Contains(strings.Split(p.Blind, "\n"), stream)
}

// PutPrefix stores what is kept of a prefix.
func (tx *Tx) PutPrefix(store, prefix string, p Prefix) error {
	return tx.table(tablePrefixes).putJSON(append(lengthen(store), prefix...), p)
}

// Prefixes returns what is kept of the prefixes of a store.
func (tx *Tx) Prefixes(store string) (map[string]Prefix, error) {
	prefixes := make(map[string]Prefix)
	of := lengthen(store)
	err := tx.table(tablePrefixes).each(of, func(key, value []byte) error {
		var p Prefix
		err := parseJSON(tablePrefixes, key, value, &p)
		prefixes[string(key[len(of):])] = p
		return err
	})
	return prefixes, err
}

// CopyStream takes all that another checkpoint keeps of a stream: its state, its
// failures and its marks. This one must not know the stream.
func (tx *Tx) CopyStream(from *Tx, id StreamID) error {
	s, known, err := from.Stream(id)
	if err != nil || !known {
		return err
	}
	_, known, err = tx.Stream(id)
	if known {
		err = fmt.Errorf("stream %q of %s is here already", id.Stream, id.Store)
	}
	if err != nil {
		return err
	}
	if err := tx.PutStream(id, s); err != nil {
		return err
	}
	of := id.failures()
	err = from.table(tableFailures).each(of[:], func(key, value []byte) error {
		return tx.table(tableFailures).put(key, value)
	})
	if err != nil {
		return err
	}
	return tx.copyMarks(from, id)
}

func (t *table) getJSON(key []byte, to any) (known bool, err error) {
	value, err := t.get(key)
	if err != nil || value == nil {
		return false, err
	}
	return true, parseJSON(t.id, key, value, to)
}

func (t *table) putJSON(key []byte, from any) error {
	value, err := json.Marshal(from)
	if err != nil {
		return err
	}
	return t.put(key, value)
}

func parseJSON(id tableID, key, value []byte, to any) error {
	if err := json.Unmarshal(value, to); err != nil {
		return fmt.Errorf("%w: %w", entryError(tableNames[id], key), err)
	}
	return nil
}
