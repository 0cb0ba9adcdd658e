// Package coverage finds out which buckets are logged at all: which log holds how much
// of a bucket's requests, whether it arrives, and who reads it. "No request was signed
// with Signature Version 2" is only true of what is logged.
//
// Look asks AWS about an account: S3 for its buckets and their server access logs
// (inventory.go), CloudWatch Logs for those that it delivers (deliveries.go), CloudTrail for
// trails and event data stores (recorders.go). How much of a bucket the selectors of a
// trail cover is a pure function (selectors.go, scope.go), and so is how much its logs
// hold together, those that arrive, and those of them that are read (logs.go), of which
// the verdict is made (verdict.go). Nothing that may not be asked counts as none: it is
// unknown. Close prints the commands that close the gaps (commands.go, commands_trail.go),
// Print the rest (print.go); Watch looks again and again for Metrics.
//
// account.go has the calls that are needed, sdk.go makes them with AWS's SDK.
package coverage

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Account is an account of AWS and the calls that are made in it. Clients are asked
// for by Region, from several goroutines at once.
type Account struct {
	ID        string
	Partition string // aws, aws-cn, aws-us-gov and so on
	// Unknown is why nothing can be asked in the account; empty if something can be.
	Unknown string
	// Home is a Region of the partition that answers for all of it, such as us-east-1.
	Home       string
	S3         func(region string) S3
	CloudTrail func(region string) CloudTrail
	Logs       func(region string) Logs
}

// Logs is what is asked of CloudWatch Logs: the methods of *cloudwatchlogs.Client.
type Logs interface {
	DescribeDeliverySources(context.Context, *cloudwatchlogs.DescribeDeliverySourcesInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DescribeDeliverySourcesOutput, error)
	DescribeDeliveries(context.Context, *cloudwatchlogs.DescribeDeliveriesInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DescribeDeliveriesOutput, error)
	DescribeDeliveryDestinations(context.Context, *cloudwatchlogs.DescribeDeliveryDestinationsInput, ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DescribeDeliveryDestinationsOutput, error)
}

// S3 is what is asked of S3: the methods of *s3.Client.
type S3 interface {
	ListBuckets(context.Context, *s3.ListBucketsInput, ...func(*s3.Options)) (*s3.ListBucketsOutput, error)
	ListDirectoryBuckets(context.Context, *s3.ListDirectoryBucketsInput, ...func(*s3.Options)) (*s3.ListDirectoryBucketsOutput, error)
	GetBucketLocation(context.Context, *s3.GetBucketLocationInput, ...func(*s3.Options)) (*s3.GetBucketLocationOutput, error)
	GetBucketLogging(context.Context, *s3.GetBucketLoggingInput, ...func(*s3.Options)) (*s3.GetBucketLoggingOutput, error)
	GetBucketPolicy(context.Context, *s3.GetBucketPolicyInput, ...func(*s3.Options)) (*s3.GetBucketPolicyOutput, error)
	GetObjectLockConfiguration(context.Context, *s3.GetObjectLockConfigurationInput, ...func(*s3.Options)) (*s3.GetObjectLockConfigurationOutput, error)
	GetBucketRequestPayment(context.Context, *s3.GetBucketRequestPaymentInput, ...func(*s3.Options)) (*s3.GetBucketRequestPaymentOutput, error)
	ListObjectsV2(context.Context, *s3.ListObjectsV2Input, ...func(*s3.Options)) (*s3.ListObjectsV2Output, error)
}

// CloudTrail is what is asked of CloudTrail: the methods of *cloudtrail.Client.
type CloudTrail interface {
	DescribeTrails(context.Context, *cloudtrail.DescribeTrailsInput, ...func(*cloudtrail.Options)) (*cloudtrail.DescribeTrailsOutput, error)
	GetTrailStatus(context.Context, *cloudtrail.GetTrailStatusInput, ...func(*cloudtrail.Options)) (*cloudtrail.GetTrailStatusOutput, error)
	GetEventSelectors(context.Context, *cloudtrail.GetEventSelectorsInput, ...func(*cloudtrail.Options)) (*cloudtrail.GetEventSelectorsOutput, error)
	ListEventDataStores(context.Context, *cloudtrail.ListEventDataStoresInput, ...func(*cloudtrail.Options)) (*cloudtrail.ListEventDataStoresOutput, error)
	GetEventDataStore(context.Context, *cloudtrail.GetEventDataStoreInput, ...func(*cloudtrail.Options)) (*cloudtrail.GetEventDataStoreOutput, error)
}
