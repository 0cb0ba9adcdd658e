// Package deploy_test keeps the operator's kit in step with the program: every
// flag, environment variable, port, path, metric, alert and file that the kit
// names is there, and what the kit lets the exporter do is what it does.
package deploy_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

var update = flag.Bool("update", false, "write the files that are made of others")

// root is the root of the repository.
const root = ".."

// binary is the program: TestMain builds it.
var binary string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "s3_access_exporter-deploy-")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "s3_access_exporter")
	build := exec.CommandContext(context.Background(), "go", "build", "-o", binary, "../cmd/s3_access_exporter")
	if out, err := build.CombinedOutput(); err != nil {
		panic(err.Error() + "\n" + string(out))
	}
	m.Run()
}

// run returns what the program prints.
func run(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), binary, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%q: %v\n%s", args, err, out)
	}
	return string(out)
}

var (
	helpedCommand = regexp.MustCompile(`(?m)^  (\w+(?: \w+)?)  `)
	helpedFlag    = regexp.MustCompile(`(?m)^\s+(?:-\w, )?--([a-z.-]+)`)
	helpedEnv     = regexp.MustCompile(`\$(S3_ACCESS_EXPORTER_\w+)`)
)

// commands returns the flags of every command.
func commands(t *testing.T) map[string][]string {
	t.Helper()
	_, list, found := strings.Cut(run(t, "--help"), "Commands:\n")
	if !found {
		t.Fatal("--help tells no commands")
	}
	flags := make(map[string][]string)
	for _, command := range helpedCommand.FindAllStringSubmatch(list, -1) {
		for _, found := range helpedFlag.FindAllStringSubmatch(help(t, command[1]), -1) {
			flags[command[1]] = append(flags[command[1]], found[1])
		}
	}
	return flags
}

// help returns the help of a command, of one word or two.
func help(t *testing.T, command string) string {
	t.Helper()
	return run(t, append(strings.Fields(command), "--help")...)
}

