package coverage

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

// Close writes commands of the AWS CLI that close the gaps in an account's logs, for
// somebody to read and run: none is run here.
//
// A bucket without server access logs gets them, in the log bucket of its own Region
// and account: the one that most buckets there use already, or a new one. A directory
// or table bucket, which can have none, gets data events from a trail that there is,
// and so does every bucket if byTrail is set. No command makes a bucket log into
// itself, or takes a statement from a policy or a selector from a trail: what is there
// is fetched and written again with more.
func Close(ctx context.Context, a Account, found *Inventory, byTrail bool, w io.Writer) error {
	c := &closing{Account: a, Inventory: found, byTrail: byTrail, w: bufio.NewWriter(w)}
	for _, region := range c.openRegions() {
		c.closeRegion(ctx, region)
	}
	c.closeTrails()
	return c.w.Flush()
}

// closing is one Close.
type closing struct {
	Account
	*Inventory
	byTrail bool
	w       *bufio.Writer // which keeps the first error
}

// open reports whether a bucket needs access logs: nobody knows of any, and it is no
// log bucket itself, which would log its own logs.
func (c *closing) open(b *Bucket) bool {
	return !c.byTrail && b.Kind == KindGeneral && b.Name != "" && b.AccessScope() == ScopeNone && !c.isTarget(b.Name)
}

func (c *closing) isTarget(name string) bool {
	return slices.ContainsFunc(c.Buckets, func(b Bucket) bool {
		return b.Access.Target == name || slices.ContainsFunc(b.Deliveries.All, func(d Delivery) bool { return d.Target == name })
	})
}

// openRegions returns the Regions with buckets that need access logs, in order.
func (c *closing) openRegions() []string {
	var regions []string
	for i := range c.Buckets {
		if b := &c.Buckets[i]; c.open(b) && !slices.Contains(regions, b.Region) {
			regions = append(regions, b.Region)
		}
	}
	slices.Sort(regions)
	return regions
}

// closeRegion writes the commands for the buckets of a Region.
func (c *closing) closeRegion(ctx context.Context, region string) {
	target, isNew := c.target(region)
	var open []*Bucket
	for i := range c.Buckets {
		if b := &c.Buckets[i]; b.Region == region && b.Name != target && c.open(b) {
			open = append(open, b)
		}
	}
	if len(open) == 0 {
		return
	}
	c.printf("# Account %s, %s: server access logs to s3://%s\n", c.ID, region, target)
	var policy []byte
	if isNew {
		c.makeTarget(region, target)
	} else {
		var why string
		if policy, why = c.mayBeTarget(ctx, region, target); why != "" {
			c.printf("# Not to be used as it is: %s\n", why)
			return
		}
	}
	merged, err := mergePolicy(policy, c.deliveryStatement(target))
	if err != nil {
		c.printf("# The policy of s3://%s cannot be read (%v): allow logging.s3.amazonaws.com to put objects there first.\n", target, err)
	} else if merged != nil {
		c.aws("s3api put-bucket-policy", region, target, "--policy", merged)
	}
	for _, b := range open {
		c.aws("s3api put-bucket-logging", region, b.Name, "--bucket-logging-status", loggingStatus(target))
	}
	c.printf("\n")
}

// target returns the log bucket of a Region: the one that most of the account's
// buckets there log to already, or the name of a new one.
func (c *closing) target(region string) (name string, isNew bool) {
	uses := make(map[string]int)
	for i := range c.Buckets {
		if b := &c.Buckets[i]; b.Region == region && b.Access.TargetRegion == region && !b.Access.Itself(b.Name) {
			uses[b.Access.Target]++
		}
	}
	for target, n := range uses {
		if n > uses[name] || n == uses[name] && (name == "" || target < name) {
			name = target
		}
	}
	if name != "" {
		return name, false
	}
	name = "s3-access-logs-" + c.ID + "-" + region
	return name, !slices.ContainsFunc(c.Buckets, func(b Bucket) bool { return b.Name == name })
}

// keepDays is how long a new log bucket keeps its objects: longer than the
// exporter's audits look back, and than most investigations.
const keepDays = 400

// makeTarget writes the commands that make a log bucket. It gets neither Object Lock
// nor Requester Pays, with which S3 delivers no logs.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/enable-server-access-logging.html
func (c *closing) makeTarget(region, name string) {
	create := []any{}
	if region != "us-east-1" { // which is no constraint
		create = append(create, "--create-bucket-configuration", "LocationConstraint="+region)
	}
	c.aws("s3api create-bucket", region, name, create...)
	c.aws("s3api put-public-access-block", region, name, "--public-access-block-configuration",
		"BlockPublicAcls=true,IgnorePublicAcls=true,BlockPublicPolicy=true,RestrictPublicBuckets=true")
	lifecycle := map[string]any{"Rules": []any{map[string]any{
		"ID": "expire-access-logs", "Status": "Enabled", "Filter": map[string]any{"Prefix": ""},
		"Expiration":                     map[string]any{"Days": keepDays},
		"AbortIncompleteMultipartUpload": map[string]any{"DaysAfterInitiation": 7},
	}}}
	c.aws("s3api put-bucket-lifecycle-configuration", region, name, "--lifecycle-configuration", toJSON(lifecycle))
}

