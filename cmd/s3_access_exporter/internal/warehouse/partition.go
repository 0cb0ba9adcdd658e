package warehouse

import (
	"cmp"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/once"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Table is a table of one log: of all partitioned server access logs that lie below a
// folder, or of all accounts' trails there.
type Table struct {
	Log      record.Log
	Location string // the name of the location in which it lies
	// Root is what the keys of its objects begin with, before the account.
	Root string
}

// folder is where the log objects of a partition lie, but for their days: an account, a
// Region and, of server access logs, a bucket.
type folder struct {
	account, region, bucket string
}

// key returns what the keys of the folder's objects begin with.
func (t *Table) key(f folder) string {
	if t.Log == record.CloudTrail {
		return t.Root + f.account + "/CloudTrail/" + f.region + "/"
	}
	return t.Root + f.account + "/" + f.region + "/" + f.bucket + "/"
}

// tableOf returns the table and the folder in which an object lies. It is false if it
// can lie in no table: where keys have no folders of accounts, Regions and days.
func tableOf(location string, key logkey.Key) (Table, folder, bool) {
	f := folder{account: key.AccountID, region: key.Region, bucket: key.Bucket}
	t := Table{Log: key.Stream.Log(), Location: location}
	switch {
	case f.account == "" || f.region == "":
		return t, f, false
	case key.Stream.Layout == logkey.Partitioned && f.bucket != "", key.Stream.Layout == logkey.Trail && key.Stream.File != "":
		var ok bool
		t.Root, ok = strings.CutSuffix(key.Stream.Prefix, t.key(f))
		return t, f, ok
	}
	return t, f, false
}

// found is what lies in a location, as far as it is asked for.
type found struct {
	tables  map[Table]map[folder]map[string]extent // by day: 2006/01/02
	others  once.Extent                            // objects that lie in no table
	example string                                 // the name of one of these
	summary *once.Summary
}

// extent is what lies in a partition.
type extent struct {
	once.Extent
	asked bool // for some of it
}

const dayFormat = "2006/01/02"

// add adds a log object of that name, and reports whether it lies in a table. asked: the
// question reads it.
func (f *found) add(name string, l once.Listed, asked bool) (tabled bool) {
	t, in, ok := tableOf(l.Location.Name, l.Key)
	if !ok {
		if asked {
			f.others.Objects++
			f.others.Bytes += l.Object.Size
			f.example = cmp.Or(f.example, name)
		}
		return false
	}
	if f.tables[t] == nil {
		f.tables[t] = make(map[folder]map[string]extent)
	}
	if f.tables[t][in] == nil {
		f.tables[t][in] = make(map[string]extent)
	}
	day := l.Key.Time.Format(dayFormat)
	sum := f.tables[t][in][day]
	sum.Objects++
	sum.Bytes += l.Object.Size
	sum.asked = sum.asked || asked
	f.tables[t][in][day] = sum
	return true
}

// sorted returns the tables in an order that is always the same.
func (f *found) sorted() []Table {
	return slices.SortedFunc(maps.Keys(f.tables), func(a, b Table) int {
		return cmp.Or(cmp.Compare(a.Log, b.Log), cmp.Compare(a.Location, b.Location), cmp.Compare(a.Root, b.Root))
	})
}

// chunk is what one query reads: some folders of a table, some days of each.
type chunk struct {
	table       Table
	folders     []folder
	first, last string // days
	extent      once.Extent
}

// The most that one query reads. A query of Athena has 262,144 bytes at most, and a
// table's scan a million partitions.
const (
	maxFolders    = 500
	maxRegions    = 50 // accounts' Regions, of server access logs
	maxPartitions = 50_000
	// Of CloudTrail, an engine holds each event in memory, shortened, to know it again: Trino
	// takes some 7 MB for each MiB. A day is one query, though.
	maxTrails = 512 << 20 // bytes, as stored
)

// split yields some folders after the other, in their order, as many as one query reads.
func split(sorted []folder, log record.Log) iter.Seq[[]folder] {
	return func(yield func([]folder) bool) {
		from, regions := 0, 0
		for i, f := range sorted {
			if i == from || f.account != sorted[i-1].account || f.region != sorted[i-1].region {
				regions++
			}
			if i-from == maxFolders || log == record.ServerAccess && regions > maxRegions {
				if !yield(sorted[from:i]) {
					return
				}
				from, regions = i, 1
			}
		}
		if from < len(sorted) {
			yield(sorted[from:])
		}
	}
}

// chunks returns what the queries of a table read.
func (f *found) chunks(t Table) (all []chunk) {
	folders := f.tables[t]
	sorted := slices.SortedFunc(maps.Keys(folders), func(a, b folder) int {
		return cmp.Or(cmp.Compare(a.account, b.account), cmp.Compare(a.region, b.region), cmp.Compare(a.bucket, b.bucket))
	})
	for some := range split(sorted, t.Log) {
		days := make(map[string]extent)
		for _, in := range some {
			for day, found := range folders[in] {
				sum := days[day]
				sum.Objects += found.Objects
				sum.Bytes += found.Bytes
				sum.asked = sum.asked || found.asked
				days[day] = sum
			}
		}
		maps.DeleteFunc(days, func(_ string, sum extent) bool { return !sum.asked })
		for span := range spans(days, max(1, maxPartitions/len(some)), t.Log) {
			c := chunk{table: t, folders: some, first: span[0], last: span[len(span)-1]}
			for _, day := range span {
				c.extent.Objects += days[day].Objects
				c.extent.Bytes += days[day].Bytes
			}
			all = append(all, c)
		}
	}
	return all
}

// spans yields days in their order, as many as one query reads.
func spans(days map[string]extent, most int, log record.Log) iter.Seq[[]string] {
	return func(yield func([]string) bool) {
		var span []string
		bytes := int64(0)
		for _, day := range slices.Sorted(maps.Keys(days)) {
			full := len(span) == most || log == record.CloudTrail && bytes+days[day].Bytes > maxTrails
			if len(span) > 0 && full {
				if !yield(span) {
					return
				}
				span, bytes = nil, 0
			}
			span, bytes = append(span, day), bytes+days[day].Bytes
		}
		if len(span) > 0 {
			yield(span)
		}
	}
}

// rows returns the SQL of a chunk's rows in a table of that name: of the objects that a scan
// reads, see once.Query, and of no other that lies in the partitions.
func (c *chunk) rows(d Dialect, name string, asked *once.Query) string {
	columns, names := "line", lineNames
	if c.table.Log == record.CloudTrail {
		columns, names = d.fileColumns, trailNames
	}
	objects := strings.Join(names.conditions(asked), " AND ")
	var branches []string
	for _, folders := range c.conditions() {
		branches = append(branches, fmt.Sprintf(`SELECT %s, account AS accountfolder, region AS regionfolder, "$path" AS path FROM %s WHERE %s AND day BETWEEN %s AND %s AND %s`,
			columns, name, folders, quote(c.first), quote(c.last), objects))
	}
	if len(branches) == 1 {
		return "SELECT * FROM (" + branches[0] + ")"
	}
	return "SELECT * FROM (" + strings.Join(branches, " UNION ALL ") + ")"
}

// objectNames is what the names of a table's log objects are like, see package logkey.
type objectNames struct {
	pattern string // of a path
	folders string // SQL: what a path holds, as the object lies in the partition whose it is by its name
	stamp   string // the pattern of a path in which the time is a group
	layout  string // of the time
	unit    time.Duration
	byEvent bool // the first second of a day stands for the day
}

const (
	hours   = `([01][0-9]|2[0-3])`
	minutes = `[0-5][0-9]`
)

var (
	lineNames = objectNames{
		pattern: `/[0-9]{4}-[0-9]{2}-[0-9]{2}-` + hours + `-` + minutes + `-` + minutes + `-[0-9A-Za-z]{8,}$`,
		folders: `concat('/', day, '/', replace(day, '/', '-'), '-')`,
		stamp:   `/([0-9-]{19})-[^/]*$`, layout: "2006-01-02-15-04-05", unit: time.Second, byEvent: true,
	}
	trailNames = objectNames{
		pattern: `/[0-9]{12}_CloudTrail_[^_/]+_[0-9]{8}T` + hours + minutes + `Z_?[0-9A-Za-z]+\.json(\.gz)?$`,
		folders: `concat('/', day, '/', account, '_CloudTrail_', region, '_', replace(day, '/', ''), 'T')`,
		stamp:   `_([0-9]{8}T[0-9]{4})Z[^/]*$`, layout: "20060102T1504", unit: time.Minute,
	}
)

// conditions returns the conditions that an object is read.
func (n *objectNames) conditions(asked *once.Query) []string {
	all := []string{"regexp_like(\"$path\", " + quote(n.pattern) + ")", "strpos(\"$path\", " + n.folders + ") > 0"}
	at := "regexp_extract(\"$path\", " + quote(n.stamp) + ", 1)"
	if !asked.Since.IsZero() {
		later := at + " > " + quote(asked.Since.Add(-keySkew).UTC().Format(n.layout))
		if n.byEvent {
			later = "(" + later + " OR " + at + " LIKE '%-00-00-00' AND " + at + " > " + quote(asked.Since.Add(-oneDay).UTC().Format(n.layout)) + ")"
		}
		all = append(all, later)
	}
	if !asked.Until.IsZero() { // an object of a minute was delivered before the next one
		end := asked.Until.Add(asked.Slack + n.unit - 1)
		all = append(all, at+" < "+quote(end.UTC().Format(n.layout)))
	}
	return all
}

// keySkew is the scanner's: how much later than the time in an object's key a request in it
// may have come.
const keySkew = 15 * time.Minute

const oneDay = 24 * time.Hour

// conditions returns the conditions that together select the folders, and no other
// partition: of those that have all but the last column in common, one each. A column that
// is injected wants a list of values.
func (c *chunk) conditions() (all []string) {
	if c.table.Log == record.CloudTrail {
		byRegions := make(map[string][]string) // accounts
		byAccount := make(map[string][]string) // Regions
		for _, f := range c.folders {
			byAccount[f.account] = append(byAccount[f.account], f.region)
		}
		for account, regions := range byAccount {
			list := in("region", regions)
			byRegions[list] = append(byRegions[list], account)
		}
		for _, regions := range slices.Sorted(maps.Keys(byRegions)) {
			all = append(all, in("account", byRegions[regions])+" AND "+regions)
		}
		return all
	}
	byRegion := make(map[[2]string][]string) // buckets
	for _, f := range c.folders {
		byRegion[[2]string{f.account, f.region}] = append(byRegion[[2]string{f.account, f.region}], f.bucket)
	}
	for _, f := range c.folders {
		in2 := [2]string{f.account, f.region}
		if buckets := byRegion[in2]; buckets != nil {
			all = append(all, in("account", []string{f.account})+" AND "+in("region", []string{f.region})+" AND "+in("bucket", buckets))
			delete(byRegion, in2)
		}
	}
	return all
}

// in returns the condition that a column has one of some values.
func in(column string, values []string) string {
	var all []string
	for _, v := range slices.Sorted(slices.Values(values)) {
		all = append(all, quote(v))
	}
	if len(all) == 1 {
		return column + " = " + all[0]
	}
	return column + " IN (" + strings.Join(all, ", ") + ")"
}