// read returns the text of a file of the kit.
func read(t *testing.T, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// files returns the paths of the kit's files with one of the extensions, of all
// but the tests without any. What the chart links to lies elsewhere.
func files(t *testing.T, extensions ...string) []string {
	t.Helper()
	var paths []string
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if path == filepath.Join(chart, "files") {
			return fs.SkipDir
		}
		if err != nil || entry.IsDir() || strings.HasSuffix(path, ".go") {
			return err
		}
		if len(extensions) == 0 || slices.Contains(extensions, filepath.Ext(path)) {
			paths = append(paths, path)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(paths) == 0 {
		t.Fatalf("the kit has no %q", extensions)
	}
	return paths
}

// readYAML reads the one document of a YAML file into value. Unknown fields of a
// struct do not matter.
func readYAML(t *testing.T, path string, value any) {
	t.Helper()
	if err := yaml.Unmarshal([]byte(read(t, path)), value); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
}

func TestKit_ParsesAsYAMLAndJSON(t *testing.T) {
	for _, path := range files(t, ".yaml", ".yml") {
		if strings.HasPrefix(path, chart+"/templates/") {
			continue // they become YAML: .ci/run renders them
		}
		documents := yaml.NewDecoder(strings.NewReader(read(t, path)))
		for {
			err := documents.Decode(new(any))
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Errorf("%s: %v", path, err)
				break
			}
		}
	}
	for _, path := range files(t, ".json") {
		var formatted bytes.Buffer
		text := read(t, path)
		if err := json.Indent(&formatted, []byte(text), "", "  "); err != nil {
			t.Errorf("%s: %v", path, err)
		} else if formatted.String() != text {
			t.Errorf("%s is not indented by two spaces", path)
		}
	}
}

// ownFlag finds flags of groups that the program has: --scan.interval.
var ownFlag = regexp.MustCompile(`--((?:web|checkpoint|scan|labels|series|aws|log)\.[a-z.-]*[a-z])`)

func TestKit_NamesFlagsThatExist(t *testing.T) {
	known := commands(t)["serve"]
	count := 0
	for _, path := range files(t) {
		for _, found := range ownFlag.FindAllStringSubmatch(read(t, path), -1) {
			count++
			if !slices.Contains(known, found[1]) {
				t.Errorf("%s names --%s", path, found[1])
			}
		}
	}
	if count < 20 {
		t.Errorf("only %d flags found", count)
	}
}

// callOf finds a call of the program in a line of a unit, or of an indented line
// of the guide: its command, of one word or two, and what stands behind it.
var callOf = regexp.MustCompile(`(?m)^(?:ExecStart=|    ).*?\bs3_access_exporter(?::local)? ((?:checkpoint |engine )?[a-z]+)\b(.*)$`)

var anyFlag = regexp.MustCompile(`--([a-z.-]+)`)

func TestKit_CallsCommandsWithTheirFlags(t *testing.T) {
	known := commands(t)
	count := 0
	check := func(path, command, arguments string) {
		count++
		flags, ok := known[command]
		if !ok {
			t.Errorf("%s calls %s", path, command)
			return
		}
		for _, found := range anyFlag.FindAllStringSubmatch(arguments, -1) {
			if !slices.Contains(flags, found[1]) {
				t.Errorf("%s calls %s with --%s", path, command, found[1])
			}
		}
	}
	for _, path := range []string{"README.md", "systemd/s3_access_exporter.service"} {
		for _, call := range callOf.FindAllStringSubmatch(read(t, path), -1) {
			check(path, call[1], call[2])
		}
	}
	for line := range strings.Lines(read(t, "docker/example.env")) {
		if _, call, found := strings.Cut(line, "EXPORTER_COMMAND="); found {
			command, arguments, _ := strings.Cut(strings.TrimSpace(call), " ")
			check("docker/example.env", command, arguments)
		}
	}
	container := exporterContainer(t)
	check("kubernetes/base/statefulset.yaml", container.Args[0], strings.Join(container.Args[1:], " "))
	exporter := composeFile(t).Services["exporter"]
	check("docker/compose.yaml", strings.TrimSuffix(strings.TrimPrefix(exporter.Command.Value, "${EXPORTER_COMMAND:-"), "}"), "")
	check("docker/compose.yaml", exporter.Healthcheck.Test[2], "")
	check("docker/Dockerfile", healthcheckOfImage(t), "")
	if count < 9 {
		t.Errorf("only %d calls found", count)
	}
}

func TestKit_NamesEnvironmentVariablesThatExist(t *testing.T) {
	known := make(map[string]bool)
	for command := range commands(t) {
		for _, found := range helpedEnv.FindAllStringSubmatch(help(t, command), -1) {
			known[found[1]] = true
		}
	}
	count := 0
	for _, path := range files(t) {
		for _, name := range regexp.MustCompile(`S3_ACCESS_EXPORTER_\w+`).FindAllString(read(t, path), -1) {
			count++
			if !known[name] {
				t.Errorf("%s names %s", path, name)
			}
		}
	}
	if count < 8 {
		t.Errorf("only %d variables found", count)
	}
}

func TestKit_UsesTheDefaultPort(t *testing.T) {
	found := regexp.MustCompile(`--web\.listen-address=:(\d+)`).FindStringSubmatch(run(t, "serve", "--help"))
	if found == nil {
		t.Fatal("--help tells no port")
	}
	for _, path := range []string{
		"README.md", "docker/Dockerfile", "docker/compose.yaml", "docker/prometheus.yml", "docker/prometheus-standby.yml", "docker/haproxy.cfg", "docker/standby.yaml", "prometheus/prometheus.yml",
		"kubernetes/base/statefulset.yaml", "kubernetes/base/service.yaml", "systemd/s3_access_exporter.yaml",
		chart + "/templates/exporter.yaml", chart + "/templates/service.yaml", chart + "/templates/NOTES.txt",
	} {
		ports := regexp.MustCompile(`\b10\d\d\d\b`).FindAllString(read(t, path), -1)
		if len(ports) == 0 {
			t.Errorf("%s names no port", path)
		}
		for _, port := range ports {
			if port != found[1] {
				t.Errorf("%s names port %s, not %s", path, port, found[1])
			}
		}
	}
}

func TestKit_NamesMetricsThatExist(t *testing.T) {
	documented := read(t, filepath.Join(root, "collector", "README.md"))
	for _, path := range files(t) {
		for _, name := range regexp.MustCompile(`\bs3_access_\w+_(?:total|seconds|bytes|objects|info|success)\b`).FindAllString(read(t, path), -1) {
			if !strings.Contains(documented, "| `"+name+"` |") {
				t.Errorf("%s names %s", path, name)
			}
		}
	}
}

func TestKit_NamesDashboardsThatExist(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(root, "dashboards", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	known := make(map[string]bool)
	for _, path := range paths {
		var dashboard struct{ Title string }
		if err := json.Unmarshal([]byte(read(t, path)), &dashboard); err != nil {
			t.Fatal(err)
		}
		known[dashboard.Title] = true
	}
	found := regexp.MustCompile(`dashboard \*([^*]+)\*`).FindAllStringSubmatch(read(t, "README.md"), -1)
	if len(found) == 0 {
		t.Error("README.md names no dashboard")
	}
	for _, match := range found {
		if !known[match[1]] {
			t.Errorf("README.md names the dashboard %q", match[1])
		}
	}
}

func TestKit_NamesFilesThatExist(t *testing.T) {
	text := read(t, "README.md")
	for _, link := range regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(link[1]); err != nil {
			t.Errorf("README.md links to %s", link[1])
		}
	}
	for _, path := range regexp.MustCompile(`\bdeploy/[\w./-]*\w`).FindAllString(text, -1) {
		if _, err := os.Stat(filepath.Join(root, path)); err != nil && path != "deploy/docker/.env" {
			t.Errorf("README.md names %s", path)
		}
	}
	for _, name := range regexp.MustCompile(`file://([\w.-]+\.json)`).FindAllStringSubmatch(text, -1) {
		if _, err := os.Stat(filepath.Join("logs", name[1])); err != nil {
			t.Errorf("README.md hands over logs/%s", name[1])
		}
	}
	for _, folder := range []string{"iam", "logs"} {
		for _, path := range files(t, ".json") {
			if strings.HasPrefix(path, folder+"/") && !strings.Contains(text, filepath.Base(path)) {
				t.Errorf("README.md does not tell of %s", path)
			}
		}
	}
}
