package collector

// spec describes a metric family. Name and labels are what users rely on, and
// part of the stored keys.
type spec struct {
	name   string
	help   string
	kind   Kind
	labels []Label
}

var catalogue = [familyCount]spec{
	FamilyRequests: {
		name: "s3_access_requests_total",
		help: "Requests to S3 by action, signature version and outcome; both logs may hold one request, so never sum over log.",
		kind: KindCounter,
		labels: []Label{
			LabelLog, LabelAccountID, LabelRegion, LabelBucket, LabelOperation, LabelSignature, LabelOutcome,
		},
	},
	FamilySigV2Requests: {
		name: "s3_access_sigv2_requests_total",
		help: "Requests to S3 that are signed with Signature Version 2.",
		kind: KindCounter,
		labels: []Label{
			LabelLog, LabelBucket, LabelOperation, LabelAuthMethod,
			LabelRequester, LabelSourceIP, LabelClient, LabelClientVersion,
		},
	},
	FamilyAnonymousRequests: {
		name: "s3_access_anonymous_requests_total",
		help: "Requests to S3 that came without credentials.",
		kind: KindCounter,
		labels: []Label{
			LabelLog, LabelBucket, LabelOperation, LabelOutcome,
			LabelSourceIP, LabelClient, LabelClientVersion,
		},
	},
	FamilyObjectRequests: {
		name: "s3_access_object_requests_total",
		help: "Requests to S3 that name an object's key, and DeleteObjects.",
		kind: KindCounter,
		labels: []Label{
			LabelLog, LabelBucket, LabelOperation, LabelOutcome,
			LabelRequester, LabelSourceIP, LabelClient, LabelClientVersion,
		},
	},
	FamilySentBytes: {
		name:   "s3_access_sent_bytes_total",
		help:   "Bytes that S3 sent in the bodies of its answers.",
		kind:   KindCounter,
		labels: []Label{LabelLog, LabelBucket, LabelRequester, LabelSourceIP},
	},
	FamilyReceivedBytes: {
		name:   "s3_access_received_bytes_total",
		help:   "Bytes that S3 received in the bodies of requests.",
		kind:   KindCounter,
		labels: []Label{LabelLog, LabelBucket, LabelRequester, LabelSourceIP},
	},
	// Every client version that is a label value anywhere has its series here, so
	// that a join loses nothing. The verdict is the client's, whatever the request:
	// it explains requests with auth_method AuthHeader only, as the user agent of a
	// presigned URL is the downloader's.
	FamilyClientInfo: {
		name: "s3_access_client_info",
		help: "Always 1: a client version that was seen, and whether it signs requests to S3 with Signature Version 4 by default.",
		kind: KindInfo,
		labels: []Label{
			LabelClient, LabelClientVersion, LabelSigV4Default,
		},
	},
	FamilyRequestDuration: {
		name:   "s3_access_request_duration_seconds",
		help:   "Total time of requests as S3 sees it, from the server access log.",
		kind:   KindHistogram,
		labels: []Label{LabelLog, LabelBucket, LabelOperation},
	},
}

// The families in which the collector speaks of itself. Their one label is
// "family", the name of a family of the catalogue.
const (
	seriesName   = "s3_access_exporter_series"
	seriesHelp   = "Series that the family holds now."
	overflowName = "s3_access_exporter_series_overflow_total"
	overflowHelp = "Records that were counted under the label value other because the family was at its limit of series."
)
