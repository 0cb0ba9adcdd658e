package checkpoint

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"strconv"
	"strings"
	"time"
)

// The keys of a journal's objects. A sequence has as many digits as the largest one, so
// that keys sort by it.
const (
	segmentPrefix  = "journal/"
	snapshotPrefix = "snapshot/"
	probeKey       = "probe"
	digits         = 20
)

func segmentKey(sequence uint64) string {
	return fmt.Sprintf("%s%0*d", segmentPrefix, digits, sequence)
}

func snapshotKey(sequence uint64) string {
	return fmt.Sprintf("%s%0*d", snapshotPrefix, digits, sequence)
}

func parseKey(prefix, key string) (uint64, error) {
	text, ok := strings.CutPrefix(key, prefix)
	sequence, err := strconv.ParseUint(text, 10, 64)
	if !ok || err != nil || len(text) != digits {
		return 0, fmt.Errorf("%s: %w", key, ErrForeign)
	}
	return sequence, nil
}

// errBehind means that the journal goes on elsewhere: what would come next was deleted,
// and is in a snapshot.
var errBehind = errors.New("the journal has moved on")

// follow keeps the local copy up to date until this process may write.
func (j *Journal) follow(ctx context.Context) error {
	if err := j.persist(ctx, j.probe); err != nil {
		return j.named(err)
	}
	for {
		err := j.persist(ctx, j.load)
		if err == nil {
			err = j.local.view(j.look)
		}
		if err == nil {
			err = j.tail(ctx)
		}
		if !errors.Is(err, errBehind) {
			return j.named(err)
		}
	}
}

// look looks at what there is before this process waits.
func (j *Journal) look(tx *Tx) error {
	if j.cfg.MustExist && tx.blank() {
		return ErrMissing
	}
	return j.cfg.Check(tx)
}

