package scanner_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/s3access/s3_access_exporter/scanner"
	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/internal/reader"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// only returns the status of the one location and its one stream.
func (r *rig) only() (scanner.LocationStatus, scanner.StreamStatus) {
	r.t.Helper()
	status := r.scanner.Status()
	if len(status.Locations) != 1 || len(status.Locations[0].Streams) != 1 {
		r.t.Fatalf("not one location with one stream: %+v", status)
	}
	return status.Locations[0], status.Locations[0].Streams[0]
}

func TestStatus_HasNoLocationsUnlessRunWorks(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.put(began, "A", "r1")
		empty := func(status scanner.Status) bool {
			text, err := json.Marshal(status)
			return err == nil && strings.Contains(string(text), `"locations":[],`) && status.Started.IsZero() && status.Time.Equal(time.Now())
		}
		if s := scanner.New(scanner.Config{Metrics: scanner.NewMetrics(prometheus.NewRegistry())}).Status(); !empty(s) {
			t.Errorf("before Run: %+v", s)
		}
		r.start()
		r.wait(time.Minute)
		if s := r.scanner.Status(); empty(s) || !s.Started.Equal(began) {
			t.Errorf("while Run works: %+v", s)
		}
		r.stop()
		if s := r.scanner.Status(); !empty(s) {
			t.Errorf("after Run: %+v", s)
		}
	})
}

func TestStatus_ShowsHowFarAStreamIsRead(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.put(began.Add(-20*time.Minute), "A", "r1")
		key := r.put(began.Add(-15*time.Minute), "B", "r2")
		r.start()
		r.wait(90 * time.Second)
		location, stream := r.only()
		if location.Name != "s3://logs" || !location.LastPoll.Equal(began.Add(time.Minute)) || location.PollError != "" ||
			!location.LastAudit.Equal(began) || !location.Ready || location.Backlog != 0 {
			t.Errorf("location: %+v", location)
		}
		want := scanner.StreamStatus{
			Prefix: "access/", Log: "server_access", Layout: "simple",
			Watermark: key, WatermarkTime: began.Add(-15 * time.Minute),
			Newest: key, NewestTime: began.Add(-15 * time.Minute), Lag: 990,
			NextPoll: began.Add(3 * time.Minute), Cadence: 300, Silent: true,
		}
		if stream != want {
			t.Errorf("stream:\n got %+v\nwant %+v", stream, want)
		}
	})
}

func TestStatus_ShowsTheWatermarkBehindWhatIsInFlight(t *testing.T) {
	inBubble(t, func(r *rig) {
		first := r.put(began, "A", "r1")
		release := make(chan struct{})
		r.bucket.SetFault(func(op, key string) error {
			if op == sourcetest.OpOpen && key != first {
				<-release
			}
			return nil
		})
		second := r.put(began.Add(time.Second), "B", "r2")
		third := r.put(began.Add(2*time.Second), "C", "r3")
		r.start()
		r.wait(10 * time.Second)
		location, stream := r.only()
		if location.Ready || location.Backlog != 2 || stream.InFlight != 2 || stream.Watermark != second || stream.Newest != third {
			t.Errorf("while two objects are read: %+v", location)
		}
		close(release)
		r.wait(10 * time.Second)
		location, stream = r.only()
		if !location.Ready || location.Backlog != 0 || stream.InFlight != 0 || stream.Watermark != third {
			t.Errorf("when they were read: %+v", location)
		}
	})
}

func TestStatus_SeparatesPendingFromQuarantinedObjects(t *testing.T) {
	inBubble(t, func(r *rig) {
		denied := r.put(began, "A", "r1")
		broken := r.put(began.Add(time.Second), "B")
		r.bucket.Put(broken, []byte("\x1f\x8bbroken"), began)
		r.bucket.SetFault(func(op, key string) error {
			if op == sourcetest.OpOpen && key == denied {
				return &source.Error{Op: op, Key: key, Reason: source.ReasonAccessDenied, Err: errors.New("kms says <no>")}
			}
			return nil
		})
		for range 2 { // the second process knows it from the checkpoint
			r.start()
			r.wait(time.Hour)
			location, _ := r.only()
			if len(location.Pending) != 1 || len(location.Quarantined) != 1 {
				t.Fatalf("pending: %+v, quarantined: %+v", location.Pending, location.Quarantined)
			}
			if p := location.Pending[0]; p.Key != denied || p.Reason != source.ReasonAccessDenied || !strings.Contains(p.Error, "kms says <no>") ||
				p.Attempts < 3 || p.Since.Sub(began) > time.Second || time.Since(p.NextTry) > time.Minute { // of the round that tries it
				t.Errorf("pending: %+v", p)
			}
			if q := location.Quarantined[0]; q.Key != broken || q.Reason != reader.ReasonGzip || q.Error == "" ||
				q.Attempts < 1 || q.Since.Sub(began) > time.Second || !q.NextTry.IsZero() {
				t.Errorf("quarantined: %+v", q)
			}
			r.crash()
		}
	})
}

