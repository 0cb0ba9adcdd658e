package dashboards_test

import (
	"math"
	"strings"
	"testing"
	"time"
)

// Values that panels show as a text.
const (
	notCounted = -1
	cannotTell = -2
)

// turnedOff stores ten days of 144 requests a day, and of what they use of that which
// AWS turns off, until a time.
func turnedOff(t *testing.T, p *timeless, end time.Time) {
	t.Helper()
	const step = 10 * time.Minute
	begin := end.Add(-10 * 24 * time.Hour)
	of := []string{"log", "server_access", "bucket", "example-media"}
	p.growing(t, begin, end, step, 1, "s3_access_requests_total", append(of, "account_id", "111122223333", "aws_region", "eu-west-1",
		"operation", "GetObject", "outcome", "success", "signature", "SigV4")...)
	for _, feature := range features {
		counted := 1.0
		if feature == "soap" || feature == "path_style" {
			counted = 0
		}
		p.storeLine(t, begin, end, step, counted, 0, "s3_access_exporter_legacy_feature_counted", "feature", feature)
	}
	for feature, growth := range map[string]float64{"tls1.1": 1, "plain_http": 0.25, "acl_required": 0.75} {
		p.growing(t, begin, end, step, growth, "s3_access_legacy_undetermined_requests_total", append(of, "feature", feature)...)
	}
	for feature, growth := range map[string]float64{"tls1.0": 1, "acl_required": 0.25} {
		p.growing(t, begin, end, step, growth, "s3_access_legacy_requests_total", append(of, "feature", feature,
			"requester", "arn:aws:iam::111122223333:user/cms", "source_ip", "192.0.2.1", "client", "curl", "client_version", "8.5.0")...)
	}
}

// A zero of a feature means that nobody uses it: it differs from what the log does not
// show, and from what was not counted.
func TestTurnedOff_TellsZeroFromCannotTellAndNotCounted(t *testing.T) {
	end := time.Unix(1_800_000_000, 0).Truncate(24 * time.Hour)
	p := newTimeless(t)
	turnedOff(t, p, end)
	d := loadDashboards(t)["s3-access-turned-off.json"]
	all := p.everything(t, d, "server_access", end.Add(-24*time.Hour), end)

	day := map[string]float64{
		"sigv2": 0, "tls1.0": 144, "tls1.1": cannotTell, "plain_http": 0, "acl_required": 36, "soap": notCounted, "path_style": notCounted,
	}
	users := map[string]float64{
		"sigv2": 0, "tls1.0": 1, "tls1.1": cannotTell, "plain_http": 0, "acl_required": 1, "soap": notCounted, "path_style": notCounted,
	}
	unknown := map[string]float64{
		"sigv2": 0, "tls1.0": 0, "tls1.1": 144, "plain_http": 36, "acl_required": 108, "soap": notCounted, "path_style": notCounted,
	}
	left := panelOf(t, d, "What is left, by feature")
	for i, want := range []map[string]float64{day, day, day, users, unknown} {
		got := make(map[string]float64)
		for _, row := range p.show(t, &left.Targets[i], all) {
			got[row.labels.Get("feature")] = math.Round(row.last)
		}
		for _, feature := range features {
			if n, shown := got[feature]; !shown || n != want[feature] {
				t.Errorf("%s, query %s, shows %v of %s, want %v", left.Title, left.Targets[i].RefID, n, feature, want[feature])
			}
		}
	}
	for title, want := range map[string]map[string]float64{"Requesters left": users, "Buckets left": users, "Cannot tell": unknown} {
		panel := panelOf(t, d, title)
		for _, feature := range features {
			if title == "Cannot tell" && unknown[feature] == 0 {
				continue
			}
			got := p.show(t, &panel.Targets[0], all.with("feature", feature))
			if len(got) != 1 || math.Round(got[0].last) != want[feature] {
				t.Errorf("%s of %s is %v, want %v", title, feature, got, want[feature])
			}
		}
		texts := panel.FieldConfig.Defaults.Mappings
		if text := texts[len(texts)-1].Texts["-1"].Text; text != "not counted" {
			t.Errorf("%s has %q in place of -1", title, text)
		}
	}
	for title, feature := range map[string]string{
		"SigV2": "sigv2", "TLS 1.0": "tls1.0", "TLS 1.1": "tls1.1", "Plain HTTP": "plain_http", "ACL required": "acl_required", "SOAP": "soap", "Path style": "path_style",
	} {
		panel := panelOf(t, d, title+" by day")
		for i := range panel.Targets {
			query := &panel.Targets[i]
			if !strings.Contains(query.Expr, `feature="`+feature+`"`) {
				t.Errorf("%s is not about %s", panel.Title, feature)
			}
			v := all.of(query)
			at := end.Add(-24 * time.Hour) // the day that begins then
			lines := p.graph(t, v.interpolate(query.Expr), at, at, v.interval)
			switch want := day[feature]; {
			case want < 0 && len(lines) > 0:
				t.Errorf("%s, %s: %v, where nothing can be shown", panel.Title, query.LegendFormat, lines)
			case want >= 0 && (len(lines) != 1 || math.Round(lines[0].Floats[0].F) != want):
				t.Errorf("%s, %s: %v, want %v", panel.Title, query.LegendFormat, lines, want)
			}
		}
	}
}

// panelOf returns a panel of a dashboard.
func panelOf(t *testing.T, d *dashboard, title string) *panel {
	t.Helper()
	for p := range d.queries() {
		if p.Title == title {
			return p
		}
	}
	t.Fatalf("%s has no panel %q", d.Title, title)
	return nil
}
