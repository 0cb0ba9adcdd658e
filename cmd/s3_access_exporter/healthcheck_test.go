package main

import (
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/crypto/bcrypt"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/web"
)

// wantWell checks that a run of healthcheck prints one line and no more.
func wantWell(t *testing.T, got outcome, line string) {
	t.Helper()
	if got.code != exitOK || got.stdout != line+"\n" || got.stderr != "" {
		t.Errorf("exit code %d, stdout %q, stderr %q; want 0 and %q", got.code, got.stdout, got.stderr, line)
	}
}

func TestHealthcheck_AsksWhereTheFlagsSayThatServeListens(t *testing.T) {
	t.Parallel()
	e := start(t, "serve", append(whole(filepath.Join(t.TempDir(), "x.db")), t.TempDir())...)
	e.awaitReady(t)
	address := "--web.listen-address=" + strings.TrimPrefix(e.url(), "http://")
	wantWell(t, runToEnd(t, "healthcheck", address), "healthy")
	wantWell(t, runToEnd(t, "healthcheck", address, "--ready"), "ready")
	wantWell(t, runToEnd(t, "healthcheck", "--url="+e.url()+"/"), "healthy")

	e.stop()
	wantFailure(t, runToEnd(t, "healthcheck", address), exitFailed, "connection refused")
}

func TestHealthcheck_AddressWithoutAHostIsThisMachine(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprintln(w, r.URL.Path)
	}))
	defer server.Close()
	_, port, err := net.SplitHostPort(server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	for _, host := range []string{"", "0.0.0.0", "127.0.0.1"} {
		wantWell(t, runToEnd(t, "healthcheck", "--web.listen-address="+host+":"+port), web.HealthyPath)
	}
}

func TestHealthcheck_TellsWhyTheExporterIsNotWell(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc(web.HealthyPath, func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, web.ReadyPath, http.StatusFound) })
	mux.HandleFunc(web.ReadyPath, func(w http.ResponseWriter, _ *http.Request) {
		http.Error(w, "not ready: the disk is full", http.StatusServiceUnavailable)
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	wantFailure(t, runToEnd(t, "healthcheck", "--url="+server.URL, "--ready"), exitFailed,
		server.URL+web.ReadyPath+": HTTP 503: not ready: the disk is full")
	wantFailure(t, runToEnd(t, "healthcheck", "--url="+server.URL), exitFailed, "HTTP 302")
	wantFailure(t, runToEnd(t, "healthcheck", "--url="+server.URL+"/elsewhere"), exitFailed, "HTTP 404")
}

func TestHealthcheck_DoesNotWaitForever(t *testing.T) {
	t.Parallel()
	var lc net.ListenConfig
	silent, err := lc.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = silent.Close() })
	wantFailure(t, runToEnd(t, "healthcheck", "--web.listen-address="+silent.Addr().String(), "--timeout=100ms"),
		exitFailed, "deadline exceeded")
}

func TestHealthcheck_OfAnExporterWithTLSAndPasswords(t *testing.T) {
	t.Parallel()
	certificate, key, _ := newCertificate(t)
	tls := "tls_server_config:\n  cert_file: " + certificate + "\n  key_file: " + key + "\n"
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name, web string
		local     string // what a check by serve's own flags ends with; empty: it succeeds
	}{
		{"TLS", tls, ""},
		{"passwords", "basic_auth_users:\n  probe: " + string(hash) + "\n", "HTTP 401"},
		{"both", tls + "basic_auth_users:\n  probe: " + string(hash) + "\n", "HTTP 401"},
	} {
		t.Run(test.name, func(t *testing.T) {
			web := "--web.config.file=" + writeFile(t, "web.yml", test.web)
			e := start(t, "serve", append(whole(filepath.Join(t.TempDir(), "x.db")), web, t.TempDir())...)
			at, err := url.Parse(e.url())
			if err != nil {
				t.Fatal(err)
			}
			local := runToEnd(t, "healthcheck", "--web.listen-address="+at.Host, web)
			if test.local == "" {
				wantWell(t, local, "healthy")
			} else {
				wantFailure(t, local, exitFailed, test.local)
			}
			at.User = url.UserPassword("probe", "secret")
			wantWell(t, runToEnd(t, "healthcheck", "--url="+at.String(), "--insecure"), "healthy")
			if at.Scheme == "https" {
				wantFailure(t, runToEnd(t, "healthcheck", "--url="+at.String()), exitFailed, "certificate")
			}
			at.User = url.UserPassword("probe", "guess")
			if got := runToEnd(t, "healthcheck", "--url="+at.String(), "--insecure"); strings.Contains(got.stderr, "guess") {
				t.Errorf("the password is shown: %s", got.stderr)
			}
		})
	}
}

func TestHealthcheck_NamesWhatIsWrongInOneLine(t *testing.T) {
	for args, want := range map[string]string{
		"--url=localhost:10403":       "--url is no URL",
		"--url=https://probe:secret@": "--url is no URL",
		"--timeout=0s":                "--timeout: must be longer than 0",
		"--web.listen-address=10403":  `--web.listen-address: "10403" is no address`,
		"now":                         "unexpected argument now",
	} {
		got := runToEnd(t, "healthcheck", args)
		wantFailure(t, got, exitUsage, want)
		if strings.Contains(got.stderr, "secret") {
			t.Errorf("the password is shown: %s", got.stderr)
		}
	}
	wantFailure(t, runToEnd(t, "healthcheck", "--web.config.file=no.yml"), exitFailed, "--web.config.file: open no.yml")
}