func TestStatus_ShowsWhatFails(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.put(began, "A", "r1")
		r.start()
		r.wait(10 * time.Minute)
		polled := time.Now().Add(5 * time.Minute) // an idle stream is not polled in every round
		r.bucket.SetFault(func(op, key string) error {
			return &source.Error{Op: op, Key: key, Reason: source.ReasonAccessDenied, Err: errors.New("denied")}
		})
		r.wait(time.Hour)
		if location, _ := r.only(); !strings.Contains(location.PollError, "denied") || location.LastPoll.After(polled) {
			t.Errorf("while listing fails: %+v", location)
		}
		r.bucket.SetFault(nil)
		r.consumer.setRefuse(errors.New("disk full"))
		r.put(time.Now(), "B", "r2")
		r.wait(time.Hour)
		status := r.scanner.Status()
		if !strings.Contains(status.CommitError, "disk full") || status.Ready || status.Locations[0].PollError != "" {
			t.Errorf("while commits fail: %+v", status)
		}
		r.consumer.setRefuse(nil)
		r.wait(time.Minute)
		if status := r.scanner.Status(); status.CommitError != "" || !status.Ready {
			t.Errorf("when commits work again: %+v", status)
		}
	})
}

func TestStatus_CountsRequests(t *testing.T) {
	metrics := scanner.NewMetrics(prometheus.NewRegistry())
	for _, operation := range []string{"GetObject", "ListObjectsV2", "GetObject"} {
		metrics.CountRequest(operation)
	}
	got := scanner.New(scanner.Config{Metrics: metrics}).Status().Requests
	if got["GetObject"] != 2 || got["ListObjectsV2"] != 1 {
		t.Errorf("requests: %v", got)
	}
}

// A stream is silent once it gave nothing for three times its longest pause.
func TestStatus_StreamThatGoesSilentStandsOut(t *testing.T) {
	every := func(from, to, step time.Duration) (ago []time.Duration) {
		for d := from; d >= to; d -= step {
			ago = append(ago, d)
		}
		return ago
	}
	tests := map[string]struct {
		ago     []time.Duration // before the start, at which objects came
		cadence time.Duration
		silent  time.Duration // after the start; 0: never
	}{
		"steady":              {every(30*time.Hour, 0, 5*time.Minute), 5 * time.Minute, 15 * time.Minute},
		"faster than polls":   {every(time.Hour, 0, time.Second), time.Minute, 3 * time.Minute},
		"with a pause":        {slices.Concat(every(30*time.Hour, 20*time.Hour, 10*time.Minute), every(12*time.Hour, 0, 10*time.Minute)), 8 * time.Hour, 24 * time.Hour},
		"in rare bursts":      {slices.Concat(every(120*time.Hour, 119*time.Hour, time.Minute), every(time.Hour, 0, time.Minute)), 47 * time.Hour, 141 * time.Hour},
		"of a single object":  {every(0, 0, time.Hour), 0, 0},
		"once a day for days": {every(96*time.Hour, 0, 24*time.Hour), 24 * time.Hour, 72 * time.Hour},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			inBubble(t, func(r *rig) {
				r.config.Since = 48 * time.Hour
				for _, d := range test.ago {
					r.put(began.Add(-d), "A")
				}
				for range 2 { // a restart forgets none of it
					r.start()
					r.wait(time.Second)
					_, stream := r.only()
					if got := time.Duration(stream.Cadence) * time.Second; got != test.cadence {
						t.Errorf("cadence is %v, want %v", got, test.cadence)
					}
					r.crash()
				}
				r.start()
				if test.silent == 0 {
					r.wait(100 * time.Hour)
					if _, stream := r.only(); stream.Silent {
						t.Errorf("silent without a cadence: %+v", stream)
					}
					return
				}
				r.wait(time.Until(began.Add(test.silent - 30*time.Second)))
				if _, stream := r.only(); stream.Silent {
					t.Errorf("silent too early: %+v", stream)
				}
				r.wait(time.Minute)
				if _, stream := r.only(); !stream.Silent {
					t.Errorf("not silent in time: %+v", stream)
				}
				if test.cadence < time.Hour {
					return // it may be silent again before it is polled
				}
				r.put(time.Now(), "B")
				r.wait(16 * time.Minute) // an idle stream is polled that often
				if _, stream := r.only(); stream.Silent {
					t.Errorf("still silent: %+v", stream)
				}
			})
		})
	}
}

