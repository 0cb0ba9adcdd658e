package checkpoint_test

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/checkpoint/journaltest"
)

var benchmarkObjects = flag.Int("checkpoint.objects", 1_000_000, "log objects of the benchmarks")

// load is a fleet's log objects as they arrive: in no order within a minute, over some
// streams.
type load struct {
	random  *rand.Rand
	streams int
	days    int
	objects int // of all days
	n       int
}

func newLoad(streams, days, objects int) *load {
	return &load{random: rand.New(rand.NewPCG(1, 1)), streams: streams, days: days, objects: objects}
}

// next returns the next object.
func (l *load) next() (stream int, key string, at time.Time) {
	passed := time.Duration(float64(l.n) / float64(l.objects) * float64(l.days) * float64(24*time.Hour))
	l.n++
	at = noon.Add(passed).Truncate(time.Minute).Add(time.Duration(l.random.IntN(60)) * time.Second)
	stream = l.random.IntN(l.streams)
	return stream, fmt.Sprintf("access/%d/%s-%016X", stream, at.Format("2006-01-02-15-04-05"), l.random.Uint64()), at
}

// commit marks objects, as a commit of the scanner does.
func (l *load) commit(tx *checkpoint.Tx, objects int) error {
	type part struct {
		stream int
		day    checkpoint.Day
	}
	marks := make(map[part][]checkpoint.Mark)
	watermarks := make(map[int]string)
	for range objects {
		stream, key, at := l.next()
		p := part{stream, checkpoint.DayOf(at)}
		marks[p] = append(marks[p], checkpoint.NewMark(key, int64(l.n), at.String()))
		watermarks[stream] = max(watermarks[stream], key)
	}
	for stream, watermark := range watermarks {
		s := checkpoint.Stream{Watermark: watermark, Begin: noon, Audited: noon, Newest: noon}
		if err := tx.PutStream(id(fmt.Sprint("s:access/", stream, "/")), s); err != nil {
			return err
		}
	}
	for p, marks := range marks {
		if err := tx.AddMarks(id(fmt.Sprint("s:access/", p.stream, "/")), checkpoint.Counted, p.day, marks...); err != nil {
			return err
		}
	}
	return nil
}

// tidy packs what is over.
func (l *load) tidy(b *testing.B, f *checkpoint.File) {
	_, _, at := l.next()
	for more := true; more; {
		update(b, f, func(tx *checkpoint.Tx) error {
			done, err := tx.Tidy(b.Context(), checkpoint.Tidying{Packing: checkpoint.DayOf(at)})
			more = done.More
			return err
		})
	}
}

// How large a checkpoint of a month of seen objects is, and how long it takes to open
// it: -checkpoint.objects=15000000 is the largest that is promised.
func BenchmarkCheckpoint_Size(b *testing.B) {
	for _, streams := range []int{50, 1000, 20_000} {
		b.Run(fmt.Sprint(streams, "_streams"), func(b *testing.B) {
			path := newPath(b)
			f := open(b, path)
			l := newLoad(streams, 30, *benchmarkObjects)
			const commit = 10_000
			for l.n < l.objects {
				update(b, f, func(tx *checkpoint.Tx) error { return l.commit(tx, commit) })
				if l.n/commit%25 == 0 {
					l.tidy(b, f)
				}
			}
			size := f.Size()
			if err := f.Close(); err != nil {
				b.Fatal(err)
			}
			for b.Loop() {
				if err := open(b, path).Close(); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(size)/float64(l.n), "B/object")
		})
	}
}

// What a busy exporter's file weighs, and how long a start with it takes: objects that
// were seen in some streams, and a hundred thousand series.
func BenchmarkCheckpoint_Load(b *testing.B) {
	const streams, series, commits = 50, 100_000, 500
	path := newPath(b)
	f := open(b, path)
	l := newLoad(streams, 1, *benchmarkObjects)
	for commit := range commits {
		update(b, f, func(tx *checkpoint.Tx) error {
			return errors.Join(l.commit(tx, *benchmarkObjects/commits), benchmarkSeries(tx, l.random, commit, series))
		})
	}
	l.tidy(b, f)
	size := f.Size()
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
	for b.Loop() {
		f := open(b, path)
		n := 0
		view(b, f, func(tx *checkpoint.Tx) error {
			return tx.Series().Each(func(_, _ []byte) error {
				n++
				return nil
			})
		})
		if err := f.Close(); err != nil || n != series {
			b.Fatal(err, n)
		}
	}
	b.ReportMetric(float64(size)/1e6, "MB")
}

// benchmarkSeries adds to some of the series.
func benchmarkSeries(tx *checkpoint.Tx, random *rand.Rand, commit, series int) error {
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

// What one commit of many objects costs, fsync included, once there are many: against
// a file that has one key for each object, in a bucket for each stream, without any
// checksum.
func BenchmarkCheckpoint_Commit(b *testing.B) {
	for _, streams := range []int{1, 50, 20_000} {
		for _, objects := range []int{1, 512} {
			b.Run(fmt.Sprintf("%d_streams/%d_objects", streams, objects), func(b *testing.B) {
				f := open(b, newPath(b))
				l := newLoad(streams, 30, 15_000_000)
				for range 20 {
					update(b, f, func(tx *checkpoint.Tx) error { return l.commit(tx, 10_000) })
				}
				for b.Loop() {
					update(b, f, func(tx *checkpoint.Tx) error { return l.commit(tx, objects) })
				}
			})
			b.Run(fmt.Sprintf("%d_streams/%d_objects/a_key_each", streams, objects), func(b *testing.B) {
				db, err := bbolt.Open(newPath(b), 0o600, &bbolt.Options{FreelistType: bbolt.FreelistMapType})
				if err != nil {
					b.Fatal(err)
				}
				defer func() { _ = db.Close() }()
				l := newLoad(streams, 30, 15_000_000)
				for range 20 {
					if err := db.Update(func(tx *bbolt.Tx) error { return l.commitKeyEach(tx, 10_000) }); err != nil {
						b.Fatal(err)
					}
				}
				for b.Loop() {
					if err := db.Update(func(tx *bbolt.Tx) error { return l.commitKeyEach(tx, objects) }); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
}

// commitKeyEach marks objects by a key for each.
func (l *load) commitKeyEach(tx *bbolt.Tx, objects int) error {
	root, err := tx.CreateBucketIfNotExists([]byte("streams"))
	if err != nil {
		return err
	}
	for range objects {
		stream, key, at := l.next()
		s, err := root.CreateBucketIfNotExists(fmt.Append(nil, "s:access/", stream, "/"))
		if err != nil {
			return err
		}
		seen, err := s.CreateBucketIfNotExists([]byte("seen"))
		if err != nil {
			return err
		}
		seen.FillPercent = 0.9
		hash := sha256.Sum256([]byte(key))
		mark := append(binary.BigEndian.AppendUint32(nil, uint32(at.Unix())), hash[:12]...)
		err = errors.Join(s.Put([]byte("watermark"), []byte(key)), seen.Put(mark, binary.BigEndian.AppendUint32(nil, uint32(at.Unix()))))
		if err != nil {
			return err
		}
	}
	return nil
}

// How long a start takes from a snapshot with 100,000 series and 1,000 segments.
func BenchmarkJournal_Start(b *testing.B) { journaltest.BenchmarkStart(b, new(journaltest.Fake)) }
