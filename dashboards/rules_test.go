package dashboards_test

import (
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
)

// loadRules returns the groups of rules in the order in which they have to be
// evaluated: recording rules first, for alerts build on them.
func loadRules(t *testing.T) []rulefmt.RuleGroup {
	t.Helper()
	files, err := filepath.Glob("rules/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no rules: %v", err)
	}
	var groups []rulefmt.RuleGroup
	for _, file := range files {
		parsed, errs := rulefmt.ParseFile(file, false, model.UTF8Validation, promQL(), slog.New(slog.DiscardHandler))
		if len(errs) > 0 {
			t.Fatal(errs)
		}
		groups = append(groups, parsed.Groups...)
	}
	records := func(g rulefmt.RuleGroup) int {
		if slices.ContainsFunc(g.Rules, func(r rulefmt.Rule) bool { return r.Record != "" }) {
			return 0
		}
		return 1
	}
	slices.SortStableFunc(groups, func(a, b rulefmt.RuleGroup) int { return records(a) - records(b) })
	return groups
}

func TestRules_NeverSumOverLog(t *testing.T) {
	known := loadCatalogue(t)
	for _, group := range loadRules(t) {
		for _, r := range group.Rules {
			expr, err := promQL().ParseExpr(r.Expr)
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range sumsOverLog(expr, known) {
				t.Errorf("%s%s sums %s over log", r.Record, r.Alert, name)
			}
		}
	}
}

func TestRules_AlertsCarryWhatAPagerNeeds(t *testing.T) {
	severities := []string{"critical", "warning", "info"}
	names := make(map[string]bool)
	for _, group := range loadRules(t) {
		for _, r := range group.Rules {
			if r.Alert == "" {
				continue
			}
			if names[r.Alert] {
				t.Errorf("two alerts are called %s", r.Alert)
			}
			names[r.Alert] = true
			if !strings.HasPrefix(r.Alert, "S3Access") {
				t.Errorf("%s does not begin with S3Access", r.Alert)
			}
			if !slices.Contains(severities, r.Labels["severity"]) {
				t.Errorf("%s: severity %q is none of %q", r.Alert, r.Labels["severity"], severities)
			}
			for _, annotation := range []string{"summary", "description"} {
				if r.Annotations[annotation] == "" {
					t.Errorf("%s has no %s", r.Alert, annotation)
				}
			}
			if !strings.HasSuffix(r.Annotations["runbook_url"], "/dashboards/README.md#"+strings.ToLower(r.Alert)) {
				t.Errorf("%s: runbook_url %q does not lead to the alert's section", r.Alert, r.Annotations["runbook_url"])
			}
		}
	}
}

var queryInREADME = regexp.MustCompile("(?s)```promql\n(.*?)```")

func TestREADME_AsksForWhatIsThere(t *testing.T) {
	text, err := os.ReadFile("README.md")
	if err != nil {
		t.Fatal(err)
	}
	known := loadCatalogue(t)
	queries := queryInREADME.FindAllSubmatch(text, -1)
	if len(queries) < 10 {
		t.Errorf("it has only %d queries", len(queries))
	}
	for _, query := range queries {
		expr, err := promQL().ParseExpr(string(query[1]))
		if err != nil {
			t.Errorf("%s: %v", query[1], err)
			continue
		}
		if _, err := known.check(expr); err != nil {
			t.Errorf("%s: %v", query[1], err)
		}
	}
}
