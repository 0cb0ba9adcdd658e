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

const (
	module   = "github.com/s3access/s3_access_exporter"
	internal = "cmd/s3_access_exporter/internal/"
)

// imports says what of the module each package may import. There are no others.
var imports = map[string][]string{
	"cmd/s3_access_exporter": {
		internal + "coverage", internal + "engine", internal + "events", internal + "history", internal + "hostile", internal + "location", internal + "price", internal + "query", internal + "report", internal + "rows",
		internal + "terminal", internal + "warehouse", internal + "web", "cmd/s3_access_exporter/fleet", "collector", "collector/classify",
		"scanner", "scanner/checkpoint", "scanner/dirsource", "scanner/logkey", "scanner/once", "scanner/record", "scanner/reshard", "scanner/s3source", "scanner/shard", "scanner/source",
	},
	"cmd/s3_access_exporter/fleet": {},
	internal + "coverage":          {internal + "query", internal + "rows", "scanner/s3source"},
	internal + "engine":            {internal + "query", "collector/classify", "scanner/once", "scanner/record", "scanner/source"},
	internal + "events":            {internal + "engine", internal + "extsort", internal + "query", internal + "rows", "collector/classify"},
	internal + "extsort":           {},
	internal + "extsort/sums":      {internal + "extsort", "scanner/record"},
	internal + "hostile":           {},
	internal + "golden":            {},
	internal + "history": {
		internal + "engine", internal + "extsort", internal + "extsort/sums", internal + "query", "collector", "collector/classify", "scanner/record",
	},
	internal + "location": {internal + "hostile", "scanner/dirsource", "scanner/logkey", "scanner/once", "scanner/record", "scanner/s3source", "scanner/source"},
	internal + "price":    {},
	internal + "query":    {"collector/classify", "scanner/accesslog", "scanner/accesslogjson", "scanner/cloudtrail", "scanner/once", "scanner/logkey", "scanner/record"},
	internal + "report": {
		internal + "engine", internal + "extsort", internal + "extsort/sums", internal + "query", internal + "rows", "collector/classify", "scanner/record",
	},
	internal + "rows":     {internal + "hostile", internal + "query", internal + "terminal"},
	internal + "terminal": {},
	internal + "warehouse": {
		internal + "engine", internal + "query", "collector/classify",
		"scanner/accesslog", "scanner/cloudtrail", "scanner/logkey", "scanner/once", "scanner/record", "scanner/s3source", "scanner/source",
	},
	internal + "web": {internal + "hostile", internal + "coverage", internal + "price", "scanner"},

	"collector":          {"collector/classify", "scanner/record"},
	"collector/classify": {"scanner/record"},
	"scanner": {
		"scanner/checkpoint", "scanner/internal/dedupe", "scanner/internal/reader", "scanner/internal/twice", "scanner/logkey", "scanner/record", "scanner/shard", "scanner/source",
	},
	"scanner/accesslog":          {"scanner/internal/access", "scanner/internal/calendar", "scanner/record"},
	"scanner/accesslogjson":      {"scanner/internal/access", "scanner/internal/jsonscan", "scanner/record"},
	"scanner/checkpoint":         {},
	"scanner/cloudwatch":         {"scanner/accesslogjson", "scanner/cloudtrail", "scanner/internal/jsonscan", "scanner/record"},
	"scanner/cloudtrail":         {"scanner/internal/jsonscan", "scanner/record"},
	"scanner/dirsource":          {"scanner/source"},
	"scanner/internal/dedupe":    {"scanner/record"},
	"scanner/internal/access":    {"scanner/record"},
	"scanner/internal/calendar":  {},
	"scanner/internal/jsonscan":  {"scanner/internal/calendar", "scanner/record"},
	"scanner/internal/inflate":   {},
	"scanner/internal/logtest":   {},
	"scanner/internal/reader":    {"scanner/accesslog", "scanner/accesslogjson", "scanner/cloudtrail", "scanner/cloudwatch", "scanner/internal/jsonscan", "scanner/internal/dedupe", "scanner/internal/inflate", "scanner/internal/twice", "scanner/logkey", "scanner/record", "scanner/source"},
	"scanner/internal/twice":     {"scanner/record"},
	"scanner/logkey":             {"scanner/record"},
	"scanner/once":               {"scanner/internal/dedupe", "scanner/internal/reader", "scanner/internal/twice", "scanner/logkey", "scanner/record", "scanner/source"},
	"scanner/record":             {},
	"scanner/record/decodertest": {"scanner/record"},
	"scanner/reshard":            {"scanner/checkpoint", "scanner/logkey", "scanner/record", "scanner/shard"},
	"scanner/s3source":           {"scanner/source"},
	"scanner/s3source/miniotest": {},
	"scanner/shard":              {"scanner/logkey"},
	"scanner/source":             {"scanner/record"},
	"scanner/source/sourcetest":  {"scanner/source"},

	"scanner/checkpoint/journaltest": {"scanner/checkpoint"},
}

