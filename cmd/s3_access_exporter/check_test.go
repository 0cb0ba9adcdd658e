package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
)

func TestServe_CheckListsEveryLocationOnceAndEnds(t *testing.T) {
	bucket, empty := fixtureBucket(t), t.TempDir()
	missing := filepath.Join(t.TempDir(), "missing")
	state := "--checkpoint.path=" + filepath.Join(t.TempDir(), "x.db")
	got := runToEnd(t, "serve", "--check", state, bucket, empty)
	if want := []string{
		"checkpoint " + strings.TrimPrefix(state, "--checkpoint.path=") + ": there is none; it will be made, and counters begin at 0",
		"file://" + bucket + ": 4 streams of server_access and 2 streams of cloudtrail, from 2026-01-14T00:00:00Z on; skipped ",
		"file://" + empty + ": no log object lies here yet",
	}; got.code != exitOK || got.stderr != "" || !linesBeginWith(got.stdout, want) {
		t.Errorf("exit code %d, %s%s", got.code, got.stdout, got.stderr)
	}
	if _, err := os.Stat(strings.TrimPrefix(state, "--checkpoint.path=")); err == nil {
		t.Error("it has made a checkpoint")
	}
	got = runToEnd(t, "serve", "--check", state, empty, missing, "--checkpoint.must-exist")
	if want := []string{"checkpoint ", "file://" + empty, "file://" + missing + ": cannot be listed: "}; got.code != exitFailed ||
		!strings.Contains(got.stderr, "the check has failed") || !linesBeginWith(got.stdout, want) {
		t.Errorf("exit code %d, %s%s", got.code, got.stdout, got.stderr)
	}
	got = runToEnd(t, "serve", "--check", "--checkpoint.path="+filepath.Join(missing, "x.db"), empty)
	if want := "no such file or directory; make the directory"; got.code != exitFailed || !strings.Contains(got.stdout+got.stderr, want) {
		t.Errorf("exit code %d, %s%s", got.code, got.stdout, got.stderr)
	}
	wantFailure(t, runToEnd(t, "serve", "--check", empty, "--web.config.file="+missing), exitFailed, "--web.config.file: ")
}

// linesBeginWith reports whether a text has as many lines, each with its beginning.
func linesBeginWith(text string, beginnings []string) bool {
	lines := strings.Split(strings.TrimSuffix(text, "\n"), "\n")
	if len(lines) != len(beginnings) {
		return false
	}
	for i, line := range lines {
		if !strings.HasPrefix(line, beginnings[i]) {
			return false
		}
	}
	return true
}

func TestCheckpoint_VerifyPrintsWhatItHolds(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	bucket := fixtureBucket(t)
	e := start(t, "serve", append(whole(path), bucket)...)
	e.awaitReady(t)
	wantFailure(t, runToEnd(t, "checkpoint", "verify", path), exitFailed, "in use by another process")
	if check := runToEnd(t, "serve", "--check", "--checkpoint.path="+path, bucket); check.code != exitOK || !strings.Contains(check.stdout, "in use") {
		t.Errorf("exit code %d, %s%s", check.code, check.stdout, check.stderr)
	}
	e.stop()
	if !strings.Contains(e.stderr.String(), "the checkpoint is new: all counters begin at 0") {
		t.Error("a new checkpoint is no warning")
	}
	got := runToEnd(t, "checkpoint", "verify", path)
	if got.code != exitOK || got.stderr != "" || !strings.HasPrefix(got.stdout, "checkpoint "+path+" is sound") || !strings.Contains(got.stdout, " streams, ") {
		t.Errorf("exit code %d, %s%s", got.code, got.stdout, got.stderr)
	}
	if check := runToEnd(t, "serve", "--check", "--checkpoint.path="+path, bucket); check.code != exitOK || !strings.Contains(check.stdout, ": sound, with ") {
		t.Errorf("exit code %d, %s%s", check.code, check.stdout, check.stderr)
	}

	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	testDamagedMetaPage(t, path, bucket, text)
	text[len(text)/2] ^= 1
	if err := os.WriteFile(path, text[:len(text)-1], 0o600); err != nil {
		t.Fatal(err)
	}
	wantFailure(t, runToEnd(t, "checkpoint", "verify", path), exitFailed, checkpoint.ErrDamaged.Error())
	wantFailure(t, runToEnd(t, "checkpoint", "verify", path+"2"), exitFailed, "no such file or directory")
	wantFailure(t, runToEnd(t, "checkpoint", "verify"), exitUsage, `expected "<path>"`)
	wantFailure(t, runToEnd(t, "checkpoint"), exitUsage, "expected")
}

