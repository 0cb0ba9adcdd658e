package collector

import (
	"bytes"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Class is what metrics and reports say of one record.
type Class struct {
	Labels Labels
	// Object: the request names an object's key, or is DeleteObjects.
	Object bool
	// Anonymous: the request came without credentials.
	Anonymous bool

	verdict verdict // of the label sigv4_default
}

// Classifier turns records into label values. It remembers what it has seen, in
// bounded memory, so it is for one goroutine at a time; its answers depend on
// the record alone.
type Classifier struct {
	text       memo[string]
	account    memo[string]
	hostRegion memo[string]
	operation  memo[action]
	requester  memo[string]
	sourceIP   memo[string]
	client     memo[clientLabels]
}

// clientLabels are the label values that come from a user agent.
type clientLabels struct {
	client, version string
	verdict         verdict
}

// NewClassifier returns a Classifier for label values in the given detail.
func NewClassifier(config LabelConfig) *Classifier {
	return &Classifier{
		text:       newMemo(clean),
		account:    newMemo(accountValue),
		hostRegion: newMemo(hostRegion),
		operation:  newMemo(operationAction),
		requester:  newMemo(config.Requester.requesterValue),
		sourceIP:   newMemo(config.SourceIP.sourceIPValue),
		client: newMemo(func(text string) clientLabels {
			found := parseAgent(text)
			return clientLabels{
				client:  found.client,
				version: config.ClientVersion.versionValue(found.version),
				verdict: sigv4Default(found.client, found.version, found.botocore),
			}
		}),
	}
}

// Classify returns the label values of a record. It keeps nothing of r, and
// allocates only for values that it does not remember.
func (c *Classifier) Classify(r *record.Record) Class {
	action := c.operation.of(r.Operation).value(len(r.Key) > 0)
	client := c.clientLabels(r)
	return Class{
		Object:    len(r.Key) > 0 || action == "DeleteObjects",
		Anonymous: r.Anonymous,
		verdict:   client.verdict,
		Labels: Labels{
			LabelLog:           r.Log.String(),
			LabelAccountID:     c.account.of(r.AccountID),
			LabelRegion:        c.region(r),
			LabelBucket:        c.text.of(r.Bucket),
			LabelOperation:     action,
			LabelRequester:     c.requesterLabel(r),
			LabelSourceIP:      c.sourceIP.of(r.SourceIP),
			LabelClient:        client.client,
			LabelClientVersion: client.version,
			LabelSignature:     r.Signature.String(),
			LabelAuthMethod:    r.AuthMethod.String(),
			LabelOutcome:       outcome(r),
			LabelSigV4Default:  client.verdict.String(),
		},
	}
}

func (c *Classifier) region(r *record.Record) string {
	if len(r.Region) > 0 {
		return c.text.of(r.Region)
	}
	return c.hostRegion.of(r.Host)
}

func (c *Classifier) requesterLabel(r *record.Record) string {
	if r.Anonymous {
		return c.requester.of([]byte(requesterAnonymous))
	}
	return c.requester.of(r.Requester)
}

// clientLabels asks InvokedBy first: where CloudTrail names the service that
// made the request, the user agent adds nothing. A person's console session has
// the user agent AWS Internal as well, but no InvokedBy.
func (c *Classifier) clientLabels(r *record.Record) clientLabels {
	switch {
	case len(r.InvokedBy) > 0:
		return clientLabels{client: clientAWSService, verdict: verdictUnknown}
	case r.Log == record.CloudTrail && string(r.UserAgent) == "AWS Internal":
		return clientLabels{client: clientAWSConsole, verdict: verdictUnknown}
	}
	return c.client.of(r.UserAgent)
}

// outcome returns the value of the label "outcome". CloudTrail has no status
// and writes an error code only if the request failed.
func outcome(r *record.Record) string {
	const unauthorized, forbidden, firstError = 401, 403, 400
	switch {
	case r.Status == unauthorized, r.Status == forbidden, denied(r.ErrorCode):
		return "denied"
	case r.Status >= firstError, len(r.ErrorCode) > 0:
		return "error"
	}
	return "success"
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
