package collector

import (
	"maps"
	"net"
	"regexp"
	"slices"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"

	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

var (
	awsHost  = regexp.MustCompile(`^(.*\.)?s3[a-z0-9.-]*\.(amazonaws\.com(\.cn)?|amazonaws\.eu)(:[0-9]+)?$`)
	bareHost = regexp.MustCompile(`^(s3([.-](fips[.-])?(dualstack\.)?[a-z]{2}(-[a-z]+)+-[0-9])?|s3-external-1|s3\.dualstack\.[a-z0-9-]+|` +
		`(bucket\.)?vpce-[a-z0-9-]+\.s3\.[a-z0-9-]+\.vpce)\.amazonaws\.com(:[0-9]+)?$`)
)

// plainFeatures returns which features a request has and which its record does not show:
// the plain way.
func plainFeatures(r *record.Record) (has, unknown []string) {
	says := func(feature string, yes, shown bool) {
		switch {
		case !shown:
			unknown = append(unknown, feature)
		case yes:
			has = append(has, feature)
		}
	}
	version := strings.ToLower(string(r.TLSVersion))
	own := r.Transport != record.NoTransport
	shown := r.Transport == record.PlainHTTP || regexp.MustCompile(`^tlsv1(\.[0-3])?$`).MatchString(version)
	says("sigv2", r.Signature == record.SigV2, r.Signature != record.SignatureUnknown || !own)
	says("tls1.0", version == "tlsv1" || version == "tlsv1.0", shown || !own)
	says("tls1.1", version == "tlsv1.1", shown || !own)
	says("plain_http", r.Transport == record.PlainHTTP, r.Transport != record.TransportUnknown)
	says("acl_required", r.ACLRequired == record.Yes, r.ACLRequired != record.AnswerUnknown || !own)
	soap := strings.HasPrefix(string(r.Operation), "SOAP.")
	if own && !soap && len(r.Bucket) > 0 {
		host, bucket := strings.ToLower(string(r.Host)), strings.ToLower(string(r.Bucket))
		bare, _, err := net.SplitHostPort(host)
		if err != nil {
			bare = host
		}
		host, bare = strings.Replace(host, ".com.", ".com", 1), strings.TrimSuffix(bare, ".") // a name to its root
		path := bareHost.MatchString(host) || net.ParseIP(strings.Trim(bare, "[]")) != nil
		before := awsHost.MatchString(host) || bare == bucket || strings.HasPrefix(bare, bucket+".")
		says("path_style", path, path || before && host != "")
	}
	says("soap", soap, soap || !own || r.Log == record.ServerAccess)
	return has, unknown
}

// legacyRecords are requests with every way and every host, in both logs.
func legacyRecords() (all []record.Record) {
	for _, log := range record.Logs() {
		for _, transport := range []record.Transport{record.TransportUnknown, record.NoTransport, record.PlainHTTP, record.TLS} {
			for _, version := range []string{"", "TLSv1", "TLSv1.1", "TLSV1.1", "TLSv1.2", "tlsv1.3", "TLSv1.0", "SSLv3"} {
				if transport != record.TLS && version != "" {
					continue
				}
				for _, host := range []string{
					"", "s3.amazonaws.com", "s3.eu-west-1.amazonaws.com:443", "S3.DualStack.eu-west-1.amazonaws.com", "s3-eu-west-1.amazonaws.com",
					"s3-fips.us-east-1.amazonaws.com", "s3-external-1.amazonaws.com", "photos.s3.amazonaws.com", "photos.s3.eu-west-1.amazonaws.com",
					"s3.eu-west-1.s3.amazonaws.com", "ap-111122223333.s3-accesspoint.eu-west-1.amazonaws.com", "photos.s3-website-eu-west-1.amazonaws.com",
					"bucket.vpce-1a2b3c4d-5e6f.s3.us-east-1.vpce.amazonaws.com", "photos.bucket.vpce-1a2b3c4d-5e6f.s3.us-east-1.vpce.amazonaws.com",
					"127.0.0.1:9000", "[::1]:9000", "192.0.2.1", "store.example.com", "photos.store.example.com", "photos", "photosx.example.com",
					"s3.amazonaws.com.", "s3.eu-west-1.amazonaws.com.:443", "photos.s3.amazonaws.com.", "photos.", "store.example.com.",
				} {
					for _, acl := range []record.Answer{record.AnswerUnknown, record.No, record.Yes} {
						for _, operation := range []string{"REST.GET.OBJECT", "SOAP.GET.OBJECT", "GetObject"} {
							all = append(all, request(func(r *record.Record) {
								r.Log, r.Transport, r.TLSVersion, r.ACLRequired = log, transport, []byte(version), acl
								r.Host, r.Bucket, r.Operation = []byte(host), []byte("photos"), []byte(operation)
								r.Signature = []record.Signature{record.SigV4, record.SigV2, record.SignatureUnknown, record.SignatureNone}[len(all)%4]
							}))
						}
					}
				}
			}
		}
	}
	return all
}

func TestFeatures_AreThoseOfAPlainLook(t *testing.T) {
	c := classify.NewClassifier(classify.Config{})
	for _, r := range legacyRecords() {
		traits := c.Classify(&r).Traits
		has, unknown := plainFeatures(&r)
		if got, want := traits.Features().String(), strings.Join(has, ","); got != want {
			t.Errorf("%s over %s %q to %q, ACL %s: has %q, want %q", r.Operation, r.Transport, r.TLSVersion, r.Host, r.ACLRequired, got, want)
		}
		if got, want := traits.Undetermined().String(), strings.Join(unknown, ","); got != want {
			t.Errorf("%s %s over %s %q to %q, ACL %s: undetermined %q, want %q", r.Log, r.Operation, r.Transport, r.TLSVersion, r.Host, r.ACLRequired, got, want)
		}
	}
}

// Both promises hold for features too: the counters are those of a plain count, across a
// restart, and only chosen features count.
func TestLegacy_CountsEachFeatureOnce(t *testing.T) {
	records := legacyRecords()
	for _, chosen := range []classify.Features{0, classify.NoFeatures, classify.NewFeatures(classify.FeatureSOAP, classify.FeaturePlainHTTP)} {
		store := newMemStore()
		c := newCollector(t, Config{Legacy: chosen})
		commit(t, c, store, records[:len(records)/2]...)
		c = store.load(t, Config{Legacy: chosen})
		commit(t, c, store, records[len(records)/2:]...)

		want := map[string]float64{}
		for i := range records {
			has, unknown := plainFeatures(&records[i])
			for kind, features := range map[string][]string{"has ": has, "unknown ": unknown} {
				for _, f := range features {
					if found, err := classify.ParseFeature(f); err == nil && (chosen == 0 || chosen.Has(found)) {
						want[kind+f]++
					}
				}
			}
		}
		got := map[string]float64{}
		families := gather(t, c)
		for kind, name := range map[string]string{"has ": "s3_access_legacy_requests_total", "unknown ": "s3_access_legacy_undetermined_requests_total"} {
			for _, m := range families[name].GetMetric() {
				i := slices.IndexFunc(m.GetLabel(), func(p *dto.LabelPair) bool { return p.GetName() == "feature" })
				got[kind+m.GetLabel()[i].GetValue()] += m.GetCounter().GetValue()
			}
		}
		if !maps.Equal(got, want) {
			t.Errorf("chosen %q: %v, want %v", chosen, got, want)
		}
		for _, m := range families["s3_access_exporter_legacy_feature_counted"].GetMetric() {
			f, err := classify.ParseFeature(m.GetLabel()[0].GetValue())
			if counts := m.GetGauge().GetValue() == 1; err != nil || counts != (chosen == 0 || chosen.Has(f)) {
				t.Errorf("chosen %q: that %s is counted is %t, %v", chosen, f, counts, err)
			}
		}
		if n := len(families["s3_access_exporter_legacy_feature_counted"].GetMetric()); n != 7 {
			t.Errorf("chosen %q: %d features are shown as counted or not", chosen, n)
		}
		if chosen == 0 && len(got) != 14 {
			t.Errorf("only %d features were seen: %v", len(got), got)
		}
	}
}

// What was stored before clients had a support gets it from its labels.
func TestClientInfo_GetsSupportOfWhatWasStoredWithout(t *testing.T) {
	store := newMemStore()
	c := newCollector(t, Config{})
	commit(t, c, store, request(func(r *record.Record) { r.UserAgent = []byte("aws-sdk-go/1.44.157 (go1.19.2; linux; amd64)") }))
	for key, value := range store.committed {
		if name, _ := familyName([]byte(key)); name == "s3_access_client_info" {
			old := slices.Clone(value)
			old[len(old)-1] %= storedSupport
			store.committed[key] = old
		}
	}
	shown := gather(t, store.load(t, Config{}))["s3_access_client_info"].GetMetric()
	if len(shown) != 1 || shown[0].GetLabel()[3].GetValue() != "ended" || shown[0].GetLabel()[2].GetValue() != "yes" {
		t.Errorf("%v", shown)
	}
}
