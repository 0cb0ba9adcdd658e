package coverage

import (
	"context"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"
)

// fakeDelivery is a delivery of CloudWatch Logs with its source and its destination.
type fakeDelivery struct {
	region, bucket string
	kind           types.DeliveryDestinationType
	to             string // the ARN of the destination's resource; empty: it is another account's
	format         types.OutputFormat
	logType        string // empty: server access logs
	inactive       bool
}

type fakeLogs struct {
	*fakeAWS
	region string
}

// each calls fn for each delivery of the Region, with the name that its source has.
func (f fakeLogs) each(fn func(name string, d fakeDelivery)) {
	for i, d := range f.delivered {
		if d.region == f.region {
			fn(fmt.Sprint("source-", i), d)
		}
	}
}

func (f fakeLogs) arn(what, name string) *string {
	return aws.String("arn:aws:logs:" + f.region + ":" + ownID + ":" + what + ":" + name)
}

func (f fakeLogs) DescribeDeliverySources(_ context.Context, in *cloudwatchlogs.DescribeDeliverySourcesInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DescribeDeliverySourcesOutput, error) {
	var all []types.DeliverySource
	f.each(func(name string, d fakeDelivery) {
		s := types.DeliverySource{
			Name: aws.String(name), Arn: f.arn("delivery-source", name), LogType: aws.String(accessLogType),
			ResourceArns: []string{"arn:aws:s3:::" + d.bucket}, Status: types.DeliverySourceStatusActive,
		}
		if d.logType != "" {
			s.LogType = aws.String(d.logType)
		}
		if d.inactive {
			s.Status = types.DeliverySourceStatusInactive
		}
		all = append(all, s)
	})
	part, next := page(all, in.NextToken)
	return &cloudwatchlogs.DescribeDeliverySourcesOutput{DeliverySources: part, NextToken: next}, f.call("DescribeDeliverySources", f.region)
}

func (f fakeLogs) DescribeDeliveries(_ context.Context, in *cloudwatchlogs.DescribeDeliveriesInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DescribeDeliveriesOutput, error) {
	var all []types.Delivery
	f.each(func(name string, d fakeDelivery) {
		all = append(all, types.Delivery{
			DeliverySourceName: aws.String(name), DeliveryDestinationArn: f.arn("delivery-destination", name), DeliveryDestinationType: d.kind,
		})
	})
	part, next := page(all, in.NextToken)
	return &cloudwatchlogs.DescribeDeliveriesOutput{Deliveries: part, NextToken: next}, f.call("DescribeDeliveries", f.region)
}

func (f fakeLogs) DescribeDeliveryDestinations(_ context.Context, in *cloudwatchlogs.DescribeDeliveryDestinationsInput, _ ...func(*cloudwatchlogs.Options)) (*cloudwatchlogs.DescribeDeliveryDestinationsOutput, error) {
	var all []types.DeliveryDestination
	f.each(func(name string, d fakeDelivery) {
		if d.to != "" {
			all = append(all, types.DeliveryDestination{
				Arn: f.arn("delivery-destination", name), DeliveryDestinationType: d.kind, OutputFormat: d.format,
				DeliveryDestinationConfiguration: &types.DeliveryDestinationConfiguration{DestinationResourceArn: aws.String(d.to)},
			})
		}
	})
	part, next := page(all, in.NextToken)
	return &cloudwatchlogs.DescribeDeliveryDestinationsOutput{DeliveryDestinations: part, NextToken: next}, f.call("DescribeDeliveryDestinations", f.region)
}
