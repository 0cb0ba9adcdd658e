package classify

// Label is a label of the metrics. Its values come from a Classifier.
type Label uint8

// The labels that a Classifier fills.
const (
	LabelLog Label = iota
	LabelAccountID
	LabelRegion
	LabelBucket
	LabelOperation
	LabelRequester
	LabelSourceIP
	LabelClient
	LabelClientVersion
	LabelSignature
	LabelAuthMethod
	LabelOutcome
	LabelSigV4Default
	LabelSupport
	LabelFeature // empty in a Class: a request may have many, see Traits.Features
	LabelCount
)

var labelNames = [LabelCount]string{
	LabelLog:           "log",
	LabelAccountID:     "account_id",
	LabelRegion:        "aws_region",
	LabelBucket:        "bucket",
	LabelOperation:     "operation",
	LabelRequester:     "requester",
	LabelSourceIP:      "source_ip",
	LabelClient:        "client",
	LabelClientVersion: "client_version",
	LabelSignature:     "signature",
	LabelAuthMethod:    "auth_method",
	LabelOutcome:       "outcome",
	LabelSigV4Default:  "sigv4_default",
	LabelSupport:       "support",
	LabelFeature:       "feature",
}

// String returns the label's name in the exposition.
func (l Label) String() string { return labelNames[l] }

// Labels are the values of every Label, indexed by it. They are valid UTF-8 of
// at most 256 bytes, without control characters and those that change the direction of
// text.
type Labels [LabelCount]string

// Other is the value of a label whose own value no list knows or, over the
// limit of series, no series is left for.
const Other = "other"
