package collector

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/collector/classify"
)

func TestReadme_HasEveryLabel(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	var got, want []string
	for _, row := range regexp.MustCompile("(?m)^\\| `([a-z0-9_]+)` \\|").FindAllStringSubmatch(string(text), -1) {
		if !strings.HasPrefix(row[1], "s3_access_") { // a metric: see TestReadme_TellsEveryMetric
			got = append(got, row[1])
		}
	}
	for label := range classify.LabelCount {
		want = append(want, label.String())
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("README has the labels %q, want %q", got, want)
	}
}
