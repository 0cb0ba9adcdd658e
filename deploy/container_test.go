package deploy_test

import (
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// compose is what the tests want to know of a compose file.
type compose struct {
	Services map[string]struct {
		Image       string
		Command     yaml.Node
		Build       struct{ Context, Dockerfile string }
		ReadOnly    bool     `yaml:"read_only"`
		CapDrop     []string `yaml:"cap_drop"`
		SecurityOpt []string `yaml:"security_opt"`
		Ports       []string
		Volumes     []string
		Healthcheck struct{ Test []string }
	}
	Volumes map[string]any
}

func composeFile(t *testing.T) compose {
	t.Helper()
	var file compose
	readYAML(t, "docker/compose.yaml", &file)
	return file
}

// standbyFile is composeFile with the services of standby.yaml that it does not have: what
// the others become is compose's own to say, which .ci/run asks.
func standbyFile(t *testing.T) compose {
	t.Helper()
	file := composeFile(t)
	var more compose
	readYAML(t, "docker/standby.yaml", &more)
	for name, service := range more.Services {
		if _, known := file.Services[name]; !known && name != "exporter-2" {
			file.Services[name] = service
		}
	}
	return file
}

func TestCompose_MountsWhatIsThere(t *testing.T) {
	file := standbyFile(t)
	for name, service := range file.Services {
		for _, mount := range service.Volumes {
			source, _, _ := strings.Cut(mount, ":/")
			source = strings.TrimSuffix(strings.TrimPrefix(source, "${LOGS_DIR:-"), "}")
			if _, isVolume := file.Volumes[source]; isVolume {
				continue
			}
			if _, err := os.Stat(filepath.Join("docker", source)); err != nil || !strings.HasSuffix(mount, ":ro") {
				t.Errorf("%s mounts %s: %v", name, mount, err)
			}
		}
	}
	build := file.Services["exporter"].Build
	if _, err := os.Stat(filepath.Join("docker", build.Context, build.Dockerfile)); err != nil {
		t.Error(err)
	}
	if context := filepath.Clean(filepath.Join("docker", build.Context)); context != root {
		t.Errorf("the image is built in %s", context)
	}
}

func TestCompose_ServicesAreConfinedAndWatched(t *testing.T) {
	for name, service := range standbyFile(t).Services {
		if !service.ReadOnly || !slices.Equal(service.CapDrop, []string{"ALL"}) ||
			!slices.Equal(service.SecurityOpt, []string{"no-new-privileges:true"}) {
			t.Errorf("%s is not confined", name)
		}
		if len(service.Healthcheck.Test) == 0 {
			t.Errorf("%s has no health check", name)
		}
		if !regexp.MustCompile(`:(v?\d+\.\d+\.\d+(-alpine)?|local)$`).MatchString(service.Image) {
			t.Errorf("%s has the image %s", name, service.Image)
		}
		for _, port := range service.Ports {
			if !strings.HasPrefix(port, "127.0.0.1:") {
				t.Errorf("%s is open to others: %s", name, port)
			}
		}
	}
}

// Whoever has a job or a target of another name has other labels than the alerts and
// dashboards.
func TestCompose_StandbysAreScrapedUnderOneAddress(t *testing.T) {
	var scraped struct {
		Jobs []struct {
			Name    string                           `yaml:"job_name"`
			Targets []struct{ Targets []string }     `yaml:"static_configs"`
			Kept    []struct{ Regex, Action string } `yaml:"metric_relabel_configs"`
		} `yaml:"scrape_configs"`
	}
	readYAML(t, "docker/prometheus-standby.yml", &scraped)
	proxy := read(t, "docker/haproxy.cfg")
	if len(scraped.Jobs) != 2 {
		t.Fatalf("%d jobs", len(scraped.Jobs))
	}
	for i, want := range []struct {
		job     string
		targets []string
	}{
		{"s3_access_exporter", []string{"haproxy:10403"}},
		{"s3_access_exporter_replicas", []string{"exporter:10403", "exporter-2:10403"}},
	} {
		if job := scraped.Jobs[i]; job.Name != want.job || !slices.Equal(job.Targets[0].Targets, want.targets) {
			t.Errorf("job %s scrapes %q", job.Name, job.Targets[0].Targets)
		}
	}
	for _, host := range scraped.Jobs[1].Targets[0].Targets {
		if !regexp.MustCompile(`(?m)^    server \S+ ` + host + `$`).MatchString(proxy) {
			t.Errorf("HAProxy does not know %s", host)
		}
	}
	var monitor struct {
		Spec struct {
			Endpoints []struct {
				Kept []struct{ Regex, Action string } `yaml:"metricRelabelings"`
			}
		}
	}
	readYAML(t, "kubernetes/overlays/standby/servicemonitor.yaml", &monitor)
	if kept := scraped.Jobs[1].Kept; !slices.Equal(kept, monitor.Spec.Endpoints[0].Kept) || len(kept) != 1 {
		t.Errorf("of both are kept %q, in Kubernetes %q", kept, monitor.Spec.Endpoints[0].Kept)
	}
}

// dockerfile returns the instructions with lines joined.
func dockerfile(t *testing.T) []string {
	t.Helper()
	var instructions []string
	for line := range strings.Lines(strings.ReplaceAll(read(t, "docker/Dockerfile"), "\\\n", " ")) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			instructions = append(instructions, line)
		}
	}
	return instructions
}