// persist calls f until it fails otherwise than because of the store, or not at all.
func (j *Journal) persist(ctx context.Context, f func(context.Context) error) error {
	var pause backoff
	for {
		err := f(ctx)
		if !isStoreError(err) {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		j.reached(err)
		if err := sleep(ctx, pause.next(j.cfg.Takeover)); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// probe finds out whether the store knows conditional writes.
func (j *Journal) probe(ctx context.Context) error {
	for range 2 {
		body := bytes.NewReader([]byte("Whether If-None-Match holds is tried with this object.\n"))
		err := j.cfg.Objects.PutIfAbsent(ctx, probeKey, body)
		if errors.Is(err, fs.ErrExist) {
			return nil
		}
		if err != nil {
			return storeFailure("write", probeKey, err)
		}
	}
	return ErrUnconditional
}

// tail follows the journal segment by segment. It returns nil once this process has
// written the one behind the last, and may go on.
func (j *Journal) tail(ctx context.Context) error {
	quiet := j.cfg.Uptime() // since when the journal has not moved, as far as was seen
	var told writerID
	for {
		s, err := j.segment(ctx, j.at.sequence+1)
		switch {
		case err == nil:
			err = j.follows(ctx, &s)
			if err == nil && j.opening != nil && s.writer == j.opening.writer { // the answer to its PUT was lost
				err = j.begin(ctx)
				break
			}
			if err == nil {
				err = j.local.apply(s)
			}
			if err != nil {
				break
			}
			j.advance(s.position)
			quiet = j.cfg.Uptime()
			continue
		case errors.Is(err, errGone):
			own, active, longer, failure := j.silence()
			switch err = ErrStandby; {
			case failure != nil:
				return failure
			case j.mayTake(quiet, longer):
				err = j.take(ctx)
			case told != j.at.writer:
				told = j.at.writer
				j.cfg.Logger.Info("standing by", "active", j.at.writerName())
				if active > 0 && active != own {
					j.cfg.Logger.Warn("the active process has another time of a takeover; this one waits for the longer of both",
						"active", j.at.writerName(), "takeover", own, "active_takeover", active)
				}
			}
		}
		switch {
		case err == nil, ctx.Err() != nil:
			return errors.Join(err, ctx.Err())
		case isStoreError(err):
			j.reached(err)
		case errors.Is(err, ErrStandby):
			j.reached(nil)
		default:
			return err
		}
		if err := sleep(ctx, max(50*time.Millisecond, min(5*time.Second, j.cfg.Takeover/20))); err != nil {
			return err
		}
	}
}

// mayTake reports whether nobody writes any more.
func (j *Journal) mayTake(quiet, silence time.Duration) bool {
	return j.at.writer == writerID{} || j.at.closed || j.at.writer == j.predecessor ||
		j.cfg.Uptime()-quiet >= silence
}

// take tries to write the segment behind the last one. It fails with ErrStandby if
// another process was quicker.
//
// Until it is known what has become of it, there is one opening, whose bytes do not
// change.
func (j *Journal) take(ctx context.Context) error {
	if err := j.atEnd(ctx, j.at.sequence); err != nil {
		return err
	}
	if j.opening == nil || j.opening.sequence != j.at.sequence+1 {
		_, _ = rand.Read(j.id[:]) // it never fails
		j.opening = j.next()
		j.opening.opening = true
		j.opening.changes = putTakeover(j.id, j.cfg.Takeover)
		j.confirmed.Store(int64(j.cfg.Uptime()))
	}
	key := segmentKey(j.opening.sequence)
	err := j.cfg.Objects.PutIfAbsent(ctx, key, bytes.NewReader(j.codec.encode(j.opening)))
	if errors.Is(err, fs.ErrExist) {
		return ErrStandby
	}
	if err != nil {
		j.cfg.Failed()
		return storeFailure("write", key, err)
	}
	return j.begin(ctx)
}

// begin makes this process the one that writes, once its opening is there.
//
// It may be there in vain: whoever has slept for long, and then opens, may have found a
// number that was deleted, since a snapshot has what was under it. So the journal must not
// go on behind it.
func (j *Journal) begin(ctx context.Context) error {
	opening := j.opening
	err := j.persist(ctx, func(ctx context.Context) error { return j.atEnd(ctx, opening.sequence) })
	if err != nil {
		return err
	}
	err = j.local.update(func(tx *Tx) error {
		j.created.Store(tx.blank())
		return errors.Join(tx.replay(opening.changes), tx.addFences([]uint64{opening.sequence}), tx.putPosition(opening.position, true))
	})
	if err != nil {
		return j.local.failure(err)
	}
	j.reached(nil)
	j.advance(opening.position)
	j.opening = nil
	j.active.Store(true)
	j.cfg.Logger.Info("this process counts from now on", "segment", opening.sequence)
	return nil
}

// atEnd returns errBehind if the journal has anything behind a segment, and errGone if it
// does not have that one any more, nor what stands in for it.
func (j *Journal) atEnd(ctx context.Context, sequence uint64) error {
	before := "" // the beginning has no segment
	if sequence > 0 {
		before = segmentKey(sequence - 1)
	}
	there := sequence == 0
	for key, err := range j.cfg.Objects.List(ctx, segmentPrefix, before) {
		if err != nil {
			return storeFailure("list", segmentPrefix, err)
		}
		if key == segmentKey(sequence) {
			there = true
			continue
		}
		if there && key == segmentKey(sequence+1) && sequence == j.at.sequence {
			return ErrStandby // it was written just now
		}
		return errBehind
	}
	newest, known, err := j.newestSnapshot(ctx)
	switch {
	case err != nil:
		return err
	case known && newest > j.at.sequence:
		return errBehind
	case !there: // nor is it there if it cannot be read
		_, err = j.segment(ctx, sequence)
		return err
	}
	return nil
}

// advance takes note of what the local copy holds now.
func (j *Journal) advance(p position) {
	j.at = p
	j.moved(p)
}

// follows returns an error unless a segment comes behind the last one. It is errBehind if
// what was taken for the last one is an opening in vain; see begin.
func (j *Journal) follows(ctx context.Context, s *segment) error {
	err := follows(j.at, s)
	if err == nil {
		return nil
	}
	newest, known, failure := j.newestSnapshot(ctx)
	switch {
	case failure != nil:
		return failure
	case known && newest > j.at.sequence:
		return errBehind
	}
	return err
}

// errAstray means that two segments do not belong behind each other.
var errAstray = fmt.Errorf("%w: it does not belong", ErrDamaged)

func follows(at position, s *segment) error {
	if s.previous != at.writer || s.writer != at.writer && !s.opening {
		return fmt.Errorf("%s: %w behind %d, which %s has written", segmentKey(s.sequence), errAstray, at.sequence, at.writerName())
	}
	return nil
}

// writerName returns what the writer of a segment is called, for people.
func (p position) writerName() string {
	if p.name == "" {
		return p.writer.String()
	}
	return p.name
}
