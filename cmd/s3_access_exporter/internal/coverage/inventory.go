package coverage

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"
	"golang.org/x/sync/errgroup"
)

// atOnce is how many calls are under way at once in an account. The SDK's adaptive
// retry slows them down where AWS throttles.
const atOnce = 5

// Options say what to look at.
type Options struct {
	// Wanted reports whether a bucket is asked for; nil: every one is. The calls for
	// others are spared.
	Wanted    func(accountID, region, bucket string) bool
	Locations []Location // that are tailed
	// Now is the time of the look.
	Now time.Time
}

// Location is one that is tailed.
type Location struct {
	URL string // s3://bucket/prefix
	// LeavesText and LeavesJSON report that server access logs in that form are not read.
	LeavesText, LeavesJSON bool
}

// Inventory is what Look found in an account.
type Inventory struct {
	Buckets   []Bucket   // the worst first
	Recorders []Recorder // trails and event data stores, in the order of their ARNs
}

// Look finds the buckets of an account and how each is logged. What cannot be asked
// is unknown, and the bucket has the reason. An account that does not list its buckets
// gives one bucket without a name. The error is that of ctx.
func Look(ctx context.Context, a Account, o Options) (*Inventory, error) {
	if a.Unknown != "" {
		return lost(a, a.Unknown), nil
	}
	l := &look{Account: a, Options: o}
	l.calls.SetLimit(atOnce)
	if err := l.findBuckets(ctx); err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return lost(a, reason(err, "s3:ListAllMyBuckets")), nil
	}
	recorders, unasked := l.findRecorders(ctx)
	deliveries := l.findDeliveries(ctx)
	l.askAccessLogs(ctx)
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for i := range l.buckets {
		b := &l.buckets[i]
		b.Deliveries = deliveries[b.Region].deliveriesOfBucket(b)
		b.Trail = trailOf(b, recorders, unasked[b.Region])
		b.weigh(logsOf(b, recorders, &o), o.Locations)
		b.Verdict = b.judge()
	}
	l.findLoops(recorders)
	Sort(l.buckets)
	return &Inventory{Buckets: l.buckets, Recorders: recorders}, nil
}

// Join returns what was found in several accounts as one.
func Join(found []*Inventory) *Inventory {
	all := &Inventory{}
	seen := make(map[string]bool)
	for _, f := range found {
		all.Buckets = append(all.Buckets, f.Buckets...)
		for i := range f.Recorders {
			// An organization's trail is seen in many accounts.
			if r := &f.Recorders[i]; !seen[r.ARN] {
				seen[r.ARN] = true
				all.Recorders = append(all.Recorders, *r)
			}
		}
	}
	Sort(all.Buckets)
	return all
}

// lost is the inventory of an account that does not list its buckets.
func lost(a Account, why string) *Inventory {
	return &Inventory{Buckets: []Bucket{{
		Partition: a.Partition, AccountID: a.ID, Verdict: VerdictUnknown,
		Access: AccessLog{Scope: ScopeUnknown, Unknown: why}, Trail: Trail{Scope: ScopeUnknown},
	}}}
}

// Sort puts buckets in order: the worst first, then by account, Region and name.
func Sort(buckets []Bucket) {
	slices.SortFunc(buckets, func(a, b Bucket) int {
		if a.Verdict != b.Verdict {
			return int(a.Verdict) - int(b.Verdict)
		}
		return strings.Compare(a.AccountID+"\x00"+a.Region+"\x00"+a.Name, b.AccountID+"\x00"+b.Region+"\x00"+b.Name)
	})
}

// look is one Look.
type look struct {
	Account
	Options
	calls   errgroup.Group    // of which none returns an error
	regions map[string]string // of all buckets, by name
	buckets []Bucket          // that are wanted; each call has its own
}

// findBuckets lists the account's buckets. A Region comes with a bucket only if the
// request has a parameter, and large accounts refuse one without pages.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListBuckets.html
func (l *look) findBuckets(ctx context.Context) error {
	const page = 1000
	l.regions = make(map[string]string)
	pages := s3.NewListBucketsPaginator(l.S3(l.Home), &s3.ListBucketsInput{MaxBuckets: aws.Int32(page)})
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if err != nil {
			return err
		}
		for _, found := range out.Buckets {
			region := aws.ToString(found.BucketRegion)
			if region == "" {
				region = l.locate(ctx, found.Name)
			}
			l.add(KindGeneral, aws.ToString(found.Name), region)
		}
	}
	return l.findDirectories(ctx)
}

// locate asks where a bucket is, of a store that does not list it. Home is the answer
// for the oldest Region, which has no constraint, and where nobody may ask.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_GetBucketLocation.html
func (l *look) locate(ctx context.Context, name *string) string {
	out, err := l.S3(l.Home).GetBucketLocation(ctx, &s3.GetBucketLocationInput{Bucket: name})
	switch {
	case err != nil || out.LocationConstraint == "":
		return l.Home
	case out.LocationConstraint == s3types.BucketLocationConstraintEu:
		return "eu-west-1"
	}
	return string(out.LocationConstraint)
}

