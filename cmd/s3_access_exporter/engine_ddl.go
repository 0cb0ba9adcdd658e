package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/location"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/warehouse"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
)

// engineCmd has the commands about engines that are not the built-in one.
type engineCmd struct {
	DDL ddlCmd `cmd:"" name:"ddl" help:"Print the tables that Athena or Trino need for report and events."`
}

// ddlCmd prints the statements that create tables.
type ddlCmd struct {
	Locations []string `arg:"" optional:"" name:"location" help:"${location_help}"`
	Engine    string   `name:"engine" env:"-" required:"" enum:"athena,trino" help:"For whom: ${enum}."`
	AWS       awsFlags `embed:"" prefix:"aws."`
}

// Help implements kong.HelpProvider.
func (*ddlCmd) Help() string {
	return `A table is for all buckets whose server access logs have a date-partitioned prefix in common, or for all trails below one. It has no data of its own. Run the statements once, in the database or schema that --athena.database or --trino.schema names.

Example:

    s3_access_exporter engine ddl --engine=athena s3://example-logs > tables.sql`
}

var errFlat = errors.New("log objects lie in folders without account, Region and day, so that a query engine would read all of them for every question: --engine=scan reads a time range of them, " +
	"and with a date-partitioned prefix S3 writes the logs from now on in folders that a table can have")

// Run prints the tables.
func (cmd *ddlCmd) Run(ctx context.Context, env *environment) error {
	named, err := env.locations(cmd.Locations, cmd.AWS, recordForm{})
	if err != nil {
		return err
	}
	locations, err := location.Opener{}.Open(ctx, named)
	if err == nil {
		err = location.Check(ctx, locations)
	}
	if err != nil {
		return err
	}
	dialect := engineFlags{Engine: cmd.Engine}.dialect()
	var statements []string
	flat := false
	for _, l := range locations {
		tables, places, err := warehouse.Tables(ctx, l)
		if err != nil {
			return err
		}
		for _, t := range tables {
			statements = append(statements, t.DDL(dialect))
		}
		for _, p := range places {
			flat = flat || p.Layout == logkey.Simple || p.Layout == logkey.Partitioned || p.Layout == logkey.Trail
			env.logger.Warn("what lies here can be in no table", "location", l.Name, "prefix", p.Name, "layout", p.Layout.Name())
		}
		if len(tables) == 0 && len(places) == 0 {
			env.logger.Warn("no log object lies here; a location is a bucket, a prefix in one, or a directory", "location", l.Name)
		}
	}
	_, err = fmt.Fprint(env.stdout, strings.Join(statements, "\n"))
	switch {
	case err != nil:
		return err
	case flat:
		return errFlat
	case len(statements) == 0:
		return errors.New("no log object was found that a table can have")
	}
	return nil
}
