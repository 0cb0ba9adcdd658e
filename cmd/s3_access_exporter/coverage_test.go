package main

import (
	"slices"
	"testing"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/coverage"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/location"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// A bucket of another store may have the name of one in AWS, and reads none of its logs.
func TestCoverage_KnowsWhichLocationsMayReadLogsOfAWS(t *testing.T) {
	parse := func(text string, options location.Options, form record.Form) location.Location {
		t.Helper()
		l, err := location.Parse(text, options)
		if err != nil {
			t.Fatal(err)
		}
		l.Form = form
		return l
	}
	all := []location.Location{
		parse("s3://logs/a", location.Options{}, 0),
		parse("s3://logs/b", location.Options{EndpointURL: "https://s3.eu-west-1.amazonaws.com"}, record.JSON),
		parse("s3://logs/c", location.Options{EndpointURL: "https://minio.example.com"}, 0),
		parse("s3://logs/d", location.Options{Store: "minio"}, 0),
		parse("s3://logs/a", location.Options{EndpointURL: "https://minio.example.com"}, record.Text),
		parse("/var/logs", location.Options{}, 0),
	}
	location.TellApart(all)
	for endpoint, want := range map[string][]coverage.Location{
		"": {{URL: "s3://logs/a"}, {URL: "s3://logs/b", LeavesText: true}},
		// What is asked stands in for AWS.
		"https://minio.example.com": {{URL: "s3://logs/b", LeavesText: true}, {URL: "s3://logs/c"}, {URL: "s3://logs/a", LeavesJSON: true}},
	} {
		f := awsFlags{storeFlags: storeFlags{EndpointURL: endpoint}}
		if got := f.where(all); !slices.Equal(got, want) {
			t.Errorf("--aws.endpoint-url=%s: %+v, want %+v", endpoint, got, want)
		}
	}
}
