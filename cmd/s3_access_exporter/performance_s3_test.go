package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/fleet"
	"github.com/s3access/s3_access_exporter/scanner/s3source"
)

var performanceObjects = flag.Int("performance.objects", 20_000, "objects of server access logs that are read from S3")

// farLatency is how long the store of these benchmarks takes for each request.
const farLatency = 30 * time.Millisecond

// far is a store that is another process, so that what it takes of the machine is not
// counted. It answers each request after farLatency.
type far struct{ url string }

// The environment of the store's process.
const (
	storeBodies = "PERFORMANCE_STORE_BODIES" // a directory of bodies, which objects have in turns
	storeKeys   = "PERFORMANCE_STORE_KEYS"   // a file with a key on each line, in order
)

const farBucket = "example-logs"

// startFar starts a store of objects with these keys, which have the bodies in turns.
func startFar(b *testing.B, keys []string, bodies []fleet.Object) far {
	b.Helper()
	dir := b.TempDir()
	for i, body := range bodies {
		if err := os.WriteFile(filepath.Join(dir, fmt.Sprintf("%06d", i)), body.Body, 0o600); err != nil {
			b.Fatal(err)
		}
	}
	list := filepath.Join(b.TempDir(), "keys")
	if err := os.WriteFile(list, []byte(strings.Join(keys, "\n")), 0o600); err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), os.Args[0], "-test.run=^TestFarStoreProcess$")
	cmd.Env = append(os.Environ(), storeBodies+"="+dir, storeKeys+"="+list)
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return far{strings.TrimSpace(line)}
}

// count returns a count of the store.
func (f far) count(b *testing.B, what string) float64 {
	b.Helper()
	request, err := http.NewRequestWithContext(b.Context(), http.MethodGet, f.url+"/?count="+what, nil)
	if err != nil {
		b.Fatal(err)
	}
	answer, err := http.DefaultClient.Do(request)
	if err != nil {
		b.Fatal(err)
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		b.Fatal(err)
	}
	n, err := strconv.ParseFloat(string(text), 64)
	if err != nil {
		b.Fatal(err)
	}
	return n
}

func (f far) source(b *testing.B) *s3source.Source {
	b.Helper()
	src, err := s3source.New(b.Context(), s3source.Config{Bucket: farBucket, EndpointURL: f.url, PathStyle: true})
	if err != nil {
		b.Fatal(err)
	}
	return src
}

// TestFarStoreProcess is no test but the process of a far store, until it is killed.
func TestFarStoreProcess(t *testing.T) {
	dir := os.Getenv(storeBodies)
	if dir == "" {
		t.Skip("it is not started as a store")
	}
	s := new(farStore)
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		body, err := os.ReadFile(filepath.Join(dir, file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		s.bodies = append(s.bodies, body)
	}
	keys, err := os.ReadFile(os.Getenv(storeKeys))
	if err != nil {
		t.Fatal(err)
	}
	s.keys = strings.Split(string(keys), "\n")
	server := httptest.NewServer(s)
	fmt.Fprintln(os.Stdout, server.URL)
	<-t.Context().Done()
}

// farStore answers ListObjectsV2 and GetObject.
type farStore struct {
	keys   []string
	bodies [][]byte

	mu          sync.Mutex // guards all below
	now         int        // objects that are asked for at once
	most, lists int
}

func (s *farStore) body(i int) []byte { return s.bodies[i%len(s.bodies)] }

func (s *farStore) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if what := r.FormValue("count"); what != "" {
		s.mu.Lock()
		defer s.mu.Unlock()
		fmt.Fprint(w, map[string]int{"most": s.most, "lists": s.lists}[what])
		return
	}
	if r.FormValue("list-type") != "" {
		s.list(w, r)
		return
	}
	s.add(1)
	defer s.add(-1)
	time.Sleep(farLatency)
	i, found := slices.BinarySearch(s.keys, strings.TrimPrefix(r.URL.Path, "/"+farBucket+"/"))
	if !found {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(s.body(i))))
	_, _ = w.Write(s.body(i)) // the reader notices
}

func (s *farStore) add(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now += n
	s.most = max(s.most, s.now)
}

func (s *farStore) list(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	s.lists++
	s.mu.Unlock()
	time.Sleep(farLatency)
	prefix := r.FormValue("prefix")
	after := max(r.FormValue("start-after"), r.FormValue("continuation-token"))
	size, err := strconv.Atoi(r.FormValue("max-keys"))
	if err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	begin, found := slices.BinarySearch(s.keys, max(prefix, after))
	if found && s.keys[begin] == after {
		begin++
	}
	end := begin
	for end < len(s.keys) && end-begin < size && strings.HasPrefix(s.keys[end], prefix) {
		end++
	}
	truncated := end < len(s.keys) && strings.HasPrefix(s.keys[end], prefix)
	var page bytes.Buffer
	fmt.Fprintf(&page, `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><EncodingType>url</EncodingType><IsTruncated>%v</IsTruncated>`, truncated)
	if truncated {
		fmt.Fprintf(&page, `<NextContinuationToken>%s</NextContinuationToken>`, s.keys[end-1])
	}
	for i := begin; i < end; i++ {
		fmt.Fprintf(&page, `<Contents><Key>%s</Key><LastModified>2026-03-04T05:06:07.000Z</LastModified><ETag>&quot;0123456789abcdef0123456789abcdef&quot;</ETag>`+
			`<Size>%d</Size><StorageClass>STANDARD</StorageClass></Contents>`, url.QueryEscape(s.keys[i]), len(s.body(i)))
	}
	page.WriteString(`</ListBucketResult>`)
	w.Header().Set("Content-Type", "application/xml")
	_, _ = w.Write(page.Bytes()) // the reader notices
}