// mayBeTarget returns the policy of a bucket, nil if it has none, and why S3 would
// deliver no logs to it; empty if nothing speaks against it.
func (c *closing) mayBeTarget(ctx context.Context, region, name string) (policy []byte, why string) {
	api, bucket := c.S3(region), aws.String(name)
	if pays, err := api.GetBucketRequestPayment(ctx, &s3.GetBucketRequestPaymentInput{Bucket: bucket}); err == nil && pays.Payer == s3types.PayerRequester {
		return nil, "it has Requester Pays, with which S3 delivers no logs"
	}
	lock, err := api.GetObjectLockConfiguration(ctx, &s3.GetObjectLockConfigurationInput{Bucket: bucket})
	if err == nil && lock.ObjectLockConfiguration != nil && lock.ObjectLockConfiguration.Rule != nil {
		return nil, "it has a default retention of Object Lock, with which S3 delivers no logs"
	}
	out, err := api.GetBucketPolicy(ctx, &s3.GetBucketPolicyInput{Bucket: bucket})
	switch {
	case err == nil:
		return []byte(aws.ToString(out.Policy)), ""
	case isCode(err, "NoSuchBucketPolicy"):
		return nil, ""
	}
	return nil, "its policy, to which a statement may have to be added, cannot be read: " + reason(err, "s3:GetBucketPolicy")
}

// logPrefix is the prefix of new log objects. Buckets have folders of their own
// behind it.
const logPrefix = "s3/"

// loggingStatus is the BucketLoggingStatus of the API.
func loggingStatus(target string) []byte {
	return toJSON(map[string]any{"LoggingEnabled": map[string]any{
		"TargetBucket": target, "TargetPrefix": logPrefix,
		"TargetObjectKeyFormat": map[string]any{"PartitionedPrefix": map[string]any{"PartitionDateSource": "DeliveryTime"}},
	}})
}

// deliveryStatement allows S3 to deliver the account's logs to a bucket.
func (c *closing) deliveryStatement(target string) map[string]any {
	return map[string]any{
		"Sid":       "S3ServerAccessLogs",
		"Effect":    "Allow",
		"Principal": map[string]any{"Service": "logging.s3.amazonaws.com"},
		"Action":    "s3:PutObject",
		"Resource":  "arn:" + c.Partition + ":s3:::" + target + "/" + logPrefix + "*",
		"Condition": map[string]any{
			"ArnLike":      map[string]any{"aws:SourceArn": "arn:" + c.Partition + ":s3:::*"},
			"StringEquals": map[string]any{"aws:SourceAccount": c.ID},
		},
	}
}

// mergePolicy returns a policy with one more statement; nil if it has it already. The
// policy's own statements stay as they are, in their order.
func mergePolicy(policy []byte, statement map[string]any) ([]byte, error) {
	merged := map[string]any{"Version": "2012-10-17"}
	if len(policy) > 0 {
		if err := json.Unmarshal(policy, &merged); err != nil {
			return nil, err
		}
	}
	var statements []any
	switch present := merged["Statement"].(type) {
	case []any:
		statements = present
	case map[string]any: // one alone needs no list
		statements = []any{present}
	}
	wanted := string(toJSON(statement))
	for _, s := range statements {
		if string(toJSON(s)) == wanted {
			return nil, nil
		}
	}
	// A statement of ours for another prefix keeps its Sid; two may not have one.
	for n := 2; slices.ContainsFunc(statements, func(s any) bool {
		m, ok := s.(map[string]any)
		return ok && m["Sid"] == statement["Sid"]
	}); n++ {
		statement["Sid"] = fmt.Sprintf("S3ServerAccessLogs%d", n)
	}
	merged["Statement"] = append(statements, statement)
	return toJSON(merged), nil
}

// aws writes a command for one bucket. Arguments are quoted for a POSIX shell.
func (c *closing) aws(command, region, bucket string, args ...any) {
	c.printf("aws %s --region %s --bucket %s", command, quote(region), quote(bucket))
	for _, arg := range args {
		switch arg := arg.(type) {
		case []byte:
			c.printf(" %s", quote(string(arg)))
		default:
			c.printf(" %s", quote(fmt.Sprint(arg)))
		}
	}
	c.printf("\n")
}

// printf writes text. The writer keeps its first error until the end.
func (c *closing) printf(format string, args ...any) { fmt.Fprintf(c.w, format, args...) }

// quote quotes text for a POSIX shell, if it has to be.
func quote(text string) string {
	const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./:=,@+"
	if text != "" && strings.Trim(text, plain) == "" {
		return text
	}
	return "'" + strings.ReplaceAll(text, "'", `'\''`) + "'"
}

// toJSON returns a value of plain maps, lists and texts as JSON, with keys in order.
func toJSON(value any) []byte {
	var text strings.Builder
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err) // plain maps, lists and texts always have a form
	}
	return []byte(strings.TrimSuffix(text.String(), "\n"))
}

// isCode reports whether AWS answered with an error code.
func isCode(err error, code string) bool {
	var api smithy.APIError
	return errors.As(err, &api) && api.ErrorCode() == code
}
