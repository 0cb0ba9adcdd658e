package collector

import (
	"bytes"
	"strings"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Class is what metrics and reports say of one record.
type Class struct {
	Labels Labels
	// Object: the request names an object's key, or is DeleteObjects.
	Object bool
	// Anonymous: the request came without credentials.
	Anonymous bool
}

// Classifier turns records into label values. It remembers what it has seen, in
// bounded memory, so it is for one goroutine at a time; its answers depend on
// the record alone.
type Classifier struct {
	text       *memo[string]
	account    *memo[string]
	hostRegion *memo[string]
	operation  *memo[action]
	requester  *memo[string]
	sourceIP   *memo[string]
	client     *memo[clientLabels]

	anonymous  *string       // requester
	awsService *clientLabels // whatever the user agent
	awsConsole *clientLabels
}

// clientLabels are the label values that come from a user agent.
type clientLabels struct {
	client, version string
	verdict         verdict
}

// facts are a record's label values by reference, and what else decides in which
// series the record counts. Equal facts mean equal labels; the reverse holds for
// as long as the Classifier remembers them. So facts are compared and hashed in
// place of long texts: 64 bytes without a gap.
type facts struct {
	account    *string
	region     *string
	bucket     *string
	operation  *action
	requester  *string
	sourceIP   *string
	client     *clientLabels
	log        record.Log
	signature  record.Signature
	authMethod record.AuthMethod
	outcome    outcome
	withKey    bool
	anonymous  bool
	families   familySet // where it counts
}

// NewClassifier returns a Classifier for label values in the given detail.
func NewClassifier(config LabelConfig) *Classifier {
	return &Classifier{
		text:       newTextMemo(clean),
		account:    newTextMemo(accountValue),
		hostRegion: newTextMemo(hostRegion),
		operation:  newMemo(operationAction),
		requester:  newTextMemo(config.Requester.requesterValue),
		sourceIP:   newTextMemo(config.SourceIP.sourceIPValue),
		client: newMemo(func(text string) clientLabels {
			found := parseAgent(text)
			return clientLabels{
				client:  strings.Clone(found.client),
				version: strings.Clone(config.ClientVersion.versionValue(found.version)),
				verdict: sigv4Default(found.client, found.version, found.botocore),
			}
		}),
		anonymous:  new(config.Requester.requesterValue(requesterAnonymous)),
		awsService: &clientLabels{client: clientAWSService, verdict: verdictUnknown},
		awsConsole: &clientLabels{client: clientAWSConsole, verdict: verdictUnknown},
	}
}

// Classify returns the label values of a record. It keeps nothing of r, and
// allocates only for values that it does not remember.
func (c *Classifier) Classify(r *record.Record) Class {
	var f facts
	c.read(r, &f)
	return Class{Labels: f.labels(), Object: f.object(), Anonymous: f.anonymous}
}

// read fills in the facts of a record.
func (c *Classifier) read(r *record.Record, f *facts) {
	f.account = c.account.of(r.AccountID)
	f.region = c.regionOf(r)
	f.bucket = c.text.of(r.Bucket)
	f.operation = c.operation.of(r.Operation)
	f.requester = c.requesterOf(r)
	f.sourceIP = c.sourceIP.of(r.SourceIP)
	f.client = c.clientOf(r)
	f.log = r.Log
	f.signature = r.Signature
	f.authMethod = r.AuthMethod
	f.outcome = outcomeOf(r)
	f.withKey = len(r.Key) > 0
	f.anonymous = r.Anonymous
	f.families = familiesOf(r, f.object(), f.anonymous)
}

func (f *facts) labels() Labels {
	return Labels{
		LabelLog:           f.log.String(),
		LabelAccountID:     *f.account,
		LabelRegion:        *f.region,
		LabelBucket:        *f.bucket,
		LabelOperation:     f.operation.value(f.withKey),
		LabelRequester:     *f.requester,
		LabelSourceIP:      *f.sourceIP,
		LabelClient:        f.client.client,
		LabelClientVersion: f.client.version,
		LabelSignature:     f.signature.String(),
		LabelAuthMethod:    f.authMethod.String(),
		LabelOutcome:       f.outcome.String(),
		LabelSigV4Default:  f.client.verdict.String(),
	}
}

func (f *facts) object() bool {
	return f.withKey || f.operation.bucket == "DeleteObjects"
}

func (c *Classifier) regionOf(r *record.Record) *string {
	if len(r.Region) > 0 {
		return c.text.of(r.Region)
	}
	return c.hostRegion.of(r.Host)
}

func (c *Classifier) requesterOf(r *record.Record) *string {
	if r.Anonymous {
		return c.anonymous
	}
	return c.requester.of(r.Requester)
}

// clientOf asks InvokedBy first: where CloudTrail names the service that made
// the request, the user agent adds nothing. A person's console session has the
// user agent AWS Internal as well, but no InvokedBy.
func (c *Classifier) clientOf(r *record.Record) *clientLabels {
	switch {
	case len(r.InvokedBy) > 0:
		return c.awsService
	case r.Log == record.CloudTrail && string(r.UserAgent) == "AWS Internal":
		return c.awsConsole
	}
	return c.client.of(r.UserAgent)
}

// outcome is what became of a request.
type outcome uint8

const (
	outcomeSuccess outcome = iota
	outcomeDenied
	outcomeError
)

// String returns the value of the label "outcome".
func (o outcome) String() string {
	switch o {
	case outcomeDenied:
		return "denied"
	case outcomeError:
		return "error"
	}
	return "success"
}

// outcomeOf judges a record. CloudTrail has no status and writes an error code
// only if the request failed.
func outcomeOf(r *record.Record) outcome {
	const unauthorized, forbidden, firstError = 401, 403, 400
	switch {
	case r.Status < firstError && len(r.ErrorCode) == 0:
		return outcomeSuccess
	case r.Status == unauthorized, r.Status == forbidden, denied(r.ErrorCode):
		return outcomeDenied
	}
	return outcomeError
}

// denied reports whether an error code means that S3 refused the request for
// who made it.
// See https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html.
func denied(code []byte) bool {
	switch string(code) {
	case "AccessDenied", "AccessForbidden", "AccountProblem", "AllAccessDisabled":
		return true
	}
	return record.FailedAuthentication(code) || bytes.HasSuffix(code, []byte("UnauthorizedOperation"))
}
