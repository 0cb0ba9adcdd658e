package main

import (
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	versioncollector "github.com/prometheus/client_golang/prometheus/collectors/version"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/coverage"
	"github.com/s3access/s3_access_exporter/collector"
	"github.com/s3access/s3_access_exporter/scanner"
)

const moduleRoot = "../.."

// readmes are the pages in which users look things up.
var readmes = [...]string{"README.md", "cmd/s3_access_exporter/README.md", "collector/README.md", "scanner/README.md"}

// readme returns all of the pages, one behind the other.
func readme(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, name := range readmes {
		text, err := os.ReadFile(filepath.Join(moduleRoot, name))
		if err != nil {
			t.Fatal(err)
		}
		all.Write(text)
	}
	return all.String()
}

// readmeTables returns the rows of the README's tables whose first cell is one
// word in backticks that begins with a prefix. Cells are without backticks.
func readmeTables(t *testing.T, prefix string) map[string][]string {
	t.Helper()
	rows := make(map[string][]string)
	for line := range strings.Lines(readme(t)) {
		cells := strings.Split(strings.Trim(strings.TrimSpace(line), "|"), "|")
		name, ok := strings.CutPrefix(strings.TrimSpace(cells[0]), "`"+prefix)
		name, closed := strings.CutSuffix(name, "`")
		if !strings.HasPrefix(line, "|") || !ok || !closed || strings.Contains(name, "`") {
			continue
		}
		if _, twice := rows[prefix+name]; twice {
			t.Errorf("README has %s%s twice", prefix, name)
		}
		for i := range cells {
			cells[i] = strings.ReplaceAll(strings.TrimSpace(cells[i]), "`", "")
		}
		rows[prefix+name] = cells[1:]
	}
	return rows
}

func TestReadme_TellsEveryMetric(t *testing.T) {
	want := describedFamilies(t)
	got := readmeTables(t, "s3_access_")
	if missing, more := difference(want, got); missing != nil || more != nil {
		t.Errorf("README has not %q, and has %q too much", missing, more)
	}
	var golden []byte
	for _, file := range []string{"testdata/serve.golden", "internal/coverage/testdata/metrics.golden"} {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		golden = append(golden, text...)
	}
	for name, labels := range want {
		if len(got[name]) < 3 {
			continue // told above
		}
		kind := "counter"
		if found := regexp.MustCompile(`(?m)^# TYPE ` + name + ` (\w+)$`).FindSubmatch(golden); found != nil {
			kind = string(found[1])
		} else if !strings.HasSuffix(name, "_total") {
			t.Errorf("the golden exposition has no %s", name)
		}
		if got[name][0] != kind {
			t.Errorf("README says that %s is a %s, not a %s", name, got[name][0], kind)
		}
		told := strings.FieldsFunc(got[name][1], func(r rune) bool { return r == ',' || r == ' ' })
		slices.Sort(told)
		if !slices.Equal(told, labels) {
			t.Errorf("README says that %s has the labels %q, not %q", name, told, labels)
		}
	}
}

