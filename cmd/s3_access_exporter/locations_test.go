package main

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// oneLine is an object of the server access log with one request.
func oneLine() []byte {
	line, _, _ := bytes.Cut(manyLines(), []byte("\n"))
	return line
}

func TestRun_ReadsTheLocationsOfTheCommandLineOrTheEnvironmentOrTheFile(t *testing.T) {
	dirs := make(map[string]string)
	for _, name := range []string{"command", "environment", "other", "file"} {
		dirs[name] = singleObjectBucket(t, oneLine())
	}
	file := writeFile(t, "config.yml", "locations:\n  - "+dirs["file"]+"\n  - {location: "+dirs["other"]+"}\nlog.level: error\n")
	for _, test := range []struct {
		name      string
		arguments []string
		variable  string
		want      []string
	}{
		{"command line", []string{dirs["command"]}, dirs["environment"], []string{"command"}},
		{"environment", nil, dirs["environment"] + "," + dirs["other"], []string{"environment", "other"}},
		{"file", nil, "", []string{"file", "other"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Setenv(locationsVariable, test.variable)
			got := runToEnd(t, append([]string{"events", "-o", "csv", "--fields=log_object", "--sort=time", "--config.file=" + file}, test.arguments...)...)
			if lines := strings.Count(got.stdout, "\n"); got.code != exitOK || lines != 1+len(test.want) {
				t.Errorf("exit code %d, %s%s", got.code, got.stdout, got.stderr)
			}
			for _, name := range test.want {
				if !strings.Contains(got.stdout, "file://"+dirs[name]+"/") {
					t.Errorf("%s is not read: %s", name, got.stdout)
				}
			}
		})
	}
	wantFailure(t, runToEnd(t, "report"), exitUsage, `expected "<location> ...", $S3_ACCESS_EXPORTER_LOCATIONS, or locations in the file of --config.file`)
	t.Setenv(locationsVariable, dirs["file"]+","+dirs["file"])
	wantFailure(t, runToEnd(t, "serve"), exitUsage, "overlap")
}

func TestRun_NamesWhatIsWrongInConfiguredLocations(t *testing.T) {
	for _, test := range []struct{ text, want string }{
		{"locations: s3://example-logs", "locations is no list"},
		{"locations: [null]", "line 1: locations[0]: location has no value"},
		{"locations: [[s3://example-logs]]", "line 1: locations[0]: location is no text"},
		{"locations: *all", "yaml: "},
		{"locations: !all [s3://example-logs]", "line 1: locations has the tag !all"},
		{"locations:\n  - !at s3://example-logs", "line 2: locations[0] has the tag !at"},
		{"locations:\n  - location: !at s3://example-logs", "line 2: locations[0]: location has the tag !at"},
		{"locations: [{location: s3://example-logs, region: {name: x}}]", "locations[0]: region is no text"},
		{"locations: [s3://a]", `location "s3://a": "a" is no bucket's name`},
		{"locations: [{region: eu-west-1}]", "locations[0]: location is missing"},
		{"locations: [s3://example-logs, {location: s3://b, role: x}]", "locations[1]: role is no option; options are location, role_arn,"},
		{"locations: [{location: s3://example-logs, path_style: maybe}]", "locations[0]: path_style has no value of its kind"},
		{"locations: [{location: s3://example-logs, region: ''}]", "locations[0]: region has no value of its kind"},
		{"locations: [{location: s3://example-logs, external_id: x}]", `location "s3://example-logs": an external ID goes with the ARN of a role`},
		{"locations: [{location: s3://example-logs, endpoint_url: 'u:secret@host'}]", `location "s3://example-logs": "…@host" is no URL`},
		{"locations: [s3://example-logs, s3://example-logs/a]", "locations s3://example-logs and s3://example-logs/a overlap"},
		{"locations: []", `expected "<location> ..."`},
	} {
		got := runToEnd(t, "serve", "--config.file="+writeFile(t, "config.yml", test.text))
		wantFailure(t, got, exitUsage, test.want)
		if strings.Contains(got.stderr, "secret") {
			t.Errorf("a password is shown: %s", got.stderr)
		}
	}
}

// One would hide in metrics how the other fares.
func TestRun_NamesTheStoresOfLocationsOfOneName(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	config := "locations:\n"
	var names []string
	for range 2 {
		store := httptest.NewServer(http.NotFoundHandler())
		defer store.Close()
		config += "  - {location: s3://example-logs/a, path_style: true, region: us-east-1, endpoint_url: '" + store.URL + "'}\n"
		names = append(names, "s3://example-logs/a at "+strings.TrimPrefix(store.URL, "http://")+": ")
	}
	got := runToEnd(t, "serve", "--check", "--config.file="+writeFile(t, "config.yml", config), "--checkpoint.path="+filepath.Join(t.TempDir(), "x.db"))
	for _, name := range names {
		if got.code != exitFailed || strings.Count(got.stdout, "\n"+name) != 1 || strings.Count(got.stdout, name) != 1 {
			t.Errorf("exit code %d, %s%s, want a line of %s", got.code, got.stdout, got.stderr, name)
		}
	}
}

func TestAWSFlags_NeverShowAPassword(t *testing.T) {
	for _, endpoint := range []string{"ftp://user:secret@host", "user:secret@host", "http://user:secret@host:port", "http://user:secret@"} {
		got := runToEnd(t, "report", "s3://example-logs", "--aws.endpoint-url="+endpoint)
		if got.code == exitOK || strings.Contains(got.stderr, "secret") {
			t.Errorf("%s: exit code %d, %s", endpoint, got.code, got.stderr)
		}
	}
}

func TestServe_ComesUpWithoutALocationAndTakesItInOnceItIsThere(t *testing.T) {
	t.Parallel()
	there, missing := singleObjectBucket(t, oneLine()), filepath.Join(t.TempDir(), "not", "yet")
	e := start(t, "serve", append(whole(filepath.Join(t.TempDir(), "x.db")), there, missing)...)
	const requests = "s3_access_requests_total"
	eventually(t, "one location is counted", func() bool { return e.mustScrape(t).sum(requests) == 1 })
	eventually(t, "the other has failed", func() bool {
		code, text := e.ready(t)
		return code == http.StatusServiceUnavailable && text == "not ready: file://"+missing+" cannot be listed: list \"\": directory "+missing+": no such file or directory\n"
	})
	shown := e.mustScrape(t)
	for location, want := range map[string]float64{there: 1, missing: 0} {
		if got, ok := shown[`s3_access_exporter_last_poll_success{location="file://`+location+`"}`]; !ok || got != want {
			t.Errorf("last_poll_success of %s is %v, %t", location, got, ok)
		}
	}
	if !strings.Contains(e.stderr.String(), "level=ERROR") || !strings.Contains(e.stderr.String(), "location=file://"+missing) {
		t.Errorf("the log does not name it: %s", e.stderr.String())
	}
	if err := os.MkdirAll(filepath.Dir(missing), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(singleObjectBucket(t, oneLine()), missing); err != nil {
		t.Fatal(err)
	}
	e.awaitReady(t)
	eventually(t, "both are counted", func() bool { return e.mustScrape(t).sum(requests) == 2 })
	if e.stop() != exitOK {
		t.Errorf("exit code %d", e.code)
	}
}
