package reader_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/internal/reader"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// Objects of a store that is slow do not keep those of another queue waiting.
func TestRead_KeepsNoQueueWaitingForAnother(t *testing.T) {
	for name, cfg := range map[string]reader.Config{"as many as can be used": {}, "one at once": {Concurrency: 1}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const objects = 100
				cfg.NewTally = func(_, _ string) reader.Tally { return new(ids) }
				slow := &remote{latency: time.Hour, body: logtest.AccessLog(at, "r")}
				quick := &remote{latency: time.Second, body: logtest.AccessLog(at, "r")}
				queue := func(src *remote) <-chan *reader.Job[*remote] {
					jobs := make(chan *reader.Job[*remote])
					go func() {
						defer close(jobs)
						key := logtest.SimpleKey(at, "A")
						for range objects {
							jobs <- &reader.Job[*remote]{
								Location: source.Location{Source: src}, Key: logkey.Parse(key),
								Object: source.Object{Key: key, Size: int64(len(src.body))}, State: src,
							}
						}
					}()
					return jobs
				}
				began, done := time.Now(), make(map[*remote]int)
				var took time.Duration // of the quick ones
				for r := range reader.Read(t.Context(), cfg, queue(slow), queue(quick)).All() {
					if done[r.State]++; r.State == quick {
						took = time.Since(began)
					}
				}
				if done[slow] != objects || done[quick] != objects {
					t.Errorf("%d and %d objects are read, want %d", done[slow], done[quick], objects)
				}
				if took > objects*quick.latency {
					t.Errorf("those of the quick store take %v", took)
				}
			})
		})
	}
}
