package coverage

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
)

// fakeAWS is an account in memory. It answers in pages of two.
type fakeAWS struct {
	buckets   []*fakeBucket
	trails    []*fakeTrail
	delivered []fakeDelivery
	noRegions bool            // it lists buckets without their Regions
	denied    map[string]bool // operations, also "Operation bucket" and "Operation region"

	mu    sync.Mutex
	calls map[string]int // guarded by mu; by operation
}

type fakeBucket struct {
	name, region string
	directory    bool
	logging      *s3types.LoggingEnabled
	policy       string
	payer        s3types.Payer
	locked       bool
	objects      []s3types.Object
}

type fakeTrail struct {
	types.Trail
	regions    []string // that show it, besides its own
	logging    bool
	selectors  Selectors
	delivered  time.Time
	failure    string
	store      bool
	deniedAway bool // only its own account may ask for its selectors
}

func (f *fakeAWS) account(id string) Account {
	return Account{
		ID: id, Partition: "aws", Home: "us-east-1",
		S3:         func(region string) S3 { return fakeS3{f, region} },
		CloudTrail: func(region string) CloudTrail { return fakeCloudTrail{f, region} },
		Logs:       func(region string) Logs { return fakeLogs{f, region} },
	}
}

// call counts a call and returns why it is refused.
func (f *fakeAWS) call(operation, what string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.calls == nil {
		f.calls = make(map[string]int)
	}
	f.calls[operation]++
	if f.denied[operation] || f.denied[operation+" "+what] {
		return &smithy.GenericAPIError{Code: "AccessDenied", Message: "not\nallowed"}
	}
	return nil
}

func (f *fakeAWS) bucket(name *string) *fakeBucket {
	i := slices.IndexFunc(f.buckets, func(b *fakeBucket) bool { return b.name == aws.ToString(name) })
	if i < 0 {
		return &fakeBucket{}
	}
	return f.buckets[i]
}

// page returns two elements behind a token, and the next token.
func page[T any](all []T, token *string) (part []T, next *string) {
	const size = 2
	from, _ := strconv.Atoi(aws.ToString(token))
	all = all[min(from, len(all)):]
	if len(all) <= size {
		return all, nil
	}
	return all[:size], aws.String(strconv.Itoa(from + size))
}

type fakeS3 struct {
	*fakeAWS
	region string
}

func (f fakeS3) ListBuckets(_ context.Context, in *s3.ListBucketsInput, _ ...func(*s3.Options)) (*s3.ListBucketsOutput, error) {
	if err := f.call("ListBuckets", f.region); err != nil {
		return nil, err
	}
	var all []s3types.Bucket
	for _, b := range f.buckets {
		if b.directory {
			continue
		}
		listed := s3types.Bucket{Name: aws.String(b.name)}
		if in.MaxBuckets != nil && !f.noRegions { // else S3 leaves it out
			listed.BucketRegion = aws.String(b.region)
		}
		all = append(all, listed)
	}
	part, next := page(all, in.ContinuationToken)
	return &s3.ListBucketsOutput{Buckets: part, ContinuationToken: next}, nil
}

func (f fakeS3) ListDirectoryBuckets(_ context.Context, in *s3.ListDirectoryBucketsInput, _ ...func(*s3.Options)) (*s3.ListDirectoryBucketsOutput, error) {
	if err := f.call("ListDirectoryBuckets", f.region); err != nil {
		return nil, err
	}
	var all []s3types.Bucket
	for _, b := range f.buckets {
		if b.directory && b.region == f.region {
			all = append(all, s3types.Bucket{Name: aws.String(b.name)})
		}
	}
	part, next := page(all, in.ContinuationToken)
	return &s3.ListDirectoryBucketsOutput{Buckets: part, ContinuationToken: next}, nil
}

func (f fakeS3) GetBucketLocation(_ context.Context, in *s3.GetBucketLocationInput, _ ...func(*s3.Options)) (*s3.GetBucketLocationOutput, error) {
	b := f.bucket(in.Bucket)
	constraint := s3types.BucketLocationConstraint(b.region)
	if b.region == "us-east-1" {
		constraint = ""
	}
	return &s3.GetBucketLocationOutput{LocationConstraint: constraint}, f.call("GetBucketLocation", b.name)
}

func (f fakeS3) GetBucketLogging(_ context.Context, in *s3.GetBucketLoggingInput, _ ...func(*s3.Options)) (*s3.GetBucketLoggingOutput, error) {
	if err := f.call("GetBucketLogging", aws.ToString(in.Bucket)); err != nil {
		return nil, err
	}
	b := f.bucket(in.Bucket)
	if b.region != f.region {
		return nil, fmt.Errorf("asked %s for a bucket of %s", f.region, b.region)
	}
	return &s3.GetBucketLoggingOutput{LoggingEnabled: b.logging}, nil
}

func (f fakeS3) GetBucketPolicy(_ context.Context, in *s3.GetBucketPolicyInput, _ ...func(*s3.Options)) (*s3.GetBucketPolicyOutput, error) {
	if err := f.call("GetBucketPolicy", aws.ToString(in.Bucket)); err != nil {
		return nil, err
	}
	if b := f.bucket(in.Bucket); b.policy != "" {
		return &s3.GetBucketPolicyOutput{Policy: aws.String(b.policy)}, nil
	}
	return nil, &smithy.GenericAPIError{Code: "NoSuchBucketPolicy"}
}

