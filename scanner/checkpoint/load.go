package checkpoint

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"sync"
)

const (
	// ahead is how many segments are read at once, and applied in one transaction.
	ahead = 64
	// rereads is how often an object is read that is damaged: some of it may have been
	// lost on its way.
	rereads = 3
)

// load brings the local copy to the end of the journal.
func (j *Journal) load(ctx context.Context) error {
	if j.local == nil {
		local, err := openReplica(j.cfg.Cache)
		if err != nil {
			return err
		}
		j.local = local
		if kept, _, err := local.position(); err == nil && kept.own {
			// The local copy is locked by whoever has it open.
			j.predecessor = kept.writer
		}
	}
	var before uint64
	again := false
	for {
		found, err := j.list(ctx)
		if err == nil {
			err = j.loadFound(ctx, found)
		}
		// What is missing may have been deleted just now, since a newer snapshot has it; and
		// what does not belong may lie where something was.
		if !errors.Is(err, errGone) && !errors.Is(err, errAstray) || again && found.snapshot == before {
			return err
		}
		again, before = true, found.snapshot
	}
}

// loadFound brings the local copy to the end of what was found.
func (j *Journal) loadFound(ctx context.Context, found contents) error {
	if j.cfg.MustExist && found == (contents{}) {
		// The first segment is an opening, which stays.
		if there, err := j.has(ctx, segmentKey(1)); err != nil || !there {
			return cmp.Or(err, ErrMissing)
		}
	}
	at, err := j.reuse(ctx, found)
	if err != nil {
		return err
	}
	if at == nil {
		if at, err = j.rebuild(ctx, found); err != nil {
			return err
		}
	}
	j.at, j.snapshot = *at, found.snapshot
	if err := j.catchUp(ctx, found.last); err != nil {
		return err
	}
	if err := j.goOn(ctx); err != nil {
		return err
	}
	j.reached(nil)
	j.moved(j.at)
	return nil
}

// catchUp brings the local copy from where it is to a segment. It reads the next ones while
// it applies those before.
func (j *Journal) catchUp(ctx context.Context, last uint64) error {
	ctx, cancel := context.WithCancel(ctx)
	var coming chan batch
	defer func() {
		cancel()
		if coming != nil {
			<-coming
		}
	}()
	fetch := func(first uint64) {
		ready := make(chan batch, 1)
		go func() { ready <- j.segments(ctx, first, min(last, first+ahead-1)) }()
		coming = ready
	}
	if j.at.sequence < last {
		fetch(j.at.sequence + 1)
	}
	for j.at.sequence < last {
		got := <-coming
		coming = nil
		if got.err != nil {
			return got.err
		}
		end := j.at
		for i := range got.segments {
			if err := follows(end, &got.segments[i]); err != nil {
				return err
			}
			end = got.segments[i].position
		}
		if end.sequence < last {
			fetch(end.sequence + 1)
		}
		if err := j.local.apply(got.segments...); err != nil {
			return err
		}
		j.at = end
	}
	return nil
}

// goOn brings the local copy to the end of the journal, one segment after the other: behind
// those that were listed there may be more.
func (j *Journal) goOn(ctx context.Context) error {
	for {
		s, err := j.segment(ctx, j.at.sequence+1)
		if errors.Is(err, errGone) {
			return nil
		}
		if err == nil {
			err = follows(j.at, &s)
		}
		if err == nil {
			err = j.local.apply(s)
		}
		if err != nil {
			return err
		}
		j.at = s.position
	}
}

