package coverage

import (
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/rows"
)

// columns are those of the rows of buckets, in JSON and CSV; a table has fewer.
func columns() []rows.Column {
	names := []string{
		"verdict", "account_id", "aws_region", "bucket", "kind", "access_log", "access_log_target", "access_log_format",
		"cloudtrail", "trails", "cloudtrail_lake", "newest", "tailed_by", "remarks",
	}
	all := make([]rows.Column, len(names))
	for i, name := range names {
		all[i] = rows.Column{Name: name}
		if name == "newest" {
			all[i].Kind = query.KindTime
		}
	}
	return all
}

// inTable are the columns of a table for people.
func inTable() []string {
	return []string{"verdict", "account_id", "aws_region", "bucket", "access_log", "cloudtrail", "newest", "tailed_by", "remarks"}
}

// Print prints a row for each bucket in one of the formats of package rows. A table
// has a summary above.
func Print(w io.Writer, format string, buckets []Bucket, now time.Time) error {
	all, shown := columns(), []int{}
	for i, c := range all {
		if format != rows.Table || slices.Contains(inTable(), c.Name) {
			shown = append(shown, i)
		}
	}
	if format == rows.Table {
		if _, err := fmt.Fprintf(w, "%s\n\n", Summarize(buckets)); err != nil {
			return err
		}
		if len(buckets) == 0 {
			return nil
		}
	}
	head := make([]rows.Column, len(shown))
	for i, place := range shown {
		head[i] = all[place]
	}
	out := rows.New(format, w, head)
	for i := range buckets {
		cells := cellsOf(&buckets[i], now)
		row := make([]rows.Cell, len(shown))
		for i, place := range shown {
			row[i] = cells[place]
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	return out.Close()
}

// cellsOf returns the cells of a bucket for all columns.
func cellsOf(b *Bucket, now time.Time) []rows.Cell {
	text := func(s string) rows.Cell { return rows.Cell{Text: s, Known: s != ""} }
	var targets, formats []string
	if b.Access.Target != "" {
		targets, formats = append(targets, "s3://"+b.Access.Target+"/"+b.Access.Prefix), append(formats, b.Access.Format)
	}
	for i := range b.Deliveries.All {
		if d := &b.Deliveries.All[i]; d.readable() {
			targets, formats = append(targets, "s3://"+d.Target+"/"+d.Prefix), append(formats, d.Format)
		}
	}
	name := b.Name
	if name == "" {
		name = "(all buckets)"
	}
	newest := b.Access.Newest
	if b.Trail.Newest.After(newest) {
		newest = b.Trail.Newest
	}
	at := ""
	if !newest.IsZero() {
		at = newest.UTC().Format(time.RFC3339)
	}
	return []rows.Cell{
		text(b.Verdict.String()), text(b.AccountID), text(b.Region), text(name), text(b.Kind.String()),
		text(b.AccessScope().String()), text(strings.Join(targets, " ")), text(strings.Join(formats, ", ")),
		text(b.Trail.Scope.String()), text(strings.Join(b.Trail.By, " ")), text(b.Trail.Lake.String()),
		text(at), text(strings.Join(b.Tailed, " ")), text(strings.Join(b.Remarks(now), "; ")),
	}
}

// Locations returns the locations that hold all logs of some buckets: their log
// buckets, each once, in order.
func Locations(found *Inventory) []string {
	var locations []string
	add := func(bucket string) {
		if location := "s3://" + bucket; bucket != "" && !slices.Contains(locations, location) {
			locations = append(locations, location)
		}
	}
	for i := range found.Buckets {
		b := &found.Buckets[i]
		add(b.Access.Target)
		for j := range b.Deliveries.All {
			// Where text comes too, that is enough: both would count twice.
			if d := &b.Deliveries.All[j]; d.readable() && b.Access.Scope != ScopeAll {
				add(d.Target)
			}
		}
		for j := range found.Recorders {
			if r := &found.Recorders[j]; slices.Contains(b.Trail.By, r.ARN) {
				add(r.Target)
			}
		}
	}
	slices.Sort(locations)
	return locations
}

// PrintLocations prints the locations of a configuration file that tails all logs
// that were found.
func PrintLocations(w io.Writer, locations []string) error {
	if locations == nil {
		locations = []string{}
	}
	text, err := yaml.Marshal(map[string]any{"locations": locations})
	if err != nil {
		return err
	}
	_, err = w.Write(text)
	return err
}
