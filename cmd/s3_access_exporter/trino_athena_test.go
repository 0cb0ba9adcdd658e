//go:build integration

package main

import (
	"bytes"
	"encoding/json"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/engine"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/golden"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/warehouse"
)

// athenaColumns returns those of Athena's table, by its DDL, in Trino's words. Its input
// format for CloudTrail makes strings of the objects that hold what clients sent.
func athenaColumns(t *testing.T, location string) string {
	t.Helper()
	ddl := runToEnd(t, "engine", "ddl", "--engine=athena", location)
	_, table, _ := strings.Cut(ddl.stdout, "CREATE EXTERNAL TABLE s3_cloudtrail_")
	_, columns, _ := strings.Cut(table, "(\n")
	columns, _, ok := strings.Cut(columns, "\n)")
	if !ok {
		t.Fatalf("%s", ddl.stdout)
	}
	return strings.NewReplacer("struct<", "row(", "array<", "array(", ":", " ", ">", ")", "string", "varchar").Replace(columns)
}

// asAthenaReads writes the events of a bucket's trails as Athena's input format makes
// them of log files, into another directory.
func asAthenaReads(t *testing.T, bucket, mirror string) {
	t.Helper()
	err := filepath.WalkDir(bucket, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.Contains(path, "_CloudTrail_") {
			return err
		}
		body, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		var log struct{ Records []map[string]json.RawMessage }
		if err := json.Unmarshal(unpacked(t, body), &log); err != nil {
			return nil //nolint:nilerr // Athena skips it
		}
		var lines bytes.Buffer
		for _, event := range log.Records {
			for _, name := range []string{"requestParameters", "additionalEventData"} {
				if value, ok := event[name]; ok && value[0] == '{' {
					if event[name], err = json.Marshal(string(value)); err != nil {
						return err
					}
				}
			}
			line, err := json.Marshal(event)
			if err != nil {
				return err
			}
			lines.Write(append(line, '\n'))
		}
		relative, err := filepath.Rel(bucket, path)
		if err != nil {
			return err
		}
		return writeObject(filepath.Join(mirror, relative), gzipped(t, lines.Bytes()))
	})
	if err != nil {
		t.Fatal(err)
	}
}

// wantAthenaSQL holds the queries that Athena gets against the scanner. Trino has the
// reader of Athena's tables, but not the input format in front of it.
func (s *trinoServer) wantAthenaSQL(t *testing.T, location string) {
	t.Helper()
	mirror := filepath.Join(t.TempDir(), "columns")
	asAthenaReads(t, location, mirror)
	s.exec(t, "CREATE SCHEMA IF NOT EXISTS hive.columns")
	client, err := warehouse.NewTrinoClient(warehouse.TrinoConfig{URL: s.url, Catalog: "hive", Schema: "columns"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	ddl, columns := runToEnd(t, "engine", "ddl", "--engine=trino", location), athenaColumns(t, location)
	for statement := range strings.SplitSeq(ddl.stdout, ";\n") {
		if strings.Contains(statement, "s3_cloudtrail_") {
			statement = strings.Replace(statement, "CREATE TABLE ", "CREATE TABLE hive.columns.", 1)
			statement = strings.Replace(statement, "line varchar", columns, 1)
			statement = strings.Replace(statement, "format = 'REGEX', regex = '(.*)'", "format = 'JSON'", 1)
			s.exec(t, strings.ReplaceAll(statement, "local://"+location, "local://"+mirror))
		}
	}
	for _, command := range []string{
		"report --by bucket,key,status,user_agent,requester,source_ip,account_id,aws_region --top=0 -o csv", "report --by requester,signature", "report --signature SigV2 --by source_ip,outcome",
		"report --by client,client_version,sigv4_default --top=0", "report --by day,hour,operation --top=0 -o json", "report --anonymous --by bucket,source_ip",
		"report -o csv --top=0", "report -o prometheus", "report --by feature,acl_required --top=0", "report --by tls_version,cipher_suite,host,version_id --top=0",
		"report --by access_key_id,vpc_endpoint_id,vpc_endpoint_account_id,mfa,console_session --top=0", "report --feature acl_required --by requester", "report --tls-version 'TLSv1*' --by tls_version",
		"events -o csv --sort time",
	} {
		t.Run(command, func(t *testing.T) {
			args := append(shellWords(command), "--log=cloudtrail", location)
			want := runToEnd(t, args...)
			var stdout, stderr bytes.Buffer
			runOn(t.Context(), args, &stdout, &stderr, func(scan *engine.Scan) engine.Engine {
				return &warehouse.Warehouse{Dialect: warehouse.Athena(), Client: client, Scan: scan.Config, Logger: slog.New(slog.DiscardHandler), Notes: func(string) {}}
			})
			got := inOrder(logObject.ReplaceAllString(stdout.String(), ""))
			if want := inOrder(logObject.ReplaceAllString(want.stdout, "")); got != want {
				t.Errorf("%s\n%s", golden.FirstDifference(got, want), stderr.String())
			}
		})
	}
}

// inOrder returns the lines of a text in an order that does not depend on the places of
// events in log files, which Athena does not show.
func inOrder(text string) string {
	return strings.Join(slices.Sorted(strings.Lines(text)), "")
}
