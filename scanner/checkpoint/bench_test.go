package checkpoint_test

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
)

// What a busy exporter's file weighs, and how long a start with it takes: a million
// objects that were seen in some streams, and a hundred thousand series, in commits
// as serve makes them.
func BenchmarkCheckpoint_Load(b *testing.B) {
	const (
		streams, objects, series = 50, 1_000_000, 100_000
		commits                  = 500
	)
	path := b.TempDir() + "/state.db"
	f, err := checkpoint.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	random := rand.New(rand.NewPCG(1, 1))
	for commit := range commits {
		err := f.Update(func(tx *checkpoint.Tx) error {
			if err := tx.PutLocation("s3://example-logs", checkpoint.LocationState{}); err != nil {
				return err
			}
			return benchmarkCommit(tx, random, commit, streams, objects/commits, series)
		})
		if err != nil {
			b.Fatal(err)
		}
	}
	size := f.Size()
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		f, err := checkpoint.Open(path)
		if err != nil {
			b.Fatal(err)
		}
		n := 0
		err = f.View(func(tx *checkpoint.Tx) error {
			return tx.Series().Each(func(_, _ []byte) error {
				n++
				return nil
			})
		})
		if err != nil || n != series {
			b.Fatal(err, n)
		}
		if err := f.Close(); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(size)/1e6, "MB")
}

// benchmarkCommit marks objects of all streams, which arrive in no order within
// some seconds, and adds to some of the series.
func benchmarkCommit(tx *checkpoint.Tx, random *rand.Rand, commit, streams, objects, series int) error {
	for i := range objects {
		s, err := tx.CreateStream("s3://example-logs", fmt.Sprint("s:access/", i%streams, "/"))
		if err != nil {
			return err
		}
		at := noon.Add(time.Duration(commit)*time.Minute + time.Duration(random.IntN(60))*time.Second)
		key := fmt.Sprintf("access/%d/%s-%016X", i%streams, at.Format("2006-01-02-15-04-05"), random.Uint64())
		if err := s.PutWatermark(key); err != nil {
			return err
		}
		if err := s.MarkSeen(checkpoint.NewObjectID(key, at), at); err != nil {
			return err
		}
	}
	value := make([]byte, 16)
	const born, changed = 2000, 200
	for i := range born {
		id := commit*born + i
		if id >= series { // all are there: some change
			if id = random.IntN(series); i >= changed {
				break
			}
		}
		binary.BigEndian.PutUint64(value, random.Uint64())
		key := fmt.Sprintf("object_requests\x00server_access\x00bucket-%d\x00GetObject\x00success\x00arn:aws:iam::111122223333:role/example-%d\x00203.0.113.%d\x00aws-sdk-java\x002.20.%d",
			id%7, id, id%256, id%31)
		if err := tx.Series().Put([]byte(key), value); err != nil {
			return err
		}
	}
	return nil
}