// healthcheckOfImage returns the command of the program by which the image is checked.
func healthcheckOfImage(t *testing.T) string {
	t.Helper()
	for _, line := range dockerfile(t) {
		if found := regexp.MustCompile(`^HEALTHCHECK .*CMD \["/s3_access_exporter", "(\w+)"\]$`).FindStringSubmatch(line); found != nil {
			return found[1]
		}
	}
	t.Fatal("the image has no health check")
	return ""
}

// copied returns what the Dockerfile copies from the repository.
func copied(t *testing.T) []string {
	t.Helper()
	var sources []string
	for _, line := range dockerfile(t) {
		fields := strings.Fields(line)
		if fields[0] == "COPY" && !strings.Contains(line, "--from=") {
			sources = append(sources, fields[1:len(fields)-1]...)
		}
	}
	return sources
}

func TestDockerfile_CopiesWhatTheProgramIsMadeOf(t *testing.T) {
	sources := copied(t)
	ignored := strings.Split(read(t, "docker/Dockerfile.dockerignore"), "\n")
	for _, source := range sources {
		if _, err := os.Stat(filepath.Join(root, source)); err != nil {
			t.Errorf("COPY %s: %v", source, err)
		}
		if !slices.Contains(ignored, "!"+source) {
			t.Errorf("the builder does not get %s", source)
		}
	}
	const module = "github.com/s3access/s3_access_exporter/"
	list := exec.CommandContext(t.Context(), "go", "list", "-deps", "./cmd/s3_access_exporter")
	list.Dir = root
	out, err := list.Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		own, ok := strings.CutPrefix(strings.TrimSpace(line), module)
		if folder, _, _ := strings.Cut(own, "/"); ok && !slices.Contains(sources, folder) {
			t.Errorf("the Dockerfile does not copy %s", folder)
		}
	}
}

func TestDockerfile_BuildsAStaticProgramThatKnowsItsVersion(t *testing.T) {
	build := regexp.MustCompile(`(CGO_ENABLED=0) .*go build (.*) -ldflags "(.*)" +-o \S+ (\./cmd/\w+)$`)
	var found []string
	for _, line := range dockerfile(t) {
		if match := build.FindStringSubmatch(line); match != nil {
			found = match
		}
	}
	if found == nil {
		t.Fatal("the Dockerfile builds nothing")
	}
	values := map[string]string{"VERSION": "1.2.3", "REVISION": "0123abc"}
	program := filepath.Join(t.TempDir(), "program")
	args := append([]string{"build"}, strings.Fields(found[2])...)
	args = append(args, "-ldflags", os.Expand(found[3], func(name string) string { return values[name] }), "-o", program, found[4])
	command := exec.CommandContext(t.Context(), "go", args...)
	command.Dir = root
	command.Env = append(os.Environ(), found[1])
	if out, err := command.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	out, err := exec.CommandContext(t.Context(), program, "version").Output()
	if err != nil || !strings.Contains(string(out), " 1.2.3, revision 0123abc,") {
		t.Errorf("the version is %q, %v", out, err)
	}
}

func TestDockerfile_GoesWithGoMod(t *testing.T) {
	found := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(read(t, filepath.Join(root, "go.mod")))
	if found == nil {
		t.Fatal("go.mod tells no Go version")
	}
	if first := dockerfile(t)[0]; !strings.Contains(first, " golang:"+found[1]+".") {
		t.Errorf("%s, but go.mod says %s", first, found[0])
	}
}

func TestDockerfile_RunsAsNobodyWithItsStateOnAVolume(t *testing.T) {
	lines := dockerfile(t)
	const state = "/var/lib/s3_access_exporter"
	for _, want := range []string{
		"FROM scratch", "USER 65532:65532", "WORKDIR " + state, "VOLUME " + state,
		"COPY --from=build --chown=65532:65532 /out/state " + state, `ENTRYPOINT ["/s3_access_exporter"]`,
	} {
		if !slices.Contains(lines, want) {
			t.Errorf("the Dockerfile lacks %s", want)
		}
	}
	if checkpoint := regexp.MustCompile(`--checkpoint\.path="([^"]+)"`).FindStringSubmatch(run(t, "serve", "--help")); checkpoint == nil || path.IsAbs(checkpoint[1]) {
		t.Errorf("the checkpoint's default path does not lie on the volume: %q", checkpoint)
	}
}