func (f fakeS3) GetObjectLockConfiguration(_ context.Context, in *s3.GetObjectLockConfigurationInput, _ ...func(*s3.Options)) (*s3.GetObjectLockConfigurationOutput, error) {
	if !f.bucket(in.Bucket).locked {
		return nil, &smithy.GenericAPIError{Code: "ObjectLockConfigurationNotFoundError"}
	}
	return &s3.GetObjectLockConfigurationOutput{ObjectLockConfiguration: &s3types.ObjectLockConfiguration{
		Rule: &s3types.ObjectLockRule{DefaultRetention: &s3types.DefaultRetention{Days: aws.Int32(1)}},
	}}, nil
}

func (f fakeS3) GetBucketRequestPayment(_ context.Context, in *s3.GetBucketRequestPaymentInput, _ ...func(*s3.Options)) (*s3.GetBucketRequestPaymentOutput, error) {
	return &s3.GetBucketRequestPaymentOutput{Payer: f.bucket(in.Bucket).payer}, nil
}

func (f fakeS3) ListObjectsV2(_ context.Context, in *s3.ListObjectsV2Input, _ ...func(*s3.Options)) (*s3.ListObjectsV2Output, error) {
	if err := f.call("ListObjectsV2", aws.ToString(in.Bucket)); err != nil {
		return nil, err
	}
	var found []s3types.Object
	for _, o := range f.bucket(in.Bucket).objects {
		if key := aws.ToString(o.Key); strings.HasPrefix(key, aws.ToString(in.Prefix)) && key > aws.ToString(in.StartAfter) {
			found = append(found, o)
		}
	}
	const most = 1000 // in a page of S3
	return &s3.ListObjectsV2Output{Contents: found[:min(len(found), most)]}, nil
}

type fakeCloudTrail struct {
	*fakeAWS
	region string
}

func (f fakeCloudTrail) DescribeTrails(_ context.Context, in *cloudtrail.DescribeTrailsInput, _ ...func(*cloudtrail.Options)) (*cloudtrail.DescribeTrailsOutput, error) {
	if err := f.call("DescribeTrails", f.region); err != nil {
		return nil, err
	}
	var list []types.Trail
	for _, t := range f.trails {
		shadow := slices.Contains(t.regions, f.region) && (in.IncludeShadowTrails == nil || *in.IncludeShadowTrails)
		if !t.store && (shadow || aws.ToString(t.HomeRegion) == f.region) {
			list = append(list, t.Trail)
		}
	}
	return &cloudtrail.DescribeTrailsOutput{TrailList: list}, nil
}

// trail returns a trail that is asked for at home by its ARN.
func (f fakeCloudTrail) trail(arn *string) (*fakeTrail, error) {
	for _, t := range f.trails {
		if aws.ToString(t.TrailARN) == aws.ToString(arn) && aws.ToString(t.HomeRegion) == f.region {
			return t, nil
		}
	}
	return nil, &smithy.GenericAPIError{Code: "TrailNotFoundException", Message: "no trail " + aws.ToString(arn) + " in " + f.region}
}

func (f fakeCloudTrail) GetTrailStatus(_ context.Context, in *cloudtrail.GetTrailStatusInput, _ ...func(*cloudtrail.Options)) (*cloudtrail.GetTrailStatusOutput, error) {
	t, err := f.trail(in.Name)
	if err != nil {
		return nil, err
	}
	out := &cloudtrail.GetTrailStatusOutput{IsLogging: aws.Bool(t.logging)}
	if !t.delivered.IsZero() {
		out.LatestDeliveryTime = aws.Time(t.delivered)
	}
	if t.failure != "" {
		out.LatestDeliveryError = aws.String(t.failure)
	}
	return out, f.call("GetTrailStatus", aws.ToString(in.Name))
}

func (f fakeCloudTrail) GetEventSelectors(_ context.Context, in *cloudtrail.GetEventSelectorsInput, _ ...func(*cloudtrail.Options)) (*cloudtrail.GetEventSelectorsOutput, error) {
	t, err := f.trail(in.TrailName)
	if err != nil {
		return nil, err
	}
	if t.deniedAway {
		return nil, &smithy.GenericAPIError{Code: "AccessDeniedException"}
	}
	return &cloudtrail.GetEventSelectorsOutput{
		EventSelectors: t.selectors.Basic, AdvancedEventSelectors: t.selectors.Advanced,
	}, f.call("GetEventSelectors", aws.ToString(in.TrailName))
}

func (f fakeCloudTrail) ListEventDataStores(_ context.Context, in *cloudtrail.ListEventDataStoresInput, _ ...func(*cloudtrail.Options)) (*cloudtrail.ListEventDataStoresOutput, error) {
	if err := f.call("ListEventDataStores", f.region); err != nil {
		return nil, err
	}
	var all []types.EventDataStore
	for _, t := range f.trails {
		if t.store && aws.ToString(t.HomeRegion) == f.region {
			all = append(all, types.EventDataStore{EventDataStoreArn: t.TrailARN})
		}
	}
	part, next := page(all, in.NextToken)
	return &cloudtrail.ListEventDataStoresOutput{EventDataStores: part, NextToken: next}, nil
}

func (f fakeCloudTrail) GetEventDataStore(_ context.Context, in *cloudtrail.GetEventDataStoreInput, _ ...func(*cloudtrail.Options)) (*cloudtrail.GetEventDataStoreOutput, error) {
	t, err := f.trail(in.EventDataStore)
	if err != nil {
		return nil, err
	}
	return &cloudtrail.GetEventDataStoreOutput{
		EventDataStoreArn: t.TrailARN, Name: t.Name, MultiRegionEnabled: t.IsMultiRegionTrail,
		OrganizationEnabled: t.IsOrganizationTrail, Status: types.EventDataStoreStatusEnabled,
		AdvancedEventSelectors: t.selectors.Advanced,
	}, nil
}