// findDirectories lists the directory buckets of the Regions that have other
// buckets. That nobody may list them is no reason to show nothing.
func (l *look) findDirectories(ctx context.Context) error {
	for _, region := range l.allRegions() {
		pages := s3.NewListDirectoryBucketsPaginator(l.S3(region), &s3.ListDirectoryBucketsInput{})
		for pages.HasMorePages() {
			out, err := pages.NextPage(ctx)
			if err != nil {
				break
			}
			for _, found := range out.Buckets {
				l.add(KindDirectory, aws.ToString(found.Name), region)
			}
		}
	}
	return ctx.Err()
}

func (l *look) add(kind Kind, name, region string) {
	l.regions[name] = region
	if l.Wanted == nil || l.Wanted(l.ID, region, name) {
		l.buckets = append(l.buckets, Bucket{Partition: l.Partition, AccountID: l.ID, Region: region, Name: name, Kind: kind})
	}
}

// allRegions returns the Regions that have buckets.
func (l *look) allRegions() []string {
	var regions []string
	for _, region := range l.regions {
		if !slices.Contains(regions, region) {
			regions = append(regions, region)
		}
	}
	slices.Sort(regions)
	return regions
}

// askAccessLogs asks how each bucket's access logs are delivered, and looks for the
// newest.
func (l *look) askAccessLogs(ctx context.Context) {
	for i := range l.buckets {
		b := &l.buckets[i]
		if b.Kind != KindGeneral {
			continue // it can have none
		}
		l.calls.Go(func() error {
			b.Access = l.accessLog(ctx, b)
			return nil
		})
	}
	_ = l.calls.Wait()
}

func (l *look) accessLog(ctx context.Context, b *Bucket) AccessLog {
	out, err := l.S3(b.Region).GetBucketLogging(ctx, &s3.GetBucketLoggingInput{Bucket: aws.String(b.Name)})
	switch {
	case err != nil:
		return AccessLog{Scope: ScopeUnknown, Unknown: reason(err, "s3:GetBucketLogging")}
	case out.LoggingEnabled == nil:
		return AccessLog{}
	}
	enabled := out.LoggingEnabled
	log := AccessLog{
		Scope:        ScopeAll,
		Target:       aws.ToString(enabled.TargetBucket),
		Prefix:       aws.ToString(enabled.TargetPrefix),
		Format:       format(enabled.TargetObjectKeyFormat),
		TargetRegion: l.regions[aws.ToString(enabled.TargetBucket)],
	}
	log.Newest, err = l.newest(ctx, b, &log)
	if err != nil {
		log.Unseen = reason(err, "s3:ListBucket on "+log.Target)
	}
	return log
}

func format(key *s3types.TargetObjectKeyFormat) string {
	switch {
	case key == nil || key.PartitionedPrefix == nil:
		return "simple"
	case key.PartitionedPrefix.PartitionDateSource == s3types.PartitionDateSourceEventTime:
		return "partitioned by event time"
	}
	return "partitioned by delivery time"
}

// stream returns what stands before the date in the keys of the bucket's log objects.
func (a *AccessLog) stream(b *Bucket) string {
	if a.Format == "simple" {
		return a.Prefix
	}
	return a.Prefix + b.AccountID + "/" + b.Region + "/" + b.Name + "/"
}

// dated returns the layout of what follows the stream in the keys.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerLogs.html
func (a *AccessLog) dated() string {
	if a.Format == "simple" {
		return "2006-01-02-15"
	}
	return "2006/01/02/2006-01-02-15"
}

// newest returns when the newest of a bucket's access logs was written, as far as one
// page behind a recent date shows it; zero if there is none for a year. What has no date
// behind the prefix is somebody else's. Buckets with one prefix of the simple format
// are not told apart.
func (l *look) newest(ctx context.Context, b *Bucket, log *AccessLog) (time.Time, error) {
	const day = 24 * time.Hour
	stream, layout := log.stream(b), log.dated()
	for _, back := range []time.Duration{time.Hour, 6 * time.Hour, day, Patience, 30 * day, 365 * day} {
		out, err := l.S3(b.Region).ListObjectsV2(ctx, &s3.ListObjectsV2Input{
			Bucket:     aws.String(log.Target),
			Prefix:     aws.String(stream),
			StartAfter: aws.String(stream + l.Now.Add(-back).UTC().Format(layout)),
		})
		if err != nil {
			return time.Time{}, err
		}
		var newest time.Time
		for _, object := range out.Contents {
			date := strings.TrimPrefix(aws.ToString(object.Key), stream)
			_, err := time.Parse(layout, date[:min(len(date), len(layout))])
			if at := aws.ToTime(object.LastModified); err == nil && at.After(newest) {
				newest = at
			}
		}
		if !newest.IsZero() {
			return newest, nil
		}
	}
	return time.Time{}, nil
}

// reason explains in one line why a call failed: where AWS refuses it, by the
// permission that is missing.
func reason(err error, permission string) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		switch api.ErrorCode() {
		case "AccessDenied", "AccessDeniedException", "AllAccessDisabled", "UnauthorizedOperation":
			return "needs " + permission
		}
		return strings.Join(strings.Fields(fmt.Sprintf("%s: %s", api.ErrorCode(), api.ErrorMessage())), " ")
	}
	return strings.Join(strings.Fields(err.Error()), " ")
}

// found collects what calls of several goroutines find.
type found[T any] struct {
	mu  sync.Mutex
	all []T // guarded by mu
}

func (f *found[T]) add(more ...T) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = append(f.all, more...)
}