// Where one of the two meta pages is damaged, the last commit may be missing, and everybody
// who opens the checkpoint is told so, until the next commit.
func testDamagedMetaPage(t *testing.T, path, bucket string, sound []byte) {
	t.Helper()
	const warning = "one of the two meta pages of the checkpoint is damaged"
	damaged := bytes.Clone(sound)
	const checksum = 16 + 56 // of the first meta page
	damaged[checksum] ^= 1
	if err := os.WriteFile(path, damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	if got := runToEnd(t, "checkpoint", "verify", path); got.code != exitOK || !strings.Contains(got.stdout, "one of its two meta pages is damaged") {
		t.Errorf("checkpoint verify: exit code %d, %s%s", got.code, got.stdout, got.stderr)
	}
	if got := runToEnd(t, "serve", "--check", "--checkpoint.path="+path, bucket); got.code != exitOK || !strings.Contains(got.stdout, "meta pages is damaged") {
		t.Errorf("serve --check: exit code %d, %s%s", got.code, got.stdout, got.stderr)
	}
	if got := runToEnd(t, "checkpoint", "move", path, path+".moved"); !strings.Contains(got.stderr, warning) {
		t.Errorf("checkpoint move: exit code %d, %s%s", got.code, got.stdout, got.stderr)
	}
	if err := os.WriteFile(path, damaged, 0o600); err != nil {
		t.Fatal(err)
	}
	e := start(t, "serve", append(whole(path), bucket)...)
	e.awaitReady(t)
	e.stop()
	if !strings.Contains(e.stderr.String(), warning) {
		t.Errorf("serve: %s", e.stderr.String())
	}
}

// What the keys do not show, the content does: that logs lie there, or that they do not.
func TestServe_CheckFindsLogsThatOnlyTheirContentShows(t *testing.T) {
	const (
		request = `{"schema_version_id":"V_1_0","bucket_name":"b","request_time":"2026-01-15T08:00:00.000Z","operation":"REST.GET.OBJECT"}`
		event   = `{"Records":[{"eventVersion":"1.10","eventTime":"2026-01-15T08:00:00Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"eu-west-1"}]}`
		iam     = `{"Records":[{"eventVersion":"1.10","eventTime":"2026-01-15T08:00:00Z","eventSource":"iam.amazonaws.com","eventName":"GetUser","awsRegion":"us-east-1"}]}`
		other   = `{"level":"info"}`
	)
	for name, test := range map[string]struct {
		objects map[string]string
		want    string
	}{
		"access log": {map[string]string{"AWSLogs/111122223333/x/2026/01/15/08/a.json": request}, "1 stream of server_access, from 2026-01-15T08:00:00Z on"},
		"behind others": {
			map[string]string{"x/2026/01/14/a.txt": other, "x/2026/01/14/b.json": other, "x/2026/01/15/c.json": request, "x/2026/01/16/d.json": request},
			"1 stream of server_access, from 2026-01-15T00:00:00Z on",
		},
		"several": {
			map[string]string{
				"2026/01/13/a": other, "b/2026/01/14/a": event, "c/year=2026/month=01/day=16/a": request, "d/dt=2026-01-15/a": request,
				"2026-01-15-08-30-00-0123456789ABCDEF": "text\n", "other/2026/01/01/a": other,
			},
			"3 streams of server_access and 1 stream of cloudtrail, from 2026-01-14T00:00:00Z on",
		},
		"no requests": {map[string]string{"x/2026/01/15/a": iam}, "1 stream of logs without a request, from 2026-01-15T00:00:00Z on"},
		"of an export task": {
			map[string]string{"exports/01234567-0123-4567-89ab-0123456789ab/s/000000.gz": "text"},
			"no log object lies here yet; skipped 1 object (export_task 1 such as ",
		},
		"no logs": {
			map[string]string{"x/2026/01/15/a": other, "y/2026/01/15/a": other},
			"no log object lies here yet; skipped 2 objects (unknown_log 2 such as ",
		},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for key, body := range test.objects {
				if err := writeObject(filepath.Join(dir, filepath.FromSlash(key)), []byte(body)); err != nil {
					t.Fatal(err)
				}
			}
			got := runToEnd(t, "serve", "--check", "--checkpoint.path="+filepath.Join(t.TempDir(), "x.db"), dir)
			if got.code != exitOK || !linesBeginWith(got.stdout, []string{"checkpoint ", "file://" + dir + ": " + test.want}) {
				t.Errorf("exit code %d, %s%s", got.code, got.stdout, got.stderr)
			}
		})
	}
}

// Who chooses a format in which nothing comes would come up well, and count nothing.
func TestServe_CheckFindsThatTheFormatLeavesOutAllLogs(t *testing.T) {
	const (
		line    = "0a1b example-bucket [15/Jan/2026:08:21:07 +0000] 192.0.2.10 - 79A5B3C1D2E4F607 REST.GET.OBJECT k \"GET /k HTTP/1.1\" 200 - 11 12 13 14 \"-\" \"curl/8\" - - - - - - - - -\n"
		request = `{"schema_version_id":"V_1_0","bucket_name":"b","request_time":"2026-01-15T08:00:00.000Z","operation":"REST.GET.OBJECT"}`
	)
	dir := t.TempDir()
	write := func(key, body string) {
		if err := writeObject(filepath.Join(dir, filepath.FromSlash(key)), []byte(body)); err != nil {
			t.Fatal(err)
		}
	}
	check := func(format string, code int, want string) {
		t.Helper()
		got := runToEnd(t, "serve", "--check", "--record-format="+format, "--checkpoint.path="+filepath.Join(t.TempDir(), "x.db"), dir)
		if got.code != code || !strings.Contains(got.stdout, "file://"+dir+": "+want+"\n") {
			t.Errorf("--record-format=%s: exit code %d, %s%s, want %s", format, got.code, got.stdout, got.stderr, want)
		}
	}
	const none = "no log object was found; 1 stream of server_access in another format, so --record-format leaves out all that lies here"
	write("text/2026-01-15-08-30-00-0123456789ABCDEF", line)
	check("json", exitFailed, none)
	check("text", exitOK, "1 stream of server_access, from 2026-01-15T08:30:00Z on")
	write("json/2026/01/15/08/a", request)
	check("json", exitOK, "1 stream of server_access, from 2026-01-15T08:00:00Z on; 1 stream of server_access in another format")
	if err := os.RemoveAll(filepath.Join(dir, "text")); err != nil {
		t.Fatal(err)
	}
	check("text", exitFailed, none)
}
