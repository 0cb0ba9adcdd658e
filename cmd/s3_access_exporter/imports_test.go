package main

import (
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

const module = "github.com/s3access/s3_access_exporter"

// imports says what of the module each package may import. There are no others.
var imports = map[string][]string{
	"cmd/s3_access_exporter": {
		"cmd/s3_access_exporter/extsort", "cmd/s3_access_exporter/fleet", "cmd/s3_access_exporter/query", "collector",
		"scanner", "scanner/checkpoint", "scanner/dirsource", "scanner/record", "scanner/s3source",
	},
	"cmd/s3_access_exporter/extsort": {},
	"cmd/s3_access_exporter/fleet":   {},
	"cmd/s3_access_exporter/query":   {"collector", "scanner", "scanner/record"},
	"collector":                      {"scanner/record"},
	"scanner":                        {"scanner/accesslog", "scanner/checkpoint", "scanner/cloudtrail", "scanner/record"},
	"scanner/accesslog":              {"scanner/record"},
	"scanner/checkpoint":             {},
	"scanner/cloudtrail":             {"scanner/record"},
	"scanner/dirsource":              {"scanner"},
	"scanner/inflate":                {},
	"scanner/record":                 {},
	"scanner/s3source":               {"scanner"},
	"scanner/s3source/miniotest":     {},
	"scanner/scannertest":            {"scanner"},
}

// reserved says which packages and files may import what is not for all.
var reserved = map[string][]string{
	"github.com/aws":                         {"cmd/s3_access_exporter", "scanner/s3source", "scanner/s3source/miniotest"},
	"github.com/alecthomas":                  {"cmd/s3_access_exporter"},
	"github.com/klauspost/compress":          {"scanner"},
	"github.com/prometheus/client_golang":    {"cmd/s3_access_exporter", "collector", "scanner/metrics.go"},
	"github.com/prometheus/common":           {"cmd/s3_access_exporter"},
	"github.com/prometheus/exporter-toolkit": {"cmd/s3_access_exporter"},
	"github.com/schollz/progressbar":         {"cmd/s3_access_exporter"},
	"golang.org/x/term":                      {"cmd/s3_access_exporter"},
	"go.etcd.io/bbolt":                       {"scanner/checkpoint"},
	"go.yaml.in/yaml":                        {"cmd/s3_access_exporter"},
	"github.com/johannesboyne/gofakes3":      {},
	"github.com/Shopify/toxiproxy":           {},
	"testing":                                {"scanner/s3source/miniotest", "scanner/scannertest"},
	"log":                                    {"cmd/s3_access_exporter", "scanner"},
	"net/http":                               {"cmd/s3_access_exporter", "scanner/s3source"},
}

func TestImports_FlowOneWay(t *testing.T) {
	const root = "../.."
	seen := make(map[string]bool)
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(name, ".go") || strings.HasSuffix(name, "_test.go") {
			return err
		}
		parsed, err := parser.ParseFile(token.NewFileSet(), name, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		relative, err := filepath.Rel(root, name)
		if err != nil {
			return err
		}
		file := filepath.ToSlash(relative)
		seen[path.Dir(file)] = true
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if why := forbidden(file, imported); why != "" {
				t.Errorf("%s imports %s: %s", file, imported, why)
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := slices.Sorted(maps.Keys(seen)), slices.Sorted(maps.Keys(imports)); !slices.Equal(got, want) {
		t.Errorf("the packages are %q, not %q", got, want)
	}
}

// forbidden returns why a file may not import something, nothing if it may.
func forbidden(file, imported string) string {
	folder := path.Dir(file)
	if own, ok := strings.CutPrefix(imported, module+"/"); ok && !slices.Contains(imports[folder], own) {
		return "data flows the other way"
	}
	for tree, users := range reserved {
		inside := imported == tree || strings.HasPrefix(imported, tree+"/")
		if inside && !slices.Contains(users, folder) && !slices.Contains(users, file) {
			return "that is for " + strings.Join(users, ", ")
		}
	}
	return ""
}

func TestImports_TheRulesCanBeBroken(t *testing.T) {
	for file, imported := range map[string]string{
		"collector/tally.go":                   module + "/scanner",
		"scanner/scanner.go":                   module + "/collector",
		"scanner/record/record.go":             module + "/scanner",
		"cmd/s3_access_exporter/fleet/call.go": module + "/scanner/record",
		"scanner/object.go":                    "github.com/prometheus/client_golang/prometheus",
		"scanner/dirsource/walk.go":            "github.com/aws/aws-sdk-go-v2/service/s3",
		"collector/config.go":                  "github.com/alecthomas/kong",
	} {
		if forbidden(file, imported) == "" {
			t.Errorf("%s may import %s", file, imported)
		}
	}
}
