package dashboards_test

import (
	"strings"
	"testing"
	"time"
)

// TestDashboards_ShowABackfill zooms in as far as one likes.
func TestDashboards_ShowABackfill(t *testing.T) {
	p := newTimeless(t)
	begin, end := anHour()
	someRequests(t, p, begin, recommendedStep())
	eachDashboard(t, func(t *testing.T, d *dashboard) {
		v := newView(end.Add(-10*time.Minute), end).with("log", "server_access")
		v.scrape, v.interval = 15*time.Second, time.Second
		v = p.choose(t, d, v)
		for panel := range d.queries() {
			for i := range panel.Targets {
				query := &panel.Targets[i]
				if panel.Type != "timeseries" || strings.Contains(query.Expr, "s3_access_exporter_") || query.LegendFormat == "a week before" {
					continue
				}
				if len(p.show(t, query, v)) == 0 {
					t.Errorf("graph %q, query %s shows nothing", panel.Title, query.RefID)
				}
			}
		}
	})
}
