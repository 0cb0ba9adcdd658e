package deploy_test

import (
	"bufio"
	"context"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"
)

// serve starts the program with the kit's configuration files, on an empty
// directory in place of their locations, and returns where it listens. It ends with the test.
func serve(t *testing.T) string {
	t.Helper()
	command := exec.CommandContext(t.Context(), binary, "serve",
		"--config.file=kubernetes/base/s3_access_exporter.yaml", "--web.config.file=systemd/web.yml",
		"--web.listen-address=127.0.0.1:0", "--log.format=logfmt",
		"--checkpoint.path="+filepath.Join(t.TempDir(), "checkpoint.db"), t.TempDir())
	command.Cancel = func() error { return command.Process.Signal(syscall.SIGTERM) }
	stderr, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Wait() }) // the test's context has ended by then
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if found := regexp.MustCompile(`msg=listening url=(\S+)/$`).FindStringSubmatch(lines.Text()); found != nil {
			return found[1]
		}
	}
	t.Fatalf("it does not listen: %v", lines.Err())
	return ""
}

// pages returns the paths of the program's web server that the kit names.
func pages(t *testing.T) []string {
	t.Helper()
	c := exporterContainer(t)
	paths := []string{c.StartupProbe.HTTPGet.Path, c.LivenessProbe.HTTPGet.Path, c.ReadinessProbe.HTTPGet.Path}
	for _, found := range regexp.MustCompile(`localhost:10403(/[\w/-]+)`).FindAllStringSubmatch(read(t, "README.md"), -1) {
		paths = append(paths, found[1])
	}
	return append(paths, "/metrics") // Prometheus' default
}

// get returns the status of a page, once the program is ready for it.
func get(t *testing.T, page string) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		request, err := http.NewRequestWithContext(ctx, http.MethodGet, page, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if err := response.Body.Close(); err != nil {
			t.Error(err)
		}
		if response.StatusCode != http.StatusServiceUnavailable {
			return response.StatusCode
		}
		<-tick.C
	}
}

func TestKit_PathsAreServed(t *testing.T) {
	at := serve(t)
	paths := pages(t)
	if !slices.Contains(paths, "/status") {
		t.Errorf("README.md does not name the status page: %q", paths)
	}
	for _, path := range paths {
		if status := get(t, at+path); status != http.StatusOK {
			t.Errorf("%s: HTTP %d", path, status)
		}
	}
	address, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	if text := run(t, "healthcheck", "--ready", "--web.listen-address="+address.Host); strings.TrimSpace(text) != "ready" {
		t.Errorf("healthcheck says %q", text)
	}
}

func TestSystemd_FilesHaveTheNamesThatTheGuideInstalls(t *testing.T) {
	guide := read(t, "README.md")
	unit := read(t, "systemd/s3_access_exporter.service")
	paths := regexp.MustCompile(`/etc/s3_access_exporter/([\w.]+)`).FindAllStringSubmatch(unit, -1)
	if len(paths) != 3 {
		t.Errorf("the unit names %q", paths)
	}
	for _, path := range paths {
		if _, err := os.Stat(filepath.Join("systemd", path[1])); err != nil || !strings.Contains(guide, "deploy/systemd/"+path[1]) {
			t.Errorf("README.md does not install %s", path[0])
		}
	}
	// systemd looks for it in /usr/local/bin, where the guide puts it, and in
	// /usr/bin, where packages do.
	if !strings.Contains(unit, "\nExecStart=s3_access_exporter serve --config.file=%d/s3_access_exporter.yaml\n") {
		t.Error("the unit does not serve what its configuration file names")
	}
	if !strings.Contains(guide, "s3_access_exporter /usr/local/bin/\n") {
		t.Error("README.md does not install the program of the unit")
	}
}
