package collector

import "github.com/s3access/s3_access_exporter/collector/classify"

// spec describes a metric family. Name and labels are what users rely on, and
// part of the stored keys.
type spec struct {
	name   string
	help   string
	kind   Kind
	traits classify.Traits // of the requests that count: each has one of them; empty: every request counts
	labels []classify.Label
	// features returns the features under each of which a request counts once, as the value
	// of the label "feature"; nil: the family has no such label.
	features func(classify.Traits) classify.Features
}

// counts reports whether a request with such traits counts in the family.
func (s *spec) counts(traits classify.Traits) bool { return s.traits == 0 || s.traits.HasAny(traits) }

// each calls visit with the label values of every series of the family in which a request
// counts whose labels and traits these are. Of features, only chosen ones count. It changes
// labels' value of the label "feature".
func (s *spec) each(labels *classify.Labels, traits classify.Traits, chosen classify.Features, visit func()) {
	switch {
	case !s.counts(traits):
	case s.features == nil:
		visit()
	default:
		for f := range (s.features(traits) & chosen).All() {
			labels[classify.LabelFeature] = f.String()
			visit()
		}
	}
}

var catalogue = [familyCount]spec{
	FamilyRequests: {
		name: "s3_access_requests_total",
		help: "Requests to S3 by action, signature version and outcome; both logs may hold one request, so never sum over log.",
		kind: KindCounter,
		labels: []classify.Label{
			classify.LabelLog, classify.LabelAccountID, classify.LabelRegion, classify.LabelBucket, classify.LabelOperation, classify.LabelSignature, classify.LabelOutcome,
		},
	},
	FamilySigV2Requests: {
		name:   "s3_access_sigv2_requests_total",
		help:   "Requests to S3 that are signed with Signature Version 2.",
		kind:   KindCounter,
		traits: classify.NewTraits(classify.TraitSigV2),
		labels: []classify.Label{
			classify.LabelLog, classify.LabelBucket, classify.LabelOperation, classify.LabelAuthMethod,
			classify.LabelRequester, classify.LabelSourceIP, classify.LabelClient, classify.LabelClientVersion,
		},
	},
	FamilyAnonymousRequests: {
		name:   "s3_access_anonymous_requests_total",
		help:   "Requests to S3 that came without credentials.",
		kind:   KindCounter,
		traits: classify.NewTraits(classify.TraitAnonymous),
		labels: []classify.Label{
			classify.LabelLog, classify.LabelBucket, classify.LabelOperation, classify.LabelOutcome,
			classify.LabelSourceIP, classify.LabelClient, classify.LabelClientVersion,
		},
	},
	FamilyObjectRequests: {
		name:   "s3_access_object_requests_total",
		help:   "Requests to S3 that name an object's key, and DeleteObjects.",
		kind:   KindCounter,
		traits: classify.NewTraits(classify.TraitObject),
		labels: []classify.Label{
			classify.LabelLog, classify.LabelBucket, classify.LabelOperation, classify.LabelOutcome,
			classify.LabelRequester, classify.LabelSourceIP, classify.LabelClient, classify.LabelClientVersion,
		},
	},
	FamilySentBytes: {
		name:   "s3_access_sent_bytes_total",
		help:   "Bytes that S3 sent in the bodies of its answers.",
		kind:   KindCounter,
		traits: classify.NewTraits(classify.TraitSent),
		labels: []classify.Label{classify.LabelLog, classify.LabelBucket, classify.LabelRequester, classify.LabelSourceIP},
	},
	FamilyReceivedBytes: {
		name:   "s3_access_received_bytes_total",
		help:   "Bytes that S3 received in the bodies of requests.",
		kind:   KindCounter,
		traits: classify.NewTraits(classify.TraitReceived),
		labels: []classify.Label{classify.LabelLog, classify.LabelBucket, classify.LabelRequester, classify.LabelSourceIP},
	},
	// Every client version that is a label value anywhere has its series here, so
	// that a join loses nothing. The verdict is the client's, whatever the request:
	// it explains requests with auth_method AuthHeader only, as the user agent of a
	// presigned URL is the downloader's.
	FamilyClientInfo: {
		name: "s3_access_client_info",
		help: "Always 1: a client version that was seen, whether it signs requests to S3 with Signature Version 4 by default, and whether AWS still supports it.",
		kind: KindInfo,
		labels: []classify.Label{
			classify.LabelClient, classify.LabelClientVersion, classify.LabelSigV4Default, classify.LabelSupport,
		},
	},
	// One request may count under several features, so nobody may sum over the label.
	FamilyLegacyRequests: {
		name:   "s3_access_legacy_requests_total",
		help:   "Requests to S3 that use a feature that AWS turns off; one request may use several, so never sum over feature.",
		kind:   KindCounter,
		traits: classify.FeatureTraits(),
		labels: []classify.Label{
			classify.LabelLog, classify.LabelBucket, classify.LabelFeature,
			classify.LabelRequester, classify.LabelSourceIP, classify.LabelClient, classify.LabelClientVersion,
		},
		features: classify.Traits.Features,
	},
	FamilyLegacyUndetermined: {
		name:     "s3_access_legacy_undetermined_requests_total",
		help:     "Requests to S3 of which the log does not show whether they use a feature that AWS turns off; never sum over feature.",
		kind:     KindCounter,
		traits:   classify.UndeterminedTraits(),
		labels:   []classify.Label{classify.LabelLog, classify.LabelBucket, classify.LabelFeature},
		features: classify.Traits.Undetermined,
	},
	FamilyRequestDuration: {
		name:   "s3_access_request_duration_seconds",
		help:   "Total time of requests as S3 sees it, from the server access log.",
		kind:   KindHistogram,
		traits: classify.NewTraits(classify.TraitTimed),
		labels: []classify.Label{classify.LabelLog, classify.LabelBucket, classify.LabelOperation},
	},
}

// The families in which the collector reports on itself. The one label of size and
// overflow is "family", the name of a family of the catalogue.
const (
	countedName  = "s3_access_exporter_legacy_feature_counted"
	countedHelp  = "Whether requests that use this feature that AWS turns off are counted (1), or it was left out (0), so that no requests means nothing."
	limitName    = "s3_access_exporter_series_limit"
	limitHelp    = "Series that a family may hold until further label sets are counted as other; +Inf if there is no limit."
	seriesName   = "s3_access_exporter_series"
	seriesHelp   = "Series that the family holds now."
	overflowName = "s3_access_exporter_series_overflow_total"
	overflowHelp = "Records that were counted under the label value other because the family was at its limit of series."
)
