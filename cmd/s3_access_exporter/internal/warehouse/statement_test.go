package warehouse

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/engine"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/golden"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

func globs(t *testing.T, texts ...string) (all []query.Glob) {
	t.Helper()
	for _, text := range texts {
		var g query.Glob
		if err := g.UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
		all = append(all, g)
	}
	return all
}

func sourceOf(t *testing.T, text string) query.Source {
	t.Helper()
	var s query.Source
	if err := s.UnmarshalText([]byte(text)); err != nil {
		t.Fatal(err)
	}
	return s
}

func question(t *testing.T, cfg query.Config, needs engine.Needs) *engine.Question {
	t.Helper()
	filter, err := query.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	if needs.Labels == nil {
		needs.Labels = new(classify.Config)
	}
	return &engine.Question{Filter: filter, Needs: needs}
}

// sqlOf returns both queries, with a line for each layer.
func sqlOf(t *testing.T, d Dialect, q *engine.Question) string {
	t.Helper()
	w := &Warehouse{Dialect: d}
	var text strings.Builder
	for _, c := range []chunk{
		{table: Table{Log: record.ServerAccess, Location: "s3://example-logs", Root: "access/"}, folders: []folder{{"111122223333", "eu-west-1", "it's"}, {"111122223333", "eu-west-1", "photos"}, {"444455556666", "us-east-1", "photos-2"}}},
		{table: Table{Log: record.CloudTrail, Location: "s3://example-logs", Root: "AWSLogs/o-example/"}, folders: []folder{{account: "111122223333", region: "eu-west-1"}, {account: "444455556666", region: "eu-west-1"}, {account: "444455556666", region: "us-east-1"}}},
	} {
		c.first, c.last = "2026/01/14", "2026/01/17"
		r := &run{Warehouse: w, question: q}
		s := r.statement(&c)
		fmt.Fprintf(&text, "-- %s: %s\n%s;\n\n", s.log, strings.Join(s.columns, " "), strings.NewReplacer(" FROM (", "\nFROM (", " UNION ALL ", "\nUNION ALL ", " WHERE ", "\nWHERE ", " GROUP BY ", "\nGROUP BY ").Replace(s.sql))
	}
	return text.String()
}

func TestStatement_OfEveryFilter(t *testing.T) {
	day := func(d int) time.Time { return time.Date(2026, 1, d, 0, 0, 0, 0, time.UTC) }
	by := func(fields ...query.Field) engine.Needs { return engine.Needs{Fields: fields} }
	for name, asked := range map[string]struct {
		cfg   query.Config
		needs engine.Needs
	}{
		"nothing":          {},
		"requester":        {needs: by(query.Requester, query.Signature)},
		"time":             {query.Config{Since: day(15), Until: day(16), Slack: 24 * time.Hour}, by(query.Hour)},
		"key":              {query.Config{Keys: globs(t, "images/it's*.jpg")}, by(query.Bucket)},
		"bucket_region":    {query.Config{Buckets: globs(t, "photos"), Regions: globs(t, "eu-*"), AccountIDs: globs(t, "111122223333")}, by(query.Client)},
		"requester_filter": {query.Config{Requesters: globs(t, "arn:aws:iam::111122223333:user/*", "!*.amazonaws.com")}, by(query.Operation)},
		"source_ip":        {query.Config{Sources: []query.Source{sourceOf(t, "192.0.2.17")}}, by(query.SourceIP)},
		"sigv2":            {query.Config{Signatures: globs(t, "SigV2")}, by(query.Requester)},
		"anonymous":        {query.Config{Anonymous: true, Object: true}, by(query.Bucket, query.Key)},
		"outcome":          {query.Config{Outcomes: globs(t, "denied"), Operations: globs(t, "Delete*"), Clients: globs(t, "boto3"), Logs: globs(t, "*")}, by(query.Day, query.ErrorCode)},
		"feature":          {query.Config{Features: globs(t, "tls1.*"), TLS: globs(t, "TLSv1")}, by(query.Requester)},
		"acl":              {query.Config{Features: globs(t, "acl_required"), Supports: globs(t, "ended")}, by(query.ACLRequired)},
		"access_key":       {query.Config{AccessKeys: globs(t, "AKIA0000*"), Endpoints: globs(t, "vpce-0a1b2c3d")}, by(query.AccessKeyID, query.MFA)},
		"connection":       {needs: by(query.TLSVersion, query.CipherSuite, query.Host, query.Referer, query.VersionID, query.ObjectSize, query.TotalTime, query.SourceRegion)},
		"metrics":          {needs: engine.Needs{Fields: query.LabelFields(), Durations: true}},
		"events":           {query.Config{Since: day(15), Keys: globs(t, "x.jpg"), Slack: 24 * time.Hour}, engine.Needs{Fields: query.WholeFields(), Single: true, Ordered: true}},
		"some":             {query.Config{Logs: globs(t, "*")}, engine.Needs{Fields: []query.Field{query.Key}, Single: true, Limit: 10}},
		"earliest":         {query.Config{Since: day(15), Slack: 24 * time.Hour}, engine.Needs{Fields: query.WholeFields(), Single: true, Ordered: true, Limit: 10}},
		"filtered_limit":   {query.Config{Object: true}, engine.Needs{Fields: query.WholeFields(), Single: true, Ordered: true, Limit: 10}},
	} {
		t.Run(name, func(t *testing.T) {
			golden.Want(t, name+".sql", sqlOf(t, Trino(), question(t, asked.cfg, asked.needs)))
		})
	}
	t.Run("athena", func(t *testing.T) {
		golden.Want(t, "athena.sql", sqlOf(t, Athena(), question(t, query.Config{}, by(query.Bucket, query.Requester))))
	})
}

// What no part decides on would be missing in what is printed.
func TestStatement_HasWhatDecidesOnEveryField(t *testing.T) {
	decides := func(parts []part, f query.Field) bool {
		return slices.Contains(always, f) || slices.ContainsFunc(parts, func(p part) bool { return p.needed != nil && p.needed(&needs{fields: []query.Field{f}}) })
	}
	for _, f := range query.Fields() {
		if !decides(lineParts(), f) && !decides(eventParts(), f) {
			t.Errorf("no part decides on %s", f)
		}
	}
}

func TestTable_DDL(t *testing.T) {
	for name, d := range map[string]Dialect{"trino": Trino(), "athena": Athena()} {
		var text strings.Builder
		for _, table := range []Table{
			{Log: record.ServerAccess, Location: "s3://example-logs/partitioned", Root: "partitioned/"},
			{Log: record.ServerAccess, Location: "s3://example-logs", Root: "no-slash"},
			{Log: record.CloudTrail, Location: "s3://example-logs", Root: "AWSLogs/o-example/"},
			{Log: record.ServerAccess, Location: "file:///srv/logs", Root: ""},
		} {
			text.WriteString(table.DDL(d) + "\n")
		}
		golden.Want(t, "ddl_"+name+".sql", text.String())
	}
}