func TestStatus_CadenceFollowsTheStream(t *testing.T) {
	inBubble(t, func(r *rig) {
		cadence := func() time.Duration {
			_, stream := r.only()
			return time.Duration(stream.Cadence) * time.Second
		}
		come := func(times int, every time.Duration) {
			for range times {
				r.put(time.Now(), "A")
				r.wait(every)
			}
		}
		r.config.Interval, r.config.SweepWindow = 5*time.Minute, 6*time.Hour
		r.start()
		come(10, time.Hour)
		if got := cadence(); got != time.Hour {
			t.Errorf("of one object an hour: %v", got)
		}
		come(100, 5*time.Minute)
		if got := cadence(); got != 5*time.Minute {
			t.Errorf("of one every five minutes for longer than the sweep window: %v", got)
		}
		come(4, 48*time.Hour)
		if got := cadence(); got != 48*time.Hour {
			t.Errorf("of one every two days: %v", got)
		}
		if _, stream := r.only(); stream.Silent {
			t.Errorf("silent: %+v", stream)
		}
	})
}

func TestStatus_ShowsThatEventTimeKeysHaveOnlyTheDay(t *testing.T) {
	inBubble(t, func(r *rig) {
		for i := range 4 {
			day := began.AddDate(0, 0, i-4).Format("2006/01/02/2006-01-02-00-00-00-")
			r.bucket.Put("111122223333/eu-west-1/b/"+day+"0123456789ABCDEF", nil, began)
		}
		r.start()
		r.wait(time.Minute)
		_, stream := r.only()
		if !stream.EventTime || stream.Layout != "partitioned" || stream.Silent || stream.Cadence != 24*60*60 || stream.Lag != 36*60*60+60 {
			t.Errorf("%+v", stream)
		}
	})
}

// The key of an object by event time has the day's first second, which is
// before most starting points on that day.
func TestScanner_ReadsTodaysEventTimeObjectsFromTheStart(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.config.Since = time.Hour
		r.bucket.Put("111122223333/eu-west-1/b/"+began.Format("2006/01/02/2006-01-02-00-00-00-")+"0123456789ABCDEF", logtest.AccessLog(began, "r1"), began)
		r.start()
		r.wait(time.Minute)
		r.expect("r1")
	})
}

// A key with a time to come neither hides a silence nor moves the watermark.
func TestStatus_KeyFromTheFuture(t *testing.T) {
	inBubble(t, func(r *rig) {
		for i := range 10 {
			r.put(began.Add(time.Duration(i-9)*time.Minute), "A")
		}
		r.put(began.AddDate(50, 0, 0), "B")
		r.start()
		r.wait(time.Hour)
		if _, stream := r.only(); stream.Lag != 3600 || stream.Cadence != 60 || !stream.Silent {
			t.Errorf("%+v", stream)
		}
	})
}

// The race detector watches.
func TestStatus_MayBeAskedAtAnyTime(t *testing.T) {
	inBubble(t, func(r *rig) {
		r.bucket.SetFault(func(op, key string) error {
			if op == sourcetest.OpOpen && strings.Contains(key, "F") {
				return errors.New("connection reset")
			}
			return nil
		})
		r.start()
		asked := make(chan int)
		go func() {
			n := 0
			for r.scanner.Status().Time.Before(began.Add(2 * time.Hour)) {
				n++
				time.Sleep(700 * time.Millisecond)
			}
			asked <- n
		}()
		for i := range 120 {
			r.put(time.Now(), fmt.Sprintf("%X", i), fmt.Sprint("r", i))
			r.wait(time.Minute)
		}
		if n := <-asked; n < 5000 {
			t.Errorf("asked %d times", n)
		}
	})
}
