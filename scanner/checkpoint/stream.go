package checkpoint

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"time"

	"go.etcd.io/bbolt"
)

var (
	stateKey      = []byte("state")
	newestKey     = []byte("newest")
	watermarkKey  = []byte("watermark")
	seenBucket    = []byte("seen")
	troubleBucket = []byte("trouble")
)

// LocationState is what is kept of a location as a whole.
type LocationState struct {
	// Floor: objects whose keys tell an earlier time were there before the
	// location was first read, and are not counted.
	Floor time.Time `json:"floor"`
	// LastAudit is when the last complete audit began, or the first start.
	LastAudit time.Time `json:"last_audit"`
}

// Failure is what is kept of an object that could not be read.
type Failure struct {
	Reason      string    `json:"reason"`
	Error       string    `json:"error"`
	Attempts    int       `json:"attempts"`
	Since       time.Time `json:"since"`    // of the first attempt
	NextTry     time.Time `json:"next_try"` // zero if quarantined
	Quarantined bool      `json:"quarantined"`

	Size         int64     `json:"size"`
	LastModified time.Time `json:"last_modified"`
}

// ObjectID names a log object within its stream in the set of seen objects.
// It holds the time that the object's key tells, so that old IDs are found and
// forgotten together, and a hash of the key, so that a million of them stay small.
type ObjectID [16]byte

// NewObjectID returns the ID of the object with the given key, whose key tells
// time t. Of the 128 bits 96 are SHA-256's: no two keys share them.
func NewObjectID(key string, t time.Time) ObjectID {
	var id ObjectID
	binary.BigEndian.PutUint32(id[:4], unixSeconds(t))
	sum := sha256.Sum256([]byte(key))
	copy(id[4:], sum[:])
	return id
}

// unixSeconds fits seconds into 32 bits, which last until 2106.
func unixSeconds(t time.Time) uint32 {
	return uint32(max(0, min(t.Unix(), 1<<32-1)))
}

// Location returns the state of the location called name, or false if the
// checkpoint does not know it.
func (tx *Tx) Location(name string) (LocationState, bool, error) {
	var state LocationState
	b := tx.tx.Bucket(locationsBucket).Bucket([]byte(name))
	if b == nil {
		return state, false, nil
	}
	if err := json.Unmarshal(b.Get(stateKey), &state); err != nil {
		return state, false, fmt.Errorf("location %s: %w: %w", name, ErrDamaged, err)
	}
	return state, true, nil
}

// PutLocation stores the state of the location called name.
func (tx *Tx) PutLocation(name string, state LocationState) error {
	b, err := tx.tx.Bucket(locationsBucket).CreateBucketIfNotExists([]byte(name))
	if err != nil {
		return err
	}
	return putJSON(b, stateKey, state)
}

// Newest returns the time of the newest request that was counted of a location,
// by the name of the log; nil if there was none.
func (tx *Tx) Newest(location string) (map[string]time.Time, error) {
	b := tx.tx.Bucket(locationsBucket).Bucket([]byte(location))
	if b == nil || b.Get(newestKey) == nil {
		return nil, nil
	}
	var newest map[string]time.Time
	if err := json.Unmarshal(b.Get(newestKey), &newest); err != nil {
		return nil, fmt.Errorf("location %s: %w: %w", location, ErrDamaged, err)
	}
	return newest, nil
}

// PutNewest stores what Newest returns. The location must have been put.
func (tx *Tx) PutNewest(location string, newest map[string]time.Time) error {
	b := tx.tx.Bucket(locationsBucket).Bucket([]byte(location))
	if b == nil {
		return fmt.Errorf("location %s is not in the checkpoint", location)
	}
	return putJSON(b, newestKey, newest)
}

func putJSON(b *bbolt.Bucket, key []byte, value any) error {
	text, err := json.Marshal(value)
	if err != nil {
		return err
	}
	return b.Put(key, text)
}

// EachStream calls fn with the name of every stream of a location.
func (tx *Tx) EachStream(location string, fn func(stream string, s *Stream) error) error {
	b := tx.tx.Bucket(locationsBucket).Bucket([]byte(location))
	if b == nil {
		return nil
	}
	return b.ForEachBucket(func(name []byte) error {
		return fn(string(name), &Stream{b: b.Bucket(name)})
	})
}

