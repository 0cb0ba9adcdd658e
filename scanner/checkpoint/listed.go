package checkpoint

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
)

// What a listing shows is not taken for granted: a cache or a proxy may answer with one of
// before, or with an empty one, where objects are read and written as they are. So what
// something depends on is read besides. Two things hold, whatever a listing shows:
//
//   - Before the first snapshot stands in for anything, there is compactedKey. Without a
//     snapshot, and without that, nothing was ever deleted.
//   - Of a snapshot and a later one, the earlier one is deleted before any segment is behind
//     it. Where a snapshot is, nothing behind it was deleted.

// compactedKey is the key of an object that stays once there was a snapshot.
const compactedKey = "compacted"

// markCompacted makes sure that compactedKey is there. A snapshot must be.
func (j *Journal) markCompacted(ctx context.Context) error {
	text := bytes.NewReader([]byte("There is a snapshot of this journal: a listing that shows none is not to be believed.\n"))
	err := j.cfg.Objects.PutIfAbsent(ctx, compactedKey, text)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	return storeFailure("write", compactedKey, err)
}

// contents are the objects of a journal that matter.
type contents struct {
	snapshot    uint64 // the newest one
	hasSnapshot bool
	last        uint64 // segment that is listed; that of the snapshot if there is none behind it
}

// list finds out what the journal has. There may be more segments behind the last one.
func (j *Journal) list(ctx context.Context) (c contents, err error) {
	c.snapshot, c.hasSnapshot, err = j.newestSnapshot(ctx)
	if err != nil {
		return c, err
	}
	// The segment of the snapshot stays as long as that: see compact. Where it is gone, those
	// behind it are, too.
	before, next := "", uint64(1)
	if c.hasSnapshot {
		before, next = segmentKey(c.snapshot-1), c.snapshot
	}
	for key, err := range j.cfg.Objects.List(ctx, segmentPrefix, before) {
		if err != nil {
			return c, storeFailure("list", segmentPrefix, err)
		}
		sequence, err := parseKey(segmentPrefix, key)
		if err != nil {
			return c, err
		}
		if sequence != next {
			return c, j.lacks(ctx, next)
		}
		c.last, next = sequence, next+1
	}
	if c.last < c.snapshot {
		return c, j.lacks(ctx, c.snapshot)
	}
	return c, nil
}

// lacks returns the error of a segment that a listing lacks: errGone, or the store's if the
// segment is there.
func (j *Journal) lacks(ctx context.Context, sequence uint64) error {
	key := segmentKey(sequence)
	there, err := j.has(ctx, key)
	switch {
	case err != nil:
		return err
	case there:
		return &storeError{op: "list", key: key, err: errors.New("it is there, and a listing lacks it, as one of a cache or a proxy may")}
	}
	return objectError(key, errGone)
}

// newestSnapshot returns the sequence of the newest snapshot, or false if there is none.
// Nothing behind it was deleted when it was asked for.
func (j *Journal) newestSnapshot(ctx context.Context) (newest uint64, known bool, err error) {
	for range rereads { // a snapshot may come, and stand in for another one, just now
		if newest, known, err = j.listedSnapshot(ctx); err != nil {
			return 0, false, err
		}
		key := compactedKey
		if known {
			key = snapshotKey(newest)
		}
		there, err := j.has(ctx, key)
		if err != nil {
			return 0, false, err
		}
		if there == known {
			return newest, known, nil
		}
	}
	text := "the object " + compactedKey + " shows that there is one, and a listing shows none, as one of a cache or a proxy may, unless it was deleted"
	if known {
		text = fmt.Sprintf("number %d is listed, and is not there, as in a listing of a cache or a proxy", newest)
	}
	return 0, false, &storeError{op: "list", key: snapshotPrefix, err: errors.New(text)}
}

// listedSnapshot returns the sequence of the last snapshot in a listing, or false if there is
// none.
func (j *Journal) listedSnapshot(ctx context.Context) (newest uint64, known bool, err error) {
	for key, err := range j.cfg.Objects.List(ctx, snapshotPrefix, "") {
		if err != nil {
			return 0, false, storeFailure("list", snapshotPrefix, err)
		}
		if newest, err = parseKey(snapshotPrefix, key); err != nil {
			return 0, false, err
		}
		known = true
	}
	return newest, known, nil
}

// has reports whether an object can be read.
func (j *Journal) has(ctx context.Context, key string) (bool, error) {
	body, err := j.cfg.Objects.Get(ctx, key)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, storeFailure("read", key, err)
	}
	_ = body.Close() // nothing of it was read
	return true, nil
}

// errMistaken is within a store's error: what was read is not the object. Another look may
// give that.
var errMistaken = errors.New("something answers in place of the store, or what it answers is cut off")

// held returns the error of what was read of an object, so many bytes. What does not look
// like one that this program has written is the store's error, unless it is as long as it is
// listed: a page of a proxy is not.
func (j *Journal) held(ctx context.Context, key string, size int64, err error) error {
	if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrForeign) || errors.Is(err, errGone) {
		return err
	}
	listed, failure := j.cfg.Objects.Size(ctx, key)
	switch {
	case failure != nil:
		return &storeError{op: "list", key: key, err: failure}
	case listed != size:
		return &storeError{op: "read", key: key, err: fmt.Errorf("%d bytes came, and the object has %d: %w", size, listed, errMistaken)}
	}
	return err
}

// heldRest is held for an object of which something was read.
func (j *Journal) heldRest(ctx context.Context, body *storeReader, err error) error {
	if !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrForeign) {
		return err
	}
	if _, err := io.Copy(io.Discard, body); err != nil {
		return err
	}
	return j.held(ctx, body.key, body.size, err)
}

// isWorthAnotherLook reports whether an object may be another one, or a whole one, if it is
// read again at once.
func isWorthAnotherLook(err error) bool {
	return errors.Is(err, ErrDamaged) || errors.Is(err, errMistaken)
}