// outside says who may import what is not of the module: a package, a file, or with
// "/..." behind it all packages of a folder. Of the standard library all may import
// what does not stand here; of everything else nobody may.
var outside = map[string][]string{
	"github.com/alecthomas":                  {"cmd/s3_access_exporter"},
	"github.com/aws":                         {internal + "coverage", internal + "warehouse/athena.go", "scanner/s3source", "scanner/s3source/miniotest"},
	"github.com/dustin/go-humanize":          {"cmd/..."},
	"github.com/klauspost/compress":          {internal + "web", "scanner/checkpoint"},
	"github.com/prometheus/client_golang":    {"cmd/...", "collector", "scanner/metrics.go"},
	"github.com/prometheus/client_model":     {"cmd/s3_access_exporter/replica.go", "collector", "scanner/metrics.go"},
	"github.com/prometheus/common":           {"cmd/..."},
	"github.com/prometheus/exporter-toolkit": {"cmd/..."},
	"github.com/rivo/uniseg":                 {"cmd/..."},
	"github.com/schollz/progressbar":         {"cmd/..."},
	"github.com/trinodb/trino-go-client":     {internal + "warehouse/trino.go"},
	"go.etcd.io/bbolt":                       {"scanner/checkpoint"},
	"go.yaml.in/yaml":                        {"cmd/..."},
	"golang.org/x/sync":                      {"cmd/...", "scanner", "scanner/internal/reader", "scanner/once"},
	"golang.org/x/sys":                       {"scanner/checkpoint"},
	"golang.org/x/term":                      {"cmd/..."},
	"google.golang.org/protobuf":             {"collector"},

	"log":       {"cmd/...", "scanner", "scanner/checkpoint", "scanner/internal/reader", "scanner/once"},
	"net/http":  {"cmd/...", "scanner/s3source", "scanner/s3source/miniotest"},
	"testing":   {internal + "golden", "scanner/checkpoint/journaltest", "scanner/record/decodertest", "scanner/s3source/miniotest", "scanner/source/sourcetest"},
	"io/ioutil": {},
}

// pure packages do no I/O, and read bytes themselves.
var pure = []string{"scanner/accesslog", "scanner/cloudtrail", "scanner/internal/dedupe", "scanner/internal/inflate", "scanner/logkey", "scanner/record", "scanner/shard"}

// impure is what pure packages may not import.
var impure = []string{"encoding/json", "net", "os", "reflect", "regexp"}

func TestImports_FlowOneWay(t *testing.T) {
	const root = "../.."
	seen := make(map[string]bool)
	err := filepath.WalkDir(root, func(name string, entry fs.DirEntry, err error) error {
		if err == nil && entry.IsDir() && entry.Name() == "testdata" {
			return fs.SkipDir // it is no part of the module, as Go has it
		}
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
	if own, ok := strings.CutPrefix(imported, module+"/"); ok {
		if !slices.Contains(imports[folder], own) {
			return "data flows the other way"
		}
		return ""
	}
	if slices.Contains(pure, folder) && slices.ContainsFunc(impure, func(tree string) bool { return inside(imported, tree) }) {
		return "the package is pure"
	}
	if imported == "math/rand" {
		return "there is math/rand/v2"
	}
	for tree, users := range outside {
		if inside(imported, tree) {
			if slices.ContainsFunc(users, func(user string) bool { return uses(file, user) }) {
				return ""
			}
			return "it is for " + strings.Join(users, ", ")
		}
	}
	if first, _, _ := strings.Cut(imported, "/"); strings.Contains(first, ".") {
		return "it is for nobody yet"
	}
	return ""
}

// inside reports whether a package is tree or below it.
func inside(imported, tree string) bool {
	return imported == tree || strings.HasPrefix(imported, tree+"/")
}

// uses reports whether a user as in outside stands for the file.
func uses(file, user string) bool {
	if tree, ok := strings.CutSuffix(user, "/..."); ok {
		return inside(file, tree)
	}
	return user == file || user == path.Dir(file)
}

func TestImports_TheRulesCanBeBroken(t *testing.T) {
	for file, imported := range map[string]string{
		"collector/tally.go":                   module + "/scanner",
		"scanner/scanner.go":                   module + "/collector",
		"scanner/record/record.go":             module + "/scanner",
		"cmd/s3_access_exporter/fleet/call.go": module + "/scanner/record",
		"scanner/commit.go":                    "github.com/prometheus/client_golang/prometheus",
		"scanner/dirsource/walk.go":            "github.com/aws/aws-sdk-go-v2/service/s3",
		"scanner/accesslog/decoder.go":         "encoding/json",
		"scanner/cloudtrail/decoder.go":        "log/slog",
		"cmd/s3_access_exporter/main.go":       "math/rand",
		"cmd/s3_access_exporter/query/glob.go": "github.com/alecthomas/kong",
		"collector/row.go":                     "example.com/some/library",
		"collector/config.go":                  "github.com/alecthomas/kong",
	} {
		if forbidden(file, imported) == "" {
			t.Errorf("%s may import %s", file, imported)
		}
	}
}