// Stream returns the state of a stream for reading. That the checkpoint does not
// know it is no error: the Stream is then empty, and must not be written to.
func (tx *Tx) Stream(location, stream string) *Stream {
	b := tx.tx.Bucket(locationsBucket).Bucket([]byte(location))
	if b == nil {
		return &Stream{}
	}
	return &Stream{b: b.Bucket([]byte(stream))}
}

// CreateStream returns the state of a stream for writing. The location must have
// been put.
func (tx *Tx) CreateStream(location, stream string) (*Stream, error) {
	b := tx.tx.Bucket(locationsBucket).Bucket([]byte(location))
	if b == nil {
		return nil, fmt.Errorf("location %s is not in the checkpoint", location)
	}
	s, err := b.CreateBucketIfNotExists([]byte(stream))
	if err != nil {
		return nil, err
	}
	return &Stream{b: s}, nil
}

// Stream is the part of a transaction that holds the state of one stream.
type Stream struct {
	b *bbolt.Bucket // nil: not there
}

func (s *Stream) sub(name []byte) *bbolt.Bucket {
	if s.b == nil {
		return nil
	}
	return s.b.Bucket(name)
}

// Watermark returns the key below which every object of the stream that was ever
// listed is resolved: counted, or kept as trouble. It is empty before the first.
func (s *Stream) Watermark() string {
	if s.b == nil {
		return ""
	}
	return string(s.b.Get(watermarkKey))
}

// PutWatermark stores the watermark.
func (s *Stream) PutWatermark(key string) error { return s.b.Put(watermarkKey, []byte(key)) }

// Seen reports whether the object was counted, or found to be gone.
func (s *Stream) Seen(id ObjectID) bool {
	seen := s.sub(seenBucket)
	return seen != nil && seen.Get(id[:]) != nil
}

// MarkSeen marks the object as counted.
func (s *Stream) MarkSeen(id ObjectID, lastModified time.Time) error {
	seen, err := s.b.CreateBucketIfNotExists(seenBucket)
	if err != nil {
		return err
	}
	seen.FillPercent = 0.9 // IDs begin with the time: most go to the end
	return seen.Put(id[:], binary.BigEndian.AppendUint32(nil, unixSeconds(lastModified)))
}

// ForgetSeen removes the marks of objects whose keys tell a time before t, if
// they were not modified after lastModified.
func (s *Stream) ForgetSeen(t, lastModified time.Time) error {
	seen := s.sub(seenBucket)
	if seen == nil {
		return nil
	}
	end := binary.BigEndian.AppendUint32(nil, unixSeconds(t))
	limit := unixSeconds(lastModified)
	var old [][]byte // a cursor must not delete what it stands on and go on
	c := seen.Cursor()
	for k, v := c.First(); k != nil && bytes.Compare(k[:4], end) < 0; k, v = c.Next() {
		if len(v) == 4 && binary.BigEndian.Uint32(v) <= limit {
			old = append(old, k)
		}
	}
	for _, k := range old {
		if err := seen.Delete(k); err != nil {
			return err
		}
	}
	return nil
}

// EachFailure calls fn with every object of the stream that could not be read.
func (s *Stream) EachFailure(fn func(key string, t Failure) error) error {
	b := s.sub(troubleBucket)
	if b == nil {
		return nil
	}
	return b.ForEach(func(k, v []byte) error {
		var t Failure
		if err := json.Unmarshal(v, &t); err != nil {
			return fmt.Errorf("object %q: %w: %w", k, ErrDamaged, err)
		}
		return fn(string(k), t)
	})
}

// PutFailure keeps an object that could not be read.
func (s *Stream) PutFailure(key string, t Failure) error {
	b, err := s.b.CreateBucketIfNotExists(troubleBucket)
	if err != nil {
		return err
	}
	return putJSON(b, []byte(key), t)
}

// DeleteFailure forgets an object's trouble; that there is none is no error.
func (s *Stream) DeleteFailure(key string) error {
	b := s.sub(troubleBucket)
	if b == nil {
		return nil
	}
	return b.Delete([]byte(key))
}
