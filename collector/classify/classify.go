// Package classify reads what a log record means: the values of the labels that
// metrics, reports and filters share (Label, Labels), and what the request is (Trait,
// Traits). It knows nothing of Prometheus, does no I/O, and is for programs outside of
// this module too.
//
// A Classifier returns both. operation.go, requester.go, sourceip.go, region.go,
// useragent.go, sigv4.go and support.go each know one kind of value, legacy.go what AWS turns off; the files that end in _table
// are data, with the source of each fact. A Config chooses how much detail values
// have.
//
// Texts repeat, so each is looked at once: a memo gives the same reference for the
// same value. Read returns these references together as the record's Facts, which
// compare like the labels they stand for, in one cache line.
package classify

import (
	"bytes"
	"strings"
	"unsafe"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Class is what metrics and reports show of one record.
type Class struct {
	Labels Labels
	Traits Traits
}

// Classifier turns records into label values. It remembers what it has seen, in
// bounded memory, so it is for one goroutine at a time; its answers depend on
// the record alone.
type Classifier struct {
	text      *memo[string]
	account   *memo[string]
	host      *memo[hostValue]
	operation *memo[action]
	requester *memo[string]
	sourceIP  *memo[string]
	client    *memo[clientLabels]

	anonymous  *string       // requester
	awsService *clientLabels // whatever the user agent
	awsConsole *clientLabels
}

// clientLabels are the label values that come from a user agent.
type clientLabels struct {
	client, version string
	verdict         Verdict
	support         Support
}

// Facts are a record's label values by reference, and what else decides in which
// series the record counts. Equal facts mean equal labels; the reverse holds for
// as long as the Classifier remembers them. So facts are compared and hashed in
// place of long texts: 64 bytes without a gap.
type Facts struct {
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
	traits     Traits
}

// A cache line of 64 bytes.
const (
	_ = 64 - unsafe.Sizeof(Facts{})
	_ = unsafe.Sizeof(Facts{}) - 64
)

// Has reports whether the record has a trait.
func (f *Facts) Has(t Trait) bool { return f.traits.Has(t) }

// Traits returns the record's traits.
func (f *Facts) Traits() Traits { return f.traits }

// Support returns how far AWS supports the record's client.
func (f *Facts) Support() Support { return f.client.support }

// Verdict returns whether the record's client signs with Signature Version 4 by
// default.
func (f *Facts) Verdict() Verdict { return f.client.verdict }

// NewClassifier returns a Classifier for label values in the given detail.
func NewClassifier(config Config) *Classifier {
	return &Classifier{
		text:      newTextMemo(clean),
		account:   newTextMemo(accountValue),
		host:      newMemo(readHost),
		operation: newMemo(operationAction),
		requester: newTextMemo(config.Requester.requesterValue),
		sourceIP:  newTextMemo(config.SourceIP.sourceIPValue),
		client: newMemo(func(text string) clientLabels {
			found := parseAgent(text)
			return clientLabels{
				client:  strings.Clone(found.client),
				version: strings.Clone(config.ClientVersion.versionValue(found.version)),
				verdict: sigv4Default(found.client, found.version, found.botocore),
				support: SupportOf(found.client, found.version),
			}
		}),
		anonymous:  new(requesterAnonymous),
		awsService: &clientLabels{client: clientAWSService, verdict: VerdictUnknown, support: SupportUnknown},
		awsConsole: &clientLabels{client: clientAWSConsole, verdict: VerdictUnknown, support: SupportUnknown},
	}
}

// Classify returns the label values of a record. It keeps nothing of r, and
// allocates only for values that it does not remember.
func (c *Classifier) Classify(r *record.Record) Class {
	var f Facts
	c.Read(r, &f)
	return Class{Labels: f.Labels(), Traits: f.traits}
}

// Read fills in the facts of a record. It keeps nothing of r, and allocates only for
// values that it does not remember.
func (c *Classifier) Read(r *record.Record, f *Facts) {
	f.account = c.account.of(r.AccountID)
	host := c.host.of(r.Host)
	if f.region = &host.region; len(r.Region) > 0 {
		f.region = c.text.of(r.Region)
	}
	f.bucket = c.text.of(r.Bucket)
	f.operation = c.operation.of(r.Operation)
	f.requester = c.requesterOf(r)
	f.sourceIP = c.sourceIP.of(r.SourceIP)
	f.client = c.clientOf(r)
	f.log = r.Log
	f.signature = r.Signature
	f.authMethod = r.AuthMethod
	f.outcome = outcomeOf(r)
	f.traits = traitsOf(r, f, host)
}

// Labels returns the label values.
func (f *Facts) Labels() Labels {
	return Labels{
		LabelLog:           f.log.String(),
		LabelAccountID:     *f.account,
		LabelRegion:        *f.region,
		LabelBucket:        *f.bucket,
		LabelOperation:     f.operation.value(f.Has(TraitKey)),
		LabelRequester:     *f.requester,
		LabelSourceIP:      *f.sourceIP,
		LabelClient:        f.client.client,
		LabelClientVersion: f.client.version,
		LabelSignature:     f.signature.String(),
		LabelAuthMethod:    f.authMethod.String(),
		LabelOutcome:       f.outcome.String(),
		LabelSigV4Default:  f.client.verdict.String(),
		LabelSupport:       f.client.support.String(),
	}
}

func (c *Classifier) requesterOf(r *record.Record) *string {
	if r.Anonymous {
		return c.anonymous
	}
	return c.requester.of(r.Requester)
}

// clientOf asks InvokedBy first: where CloudTrail names the service that made
// the request, the user agent adds nothing. A person's console session is invoked by
// the console, or has the user agent AWS Internal, but then no InvokedBy.
func (c *Classifier) clientOf(r *record.Record) *clientLabels {
	switch {
	case isConsole(r.InvokedBy):
		return c.awsConsole
	case len(r.InvokedBy) > 0:
		return c.awsService
	case r.Log == record.CloudTrail && isInternal(r.UserAgent):
		return c.awsConsole
	}
	return c.client.of(r.UserAgent)
}

// isInternal reports whether a user agent is what CloudTrail writes in its place for requests
// from inside of AWS: AWS Internal, with or without a number. See
// https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html.
func isInternal(userAgent []byte) bool {
	return bytes.HasPrefix(userAgent, []byte(internal)) && isInternalName(string(userAgent))
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
// who made it: one of status 401 or 403, but for those of another reason, such as the
// state of an object (InvalidObjectState), or one for refused credentials, whatever its
// status.
// See https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html and
// https://docs.aws.amazon.com/IAM/latest/APIReference/CommonErrors.html.
func denied(code []byte) bool {
	bare := record.BareErrorCode(code)
	switch string(bare) {
	case "AccessDenied", "AccessForbidden", "AccountNotAuthorized", "AccountProblem", "AllAccessDisabled", "Forbidden",
		"InvalidPayer", "LambdaPermissionError", "NotAuthorized", "OptInRequired", "OrganizationAccessDenied",
		"StsNotAuthorizedError", "Unauthorized", "UnauthorizedAccess", "UnauthorizedAccessError", "UnexpectedIPError":
		return true
	case "DeviceNotActiveError", "NotDeviceOwnerError", "TokenCodeInvalidError": // of a second factor
		return true
	}
	return record.FailedAuthentication(code) || bytes.HasSuffix(bare, []byte("UnauthorizedOperation"))
}