// flatKeys are of one flat prefix, a second and more apart.
func flatKeys(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = farKey(i)
	}
	return keys
}

func farKey(i int) string {
	return "access/" + epoch.Add(time.Duration(i)*time.Second).Format("2006-01-02-15-04-05-") + fmt.Sprintf("%016X", i)
}

// streamKeys are of 200 streams.
func streamKeys(n int) []string {
	const streams = 200
	var keys []string
	for s := range streams {
		for i := range n / streams {
			keys = append(keys, fmt.Sprintf("logs/111122223333/eu-west-1/bucket-%03d/", s)+
				epoch.Add(time.Duration(i)*time.Minute).Format("2006/01/02/2006-01-02-15-04-05-")+fmt.Sprintf("%016X", i))
		}
	}
	return keys
}

// trailKeys are of CloudTrail.
func trailKeys(n int) []string {
	keys := make([]string, n)
	for i := range keys {
		keys[i] = farTrailKey(i)
	}
	return keys
}

func farTrailKey(i int) string {
	at := epoch.Add(time.Duration(i) * time.Minute)
	return "AWSLogs/111122223333/CloudTrail/eu-west-1/" + at.Format("2006/01/02/") +
		"111122223333_CloudTrail_eu-west-1_" + at.Format("20060102T1504Z_") + fmt.Sprintf("%016d", i) + ".json.gz"
}

// Objects of some 20 KB in a store that takes 30 ms for each request, as serve catches up
// with them.
func BenchmarkPerformance_CatchUpFromFarS3(b *testing.B) {
	withoutAWS(b)
	onCores(b, 2)
	keys := flatKeys(*performanceObjects)
	store := startFar(b, keys, logs(b, false, 40, 10<<20))
	src := store.source(b)
	took, fastest := time.Hour, time.Hour
	for b.Loop() {
		began := time.Now()
		took = min(took, cpu(func() { catchUp(b, src, len(keys), 0) }))
		fastest = min(fastest, time.Since(began))
	}
	b.ReportMetric(2*float64(len(keys))/took.Seconds(), "objects/s-of-2-cores")
	b.ReportMetric(float64(len(keys))/fastest.Seconds(), "objects/s-wall")
	b.ReportMetric(store.count(b, "most"), "in-flight")
}

// Objects of some 20 KB in a store that takes 30 ms for each request, as report reads
// them, against the same in memory: the share of CPU time that is decoding, how many
// objects two cores read in a second if nobody else uses them, and in real time, beside
// the store and whatever else runs.
func BenchmarkPerformance_FromS3(b *testing.B) {
	withoutAWS(b)
	access, trail := logs(b, false, 40, 10<<20), logs(b, true, 100, 200<<20)
	for _, from := range []struct {
		name   string
		keys   []string
		bodies []fleet.Object
	}{
		{"server_access/flat", flatKeys(*performanceObjects), access},
		{"server_access/streams=200", streamKeys(*performanceObjects), access},
		{"cloudtrail", trailKeys(len(trail)), trail}, // each event once
	} {
		b.Run(from.name, func(b *testing.B) {
			onCores(b, 2)
			store, counters := startFar(b, from.keys, from.bodies), newMetrics(b)
			near, bytes := make([]fleet.Object, len(from.keys)), 0
			for i, key := range from.keys {
				near[i] = fleet.Object{Key: key, Body: from.bodies[i%len(from.bodies)].Body}
				bytes += len(near[i].Body)
			}
			memory, src := bucketOf(near), store.source(b)
			fastest := time.Hour
			took := compare(b, "of-near", cpu, func() {
				began := time.Now()
				readOnce(b, src, counters)
				fastest = min(fastest, time.Since(began))
			}, func() { readOnce(b, memory, counters) })
			objects := float64(len(from.keys))
			b.ReportMetric(float64(bytes)/objects, "B/object")
			b.ReportMetric(2*objects/took.Seconds(), "objects/s-of-2-cores")
			b.ReportMetric(objects/fastest.Seconds(), "objects/s-wall")
			b.ReportMetric(store.count(b, "most"), "in-flight")
			b.ReportMetric(store.count(b, "lists")/float64(b.N), "LISTs/op")
		})
	}
}
