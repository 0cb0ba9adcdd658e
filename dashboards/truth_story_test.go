//go:build integration

package dashboards_test

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/fleet"
)

// testTruth holds what panels show of the first exporter against what the fleet
// has done.
func (s *story) testTruth(t *testing.T) {
	sigv2 := func(r *fleet.Request) bool { return r.Signature == "SigV2" }
	open := func(r *fleet.Request) bool { return r.Anonymous && r.Outcome == "success" }
	shut := func(r *fleet.Request) bool { return r.Anonymous && r.Outcome == "denied" }
	requester := func(r *fleet.Request) string { return role(r.Requester) }
	legacy := func(r *fleet.Request) bool { return r.Features != "" }
	for _, test := range []struct {
		dashboard, panel string
		of               func(r *fleet.Request) bool
		count            func(r *fleet.Request) float64  // nil: 1
		by               []string                        // labels of the panel's rows
		key              func(r *fleet.Request) []string // and their values
		// each are the parts as which one request counts, with commas between them; the first
		// label of the rows has them. nil: it counts once.
		each  func(r *fleet.Request) string
		query string // A by default
	}{
		{dashboard: "sigv2-migration", panel: "SigV2 requests", of: sigv2},
		{
			dashboard: "sigv2-migration", panel: "Who signs with SigV2, and with which client",
			by: []string{"requester", "client", "client_version", "auth_method"}, of: sigv2,
			key: func(r *fleet.Request) []string {
				return []string{requester(r), r.Client, r.ClientVersion, r.AuthMethod}
			},
		},
		{
			dashboard: "sigv2-migration", panel: "Where SigV2 is used", by: []string{"bucket", "operation"}, of: sigv2,
			key: func(r *fleet.Request) []string { return []string{r.Bucket, r.Operation} },
		},
		{
			dashboard: "turned-off", panel: "What is left, by feature", query: "C", by: []string{"feature"}, of: legacy,
			each: func(r *fleet.Request) string { return r.Features },
		},
		{
			dashboard: "turned-off", panel: "What is left, by feature", query: "A", by: []string{"feature"}, of: legacy,
			each: func(r *fleet.Request) string { return r.Features },
		},
		{
			dashboard: "turned-off", panel: "What is left, by feature", query: "E", by: []string{"feature"},
			of:   func(r *fleet.Request) bool { return r.Undetermined != "" },
			each: func(r *fleet.Request) string { return r.Undetermined },
		},
		{
			dashboard: "turned-off", panel: "Where it is used", by: []string{"feature", "bucket"}, of: legacy,
			each: func(r *fleet.Request) string { return r.Features },
			key:  func(r *fleet.Request) []string { return []string{r.Bucket} },
		},
		{
			dashboard: "turned-off", panel: "Who uses it, from where, and with which client", of: legacy,
			by:   []string{"feature", "requester", "source_ip", "client", "client_version"},
			each: func(r *fleet.Request) string { return r.Features },
			key: func(r *fleet.Request) []string {
				return []string{requester(r), r.SourceIP, r.Client, r.ClientVersion}
			},
		},
		{dashboard: "anonymous-denied", panel: "Anonymous success", of: open},
		{dashboard: "anonymous-denied", panel: "Anonymous and denied", of: shut},
		{
			dashboard: "anonymous-denied", panel: "What is open", by: []string{"bucket", "operation"}, of: open,
			key: func(r *fleet.Request) []string { return []string{r.Bucket, r.Operation} },
		},
		{
			dashboard: "anonymous-denied", panel: "Who knocks in vain", by: []string{"source_ip"}, of: shut,
			key: func(r *fleet.Request) []string { return []string{r.SourceIP} },
		},
		{
			dashboard: "anonymous-denied", panel: "What is denied", by: []string{"account_id", "bucket", "operation", "signature"},
			of:  func(r *fleet.Request) bool { return r.Outcome == "denied" },
			key: func(r *fleet.Request) []string { return []string{r.AccountID, r.Bucket, r.Operation, r.Signature} },
		},
		{dashboard: "object-access", panel: "Object requests", of: isObjectRequest},
		{
			dashboard: "object-access", panel: "Deletes",
			of: func(r *fleet.Request) bool {
				return isObjectRequest(r) && r.Outcome == "success" && (r.Operation == "DeleteObject" || r.Operation == "DeleteObjects")
			},
		},
		{
			dashboard: "object-access", panel: "Requesters", by: []string{"requester"}, of: isObjectRequest,
			key: func(r *fleet.Request) []string { return []string{requester(r)} },
		},
		{
			dashboard: "object-access", panel: "Operations by bucket", by: []string{"bucket", "operation", "outcome"}, of: isObjectRequest,
			key: func(r *fleet.Request) []string { return []string{r.Bucket, r.Operation, r.Outcome} },
		},
		{
			dashboard: "object-access", panel: "Bytes sent", of: func(r *fleet.Request) bool { return r.SentBytes > 0 },
			count: func(r *fleet.Request) float64 { return float64(r.SentBytes) },
		},
		{
			dashboard: "object-access", panel: "Bytes received", of: func(r *fleet.Request) bool { return r.ReceivedBytes > 0 },
			count: func(r *fleet.Request) float64 { return float64(r.ReceivedBytes) },
		},
	} {
		t.Run(test.dashboard+"/"+test.panel+test.query, func(t *testing.T) {
			count := test.count
			if count == nil {
				count = func(*fleet.Request) float64 { return 1 }
			}
			for _, log := range logs {
				want := make(map[string]float64)
				for i := range s.requests {
					r := &s.requests[i]
					if r.Log != log || !test.of(r) {
						continue
					}
					var key []string
					if test.key != nil {
						key = test.key(r)
					}
					if test.each == nil {
						want[strings.Join(key, " ")] += count(r)
						continue
					}
					for part := range strings.SplitSeq(test.each(r), ",") {
						want[strings.Join(append([]string{part}, key...), " ")] += count(r)
					}
				}
				if test.panel == "What is left, by feature" {
					s.addUnused(want, log, test.query == "E")
				}
				got := make(map[string]float64)
				d, query := s.find(t, test.dashboard, test.panel, cmp.Or(test.query, "A"))
				for _, row := range s.show(t, query, s.atDusk(t, d, log).with("instance", roomy)) {
					var values []string
					for _, name := range test.by {
						values = append(values, row.labels.Get(name))
					}
					got[strings.Join(values, " ")] += math.Round(row.last)
				}
				wantTop(t, log, got, want)
			}
		})
	}
}

