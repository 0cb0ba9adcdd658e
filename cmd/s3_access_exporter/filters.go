package main

import (
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/collector/classify"
)

// filterFlags describe which requests are asked for. They take nothing from the
// environment, where AWS_REGION is another flag's. Lists are of flags that are
// repeated: keys and requesters may have commas of their own.
type filterFlags struct {
	Since instant  `name:"since" group:"Filters" env:"-" placeholder:"TIME" help:"Only requests from then on: 2026-01-31T12:00:00Z, 2026-01-31, or so long ago: 36h, 7d."`
	Until instant  `name:"until" group:"Filters" env:"-" placeholder:"TIME" help:"Only requests before then."`
	Slack duration `name:"delivery-slack" group:"Filters" env:"-" default:"24h" help:"How long after a request its log may have been delivered: objects up to so long after --until are read."`

	Logs       []query.Glob   `name:"log" group:"Filters" env:"-" placeholder:"LOG" sep:"none" help:"Only this log: server_access or cloudtrail."`
	AccountIDs []query.Glob   `name:"account-id" group:"Filters" env:"-" placeholder:"ID" sep:"none" help:"Only buckets of these accounts."`
	Regions    []query.Glob   `name:"aws-region" group:"Filters" env:"-" placeholder:"REGION" sep:"none" help:"Only buckets in these Regions."`
	Buckets    []query.Glob   `name:"bucket" group:"Filters" env:"-" placeholder:"GLOB" sep:"none" help:"Only these buckets. In a GLOB, * is any run of characters and ? is one; a leading ! negates it; several of one flag are alternatives."`
	Operations []query.Glob   `name:"operation" group:"Filters" env:"-" placeholder:"GLOB" sep:"none" help:"Only these operations, by the action's name (GetObject) or as logged (REST.GET.OBJECT)."`
	Keys       []query.Glob   `name:"key" group:"Filters" env:"-" placeholder:"GLOB" sep:"none" help:"Only these objects, by the whole key."`
	Requesters []query.Glob   `name:"requester" group:"Filters" env:"-" placeholder:"GLOB" sep:"none" help:"Only these requesters, by the label's value or the ARN as logged."`
	Clients    []query.Glob   `name:"client" group:"Filters" env:"-" placeholder:"GLOB" sep:"none" help:"Only these clients: aws-cli, boto3."`
	Sources    []query.Source `name:"source-ip" group:"Filters" env:"-" placeholder:"IP" sep:"none" help:"Only from this address, network (192.0.2.0/24) or AWS service; a leading ! negates it."`
	Signatures []query.Glob   `name:"signature" group:"Filters" env:"-" placeholder:"GLOB" sep:"none" help:"Only these: SigV2, SigV4, SigV4A, none, unknown."`
	Supports   []query.Glob   `name:"support" group:"Filters" env:"-" placeholder:"GLOB" sep:"none" help:"Only clients whose version AWS supports so: current, maintenance, ended, unknown."`
	Features   []query.Glob   `name:"feature" group:"Filters" env:"-" placeholder:"GLOB" sep:"none" help:"Only requests with this feature that AWS turns off: sigv2, tls1.0, tls1.1, plain_http, acl_required, path_style, soap."`
	TLS        []query.Glob   `name:"tls-version" group:"Filters" env:"-" placeholder:"GLOB" sep:"none" help:"Only over these: TLSv1, TLSv1.1, TLSv1.2, TLSv1.3."`
	AccessKeys []query.Glob   `name:"access-key-id" group:"Filters" env:"-" placeholder:"GLOB" sep:"none" help:"Only with these access keys (CloudTrail)."`
	Endpoints  []query.Glob   `name:"vpc-endpoint-id" group:"Filters" env:"-" placeholder:"GLOB" sep:"none" help:"Only by these VPC endpoints (CloudTrail)."`
	Outcomes   []query.Glob   `name:"outcome" group:"Filters" env:"-" placeholder:"GLOB" sep:"none" help:"Only these: success, denied, error."`
	Anonymous  bool           `name:"anonymous" group:"Filters" env:"-" help:"Only requests without credentials."`
	Object     bool           `name:"object" group:"Filters" env:"-" help:"Only requests that name an object's key, and DeleteObjects."`
}

// filter returns the filter that the flags describe, by labels of the given detail.
func (f filterFlags) filter(labels classify.Config) (*query.Filter, error) {
	filter, err := query.New(query.Config{
		Since:      time.Time(f.Since),
		Until:      time.Time(f.Until),
		Slack:      time.Duration(f.Slack),
		Logs:       f.Logs,
		AccountIDs: f.AccountIDs,
		Regions:    f.Regions,
		Buckets:    f.Buckets,
		Clients:    f.Clients,
		Signatures: f.Signatures,
		Outcomes:   f.Outcomes,
		Supports:   f.Supports,
		Features:   f.Features,
		TLS:        f.TLS,
		AccessKeys: f.AccessKeys,
		Endpoints:  f.Endpoints,
		Operations: f.Operations,
		Keys:       f.Keys,
		Requesters: f.Requesters,
		Sources:    f.Sources,
		Anonymous:  f.Anonymous,
		Object:     f.Object,
		Labels:     labels,
	})
	if err != nil {
		return nil, usageError{err}
	}
	return filter, nil
}
