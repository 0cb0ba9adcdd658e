package checkpoint

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
)

// watch makes sure now and then that the journal is still what this process has written.
// Whoever deletes it, or puts another one there, does not meet this process, which counts
// on: nobody would find again what it shows.
func (j *Journal) watch(ctx context.Context) {
	last, _ := j.written()
	for sleep(ctx, j.cfg.Takeover) == nil {
		var err error
		if last, err = j.watchOnce(ctx, last); err != nil && !isStoreError(err) && ctx.Err() == nil {
			_ = j.end(err)
			return
		}
	}
}

// written returns the sequences of the last segment, and of the newest snapshot.
func (j *Journal) written() (last, snapshot uint64) {
	j.write.take()
	defer j.write.give()
	return j.at.sequence, j.snapshot
}

// watchOnce returns an error unless a segment of this process is there that was the last
// one at the look before; and the last one now. It is ErrFenced where another process has
// taken over, which may delete the segment, ErrReplaced where nobody has, or the store's,
// which is shown by whoever writes. Nobody who writes waits for it.
func (j *Journal) watchOnce(ctx context.Context, sequence uint64) (last uint64, err error) {
	last, snapshot := j.written()
	sequence = max(sequence, snapshot)
	err = j.isThere(ctx, sequence)
	if !errors.Is(err, ErrReplaced) {
		return last, err
	}
	at, snapshot := j.written()
	if snapshot > sequence {
		return last, nil // that stands in for it by now
	}
	return last, cmp.Or(j.isFenced(ctx, at), err)
}

// isFenced returns ErrFenced if another process has opened behind a segment of this one. No
// such opening is ever deleted.
func (j *Journal) isFenced(ctx context.Context, sequence uint64) error {
	ctx, cancel := context.WithTimeout(ctx, putTimeout)
	defer cancel()
	key := segmentKey(sequence + 1)
	body, err := j.read(ctx, key)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	s, _, err := parseHeader(segmentMagic, body)
	if err == nil && s.opening && s.previous == j.id {
		return fencedBy(&s)
	}
	return nil
}

// isThere returns ErrReplaced, or the store's error, unless a segment is there that this
// process has written.
func (j *Journal) isThere(ctx context.Context, sequence uint64) error {
	ctx, cancel := context.WithTimeout(ctx, putTimeout)
	defer cancel()
	key := segmentKey(sequence)
	body, err := j.read(ctx, key)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return j.isListed(ctx, sequence)
	case err != nil:
		return err
	}
	s, _, err := parseHeader(segmentMagic, body)
	if err == nil && (s.writer != j.id || s.sequence != sequence) {
		return fmt.Errorf("%s: %w", key, ErrReplaced)
	}
	return nil
}

// isListed returns ErrReplaced unless a segment is listed: what is read may have been
// answered by a proxy.
func (j *Journal) isListed(ctx context.Context, sequence uint64) error {
	key := segmentKey(sequence)
	for found, err := range j.cfg.Objects.List(ctx, segmentPrefix, segmentKey(sequence-1)) {
		if err != nil {
			return storeFailure("list", segmentPrefix, err)
		}
		if found == key {
			return nil
		}
		break
	}
	return fmt.Errorf("%s: %w", key, ErrReplaced)
}
