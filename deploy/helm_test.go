package deploy_test

import (
	"encoding/json"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
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

// TestHelm_LocationsHaveTheFieldsOfTheConfigurationFile keeps the chart's schema in step
// with what --config.file takes.
func TestHelm_LocationsHaveTheFieldsOfTheConfigurationFile(t *testing.T) {
	var schema struct {
		Properties struct {
			Locations struct {
				Items struct {
					OneOf []struct{ Properties map[string]any } `json:"oneOf"`
				}
			}
		}
	}
	if err := json.Unmarshal([]byte(read(t, chart+"/values.schema.json")), &schema); err != nil {
		t.Fatal(err)
	}
	forms := schema.Properties.Locations.Items.OneOf
	if len(forms) != 2 {
		t.Fatalf("a location has %d forms", len(forms))
	}
	var want []string
	for _, field := range reflect.VisibleFields(reflect.TypeFor[location]()) {
		name := field.Tag.Get("yaml")
		if name == "" {
			name = strings.ToLower(field.Name)
		}
		want = append(want, name)
	}
	slices.Sort(want)
	if got := slices.Sorted(maps.Keys(forms[1].Properties)); !slices.Equal(got, want) {
		t.Errorf("the chart's locations have %q, those of the file %q", got, want)
	}
}
