package dashboards_test

import (
	"testing"
	"time"
)

// TestDashboards_TheAccountReachesEveryPanel chooses an account, and all of its
// buckets.
func TestDashboards_TheAccountReachesEveryPanel(t *testing.T) {
	p := newTimeless(t)
	begin, end := anHour()
	someRequests(t, p, begin, time.Minute)
	total := func(t *testing.T, d *dashboard, query *target, account string) float64 {
		t.Helper()
		sum := 0.0
		v := newView(begin, end).with("log", "server_access")
		if account != "" {
			v = v.with("account_id", account)
		}
		for _, s := range p.show(t, query, p.choose(t, d, v)) {
			sum += s.last
		}
		return sum
	}
	eachDashboard(t, func(t *testing.T, d *dashboard) {
		if d.variable("account_id") == nil {
			return
		}
		for panel := range d.queries() {
			query := &panel.Targets[0]
			all := total(t, d, query, "")
			one, other := total(t, d, query, "012345678901"), total(t, d, query, "444455556666")
			switch unit := panel.FieldConfig.Defaults.Unit; {
			case all == 0:
				// Of the exporter, not of requests; another test looks at it.
			case unit == "percentunit" || unit == "s" || unit == "dateTimeFromNow":
			case one == 0 || other == 0 || one+other >= all: // what names no bucket is of no account
				t.Errorf("panel %q shows %v of all accounts, %v of one, %v of another", panel.Title, all, one, other)
			}
		}
	})
}

func TestDashboards_AllBucketsAreThoseOfTheAccount(t *testing.T) {
	p := newTimeless(t)
	begin, end := anHour()
	someRequests(t, p, begin, time.Minute)
	eachDashboard(t, func(t *testing.T, d *dashboard) {
		if d.variable("bucket") == nil {
			return
		}
		v := newView(begin, end).with("log", "server_access")
		if got, want := p.choose(t, d, v).values["bucket"], `(example-lake|example\\.media|)`; got != want {
			t.Errorf("all buckets are %s, not %s", got, want)
		}
		if got, want := p.choose(t, d, v.with("account_id", "444455556666")).values["bucket"], `(example-lake|)`; got != want {
			t.Errorf("all buckets of an account are %s, not %s", got, want)
		}
	})
}
