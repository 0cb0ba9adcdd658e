package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/events"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/rows"
	"github.com/s3access/s3_access_exporter/collector/classify"
)

// eventsCmd prints single requests.
type eventsCmd struct {
	Output  string    `name:"output" short:"o" default:"table" enum:"table,json,csv,raw" help:"Format: ${enum}. json is one object a line, with null for what the log does not hold; raw is the record as logged, byte for byte: a line, or a JSON object on a line of its own."`
	Context bool      `name:"context" help:"With --output raw: print before each record the log object and the record's number in it, with a colon behind each."`
	Fields  fieldList `name:"fields" placeholder:"FIELD,..." help:"What to print: ${fields}. By default all, in a table some."`
	Sort    sortOrder `name:"sort" placeholder:"ORDER" help:"Order: time, which is the earliest first. By default requests come as they are read."`
	Limit   int       `name:"limit" placeholder:"N" help:"Print the first N requests; all by default."`
	OneShot oneShot   `embed:""`
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
	switch raw := cmd.Output == rows.Raw; {
	case cmd.Context && !raw:
		return errors.New("--context goes with --output raw")
	case raw && len(cmd.Fields) > 0:
		return errors.New("--fields goes with --output table, json or csv: raw is the whole record")
	case raw && cmd.OneShot.Engine.Engine != engineScan:
		return fmt.Errorf("--output raw goes with --engine=scan: %s does not keep records as they were logged", cmd.OneShot.Engine.Engine)
	}
	return nil
}

// Run prints the requests that match. In order of time they come in the end.
func (cmd *eventsCmd) Run(ctx context.Context, env *environment) error {
	cfg := events.Config{Fields: cmd.fields(), Limit: cmd.Limit, ByTime: cmd.Sort == orderTime}
	if cmd.Output == rows.Table {
		cfg.Patience = 2 * time.Second
	}
	e := events.New(cfg, cmd.writer(env.stdout))
	defer e.Close()
	// Filters match the labels that metrics have by default, so that their values find
	// what is behind them.
	return cmd.OneShot.run(ctx, env, asked{
		labels: classify.Config{}, needs: e.Needs(), sink: e, finish: e.Finish,
		quiet: !cfg.ByTime && !isRegularFile(env.stdout),
	})
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
	case cmd.Output == rows.Raw && cmd.Context:
		return []query.Field{query.Place, query.Raw}
	case cmd.Output == rows.Raw:
		return []query.Field{query.Raw}
	case len(cmd.Fields) > 0:
		return cmd.Fields
	case cmd.Output == rows.Table:
		return tableFields()
	}
	return query.WholeFields()
}

func (cmd *eventsCmd) writer(w io.Writer) rows.Writer {
	var columns []rows.Column
	for _, field := range cmd.fields() {
		columns = append(columns, rows.ColumnOf(field))
	}
	return rows.New(cmd.Output, w, columns)
}