// addUnused adds the features that nothing used: a 0, or that the log cannot tell if that
// is so of most requests, which itself is a number.
func (s *story) addUnused(want map[string]float64, log string, undetermined bool) {
	total, unknown := 0.0, make(map[string]float64)
	for i := range s.requests {
		if r := &s.requests[i]; r.Log == log {
			total++
			for feature := range strings.SplitSeq(r.Undetermined, ",") {
				unknown[feature]++
			}
		}
	}
	for _, feature := range features {
		if _, used := want[feature]; used {
			continue
		}
		want[feature] = 0
		if !undetermined && unknown[feature] > total/2 {
			want[feature] = cannotTell
		}
	}
}

// wantTop checks that a panel shows the truth, or the 50 largest parts of it.
func wantTop(t *testing.T, log string, got, want map[string]float64) {
	t.Helper()
	const most = 50
	if len(want) == 0 {
		t.Errorf("%s: the fleet did nothing of the kind", log)
	}
	least := 0.0
	if len(want) > most {
		sorted := slices.Sorted(maps.Values(want))
		least = sorted[len(sorted)-most]
	}
	for key, n := range want {
		if shown, ok := got[key]; n > least && !ok || ok && shown != n {
			t.Errorf("%s: %q: shows %v, but it is %v", log, key, shown, n)
		}
	}
	for key, n := range got {
		if _, ok := want[key]; !ok {
			t.Errorf("%s: %q: shows %v, but there was nothing", log, key, n)
		}
	}
}

// role returns an ARN without the session of an assumed role, as the exporter
// does by default.
func role(requester string) string {
	if parts := strings.Split(requester, "/"); strings.Contains(parts[0], ":assumed-role") {
		return parts[0] + "/" + parts[1]
	}
	return requester
}