// difference returns the keys that only one of two maps has.
func difference[A, B any](want map[string]A, got map[string]B) (missing, more []string) {
	for _, key := range slices.Sorted(maps.Keys(want)) {
		if _, ok := got[key]; !ok {
			missing = append(missing, key)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(got)) {
		if _, ok := want[key]; !ok {
			more = append(more, key)
		}
	}
	return missing, more
}

// describer is a prometheus.Registerer that keeps what is registered.
type describer struct {
	prometheus.Registerer
	collectors []prometheus.Collector
}

func (d *describer) MustRegister(collectors ...prometheus.Collector) {
	d.collectors = append(d.collectors, collectors...)
}

var description = regexp.MustCompile(`^Desc\{fqName: "(\w+)", .*constLabels: \{(.*)\}, variableLabels: \{(.*)\}\}$`)

// describedFamilies returns the sorted names of the labels of every family.
func describedFamilies(t *testing.T) map[string][]string {
	t.Helper()
	counters, err := collector.New(collector.Config{})
	if err != nil {
		t.Fatal(err)
	}
	var d describer
	d.MustRegister(counters, versioncollector.NewCollector(program), coverage.NewMetrics())
	scanner.NewMetrics(&d)
	descriptions := make(chan *prometheus.Desc)
	go func() {
		defer close(descriptions)
		for _, c := range d.collectors {
			c.Describe(descriptions)
		}
	}()
	families := make(map[string][]string)
	for desc := range descriptions {
		found := description.FindStringSubmatch(desc.String())
		if found == nil {
			t.Fatalf("%s", desc)
		}
		labels := strings.FieldsFunc(found[3], func(r rune) bool { return r == ',' || r == ' ' })
		for _, constant := range regexp.MustCompile(`(\w+)="`).FindAllStringSubmatch(found[2], -1) {
			labels = append(labels, constant[1])
		}
		slices.Sort(labels)
		families[found[1]] = labels
	}
	return families
}

func TestReadme_TellsEveryFlagOfServe(t *testing.T) {
	want := helpedFlags(t, "serve")
	got := make(map[string][]string)
	for name, cells := range readmeTables(t, "--") {
		got[strings.TrimPrefix(name, "--")] = cells
	}
	if missing, more := difference(want, got); missing != nil || more != nil {
		t.Errorf("README has not %q, and has %q too much", missing, more)
	}
	for name, value := range want {
		if len(got[name]) > 0 && strings.TrimSuffix(got[name][0], "false") != value {
			t.Errorf("README says that the default of --%s is %q, not %q", name, got[name][0], value)
		}
	}
}

func TestReadme_NamesEveryFlagOfReport(t *testing.T) {
	text := readme(t)
	for name := range helpedFlags(t, "report") {
		if !strings.Contains(text, "`--"+name+"`") {
			t.Errorf("README does not name --%s", name)
		}
	}
}

// A command line that is not indented, or between fences, is run together with the text
// around it.
func TestReadme_CommandLinesAreCode(t *testing.T) {
	pages := append(readmes[:], "deploy/README.md", "dashboards/README.md", "CONTRIBUTING.md", "SECURITY.md")
	for _, page := range pages {
		text, err := os.ReadFile(filepath.Join(moduleRoot, page))
		if err != nil {
			t.Fatal(err)
		}
		fenced := false
		for line := range strings.Lines(string(text)) {
			switch word, _, _ := strings.Cut(line, " "); {
			case strings.HasPrefix(line, "```"):
				fenced = !fenced
			case !fenced && slices.Contains([]string{program, "promtool", "go", "docker", "kubectl", "helm", "aws", "tofu", "terraform"}, word):
				t.Errorf("%s: %q is no code", page, strings.TrimSpace(line))
			}
		}
	}
}

func TestReadme_NamesTestsThatExist(t *testing.T) {
	var tests strings.Builder
	err := filepath.WalkDir(moduleRoot, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		text, err := os.ReadFile(path)
		tests.Write(text)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	names := regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9_]+)`").FindAllStringSubmatch(readme(t), -1)
	if len(names) < 15 {
		t.Errorf("the README names only %d tests", len(names))
	}
	for _, name := range names {
		if !strings.Contains(tests.String(), "\nfunc "+name[1]+"(") {
			t.Errorf("there is no %s", name[1])
		}
	}
}

// Links between the pages lead to files, and to headings in them, that are there.
func TestReadme_LinksLeadSomewhere(t *testing.T) {
	link := regexp.MustCompile(`\]\(([^)\s:]*)\)`) // no URL
	pages, links := make(map[string]map[string]bool), 0
	headings := func(path string) map[string]bool {
		if pages[path] == nil {
			pages[path] = anchorsOf(t, path)
		}
		return pages[path]
	}
	err := filepath.WalkDir(moduleRoot, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".md" {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for _, found := range link.FindAllSubmatch(text, -1) {
			links++
			name, anchor, _ := strings.Cut(string(found[1]), "#")
			target := path
			if name != "" {
				target = filepath.Join(filepath.Dir(path), name)
			}
			if _, err := os.Stat(target); err != nil {
				t.Errorf("%s links to %s: %v", path, found[1], err)
			} else if anchor != "" && !headings(target)[anchor] {
				t.Errorf("%s links to %s, where no such heading is", path, found[1])
			}
		}
		return nil
	})
	if err != nil || links < 80 {
		t.Errorf("%d links, %v", links, err)
	}
}

// anchorsOf returns the anchors that GitHub gives to the headings of a page.
func anchorsOf(t *testing.T, path string) map[string]bool {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	anchors := make(map[string]bool)
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.*)$`).FindAllSubmatch(text, -1) {
		plain := regexp.MustCompile(`[^\p{L}\p{N} _-]`).ReplaceAllString(strings.ToLower(string(heading[1])), "")
		anchors[strings.ReplaceAll(plain, " ", "-")] = true
	}
	return anchors
}
