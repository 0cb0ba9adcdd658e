package deploy_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"
)

const chart = "helm/s3-access-exporter"

// TestHelm_LinksToAllDashboardsAndRules keeps the chart without copies: helm
// reads nothing outside of a chart's folder, but follows symbolic links when it
// packages one.
func TestHelm_LinksToAllDashboardsAndRules(t *testing.T) {
	for folder, pattern := range map[string]string{"dashboards": "*.json", "rules": "rules/*.yaml"} {
		links, err := filepath.Glob(filepath.Join(chart, "files", folder, "*"))
		if err != nil {
			t.Fatal(err)
		}
		for _, link := range links {
			if info, err := os.Lstat(link); err != nil || info.Mode().Type() != fs.ModeSymlink {
				t.Errorf("%s is no symbolic link: %v", link, err)
			}
		}
		files, err := filepath.Glob(filepath.Join(root, "dashboards", pattern))
		if err != nil || len(files) == 0 {
			t.Fatalf("there are no %s: %v", folder, err)
		}
		for _, file := range files {
			link := filepath.Join(chart, "files", folder, filepath.Base(file))
			if there, err := filepath.EvalSymlinks(link); err != nil || there != file {
				t.Errorf("the chart's %s leads to %q, not to %s: ln -s %s %s", link, there, file, filepath.Join("../../../..", file), link)
			}
		}
		if len(links) != len(files) {
			t.Errorf("the chart links to %d %s, of %d", len(links), folder, len(files))
		}
	}
}

// TestHelm_IgnoresValuesOfTheChecksAlone looks at what the package lacks.
func TestHelm_IgnoresValuesOfTheChecksAlone(t *testing.T) {
	if text := read(t, chart+"/.helmignore"); text != "# Values for the checks of the chart.\nci/\n" {
		t.Errorf(".helmignore has %q", text)
	}
}
