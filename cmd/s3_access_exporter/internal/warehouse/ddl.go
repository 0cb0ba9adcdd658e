package warehouse

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"path"
	"strings"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// ddlVersion is part of every table's name, so that tables of another form are never
// asked.
const ddlVersion = "2"

// Name returns the table's name: that of the log and of the folder, and a number that
// follows from them, so that no two folders have the same.
func (t *Table) Name() string {
	const longest = 40
	word := func(c rune) rune {
		if 'a' <= c && c <= 'z' || '0' <= c && c <= '9' {
			return c
		}
		return '_'
	}
	log := "s3_access_log"
	if t.Log == record.CloudTrail {
		log = "s3_cloudtrail"
	}
	_, place, _ := strings.Cut(t.folderName(), "://")
	place = strings.Trim(strings.Map(word, strings.ToLower(place)), "_")
	if len(place) > longest {
		place = place[:longest]
	}
	sum := sha256.Sum256([]byte(ddlVersion + " " + log + " " + t.folderName()))
	return log + "_" + strings.TrimRight(place, "_") + "_" + hex.EncodeToString(sum[:4])
}

// folderName is what the full names of the table's objects begin with.
func (t *Table) folderName() string { return t.uri(t.Root) }

// uri returns the full name of what lies at a key.
func (t *Table) uri(key string) string {
	location := t.Location
	if rest, ok := strings.CutPrefix(location, "s3://"); ok {
		bucket, _, _ := strings.Cut(rest, "/")
		return "s3://" + bucket + "/" + key
	}
	return strings.Replace(location, "file://", "local://", 1) + "/" + key
}

// location is a folder that all objects of the table lie in: a root that ends inside of a
// folder's name is in none of its own.
func (t *Table) location() string {
	return t.uri(strings.TrimSuffix(path.Dir(t.Root+"x"), ".")) // without the name
}

// template is where a partition's objects lie.
func (t *Table) template() string {
	if t.Log == record.CloudTrail {
		return t.uri(t.Root + "${account}/CloudTrail/${region}/${day}")
	}
	return t.uri(t.Root + "${account}/${region}/${bucket}/${day}")
}

// partitions are the columns that partition the table, but for the day.
func (t *Table) partitions() []string {
	if t.Log == record.CloudTrail {
		return []string{"account", "region"}
	}
	return []string{"account", "region", "bucket"}
}

// firstDay is before the first object that AWS has delivered in folders of days: trails
// began in 2013, partitioned server access logs in 2023.
func (t *Table) firstDay() string { return "2013/01/01" }

// DDL returns the statement that creates the table.
func (t *Table) DDL(d Dialect) string {
	if d.event == "" {
		return t.athenaDDL()
	}
	return t.trinoDDL()
}

// trinoDDL is for the Hive connector with hive.partition-projection-enabled.
func (t *Table) trinoDDL() string {
	columns := []string{"line varchar"}
	for _, name := range t.partitions() {
		columns = append(columns, name+" varchar WITH (partition_projection_type = 'injected')")
	}
	columns = append(columns, fmt.Sprintf("day varchar WITH (partition_projection_type = 'date', partition_projection_format = 'yyyy/MM/dd', "+
		"partition_projection_range = ARRAY['%s', 'NOW+1DAYS'], partition_projection_interval = 1, partition_projection_interval_unit = 'DAYS')", t.firstDay()))
	return fmt.Sprintf("CREATE TABLE %s (\n  %s\n) WITH (\n  format = 'REGEX', regex = '(.*)',\n  external_location = %s,\n  partitioned_by = ARRAY['%s', 'day'],\n"+
		"  partition_projection_enabled = true,\n  partition_projection_location_template = %s\n);\n",
		t.Name(), strings.Join(columns, ",\n  "), quote(t.location()), strings.Join(t.partitions(), "', '"), quote(t.template()))
}

// athenaDDL is in the grammar of Hive, which Athena has for tables.
func (t *Table) athenaDDL() string {
	columns, form := "line string", "ROW FORMAT SERDE 'org.apache.hadoop.hive.serde2.RegexSerDe' WITH SERDEPROPERTIES ('input.regex' = '(.*)')\n"+
		"STORED AS INPUTFORMAT 'org.apache.hadoop.mapred.TextInputFormat'"
	if t.Log == record.CloudTrail {
		columns, form = athenaTypes(), "ROW FORMAT SERDE 'org.apache.hive.hcatalog.data.JsonSerDe'\nSTORED AS INPUTFORMAT 'com.amazon.emr.cloudtrail.CloudTrailInputFormat'"
	}
	var partitions, projections []string
	for _, name := range t.partitions() {
		partitions = append(partitions, name+" string")
		projections = append(projections, fmt.Sprintf("'projection.%s.type' = 'injected'", name))
	}
	return fmt.Sprintf("CREATE EXTERNAL TABLE %s (\n  %s\n)\nPARTITIONED BY (%s, day string)\n%s\nOUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'\n"+
		"LOCATION %s\nTBLPROPERTIES (\n  'projection.enabled' = 'true',\n  %s,\n  'projection.day.type' = 'date', 'projection.day.format' = 'yyyy/MM/dd', 'projection.day.range' = '%s,NOW+1DAYS',\n"+
		"  'projection.day.interval' = '1', 'projection.day.interval.unit' = 'DAYS',\n  'storage.location.template' = %s\n);\n",
		t.Name(), columns, strings.Join(partitions, ", "), form, quote(strings.TrimSuffix(t.location(), "/")+"/"), strings.Join(projections, ", "), t.firstDay(), quote(t.template()))
}

// athenaTypes are the columns of Athena's table of events: of those that AWS's own table
// has, what decides on a request. See
// https://docs.aws.amazon.com/athena/latest/ug/create-cloudtrail-table.html.
func athenaTypes() string {
	fields := func(nodes ...*eventNode) string { return written(nodes, ":", "string", "struct<", ">") }
	var lines []string
	for _, column := range eventTree() {
		lines = append(lines, strings.Replace(fields(column), ":", " ", 1))
	}
	return strings.Join(lines, ",\n  ") + ",\n  resources array<struct<" + fields(resourceFields().fields...) + ">>"
}
