package deploy_test

import (
	"errors"
	"flag"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var rendered = flag.String("rendered", "", "folder with configuration files of the rendered chart, to be checked too")

// configurationFiles are the kit's files for --config.file.
var configurationFiles = []string{
	"kubernetes/base/s3_access_exporter.yaml",
	"kubernetes/overlays/eks/s3_access_exporter.yaml",
	"systemd/s3_access_exporter.yaml",
}

// startAWS starts what stands for all of S3 and STS, of any bucket and role: a proxy,
// so that it is reached under whatever name. All buckets are empty.
func startAWS(t *testing.T) *httptest.Server {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/xml")
		w.Header().Set("X-Amz-Bucket-Region", "eu-west-1")
		switch {
		case r.Method == http.MethodPost:
			fmt.Fprint(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials>`+
				`<AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId><SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken>`+
				`<Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleResult></AssumeRoleResponse>`)
		case r.URL.Query().Has("list-type"):
			fmt.Fprint(w, `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><IsTruncated>false</IsTruncated></ListBucketResult>`)
		case r.Method != http.MethodHead:
			w.WriteHeader(http.StatusNotFound)
		}
	}))
	t.Cleanup(server.Close)
	return server
}

// check runs serve --check with a configuration file, and returns what it prints and
// whether all is well.
func check(t *testing.T, file string) (text string, ok bool) {
	t.Helper()
	// What stands for AWS has no certificates.
	plain := filepath.Join(t.TempDir(), filepath.Base(file))
	if err := os.WriteFile(plain, []byte(strings.ReplaceAll(read(t, file), "https://", "http://")), 0o600); err != nil {
		t.Fatal(err)
	}
	command := exec.CommandContext(t.Context(), binary, "serve", "--check", "--config.file="+plain,
		"--checkpoint.path="+filepath.Join(t.TempDir(), "checkpoint.db"))
	command.Env = append(os.Environ(),
		"HTTP_PROXY="+startAWS(t).URL, "NO_PROXY=", "AWS_ENDPOINT_URL=http://aws.example.com", "AWS_REGION=eu-west-1",
		"AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", "AWS_SECRET_ACCESS_KEY=secret", "AWS_MAX_ATTEMPTS=1", "AWS_PROFILE=",
		"AWS_CONFIG_FILE="+os.DevNull, "AWS_SHARED_CREDENTIALS_FILE="+os.DevNull,
		"S3_ACCESS_EXPORTER_WEB_CONFIG_FILE=systemd/web.yml") // its own is on no disk of ours
	out, err := command.CombinedOutput()
	if failed := (*exec.ExitError)(nil); err != nil && !errors.As(err, &failed) {
		t.Fatal(err)
	}
	return string(out), err == nil
}

func TestKit_ServeChecksConfigurationFiles(t *testing.T) {
	paths := configurationFiles
	if *rendered != "" {
		more, err := filepath.Glob(filepath.Join(*rendered, "*.yaml"))
		if err != nil || len(more) == 0 {
			t.Fatalf("%d rendered files, %v", len(more), err)
		}
		paths = append(more, paths...)
	}
	for _, path := range paths {
		text, ok := check(t, path)
		var file struct{ Locations []location }
		readYAML(t, path, &file)
		if !ok || len(file.Locations) == 0 {
			t.Errorf("%s, with %d locations:\n%s", path, len(file.Locations), text)
		}
		for _, l := range file.Locations {
			if want := strings.TrimSuffix(l.Location, "/"); !regexp.MustCompile(`(?m)^` + want + `/?: no log object lies here yet$`).MatchString(text) {
				t.Errorf("%s: the check did not list %s:\n%s", path, want, text)
			}
		}
	}
}

func TestKit_ServeChecksTheGuidesConfiguration(t *testing.T) {
	for _, guide := range []string{"README.md", filepath.Join(root, "cmd", "s3_access_exporter", "README.md")} {
		blocks := regexp.MustCompile(`(?m)^( *)locations:\n(?:(?: .*)?\n)*(?:\w+\.\w+: .*\n)*`).FindAllStringSubmatch(read(t, guide), -1)
		if len(blocks) == 0 {
			t.Errorf("%s has no configuration", guide)
		}
		for _, block := range blocks {
			file := filepath.Join(t.TempDir(), "config.yaml")
			var text strings.Builder
			for line := range strings.Lines(block[0]) {
				text.WriteString(strings.TrimPrefix(line, block[1]))
			}
			if err := os.WriteFile(file, []byte(text.String()), 0o600); err != nil {
				t.Fatal(err)
			}
			if out, ok := check(t, file); !ok {
				t.Errorf("%s:\n%s\n%s", guide, text.String(), out)
			}
		}
	}
}

func TestKit_ServeRefusesAWrongConfiguration(t *testing.T) {
	for text, want := range map[string]string{
		"locations: [bucket://x]\n":                       "bucket://x",
		"locations: [s3://x-logs]\nscan.sinc: 24h\n":      "scan.sinc is no flag",
		"locations: [{location: s3://x-logs, role: x}]\n": "role",
	} {
		file := filepath.Join(t.TempDir(), "config.yaml")
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		if out, ok := check(t, file); ok || !strings.Contains(out, want) {
			t.Errorf("%s: %s", text, out)
		}
	}
}
