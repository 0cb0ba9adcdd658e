package main

import (
	"bufio"
	"bytes"
	"flag"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/fleet"
)

var performanceSize = flag.Int64("performance.size", 300, "megabytes of decompressed logs that the benchmarks of whole processes read")

// build returns the path of the program as users have it.
func build(b *testing.B) string {
	b.Helper()
	path := filepath.Join(b.TempDir(), program)
	if out, err := exec.CommandContext(b.Context(), "go", "build", "-o", path, ".").CombinedOutput(); err != nil {
		b.Fatalf("%v\n%s", err, out)
	}
	return path
}

// reportProcess runs the program's report on a directory, and returns the CPU time that
// it took and the most memory that it had, in KiB.
func reportProcess(b *testing.B, binary, dir string) (took time.Duration, memory int) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), binary, "report", "-o", "prometheus", dir)
	var out bytes.Buffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	for {
		select {
		case err := <-ended:
			if err != nil || !bytes.Contains(out.Bytes(), []byte("s3_access_requests_total{")) {
				b.Fatalf("%v, %d bytes are printed", err, out.Len())
			}
			return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime(), memory
		case <-time.After(5 * time.Millisecond):
			memory = max(memory, peak(cmd.Process.Pid))
		}
	}
}

var residentPeak = regexp.MustCompile(`VmHWM:\s*(\d+) kB`)

// peak returns the most memory that a process has had so far, in KiB, 0 if it has
// ended. What the kernel tells of it afterwards is not less than the memory of the
// process that started it.
func peak(pid int) int {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0
	}
	found := residentPeak.FindSubmatch(status)
	if found == nil {
		return 0
	}
	kib, err := strconv.Atoi(string(found[1]))
	if err != nil {
		return 0
	}
	return kib
}

// merged returns one object of CloudTrail with the events of all.
func merged(b *testing.B, objects []fleet.Object) fleet.Object {
	b.Helper()
	const head, tail = `{"Records":[`, `]}`
	var body bytes.Buffer
	z := gzip.NewWriter(&body)
	write := func(text []byte) {
		if _, err := z.Write(text); err != nil {
			b.Fatal(err)
		}
	}
	write([]byte(head))
	for i, obj := range objects {
		if i > 0 {
			write([]byte(","))
		}
		write(bytes.TrimSuffix(bytes.TrimPrefix(plain(b, obj.Body), []byte(head)), []byte(tail)))
	}
	write([]byte(tail))
	if err := z.Close(); err != nil {
		b.Fatal(err)
	}
	return fleet.Object{Key: objects[0].Key, Body: body.Bytes()}
}

// The whole process: over CloudTrail against one that only decompresses the same files,
// and over server access logs how many megabytes a second of CPU time it reads, which is no
// ratio and so that of this machine.
func BenchmarkPerformance_ReportProcess(b *testing.B) {
	binary := build(b)
	b.Run("cloudtrail", func(b *testing.B) {
		objects := logs(b, true, 1500, *performanceSize<<20)
		dir := toDirectory(b, objects)
		var took time.Duration
		compare(b, "x-gunzip", func(f func()) time.Duration {
			took = 0
			if inProcess := cpu(f); took == 0 {
				return inProcess
			}
			return took
		}, func() { took, _ = reportProcess(b, binary, dir) }, func() { gunzipFiles(b, dir, objects) })
	})
	b.Run("server_access", func(b *testing.B) {
		dir := toDirectory(b, logs(b, false, 1500, *performanceSize<<20))
		fastest := time.Duration(math.MaxInt64)
		for b.Loop() {
			took, _ := reportProcess(b, binary, dir)
			fastest = min(fastest, took)
		}
		b.ReportMetric(float64(*performanceSize<<20)/1e6/fastest.Seconds(), "MB/cpu-s")
	})
}

// gunzipFiles does what a program that only decompresses does.
func gunzipFiles(b *testing.B, dir string, objects []fleet.Object) {
	b.Helper()
	for _, obj := range objects {
		body, err := os.ReadFile(filepath.Join(dir, filepath.FromSlash(obj.Key)))
		if err != nil {
			b.Fatal(err)
		}
		gunzip(b, []fleet.Object{{Body: body}})
	}
}

// The memory of the process: of a tenth of the logs, and of all of them, of which
// a third, but not more than 500 MB, is in one object.
func BenchmarkPerformance_ReportMemory(b *testing.B) {
	binary := build(b)
	objects := logs(b, true, 1500, *performanceSize<<20)
	joined := int(int64(len(objects)) * min(*performanceSize/3, 500) / *performanceSize)
	large := append([]fleet.Object{merged(b, objects[:joined])}, objects[joined:]...)
	for _, input := range []struct {
		name    string
		objects []fleet.Object
	}{{"small", objects[:len(objects)/10]}, {"large", large}} {
		b.Run(input.name, func(b *testing.B) {
			dir := toDirectory(b, input.objects)
			memory := 0
			for b.Loop() {
				_, used := reportProcess(b, binary, dir)
				memory = max(memory, used)
			}
			b.ReportMetric(float64(memory)/(1<<10), "MiB-RSS")
		})
	}
}

// Processes that read from a store which takes 30 ms for each request: the most memory
// that they have, and the time from the start to the first row of events.
func BenchmarkPerformance_FromS3Process(b *testing.B) {
	withoutAWS(b)
	binary := build(b)
	for _, from := range []struct {
		name      string
		trails    bool
		perObject int
	}{{"server_access", false, 40}, {"cloudtrail", true, 100}, {"large-cloudtrail", true, 3000}} {
		bodies := logs(b, from.trails, from.perObject, 200<<20)
		keys := trailKeys(len(bodies))
		if !from.trails {
			keys = flatKeys(*performanceObjects)
		}
		store := startFar(b, keys, bodies)
		for _, command := range []string{"report", "events", "backfill"} {
			b.Run(from.name+"/"+command, func(b *testing.B) {
				memory, first := 0, time.Duration(math.MaxInt64)
				for b.Loop() {
					used, took := firstRow(b, binary, command, "--aws.path-style", "--aws.endpoint-url", store.url, "s3://"+farBucket)
					memory, first = max(memory, used), min(first, took)
				}
				b.ReportMetric(float64(memory)/(1<<10), "MiB-RSS")
				if command == "events" {
					b.ReportMetric(first.Seconds(), "s-to-first-row")
				}
			})
		}
	}
}

// firstRow runs the program to its end. It returns the most memory that it had, in KiB,
// and when it began to print its second line, which is the first row.
func firstRow(b *testing.B, binary string, args ...string) (memory int, took time.Duration) {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), binary, args...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	lines := bufio.NewReader(out)
	for range 2 {
		if _, err := lines.ReadString('\n'); err != nil {
			b.Fatal(err)
		}
	}
	took = time.Since(began)
	memory = peak(cmd.Process.Pid)
	buffer := make([]byte, 1<<20)
	for err == nil {
		_, err = lines.Read(buffer)
		memory = max(memory, peak(cmd.Process.Pid))
	}
	if err := cmd.Wait(); err != nil {
		b.Fatal(err)
	}
	return memory, took
}
