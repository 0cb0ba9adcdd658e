package reshard_test

import (
	"errors"
	"flag"
	"fmt"
	"path/filepath"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/reshard"
)

var benchStreams = flag.Int("reshard.streams", 200, "number of streams of the benchmark, with 1000 objects each over ten days")

// BenchmarkRun shares out one checkpoint among three, and these among two: whose days are
// packed, as they are in practice.
func BenchmarkRun(b *testing.B) {
	for b.Loop() {
		b.StopTimer()
		dir := b.TempDir()
		var all []reshard.Checkpoint
		for i := range 3 {
			f, err := checkpoint.Open(filepath.Join(dir, fmt.Sprint(i, ".db")))
			if err != nil {
				b.Fatal(err)
			}
			defer func() { _ = f.Close() }()
			all = append(all, reshard.Checkpoint{Name: fmt.Sprint(i), State: f})
		}
		if err := all[0].Update(func(tx *checkpoint.Tx) error { return fillBench(b, tx) }); err != nil {
			b.Fatal(err)
		}
		b.StartTimer()
		for _, to := range []int{3, 2} {
			if _, err := reshard.Run(b.Context(), to, all, sum); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func fillBench(b *testing.B, tx *checkpoint.Tx) error {
	err := tx.PutShard(checkpoint.Shard{Count: 1})
	for i := range *benchStreams {
		id := checkpoint.StreamID{Store: "aws/logs", Stream: fmt.Sprintf("p:access/bucket-%d/", i)}
		err = errors.Join(err, tx.PutStream(id, checkpoint.Stream{Begin: noon}))
		for day := range checkpoint.Day(10) {
			var marks []checkpoint.Mark
			for n := range 100 {
				marks = append(marks, checkpoint.NewMark(fmt.Sprint(i, day, n), 1, ""))
			}
			err = errors.Join(err, tx.AddMarks(id, checkpoint.Counted, day, marks...))
		}
		for n := range 100 {
			err = errors.Join(err, tx.Series().Put(fmt.Append(nil, "series ", i, n), []byte("1")))
		}
	}
	done := checkpoint.Tidied{More: true}
	for done.More && err == nil {
		done, err = tx.Tidy(b.Context(), checkpoint.Tidying{Packing: 10})
	}
	return err
}
