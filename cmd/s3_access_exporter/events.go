package main

import (
	"context"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/rows"
)

// eventsCmd prints single requests.
type eventsCmd struct {
	Locations []string `arg:"" name:"location" help:"${location_help}"`

	Output string      `name:"output" short:"o" default:"table" enum:"table,json,csv" help:"Format: ${enum}. json is one object a line, with null for what the log does not say."`
	Fields fieldList   `name:"fields" placeholder:"FIELD,..." help:"What to print: ${fields}. By default all, in a table some."`
	Sort   string      `name:"sort" default:"" enum:",time" placeholder:"ORDER" help:"Order: time, which is the earliest first. By default requests come as they are read."`
	Limit  int         `name:"limit" placeholder:"N" help:"Print the first N requests; all by default."`
	Filter filterFlags `embed:""`
	AWS    awsFlags    `embed:"" prefix:"aws."`
}

// Help implements kong.HelpProvider.
func (*eventsCmd) Help() string {
	return `Requests of a log object that cannot be read to its end are left out, as in all counts.

Example: who deleted a picture, when, and from where.

    s3_access_exporter events --operation 'Delete*' --key images/picture.jpg s3://example-logs`
}

// fieldNames returns the names of all fields, for the help.
func fieldNames() string {
	var names []string
	for _, field := range query.Fields() {
		names = append(names, field.String())
	}
	return strings.Join(names, ", ")
}

// Validate implements kong's validation of commands.
func (cmd *eventsCmd) Validate() error {
	if cmd.Limit < 0 {
		return errors.New("--limit must not be negative")
	}
	return nil
}

// Run prints the requests that match. In order of time they come in the end.
func (cmd *eventsCmd) Run(ctx context.Context, env *environment) error {
	filter, err := cmd.Filter.filter()
	if err != nil {
		return err
	}
	cfg := eventsConfig{fields: cmd.fields(), match: filter.Match, limit: cmd.Limit, byTime: cmd.Sort == "time"}
	if cmd.Output == rows.Table {
		cfg.patience = 2 * time.Second
	}
	e := newEvents(cfg, cmd.writer(env.stdout))
	defer e.close()
	return reading{
		locations: cmd.Locations,
		aws:       cmd.AWS,
		query:     filter.Query(),
		consumer:  e,
		quiet:     !cfg.byTime && !isRegularFile(env.stdout),
	}.run(ctx, env, e.finish)
}

// isRegularFile reports whether what is written to w can be seen by nobody now.
func isRegularFile(w io.Writer) bool {
	file, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := file.Stat()
	return err == nil && info.Mode().IsRegular()
}

// tableFields are what a table has by default: what fits into a wide terminal.
func tableFields() []query.Field {
	return []query.Field{
		query.Time, query.Log, query.Operation, query.Bucket, query.Key, query.Outcome, query.Signature,
		query.Requester, query.SourceIP, query.Client, query.ClientVersion,
	}
}

func (cmd *eventsCmd) fields() []query.Field {
	switch {
	case len(cmd.Fields) > 0:
		return cmd.Fields
	case cmd.Output == rows.Table:
		return tableFields()
	}
	return query.Fields()
}

func (cmd *eventsCmd) writer(w io.Writer) rows.Writer {
	var columns []rows.Column
	for _, field := range cmd.fields() {
		columns = append(columns, rows.ColumnOf(field))
	}
	return rows.New(cmd.Output, w, columns)
}
