package fleet

import (
	"bytes"
	"encoding/json"
	"time"
)

// event is a CloudTrail event of S3, its fields in AWS's order.
// See https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html.
type event struct {
	EventVersion        string            `json:"eventVersion"`
	UserIdentity        userIdentity      `json:"userIdentity"`
	EventTime           time.Time         `json:"eventTime"`
	EventSource         string            `json:"eventSource"`
	EventName           string            `json:"eventName"`
	AWSRegion           string            `json:"awsRegion"`
	SourceIPAddress     string            `json:"sourceIPAddress"`
	UserAgent           string            `json:"userAgent"`
	ErrorCode           string            `json:"errorCode,omitempty"`
	ErrorMessage        string            `json:"errorMessage,omitempty"`
	RequestParameters   map[string]string `json:"requestParameters"`
	ResponseElements    map[string]string `json:"responseElements"`
	AdditionalEventData additionalData    `json:"additionalEventData"`
	RequestID           string            `json:"requestID"`
	EventID             string            `json:"eventID"`
	ReadOnly            bool              `json:"readOnly"`
	Resources           []resource        `json:"resources"`
	EventType           string            `json:"eventType"`
	ManagementEvent     bool              `json:"managementEvent"`
	RecipientAccountID  string            `json:"recipientAccountId"`
	SharedEventID       string            `json:"sharedEventID,omitempty"`
	EventCategory       string            `json:"eventCategory"`
	TLSDetails          *tlsDetails       `json:"tlsDetails,omitempty"`
}

type userIdentity struct {
	Type           string          `json:"type"`
	PrincipalID    *string         `json:"principalId,omitempty"`
	ARN            string          `json:"arn,omitempty"`
	AccountID      string          `json:"accountId,omitempty"`
	AccessKeyID    string          `json:"accessKeyId,omitempty"`
	UserName       string          `json:"userName,omitempty"`
	SessionContext *sessionContext `json:"sessionContext,omitempty"`
	InvokedBy      string          `json:"invokedBy,omitempty"`
}

type sessionContext struct {
	SessionIssuer userIdentity      `json:"sessionIssuer"`
	Attributes    map[string]string `json:"attributes"`
}

type additionalData struct {
	SignatureVersion     string `json:"SignatureVersion,omitempty"`
	CipherSuite          string `json:"CipherSuite,omitempty"`
	BytesTransferredIn   int64  `json:"bytesTransferredIn"`
	AuthenticationMethod string `json:"AuthenticationMethod,omitempty"`
	AmzID2               string `json:"x-amz-id-2"`
	BytesTransferredOut  int64  `json:"bytesTransferredOut"`
	ACLRequired          string `json:"aclRequired,omitempty"`
}

type resource struct {
	Type      string `json:"type"`
	ARNPrefix string `json:"ARNPrefix,omitempty"`
	AccountID string `json:"accountId,omitempty"`
	ARN       string `json:"ARN,omitempty"`
}

type tlsDetails struct {
	TLSVersion               string `json:"tlsVersion"`
	CipherSuite              string `json:"cipherSuite"`
	ClientProvidedHostHeader string `json:"clientProvidedHostHeader"`
}

// trail returns the body of a CloudTrail object that holds the calls, and
// adds the requests that stand in it to the fleet's.
func (f *Fleet) trail(calls []call) []byte {
	f.plain.Reset()
	f.plain.WriteString(`{"Records":[`)
	encoder := json.NewEncoder(&f.plain)
	encoder.SetEscapeHTML(false)
	for i := range calls {
		if i > 0 {
			f.plain.WriteByte(',')
		}
		e := f.event(&calls[i])
		_ = encoder.Encode(&e)              // texts and numbers, into memory: it cannot fail
		f.plain.Truncate(f.plain.Len() - 1) // the encoder's line feed
		f.requests = append(f.requests, eventTruth(&calls[i]))
	}
	f.plain.WriteString(`]}`)
	return f.compress(f.plain.Bytes())
}

// compress returns the text gzipped.
func (f *Fleet) compress(text []byte) []byte {
	var body bytes.Buffer
	f.zip.Reset(&body)
	_, _ = f.zip.Write(text) // into memory: it cannot fail
	_ = f.zip.Close()
	return body.Bytes()
}

// eventTruth returns what the event of a call holds.
func eventTruth(c *call) Request {
	r := c.request()
	r.Log = "cloudtrail"
	r.Time = c.completed.Truncate(time.Second)
	r.AccountID, r.Region = c.bucket.account, c.bucket.region
	r.SentBytes, r.ReceivedBytes, r.Duration = c.sent, c.taken, Unknown
	if service := c.service(); service != "" {
		r.SourceIP, r.Client, r.ClientVersion = service, "aws-service", ""
	}
	switch id := c.actor.identity; id.kind {
	case anonymous:
		r.Requester = "anonymous"
	case foreign:
		r.Requester = id.account
	case service:
		r.Requester = id.name
	default:
		r.Requester = c.arn()
	}
	if c.onBehalf() {
		r.Signature, r.AuthMethod = "unknown", "unknown"
	}
	r.Features, r.Undetermined = c.features(true)
	return r
}

