package checkpoint

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"
)

// giveUpAfter is how long an Update goes on trying once Run's context has ended.
const giveUpAfter = 10 * time.Second

// lead calls fn while this process writes, and does what else the writer does.
func (j *Journal) lead(ctx context.Context, fn func(ctx context.Context) error) error {
	leading, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	j.mu.Lock()
	j.cancel = cancel
	j.mu.Unlock()
	giveUp := sync.OnceFunc(func() { close(j.gaveUp) })
	stop := context.AfterFunc(ctx, func() { time.AfterFunc(giveUpAfter, giveUp) })
	defer stop()
	var helpers sync.WaitGroup
	helpers.Go(func() { j.beat(leading) })
	helpers.Go(func() { j.keepSnapshots(leading) })
	helpers.Go(func() { j.watch(leading) })
	err := fn(leading)
	cancel(nil)
	helpers.Wait()
	if closed := j.leave(); closed != nil {
		return j.named(closed)
	}
	return err
}

// leave writes that this process has ended, so that another one need not wait. It shows
// nothing any more. If it could not write before, it returns the reason.
func (j *Journal) leave() error {
	j.write.take()
	defer j.write.give()
	if err := j.writable(); err != nil {
		return err
	}
	j.active.Store(false)
	last := j.next()
	last.closed = true
	if err := j.appendEmpty(last); err != nil {
		if errors.Is(err, errUnresolved) {
			j.cfg.Logger.Warn("others are not told that this process has ended: they wait", "err", j.named(err))
			return nil
		}
		return err
	}
	return nil
}

// appendEmpty makes a segment without changes durable. j.write is held.
func (j *Journal) appendEmpty(s *segment) error {
	if err := j.put(s); err != nil {
		return err
	}
	err := j.local.update(func(tx *Tx) error { return tx.putPosition(s.position, true) })
	if err != nil {
		return j.localFailure(err)
	}
	j.at = s.position
	return nil
}

// beat writes a segment whenever none was for a quarter of Takeover, so that others see
// that this process is alive, and that it knows that nobody has taken over.
func (j *Journal) beat(ctx context.Context) {
	for {
		due := time.Duration(j.confirmed.Load()) + j.cfg.Takeover/4 - j.cfg.Uptime()
		if due <= 0 {
			due = firstRetry // unless the beat moves it
			if j.beatOnce() != nil {
				return // put has ended the journal
			}
		}
		if sleep(ctx, due) != nil {
			return
		}
	}
}

func (j *Journal) beatOnce() error {
	j.write.take()
	defer j.write.give()
	if err := j.writable(); err != nil {
		return err
	}
	if j.cfg.Uptime()-time.Duration(j.confirmed.Load()) < j.cfg.Takeover/4 {
		return nil // meanwhile there was a commit
	}
	return j.appendEmpty(j.next())
}

// keepSnapshots makes snapshots until ctx ends. One that fails is made later: nothing
// but the time of a start depends on it.
func (j *Journal) keepSnapshots(ctx context.Context) {
	failing := false
	for sleep(ctx, max(firstRetry, min(lastRetry, j.cfg.Takeover/4))) == nil {
		j.write.take()
		due := j.at.sequence-j.snapshot >= uint64(j.cfg.SnapshotSegments)
		j.write.give()
		if !due {
			continue
		}
		err := j.makeSnapshot(ctx)
		if ctx.Err() != nil {
			return
		}
		if errors.Is(err, ErrLocal) {
			_ = j.end(err)
			return
		}
		if err != nil && !failing {
			j.cfg.Logger.Warn("no snapshot of the checkpoint can be made for now", "err", j.named(err))
		}
		failing = err != nil
	}
}

// makeSnapshot makes a snapshot, and deletes what it stands in for.
func (j *Journal) makeSnapshot(ctx context.Context) error {
	dir := "" // the temporary one
	if j.cfg.Cache != "" {
		dir = filepath.Dir(j.cfg.Cache)
	}
	file, err := os.CreateTemp(dir, "s3_access_exporter-snapshot-")
	if err != nil {
		return err
	}
	defer func() { _, _ = file.Close(), os.Remove(file.Name()) }() // it was only for this
	var at kept
	var fences []uint64
	err = j.local.view(func(tx *Tx) (err error) {
		if at, _, err = tx.position(); err != nil {
			return err
		}
		if fences, err = tx.fences(); err != nil {
			return err
		}
		out := bufio.NewWriterSize(file, 1<<20)
		return errors.Join(tx.writeSnapshot(out, at.position), out.Flush())
	})
	if err != nil {
		return err
	}
	if _, err := file.Seek(0, io.SeekStart); err != nil {
		return err
	}
	// What is there already was made by this process, whose answer was lost: nobody else
	// has been at this segment as a writer.
	key := snapshotKey(at.sequence)
	if err := j.cfg.Objects.PutIfAbsent(ctx, key, file); err != nil && !errors.Is(err, fs.ErrExist) {
		return storeFailure("write", key, err)
	}
	j.write.take()
	j.snapshot = at.sequence
	j.write.give()
	return j.compact(ctx, at.sequence, fences)
}

// compact deletes what is older than a snapshot, but for the fences: the first segment of
// each writer. Whoever has written before, and does not know that another one has taken
// over, tries that very number next, and must find it taken for ever.
//
// The snapshot's own segment stays, too: so whatever comes to lie where a segment was
// deleted, there is a snapshot of a later one. See listed.go for the order.
func (j *Journal) compact(ctx context.Context, snapshot uint64, fences []uint64) error {
	if err := j.markCompacted(ctx); err != nil {
		return err
	}
	snapshots, err := j.before(ctx, snapshotPrefix, snapshot)
	if err != nil {
		return err
	}
	segments, err := j.before(ctx, segmentPrefix, snapshot)
	if err != nil {
		return err
	}
	old := make([]string, 0, len(snapshots)+len(segments))
	for _, sequence := range snapshots {
		old = append(old, snapshotKey(sequence))
	}
	for _, sequence := range segments {
		if !slices.Contains(fences, sequence) {
			old = append(old, segmentKey(sequence))
		}
	}
	for _, key := range old {
		if err := j.cfg.Objects.Delete(ctx, key); err != nil {
			return storeFailure("delete", key, err)
		}
	}
	return nil
}

// before returns the sequences of the objects before one, which must be listed itself: else
// the listing lacks others, too.
func (j *Journal) before(ctx context.Context, prefix string, one uint64) (sequences []uint64, err error) {
	for key, err := range j.cfg.Objects.List(ctx, prefix, "") {
		if err != nil {
			return nil, storeFailure("list", prefix, err)
		}
		sequence, err := parseKey(prefix, key)
		switch {
		case err != nil:
			return nil, err
		case sequence == one:
			return sequences, nil
		case sequence < one:
			sequences = append(sequences, sequence)
		}
	}
	return nil, &storeError{op: "list", key: prefix, err: fmt.Errorf("number %d is there, and a listing lacks it", one)}
}