// reuse returns the position of the local copy, if it is one of the journal that was
// found; nil if it is behind, or ahead, or another journal's. If it is ahead, or has another
// history, the journal may have lost its newest objects, which nothing else shows.
func (j *Journal) reuse(ctx context.Context, found contents) (*position, error) {
	kept, known, err := j.local.position()
	if err != nil || !known || kept.sequence == 0 || kept.sequence < found.snapshot {
		// One that cannot be read is of no use, and one of a beginning may have been left
		// half loaded.
		return nil, nil //nolint:nilerr // see above
	}
	var there position
	if kept.sequence > found.snapshot {
		var s segment
		s, err = j.segment(ctx, kept.sequence)
		there = s.position
	} else {
		there, err = j.snapshotPosition(ctx, found.snapshot)
	}
	if kept.sequence > found.last && errors.Is(err, errGone) {
		j.warnOfLoss(kept, found)
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if there.writer != kept.writer {
		j.warnOfLoss(kept, found)
		return nil, nil
	}
	return &kept.position, nil
}

// warnOfLoss logs that the local copy holds what the journal does not.
func (j *Journal) warnOfLoss(kept kept, found contents) {
	j.cfg.Logger.Warn("the journal does not have what its local copy holds: it has lost its newest objects, or is another one; counters go on from what it has",
		"local", kept.sequence, "journal", found.last)
}

// rebuild makes the local copy that of the snapshot that was found, or of the beginning.
func (j *Journal) rebuild(ctx context.Context, found contents) (*position, error) {
	var err error
	for range rereads {
		if err = j.rebuildOnce(ctx, found); !isWorthAnotherLook(err) {
			break
		}
	}
	if err != nil {
		return nil, err
	}
	kept, _, err := j.local.position()
	return &kept.position, err
}

func (j *Journal) rebuildOnce(ctx context.Context, found contents) error {
	if err := j.local.renew(); err != nil {
		return fmt.Errorf("local copy %s: %w", j.local.path, err)
	}
	if !found.hasSnapshot {
		return nil
	}
	key := snapshotKey(found.snapshot)
	object, err := j.cfg.Objects.Get(ctx, key)
	if err != nil {
		return objectError(key, storeFailure("read", key, err))
	}
	defer object.Close()
	body := &storeReader{Reader: object, key: key}
	err = j.local.loadSnapshot(body, found.snapshot)
	return objectError(key, j.heldRest(ctx, body, err))
}

// snapshotPosition returns the position of a snapshot.
func (j *Journal) snapshotPosition(ctx context.Context, sequence uint64) (position, error) {
	key := snapshotKey(sequence)
	object, err := j.cfg.Objects.Get(ctx, key)
	if err != nil {
		return position{}, objectError(key, storeFailure("read", key, err))
	}
	defer object.Close()
	body := &storeReader{Reader: object, key: key}
	p, _, err := readHeader(bufio.NewReaderSize(body, 4<<10), sequence)
	return p, objectError(key, j.heldRest(ctx, body, err))
}

// objectError names the object that an error is about, unless that does so by itself.
func objectError(key string, err error) error {
	switch {
	case err == nil, isStoreError(err):
		return err
	case errors.Is(err, fs.ErrNotExist):
		err = errGone
	}
	return fmt.Errorf("%s: %w", key, err)
}

// errGone means that an object of a journal is not there.
var errGone = fmt.Errorf("%w: it is missing", ErrDamaged)

// segment reads a segment. Its error is errGone if there is none.
func (j *Journal) segment(ctx context.Context, sequence uint64) (s segment, err error) {
	key := segmentKey(sequence)
	for range rereads {
		var body []byte
		if body, err = j.read(ctx, key); err != nil {
			break
		}
		s, err = j.codec.decode(sequence, body)
		if err = j.held(ctx, key, int64(len(body)), err); !isWorthAnotherLook(err) {
			break
		}
	}
	return s, objectError(key, err)
}

// batch are segments that follow each other.
type batch struct {
	segments []segment
	err      error // of the first one that could not be read
}

// segments reads the segments from first to last.
func (j *Journal) segments(ctx context.Context, first, last uint64) batch {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	segments, errs := make([]segment, last-first+1), make([]error, last-first+1)
	const readers = 16
	var all sync.WaitGroup
	for reader := range readers {
		all.Go(func() {
			for i := reader; i < len(segments); i += readers {
				if segments[i], errs[i] = j.segment(ctx, first+uint64(i)); errs[i] != nil {
					return
				}
			}
		})
	}
	all.Wait()
	for _, err := range errs {
		if err != nil {
			return batch{err: err}
		}
	}
	return batch{segments: segments}
}
