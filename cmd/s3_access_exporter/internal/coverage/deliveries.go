package coverage

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// Deliveries are those deliveries of a bucket's server access logs that go through
// CloudWatch Logs, as JSON or Parquet. GetBucketLogging does not show them.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/sal-cw-enabling.html
type Deliveries struct {
	// Scope is ScopeAll if one brings JSON to a bucket, which is what can be read here;
	// ScopeUnknown if that may be, by way of a log group or Firehose for example, or if
	// nobody may ask; else ScopeNone.
	Scope   Scope
	Unknown string // why nobody knows of any, one line
	All     []Delivery
}

// Delivery is one of them.
type Delivery struct {
	Type   types.DeliveryDestinationType // S3, CWL, FH
	Target string                        // the bucket; of other types the ARN of what receives the logs
	Prefix string                        // of the keys in a bucket
	Format string                        // json or parquet; of other types empty
	// Away is the ARN of a destination in another account, which cannot be asked where it
	// leads; empty if the destination is the account's own.
	Away string
}

// readable reports whether the exporter can read what the delivery brings.
func (d *Delivery) readable() bool {
	return d.Away == "" && d.Type == types.DeliveryDestinationTypeS3 && d.Format == string(types.OutputFormatJson)
}

// accessLogType is the type of a source of server access logs.
const accessLogType = "S3_SERVER_ACCESS_LOGS"

// regionDeliveries are the deliveries of server access logs of a Region.
type regionDeliveries struct {
	of      map[string][]Delivery // by the ARN of the bucket whose requests are logged
	unknown string                // why it is not known; empty if it is
}

// findDeliveries finds the deliveries of the Regions that have buckets.
func (l *look) findDeliveries(ctx context.Context) map[string]regionDeliveries {
	all := make(map[string]regionDeliveries)
	var mu sync.Mutex
	for _, region := range l.allRegions() {
		l.calls.Go(func() error {
			found := l.deliveriesOf(ctx, region)
			mu.Lock()
			all[region] = found
			mu.Unlock()
			return nil
		})
	}
	_ = l.calls.Wait()
	return all
}

// deliveriesOf asks a Region. Most have no source, and are asked no more.
// https://docs.aws.amazon.com/AmazonCloudWatchLogs/latest/APIReference/API_DescribeDeliverySources.html
func (l *look) deliveriesOf(ctx context.Context, region string) regionDeliveries {
	api := l.Logs(region)
	sources := make(map[string][]string) // ARNs of buckets by the source's name
	pages := cloudwatchlogs.NewDescribeDeliverySourcesPaginator(api, &cloudwatchlogs.DescribeDeliverySourcesInput{})
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if err != nil {
			return regionDeliveries{unknown: reason(err, "logs:DescribeDeliverySources")}
		}
		for i := range out.DeliverySources {
			s := &out.DeliverySources[i]
			if aws.ToString(s.LogType) == accessLogType && s.Status != types.DeliverySourceStatusInactive {
				sources[aws.ToString(s.Name)] = s.ResourceArns
			}
		}
	}
	if len(sources) == 0 {
		return regionDeliveries{}
	}
	destinations, err := destinationsOf(ctx, api)
	if err != nil {
		return regionDeliveries{unknown: reason(err, "logs:DescribeDeliveryDestinations")}
	}
	found := regionDeliveries{of: make(map[string][]Delivery)}
	deliveries := cloudwatchlogs.NewDescribeDeliveriesPaginator(api, &cloudwatchlogs.DescribeDeliveriesInput{})
	for deliveries.HasMorePages() {
		out, err := deliveries.NextPage(ctx)
		if err != nil {
			return regionDeliveries{unknown: reason(err, "logs:DescribeDeliveries")}
		}
		for i := range out.Deliveries {
			d := &out.Deliveries[i]
			for _, bucket := range sources[aws.ToString(d.DeliverySourceName)] {
				found.of[bucket] = append(found.of[bucket], deliveryTo(d, destinations))
			}
		}
	}
	return found
}

