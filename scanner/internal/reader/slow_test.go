package reader_test

import (
	"bytes"
	"context"
	"io"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/internal/reader"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// uneven is a Source of which the objects whose keys have "-5" are slow: each answer takes
// answers, and then each read of a body that long for 4 KiB.
type uneven struct {
	remote
	answers, bytes time.Duration
}

func (u *uneven) slow(key string) bool { return strings.Contains(key, "-5") }

func (u *uneven) Open(ctx context.Context, obj source.Object) (io.ReadCloser, error) {
	u.add(1)
	if u.slow(obj.Key) {
		if err := pause(ctx, u.answers); err != nil {
			u.add(-1)
			return nil, err
		}
	}
	rest := bytes.NewReader(bytes.Repeat(u.body, int(obj.Size)/len(u.body)))
	return source.Whole(&remoteBody{readFunc(func(p []byte) (int, error) {
		if !u.slow(obj.Key) || u.bytes == 0 {
			return rest.Read(p)
		}
		if err := pause(ctx, u.bytes); err != nil {
			return 0, err
		}
		return rest.Read(p[:min(4<<10, len(p))])
	}), &u.remote}, obj), nil
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// job returns a Job of an object of it, of about that size.
func (u *uneven) job(slow bool, size int64) *reader.Job[bool] {
	unique := "A"
	if slow {
		unique = "5"
	}
	key, body := logtest.SimpleKey(at, unique), int64(len(u.body))
	obj := source.Object{Key: key, Size: max(1, size/body) * body}
	return &reader.Job[bool]{Location: source.Location{Source: u}, Key: logkey.Parse(key), Object: obj, State: slow}
}

// send returns a queue of Jobs.
func send(jobs ...*reader.Job[bool]) <-chan *reader.Job[bool] {
	queue := make(chan *reader.Job[bool], len(jobs))
	for _, j := range jobs {
		queue <- j
	}
	close(queue)
	return queue
}

// What is slow gives way to others of its queue, in whatever way it is slow.
func TestRead_SlowObjectsGiveWayToOthers(t *testing.T) {
	onCores(t, 2)
	const large = 9 << 20
	for name, test := range map[string]struct {
		answers, bytes time.Duration
		size           int64 // of all objects
		slow           int
		cfg            reader.Config
		within         time.Duration // the others are read
		throttles      bool          // the store asks for fewer requests soon, once
	}{
		"no answer":                                   {time.Hour, 0, 0, 64, reader.Config{GiveWay: true}, 31 * time.Second, false},
		"no answer, 8 at once":                        {time.Hour, 0, 0, 64, reader.Config{GiveWay: true, Concurrency: 8}, 120 * time.Second, false},
		"bytes that trickle":                          {0, 8 * time.Second, 900 << 10, 64, reader.Config{GiveWay: true}, 90 * time.Second, false},
		"large ones that trickle":                     {0, 8 * time.Second, large, 2, reader.Config{GiveWay: true}, 30 * time.Second, false},
		"20 large ones that trickle":                  {0, 8 * time.Second, large, 20, reader.Config{GiveWay: true}, 5 * time.Minute, false},
		"bytes that trickle, and a throttled request": {0, 8 * time.Second, 900 << 10, 64, reader.Config{GiveWay: true}, 90 * time.Second, true},
		"20 large ones, and a throttled request":      {0, 8 * time.Second, large, 20, reader.Config{GiveWay: true}, 5 * time.Minute, true},
		"large ones, and nobody reads again":          {0, 8 * time.Second, large, 2, reader.Config{}, 30 * time.Second, false},
		"no answer, and nobody tries it again":        {time.Hour, 0, 0, 64, reader.Config{}, 41 * time.Second, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				u := &uneven{remote: remote{body: logtest.AccessLog(at, "r")}, answers: test.answers, bytes: test.bytes}
				var jobs []*reader.Job[bool]
				for range test.slow {
					jobs = append(jobs, u.job(true, test.size))
				}
				for range 20 {
					jobs = append(jobs, u.job(false, test.size))
				}
				test.cfg.NewTally = func(_, _ string) reader.Tally { return new(ids) }
				if test.throttles {
					time.AfterFunc(5*time.Second, func() { u.throttled.Add(1) })
				}
				began, slow, others := time.Now(), 0, 0
				for r := range reader.Read(t.Context(), test.cfg, send(jobs...)).All() {
					switch {
					case r.State && r.Err == nil:
						slow++
					case r.State && test.cfg.GiveWay && r.Err.Reason == source.ReasonTimeout:
						slow++
					case r.Err != nil:
						t.Error(r.Err)
					default:
						others++
						if took := time.Since(began); took > test.within {
							t.Errorf("it takes %v, want %v", took, test.within)
						}
					}
				}
				if slow != test.slow || others != 20 {
					t.Errorf("%d and %d objects are read", slow, others)
				}
				if most := test.cfg.Concurrency; most > 0 && u.most > most {
					t.Errorf("%d objects are under way at once, want %d", u.most, most)
				}
			})
		})
	}
}

// Nothing takes its place from an object that is read again as a slow one, so that what is
// slow for everybody is read at last.
func TestRead_SlowObjectIsReadAtTheSecondAttempt(t *testing.T) {
	onCores(t, 2)
	for name, concurrency := range map[string]int{"as many as the cores can use": 0, "8": 8, "1": 1} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const objects = 20
				u := &uneven{remote: remote{body: logtest.AccessLog(at, "r")}, answers: 50 * time.Second}
				var first, again []*reader.Job[bool]
				for range 1000 {
					first = append(first, u.job(true, 0))
				}
				for range objects {
					j := u.job(true, 0)
					j.Slow = true
					again = append(again, j)
				}
				cfg := reader.Config{Concurrency: concurrency, GiveWay: true, NewTally: func(_, _ string) reader.Tally { return new(ids) }}
				began, read := time.Now(), 0
				for r := range reader.Read(t.Context(), cfg, send(first...), send(again...)).All() {
					if r.Slow && r.Err != nil {
						t.Error(r.Err)
					}
					if r.Slow {
						read++
					}
				}
				if read != objects {
					t.Errorf("%d objects are read", read)
				}
				if took := time.Since(began); took > 3*time.Hour {
					t.Errorf("it takes %v", took)
				}
				if most := max(concurrency, 2); concurrency > 0 && u.most > most+1 {
					t.Errorf("%d objects are under way at once", u.most)
				}
			})
		})
	}
}
