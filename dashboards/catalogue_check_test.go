package dashboards_test

import (
	"testing"
)

func TestDashboards_AskForWhatIsThere(t *testing.T) {
	known := loadCatalogue(t)
	eachDashboard(t, func(t *testing.T, d *dashboard) {
		for name, target := range d.targets() {
			expr, err := someView().parse(target.Expr)
			if err != nil {
				t.Errorf("%s: %v", name, err)
				continue
			}
			if _, err := known.check(expr); err != nil {
				t.Errorf("%s: %v", name, err)
			}
			for _, family := range sumsOverLog(expr, known) {
				t.Errorf("%s sums %s over log", name, family)
			}
		}
		for _, v := range d.Templating.List {
			if v.Type != "query" {
				continue
			}
			selector, label, err := v.labelValues()
			if err != nil {
				t.Error(err)
				continue
			}
			names, err := known.check(selector)
			if err != nil || !names[label] {
				t.Errorf("variable %s: label %s of %s: %v", v.Name, label, names, err)
			}
		}
	})
}

func TestRules_AskForWhatIsThere(t *testing.T) {
	known := loadCatalogue(t)
	for _, group := range loadRules(t) {
		for _, r := range group.Rules {
			expr, err := promQL().ParseExpr(r.Expr)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := known.check(expr); err != nil {
				t.Errorf("%s%s: %v", r.Record, r.Alert, err)
			}
		}
	}
}

func TestCatalogue_FindsWhatIsNotThere(t *testing.T) {
	known := loadCatalogue(t)
	for expr, found := range map[string]bool{
		`sum by (requester) (s3_access_sigv2_requests_total)`:                                                                            true,
		`s3_access_requests_totals`:                                                                                                      false,
		`s3_access_requests_total{requester="x"}`:                                                                                        false,
		`sum by (requester) (s3_access_requests_total)`:                                                                                  false,
		`sum by (bucket) (sum by (log) (s3_access_requests_total))`:                                                                      false,
		`sum by (le) (s3_access_request_duration_seconds)`:                                                                               false,
		`histogram_quantile(0.5, sum by (le) (s3_access_request_duration_seconds_bucket))`:                                               true,
		`sum by (log) (s3_access_requests_total) / sum by (bucket) (s3_access_requests_total)`:                                           false,
		`s3_access_sent_bytes_total * on (client) group_left s3_access_client_info`:                                                      false,
		`s3_access_object_requests_total * on (client, client_version) group_left (sigv4_default) s3_access_client_info`:                 true,
		`sum by (sigv4_default) (s3_access_object_requests_total * on (client, client_version) group_left () s3_access_client_info)`:     false,
		`s3_access_object_requests_total * on (client, client_version) group_left (nothing) s3_access_client_info`:                       false,
		`topk(3, s3_access_requests_total) and on (requester) s3_access_sigv2_requests_total`:                                            false,
		`process_cpu_seconds_total + on (job, instance) go_memstats_heap_inuse_bytes - on (job, instance) s3_access_exporter_build_info`: true,
	} {
		parsed, err := promQL().ParseExpr(expr)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := known.check(parsed); (err == nil) != found {
			t.Errorf("%s: %v", expr, err)
		}
	}
	for expr, mixed := range map[string]bool{
		`sum(s3_access_requests_total)`:                                                true,
		`sum by (bucket) (sum by (bucket, log) (s3_access_requests_total))`:            true,
		`sum by (log) (s3_access_requests_total)`:                                      false,
		`sum without (bucket) (s3_access_requests_total)`:                              false,
		`sum without (log) (s3_access_requests_total)`:                                 true,
		`sum(s3_access_requests_total{log="cloudtrail"})`:                              false,
		`sum(s3_access_requests_total{log=~".+"})`:                                     true,
		`sum(rate(s3_access_exporter_log_records_total[5m]))`:                          false,
		`max(sum by (log) (s3_access_requests_total))`:                                 true,
		`count(sum by (requester) (s3_access_sigv2_requests_total{log="cloudtrail"}))`: false,
	} {
		parsed, err := promQL().ParseExpr(expr)
		if err != nil {
			t.Fatal(err)
		}
		if got := len(sumsOverLog(parsed, known)) > 0; got != mixed {
			t.Errorf("%s: mixes the logs: %t", expr, got)
		}
	}
}
