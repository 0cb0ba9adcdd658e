package deploy_test

import (
	"regexp"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/logkey"
)

func TestKit_NamesAlertsThatExist(t *testing.T) {
	known := make(map[string]bool)
	for _, group := range ruleGroups(t) {
		for _, rule := range group.Rules {
			known[rule.Alert] = true
		}
	}
	for _, path := range []string{"README.md", "prometheus/alertmanager.yml"} {
		names := regexp.MustCompile(`\bS3Access[A-Z]\w+`).FindAllString(read(t, path), -1)
		if len(names) == 0 {
			t.Errorf("%s names no alert", path)
		}
		for _, name := range names {
			if !known[name] {
				t.Errorf("%s names the alert %s", path, name)
			}
		}
	}
}

// What is skipped and may hold requests fires, but for other JSON and other logs, which may be
// meant to lie there.
func TestKit_AlertsOnAllThatMayHoldRequests(t *testing.T) {
	var reasons []string
	for _, reason := range logkey.SkipReasons() {
		if reason.MayHoldRequests() && reason != logkey.SkipUnknownLog && reason != logkey.SkipOtherLog {
			reasons = append(reasons, string(reason))
		}
	}
	want := `{reason=~"` + strings.Join(reasons, "|") + `"}`
	found := false
	for _, group := range ruleGroups(t) {
		for _, rule := range group.Rules {
			if rule.Alert != "S3AccessExporterObjectsSkipped" {
				continue
			}
			found = true
			if n := strings.Count(rule.Expr, want); n == 0 || n != strings.Count(rule.Expr, "reason") {
				t.Errorf("%s, want %s", rule.Expr, want)
			}
		}
	}
	if !found {
		t.Error("the alert is not there")
	}
}