// destinationsOf returns the destinations of a Region by their ARNs.
func destinationsOf(ctx context.Context, api Logs) (map[string]*types.DeliveryDestination, error) {
	all := make(map[string]*types.DeliveryDestination)
	pages := cloudwatchlogs.NewDescribeDeliveryDestinationsPaginator(api, &cloudwatchlogs.DescribeDeliveryDestinationsInput{})
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if err != nil {
			return nil, err
		}
		for i := range out.DeliveryDestinations {
			d := &out.DeliveryDestinations[i]
			all[aws.ToString(d.Arn)] = d
		}
	}
	return all, nil
}

// deliveryTo returns a delivery with what is known of where it leads. In a bucket the keys
// begin with the prefix in the destination's ARN, or else with AWSLogs/.
// https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-infrastructure-V2-S3.html
func deliveryTo(d *types.Delivery, destinations map[string]*types.DeliveryDestination) Delivery {
	to := Delivery{Type: d.DeliveryDestinationType}
	destination := destinations[aws.ToString(d.DeliveryDestinationArn)]
	if destination == nil || destination.DeliveryDestinationConfiguration == nil {
		to.Away = aws.ToString(d.DeliveryDestinationArn)
		return to
	}
	to.Target = aws.ToString(destination.DeliveryDestinationConfiguration.DestinationResourceArn)
	if resource, err := arn.Parse(to.Target); err == nil && to.Type == types.DeliveryDestinationTypeS3 {
		bucket, prefix, _ := strings.Cut(resource.Resource, "/")
		if prefix = strings.TrimSuffix(prefix, "/"); prefix == "" {
			prefix = "AWSLogs"
		}
		to.Target, to.Prefix, to.Format = bucket, prefix+"/", string(destination.OutputFormat)
	}
	return to
}

// deliveriesOfBucket returns those of a bucket.
func (r regionDeliveries) deliveriesOfBucket(b *Bucket) Deliveries {
	if b.Kind != KindGeneral {
		return Deliveries{} // it can have none
	}
	found := Deliveries{All: r.of[b.ARN()]}
	switch {
	case slices.ContainsFunc(found.All, func(d Delivery) bool { return d.readable() }):
		found.Scope = ScopeAll
	case r.unknown != "":
		found.Scope, found.Unknown = ScopeUnknown, r.unknown
	case slices.ContainsFunc(found.All, func(d Delivery) bool { return d.Away != "" || d.Type != types.DeliveryDestinationTypeS3 }):
		found.Scope = ScopeUnknown
	}
	return found
}

// AccessScope is how much of the bucket's requests its server access logs hold, however
// they are delivered.
func (b *Bucket) AccessScope() Scope { return max(b.Access.Scope, b.Deliveries.Scope) }

// deliveryRemarks returns what is to be known of the bucket's deliveries.
func (b *Bucket) deliveryRemarks() (remarks []string) {
	readable := 0
	for i := range b.Deliveries.All {
		d := &b.Deliveries.All[i]
		switch {
		case d.readable():
			if readable++; d.Target == b.Name {
				remarks = append(remarks, "logs into itself: each delivery makes the next one")
			}
		case d.Away != "":
			remarks = append(remarks, fmt.Sprintf("access logs go to %s of another account: where that leads is not known here", d.Away))
		case d.Type == types.DeliveryDestinationTypeS3:
			remarks = append(remarks, fmt.Sprintf("access logs go to s3://%s/%s as %s: logged, but not readable here", d.Target, d.Prefix, d.Format))
		default:
			remarks = append(remarks, fmt.Sprintf("access logs go to %s: readable here only if they go on to a bucket", d.Target))
		}
	}
	if b.Access.Scope == ScopeAll {
		readable++
	}
	if readable > 1 {
		remarks = append(remarks, "access logs are delivered in more than one way: where two are tailed, each request counts twice")
	}
	if readable > 0 && b.Access.Scope != ScopeAll {
		remarks = append(remarks, "whether the JSON access logs arrive is not known: AWS does not document their keys")
	}
	return remarks
}