// service returns the name of the AWS service that sent the request, empty if
// none did.
func (c *call) service() string {
	if c.actor.identity.kind == service {
		return c.actor.identity.name
	}
	return c.actor.identity.invokedBy
}

// onBehalf reports whether a service sent the request on somebody's behalf.
// Such events do not hold the signature.
func (c *call) onBehalf() bool { return c.actor.identity.invokedBy != "" }

// event returns a call's event.
func (f *Fleet) event(c *call) event {
	version, cipher := c.tls()
	e := event{
		EventVersion:      "1.11",
		UserIdentity:      identify(c),
		EventTime:         c.completed.Truncate(time.Second),
		EventSource:       "s3.amazonaws.com",
		EventName:         c.operation,
		AWSRegion:         c.bucket.region,
		SourceIPAddress:   c.sourceIP,
		UserAgent:         "[" + c.client.userAgent + "]",
		ErrorCode:         c.answer.code,
		ErrorMessage:      c.answer.message,
		RequestParameters: map[string]string{"bucketName": c.bucket.name, "Host": c.host()},
		AdditionalEventData: additionalData{
			CipherSuite: cipher, BytesTransferredIn: c.taken, BytesTransferredOut: c.sent,
			AmzID2: f.token(hostIDLength, alphanumeric) + "==",
		},
		RequestID:          c.requestID,
		EventID:            f.uuid(),
		ReadOnly:           c.body != upload && c.method != "PUT" && c.method != "POST" && c.method != "DELETE",
		Resources:          resources(c),
		EventType:          "AwsApiCall",
		ManagementEvent:    c.management,
		RecipientAccountID: c.bucket.account,
		EventCategory:      "Data",
		TLSDetails:         &tlsDetails{TLSVersion: version, CipherSuite: cipher, ClientProvidedHostHeader: c.host()},
	}
	if version == "" {
		e.TLSDetails = nil
	}
	if c.actor.acl {
		e.AdditionalEventData.ACLRequired = "Yes"
	}
	if c.key != "" {
		e.RequestParameters["key"] = c.key
	}
	if c.management {
		e.EventCategory = "Management"
	}
	if c.actor.identity.kind == foreign {
		e.SharedEventID = f.uuid()
	}
	if c.actor.identity.kind != anonymous && !c.onBehalf() {
		e.AdditionalEventData.SignatureVersion = c.actor.signature
		e.AdditionalEventData.AuthenticationMethod = c.actor.auth
	}
	if service := c.service(); service != "" {
		e.SourceIPAddress, e.UserAgent, e.TLSDetails = service, service, nil
	}
	return e
}

// identify returns the caller as CloudTrail names it.
// See https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-user-identity.html.
func identify(c *call) userIdentity {
	id := c.actor.identity
	switch id.kind {
	case root:
		return userIdentity{Type: "Root", PrincipalID: &id.account, ARN: c.arn(), AccountID: id.account, AccessKeyID: "AKIAI44QH8DHBEXAMPLE"}
	case role:
		const principal = "AROAIDPPEZS35EXAMPLE"
		return userIdentity{
			Type: "AssumedRole", PrincipalID: new(principal + ":" + c.session), ARN: c.arn(), AccountID: id.account,
			AccessKeyID: "ASIAIOSFODNN7EXAMPLE", InvokedBy: id.invokedBy,
			SessionContext: &sessionContext{
				SessionIssuer: userIdentity{
					Type: "Role", PrincipalID: new(principal), ARN: "arn:aws:iam::" + id.account + ":role/" + id.name,
					AccountID: id.account, UserName: id.name,
				},
				Attributes: map[string]string{
					"creationDate": c.received.Truncate(time.Hour).Format(time.RFC3339), "mfaAuthenticated": "false",
				},
			},
		}
	case foreign:
		return userIdentity{Type: "AWSAccount", PrincipalID: new("AIDAQRSTUVWXYZEXAMPLE"), AccountID: id.account}
	case anonymous:
		return userIdentity{Type: "AWSAccount", PrincipalID: new(""), AccountID: "anonymous"}
	case service:
		return userIdentity{Type: "AWSService", InvokedBy: id.name}
	}
	return userIdentity{
		Type: "IAMUser", PrincipalID: new("AIDACKCEVSQ6C2EXAMPLE"), ARN: c.arn(), AccountID: id.account,
		AccessKeyID: "AKIAIOSFODNN7EXAMPLE", UserName: id.name,
	}
}

// resources returns what the call was about: an object or all of them, and the
// bucket.
func resources(c *call) []resource {
	arn := "arn:aws:s3:::" + c.bucket.name
	object := resource{Type: "AWS::S3::Object", ARNPrefix: arn + "/"}
	if c.key != "" {
		object = resource{Type: "AWS::S3::Object", ARN: arn + "/" + c.key}
	}
	return []resource{object, {Type: "AWS::S3::Bucket", AccountID: c.bucket.account, ARN: arn}}
}

// uuid returns a random UUID.
func (f *Fleet) uuid() string {
	digits := f.token(32, hexadecimal)
	return digits[:8] + "-" + digits[8:12] + "-" + digits[12:16] + "-" + digits[16:20] + "-" + digits[20:]
}
