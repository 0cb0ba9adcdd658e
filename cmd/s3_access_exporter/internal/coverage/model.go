package coverage

import (
	"strings"
	"time"
)

// Kind is what kind of a bucket a bucket is. Each has resources of its own in
// CloudTrail, and only general purpose buckets have server access logs.
type Kind uint8

// The kinds.
const (
	KindGeneral   Kind = iota // general purpose
	KindDirectory             // S3 Express One Zone
	KindTable                 // S3 Tables
)

// String returns the kind's name.
func (k Kind) String() string {
	switch k {
	case KindDirectory:
		return "directory"
	case KindTable:
		return "table"
	}
	return "general"
}

// MarshalText implements encoding.TextMarshaler.
func (k Kind) MarshalText() ([]byte, error) { return []byte(k.String()), nil }

// Bucket is a bucket, with all that was found out about its logs.
type Bucket struct {
	Partition string // of its ARN: aws, aws-cn, aws-us-gov and so on
	AccountID string
	Region    string
	Name      string
	Kind      Kind

	Access     AccessLog
	Deliveries Deliveries
	Trail      Trail
	// Arrives is how much of the bucket's requests those of its logs hold together that
	// arrive, and Read those of them that a given location reads.
	Arrives, Read Scope
	// Guessed reports that less would arrive without a log at which nobody may look.
	Guessed bool
	// Missed: a log that arrives is read by no given location, and may hold what none of
	// those does that are read. Where none arrives, it is about all logs that there are.
	Missed bool
	// Tailed are the given locations that read a log of the bucket; nil: none was given.
	Tailed []string
	// Loops are the names of trails that record the requests to this bucket and deliver
	// to it: each delivery, and each reading of what was delivered, makes more.
	Loops []string
	// Echoes are the names of trails that record each reading of the logs in this
	// bucket, which a given location reads.
	Echoes  []string
	Verdict Verdict
}

// resourceType returns the type of the bucket's objects in CloudTrail.
func (b *Bucket) resourceType() string {
	switch b.Kind {
	case KindDirectory:
		return "AWS::S3Express::Object"
	case KindTable:
		return "AWS::S3Tables::Table"
	}
	return "AWS::S3::Object"
}

// eventSource returns the service whose events the bucket's requests are.
func (b *Bucket) eventSource() string {
	switch b.Kind {
	case KindDirectory:
		return "s3express.amazonaws.com"
	case KindTable:
		return "s3tables.amazonaws.com"
	}
	return "s3.amazonaws.com"
}

// serviceARN returns what the ARNs of all buckets of the kind begin with.
func (b *Bucket) serviceARN() string {
	service := strings.TrimSuffix(b.eventSource(), ".amazonaws.com")
	return "arn:" + b.Partition + ":" + service
}

// ARN returns the bucket's ARN.
func (b *Bucket) ARN() string {
	switch b.Kind {
	case KindDirectory, KindTable:
		return b.serviceARN() + ":" + b.Region + ":" + b.AccountID + ":bucket/" + b.Name
	}
	return b.serviceARN() + ":::" + b.Name
}

// objectARN returns the ARN of an object in the bucket, or with an empty key what
// all of them begin with.
func (b *Bucket) objectARN(key string) string { return b.ARN() + "/" + key }

// AccessLog is how S3 delivers a bucket's server access logs, as text.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLogging.html
type AccessLog struct {
	Scope   Scope  // ScopeAll, ScopeNone or ScopeUnknown
	Unknown string // why it is ScopeUnknown, one line
	Target  string // the bucket to which it is delivered
	Prefix  string // of the keys
	Format  string // "simple", "partitioned by delivery time" or "partitioned by event time"
	// TargetRegion is where Target is; empty if it is none of the buckets that were
	// found. Logs are delivered within a Region only.
	TargetRegion string
	// Newest is the time of the newest log object; zero if there is none, or nobody
	// may look, which Unseen then explains.
	Newest time.Time
	Unseen string
}

// Itself reports whether the bucket logs into itself, so that each delivery makes
// the next one.
func (a *AccessLog) Itself(bucket string) bool { return a.Target == bucket }

// Trail is how CloudTrail records a bucket's requests.
type Trail struct {
	Scope   Scope
	Unknown string   // why it is ScopeUnknown, one line
	By      []string // ARNs of the trails that record something
	// Newest is when they delivered last; zero if they have not. Where one records what
	// none does that has delivered since, it is when that one did.
	Newest time.Time
	// Failure is the last error of a delivery of one that matters to Newest; empty if
	// there is none.
	Failure string
	// Lake is how much CloudTrail Lake records: logged, but not readable here.
	Lake Scope
}

// Recorder is a trail, or an event data store of CloudTrail Lake.
type Recorder struct {
	ARN         string
	Name        string
	HomeRegion  string
	AccountID   string // whose it is
	MultiRegion bool
	// Organization: it records the accounts of its organization.
	Organization bool
	Logging      bool
	Selectors    Selectors
	store        bool // it is an event data store
	// Unknown is why the selectors or the status are not known; empty if they are.
	Unknown string

	// Of a trail alone:
	Target, Prefix string    // the bucket and the prefix that it delivers to
	Delivered      time.Time // when it delivered last; zero if never
	Failure        string    // why its last delivery failed; empty if it did not
}

// sees reports whether the recorder records the bucket's Region and account at all.
func (r *Recorder) sees(b *Bucket) bool {
	return (r.Logging || r.Unknown != "") &&
		(r.MultiRegion || r.HomeRegion == b.Region) &&
		(r.Organization || r.AccountID == b.AccountID)
}
