package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/coverage"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/location"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/s3source"
)

// coverageCmd prints which buckets are logged at all.
type coverageCmd struct {
	Locations []string `arg:"" optional:"" name:"location" help:"Where logs are read: s3://bucket[/prefix]. Buckets whose logs lie elsewhere are then not covered."`

	Org        bool         `name:"org" help:"Look at every account of the organization, not at that of the credentials alone."`
	RoleName   string       `name:"role-name" placeholder:"NAME" help:"With --org: the role to assume in each other account."`
	Output     string       `name:"output" short:"o" default:"table" enum:"table,json,csv,prometheus,commands,locations" help:"Format: ${enum}. commands are those of the AWS CLI that would close the gaps, none of which is run; locations is the part of a configuration file that reads every log that was found."`
	ByTrail    bool         `name:"by-trail" help:"With -o commands: close gaps by data events of a trail that there is, not by server access logs."`
	Buckets    []query.Glob `name:"bucket" group:"Filters" env:"-" placeholder:"GLOB" sep:"none" help:"Only these buckets. In a GLOB, * is any run of characters and ? is one; a leading ! negates it; several of one flag are alternatives."`
	AccountIDs []query.Glob `name:"account-id" group:"Filters" env:"-" placeholder:"ID" sep:"none" help:"Only buckets of these accounts."`
	Regions    []query.Glob `name:"aws-region" group:"Filters" env:"-" placeholder:"REGION" sep:"none" help:"Only buckets in these Regions."`
	AWS        awsFlags     `embed:"" prefix:"aws."`
}

// Help implements kong.HelpProvider.
func (*coverageCmd) Help() string {
	return `A zero is only true of what is logged. coverage asks AWS, for each bucket, which log holds how much of its requests (all, reads, writes, part, none, unknown), whether that log arrives, and whether a given location reads it. What it may not ask is unknown, and the row names the permission. It costs a few requests to S3 for each bucket.

Example: the commands that turn on access logs for every bucket without them.

    s3_access_exporter coverage -o commands`
}

// Validate implements kong's validation of commands.
func (cmd *coverageCmd) Validate() error {
	switch {
	case cmd.Org && cmd.RoleName == "":
		return errors.New("--org needs --role-name, the role to assume in each account")
	case !cmd.Org && cmd.RoleName != "":
		return errors.New("--role-name goes with --org; for one other account there is --aws.role-arn")
	case cmd.ByTrail && cmd.Output != "commands":
		return errors.New("--by-trail goes with --output commands")
	}
	return nil
}

// Run asks, and prints what it was answered.
func (cmd *coverageCmd) Run(ctx context.Context, env *environment) error {
	var locations []coverage.Location
	if len(cmd.Locations) > 0 {
		named, err := env.locations(cmd.Locations, cmd.AWS, recordForm{})
		if err != nil {
			return err
		}
		for _, l := range named {
			locations = append(locations, coverage.Location{URL: l.URL()})
		}
	}
	accounts, err := cmd.accounts(ctx)
	now := time.Now()
	var found []*coverage.Inventory
	if err == nil {
		found, err = coverage.LookAll(ctx, accounts, coverage.Options{
			Wanted: cmd.wanted, Locations: locations, Now: now,
		})
	}
	switch {
	case ctx.Err() != nil:
		return ctx.Err() // what was not answered was not refused
	case err != nil:
		return err
	}
	all := coverage.Join(found)
	if err := cmd.print(ctx, env.stdout, accounts, found, all, now); err != nil {
		return err
	}
	env.lastLine = fmt.Sprintf("looked at %s in %s: %s", counted(int64(len(all.Buckets)), "bucket"),
		counted(int64(len(accounts)), "account"), coverage.Summarize(all.Buckets))
	return nil
}

func (cmd *coverageCmd) print(
	ctx context.Context, w io.Writer, accounts []coverage.Account, found []*coverage.Inventory, all *coverage.Inventory, now time.Time,
) error {
	switch cmd.Output {
	case formatPrometheus:
		metrics := coverage.NewMetrics()
		metrics.Set(all.Buckets, now)
		return metrics.Print(w)
	case "commands":
		for i, a := range accounts {
			if err := coverage.Close(ctx, a, found[i], cmd.ByTrail, w); err != nil {
				return err
			}
		}
		return nil
	case "locations":
		return coverage.PrintLocations(w, coverage.Locations(all))
	}
	return coverage.Print(w, cmd.Output, all.Buckets, now)
}

// accounts returns the accounts to look at that are wanted.
func (cmd *coverageCmd) accounts(ctx context.Context) ([]coverage.Account, error) {
	accounts, err := coverage.Accounts(ctx, cmd.AWS.access(cmd.RoleName))
	return slices.DeleteFunc(accounts, func(a coverage.Account) bool { return !query.Hold(cmd.AccountIDs, a.ID) }), err
}

// access returns how AWS is asked which buckets are logged: in every account of the
// organization if role is the name of a role, else in that of the credentials.
func (f awsFlags) access(role string) coverage.Access {
	return coverage.Access{
		SDK: s3source.Config{
			EndpointURL: f.EndpointURL, Region: f.Region, RoleARN: f.RoleARN, ExternalID: f.ExternalID, PathStyle: f.PathStyle,
		},
		Role: role,
	}
}

func (cmd *coverageCmd) wanted(_, region, bucket string) bool {
	return query.Hold(cmd.Regions, region) && query.Hold(cmd.Buckets, bucket)
}

// coverageFlags say whether serve finds out again and again which buckets are logged.
type coverageFlags struct {
	Interval duration `name:"interval" default:"0" help:"Time between two looks at which buckets are logged; 0: none."`
	RoleName string   `name:"role-name" placeholder:"NAME" help:"Look at every account of the organization, not at that of the credentials alone: the role to assume in each other one."`
}

// Validate implements kong's validation of flags.
func (f coverageFlags) Validate() error {
	if f.RoleName != "" && f.Interval == 0 {
		return errors.New("--coverage.role-name goes with --coverage.interval")
	}
	return nil
}

// watchCoverage returns what looks until a context ends, and what it has found; nil
// of both if nobody is to look: of several shards, the first one does so for all. It fails
// alone: tailing goes on without it.
func (d *daemon) watchCoverage(tailed []location.Location) (watch func(context.Context), found *coverage.Metrics) {
	if d.Coverage.Interval == 0 || d.Shard.Index != 0 {
		return nil, nil
	}
	access := d.AWS.access(d.Coverage.RoleName)
	w := coverage.Watch{
		Accounts:  func(ctx context.Context) ([]coverage.Account, error) { return coverage.Accounts(ctx, access) },
		Locations: d.AWS.where(tailed),
		Interval:  time.Duration(d.Coverage.Interval),
		Logger:    d.env.logger,
	}
	found = coverage.NewMetrics()
	return func(ctx context.Context) { w.Run(ctx, found) }, found
}

// where returns those of some locations that are in AWS's S3, or where the flags lead to in
// its place: the buckets of another store may have the names of AWS's.
func (f awsFlags) where(all []location.Location) []coverage.Location {
	var tailed []coverage.Location
	for _, l := range all {
		at := l.Options.EndpointURL
		if l.Dir == "" && l.Options.Store == "" && (at == f.EndpointURL || s3source.IsAWS(at)) {
			tailed = append(tailed, coverage.Location{
				URL: l.URL(), LeavesText: l.Form == record.JSON, LeavesJSON: l.Form == record.Text,
			})
		}
	}
	return tailed
}
