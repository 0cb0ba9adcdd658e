package journaltest

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
)

// What a start is measured with.
const (
	startSeries   = 100_000
	startSegments = 1000
	startObjects  = 83  // of a segment: those of 5 s at 1,000 a minute
	startChanged  = 300 // series that a segment changes
	startStreams  = 100
)

// BenchmarkStart measures how long it takes until a process counts that has no local copy,
// from a snapshot with 100,000 series and 1,000 segments behind it. The store is empty.
func BenchmarkStart(b *testing.B, objects checkpoint.Objects) {
	state := &startState{random: rand.New(rand.NewPCG(1, 1)), at: time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC)}
	lead(b, checkpoint.JournalConfig{Objects: objects, SnapshotSegments: 1}, func(ctx context.Context, j *checkpoint.Journal) error {
		for i := 0; i < startSeries; i += 10_000 {
			if err := j.Update(func(tx *checkpoint.Tx) error { return state.putSeries(tx, i, i+10_000) }); err != nil {
				return err
			}
		}
		return awaitSnapshot(ctx, objects)
	})
	lead(b, checkpoint.JournalConfig{Objects: objects, SnapshotSegments: 1 << 30}, func(_ context.Context, j *checkpoint.Journal) error {
		for range startSegments {
			if err := j.Update(state.commit); err != nil {
				return err
			}
		}
		return nil
	})
	for b.Loop() {
		lead(b, checkpoint.JournalConfig{Objects: objects, SnapshotSegments: 1 << 30}, func(_ context.Context, j *checkpoint.Journal) error {
			n := 0
			err := j.View(func(tx *checkpoint.Tx) error {
				return tx.Series().Each(func(_, _ []byte) error { n++; return nil })
			})
			if err == nil && n != startSeries {
				err = fmt.Errorf("there are %d series", n)
			}
			return err
		})
	}
}

// lead calls fn while a journal leads, and ends it.
func lead(b *testing.B, cfg checkpoint.JournalConfig, fn func(ctx context.Context, j *checkpoint.Journal) error) {
	b.Helper()
	cfg.Name = "s3://state"
	j := checkpoint.NewJournal(cfg)
	err := j.Run(b.Context(), func(ctx context.Context) error { return fn(ctx, j) })
	if err := errors.Join(err, j.Close()); err != nil {
		b.Fatal(err)
	}
}

// awaitSnapshot waits until there is a snapshot.
func awaitSnapshot(ctx context.Context, objects checkpoint.Objects) error {
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		for _, err := range objects.List(ctx, "snapshot/", "") {
			return err
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// startState is what an exporter commits.
type startState struct {
	random *rand.Rand
	at     time.Time
	n      int64
}

// putSeries puts the series from one number to another.
func (s *startState) putSeries(tx *checkpoint.Tx, from, to int) error {
	value := make([]byte, 16)
	for n := from; n < to; n++ {
		binary.BigEndian.PutUint64(value, s.random.Uint64())
		key := fmt.Sprintf("object_requests\x00server_access\x00bucket-%d\x00GetObject\x00success\x00arn:aws:iam::111122223333:role/example-%d\x00203.0.113.%d\x00aws-sdk-java\x002.20.%d",
			n%7, n, n%256, n%31)
		if err := tx.Series().Put([]byte(key), value); err != nil {
			return err
		}
	}
	return nil
}

// commit counts objects, as a commit of the scanner does.
func (s *startState) commit(tx *checkpoint.Tx) error {
	for range startChanged {
		n := s.random.IntN(startSeries)
		if err := s.putSeries(tx, n, n+1); err != nil {
			return err
		}
	}
	s.at = s.at.Add(5 * time.Second)
	for range startObjects {
		s.n++
		stream := fmt.Sprintf("access/%d/", s.random.IntN(startStreams))
		key := stream + s.at.Format("2006-01-02-15-04-05-") + fmt.Sprintf("%016X", s.random.Uint64())
		id := checkpoint.StreamID{Store: "aws/example-logs", Stream: "s:" + stream}
		err := errors.Join(
			tx.PutStream(id, checkpoint.Stream{Watermark: key, Begin: s.at, Audited: s.at, Newest: s.at}),
			tx.AddMarks(id, checkpoint.Counted, checkpoint.DayOf(s.at), checkpoint.NewMark(key, s.n, key)))
		if err != nil {
			return err
		}
	}
	return nil
}
