package coverage

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
)

// findRecorders finds the trails and event data stores that record events of the
// Regions that have buckets. Why a Region could not be asked is returned by Region.
//
// DescribeTrails shows a trail of several Regions in each of them, and the trails of
// the organization in its members: they are shadows of the one at home, which is
// asked for the rest.
// https://docs.aws.amazon.com/awscloudtrail/latest/APIReference/API_DescribeTrails.html
func (l *look) findRecorders(ctx context.Context) (recorders []Recorder, unasked map[string]string) {
	var trails found[types.Trail]
	var stores found[Recorder]
	var mu sync.Mutex
	unasked = make(map[string]string)
	for _, region := range l.allRegions() {
		l.calls.Go(func() error {
			out, err := l.CloudTrail(region).DescribeTrails(ctx, &cloudtrail.DescribeTrailsInput{})
			if err != nil {
				mu.Lock()
				unasked[region] = reason(err, "cloudtrail:DescribeTrails")
				mu.Unlock()
				return nil
			}
			trails.add(out.TrailList...)
			stores.add(l.findStores(ctx, region)...)
			return nil
		})
	}
	_ = l.calls.Wait()
	seen := make(map[string]bool)
	var own []types.Trail
	for _, t := range trails.all {
		if id := aws.ToString(t.TrailARN); !seen[id] {
			seen[id] = true
			own = append(own, t)
		}
	}
	asked := make([]Recorder, len(own))
	for i, t := range own {
		l.calls.Go(func() error {
			asked[i] = l.trail(ctx, &t)
			return nil
		})
	}
	_ = l.calls.Wait()
	recorders = asked[:len(asked):len(asked)]
	for _, s := range stores.all {
		if !seen[s.ARN] {
			seen[s.ARN] = true
			recorders = append(recorders, s)
		}
	}
	slices.SortFunc(recorders, func(a, b Recorder) int { return strings.Compare(a.ARN, b.ARN) })
	return recorders, unasked
}

// trail asks a trail at home whether it logs, and what.
func (l *look) trail(ctx context.Context, t *types.Trail) Recorder {
	r := Recorder{
		ARN:          aws.ToString(t.TrailARN),
		Name:         aws.ToString(t.Name),
		HomeRegion:   aws.ToString(t.HomeRegion),
		AccountID:    accountOf(aws.ToString(t.TrailARN)),
		MultiRegion:  aws.ToBool(t.IsMultiRegionTrail),
		Organization: aws.ToBool(t.IsOrganizationTrail),
		Target:       aws.ToString(t.S3BucketName),
		Prefix:       aws.ToString(t.S3KeyPrefix),
	}
	api := l.CloudTrail(r.HomeRegion)
	status, err := api.GetTrailStatus(ctx, &cloudtrail.GetTrailStatusInput{Name: t.TrailARN})
	if err != nil {
		r.Unknown = reason(err, "cloudtrail:GetTrailStatus")
		return r
	}
	r.Logging = aws.ToBool(status.IsLogging)
	r.Delivered = aws.ToTime(status.LatestDeliveryTime)
	r.Failure = aws.ToString(status.LatestDeliveryError)
	if !r.Logging {
		return r
	}
	selectors, err := api.GetEventSelectors(ctx, &cloudtrail.GetEventSelectorsInput{TrailName: t.TrailARN})
	if err != nil {
		r.Unknown = reason(err, "cloudtrail:GetEventSelectors")
		return r
	}
	r.Selectors = Selectors{Basic: selectors.EventSelectors, Advanced: selectors.AdvancedEventSelectors}
	return r
}

func accountOf(text string) string {
	parsed, err := arn.Parse(text)
	if err != nil {
		return ""
	}
	return parsed.AccountID
}

// findStores returns the event data stores of a Region. They are an extra: where
// nobody may list them, or there is no CloudTrail Lake, there are none.
func (l *look) findStores(ctx context.Context, region string) []Recorder {
	var stores []Recorder
	api := l.CloudTrail(region)
	pages := cloudtrail.NewListEventDataStoresPaginator(api, &cloudtrail.ListEventDataStoresInput{})
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if err != nil {
			return stores
		}
		for _, listed := range out.EventDataStores {
			store, err := api.GetEventDataStore(ctx, &cloudtrail.GetEventDataStoreInput{EventDataStore: listed.EventDataStoreArn})
			if err != nil {
				continue
			}
			stores = append(stores, Recorder{
				ARN:          aws.ToString(store.EventDataStoreArn),
				Name:         aws.ToString(store.Name),
				HomeRegion:   region,
				AccountID:    accountOf(aws.ToString(store.EventDataStoreArn)),
				MultiRegion:  aws.ToBool(store.MultiRegionEnabled),
				Organization: aws.ToBool(store.OrganizationEnabled),
				Logging:      store.Status == types.EventDataStoreStatusEnabled,
				Selectors:    Selectors{Advanced: store.AdvancedEventSelectors},
				store:        true,
			})
		}
	}
	return stores
}

// trailOf returns what recorders make of a bucket. unasked is why trails of its
// Region may be missing; empty if none are.
func trailOf(b *Bucket, recorders []Recorder, unasked string) Trail {
	var trails, stores []Recorder
	for i := range recorders {
		if recorders[i].store {
			stores = append(stores, recorders[i])
		} else {
			trails = append(trails, recorders[i])
		}
	}
	t := Trail{Scope: scopeOf(trails, b), Lake: scopeOf(stores, b)}
	if unasked != "" && t.Scope == ScopeNone {
		t.Scope, t.Unknown = ScopeUnknown, unasked
	}
	var by []*Recorder
	for i := range trails {
		r := &trails[i]
		switch {
		case !r.sees(b):
		case r.Unknown != "":
			if t.Scope == ScopeUnknown && t.Unknown == "" {
				t.Unknown = r.Unknown + " on " + r.ARN
			}
		case r.Selectors.logged(b) != logged{}:
			t.By = append(t.By, r.ARN)
			by = append(by, r)
		}
	}
	t.take(b, by)
	return t
}

// take takes note of how the trails that record something of the bucket deliver. Those
// do not matter that record what others have delivered since.
func (t *Trail) take(b *Bucket, by []*Recorder) {
	slices.SortStableFunc(by, func(one, other *Recorder) int { return other.Delivered.Compare(one.Delivered) })
	var delivered logged
	for _, r := range by {
		if records := r.Selectors.logged(b); !delivered.holds(records) {
			delivered = delivered.or(records)
			t.Newest, t.Failure = r.Delivered, cmp.Or(t.Failure, r.Failure)
		}
	}
}

// findLoops finds the trails that record the requests to their own log bucket, and
// those that record each reading of a bucket that is tailed.
func (l *look) findLoops(recorders []Recorder) {
	for i := range l.buckets {
		b := &l.buckets[i]
		for j := range recorders {
			r := &recorders[j]
			switch {
			case !slices.Contains(b.Trail.By, r.ARN):
			case r.Target == b.Name:
				b.Loops = append(b.Loops, r.Name)
			case r.Selectors.logged(b).reads > levelNone && slices.ContainsFunc(l.Locations, func(location Location) bool {
				return bucketOf(location.URL) == b.Name
			}):
				b.Echoes = append(b.Echoes, r.Name)
			}
		}
	}
}
