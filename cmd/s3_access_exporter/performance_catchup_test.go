package main

import (
	"bytes"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/fleet"
	"github.com/s3access/s3_access_exporter/scanner/dirsource"
	"github.com/s3access/s3_access_exporter/scanner/s3source"
)

// toDirectory writes objects into a new directory.
func toDirectory(b *testing.B, objects []fleet.Object) (dir string) {
	b.Helper()
	dir = b.TempDir()
	for _, obj := range objects {
		if err := writeObject(filepath.Join(dir, filepath.FromSlash(obj.Key)), obj.Body); err != nil {
			b.Fatal(err)
		}
	}
	return dir
}

// A directory of small objects, 200 lines each, with commits that are on the disk,
// against the same without a checkpoint, in real time.
func BenchmarkPerformance_CatchUpFromDirectory(b *testing.B) {
	objects := logs(b, false, 200, 1<<30)
	src, err := dirsource.New(toDirectory(b, objects))
	if err != nil {
		b.Fatal(err)
	}
	took := compare(b, "x-no-commit", wall,
		func() { catchUp(b, src, len(objects), 8) },
		func() { readOnce(b, src, newMetrics(b)) })
	b.ReportMetric(float64(len(objects))/took.Seconds(), "objects/s")
}

// delayed is a store that takes its time, and counts the objects that it is asked
// for at once. It answers with the body of all objects by itself, which takes less
// of the machine than the store does.
type delayed struct {
	store   http.Handler
	body    []byte
	latency time.Duration

	mu          sync.Mutex
	now         int
	most        int
	first, last time.Time // that one was asked for, and that one was sent
}

func (d *delayed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	isObject := r.Method == http.MethodGet && !r.URL.Query().Has("list-type")
	if isObject {
		d.add(1)
		defer d.add(-1)
	}
	time.Sleep(d.latency)
	if !isObject {
		d.store.ServeHTTP(w, r)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(d.body)))
	_, _ = w.Write(d.body) // the reader notices
}

func (d *delayed) add(n int) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.now += n
	d.most = max(d.most, d.now)
	if d.last = time.Now(); d.first.IsZero() {
		d.first = d.last
	}
}

// withoutAWS has the SDK sign for nobody, whatever the environment has.
func withoutAWS(b *testing.B) {
	b.Helper()
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "", "AWS_PROFILE": "",
		"AWS_CONFIG_FILE": os.DevNull, "AWS_SHARED_CREDENTIALS_FILE": os.DevNull,
	} {
		b.Setenv(name, value)
	}
}

// S3 with latency: how much of concurrency / latency is reached, from the first
// object that is asked for to the last, and never more than concurrency objects at
// once.
func BenchmarkPerformance_CatchUpFromS3(b *testing.B) {
	const (
		bucket  = "example-logs"
		objects = 1600
		latency = 30 * time.Millisecond
	)
	withoutAWS(b)
	store := s3mem.New()
	if err := store.CreateBucket(bucket); err != nil {
		b.Fatal(err)
	}
	body := logs(b, false, 10, 1)[0].Body
	for i := range objects {
		key := "access/" + epoch.Add(time.Duration(i)*time.Second).Format("2006-01-02-15-04-05-") + "0123456789ABCDEF"
		if _, err := store.PutObject(bucket, key, nil, bytes.NewReader(body), int64(len(body)), nil); err != nil {
			b.Fatal(err)
		}
	}
	for _, concurrency := range []int{8, 16} {
		b.Run(fmt.Sprint("concurrency=", concurrency), func(b *testing.B) {
			slow := &delayed{store: gofakes3.New(store).Server(), body: body, latency: latency}
			server := httptest.NewServer(slow)
			defer server.Close()
			src, err := s3source.New(b.Context(), s3source.Config{
				Bucket: bucket, EndpointURL: server.URL, PathStyle: true,
			})
			if err != nil {
				b.Fatal(err)
			}
			var took time.Duration
			for b.Loop() {
				slow.first = time.Time{}
				catchUp(b, src, objects, concurrency)
				took += slow.last.Sub(slow.first)
			}
			best := objects * latency / time.Duration(concurrency)
			b.ReportMetric(float64(best)*float64(b.N)/float64(took), "of-concurrency/latency")
			b.ReportMetric(float64(slow.most), "in-flight")
			if slow.most > concurrency {
				b.Errorf("%d objects are fetched at once, want %d at most", slow.most, concurrency)
			}
		})
	}
}
