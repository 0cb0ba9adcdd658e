package main

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// jsonLogOf returns a directory with a log of an account that has a request for each of some
// texts, which is in the names of the bucket, the requester and the key.
func jsonLogOf(t *testing.T, account string, texts []string) (dir string) {
	t.Helper()
	const line = `{"schema_version_id":"V_1_0","bucket_name":%q,"request_time":"2026-07-02T08:15:27Z","remote_ip":"192.0.2.1","requester":%q,"request_id":"0123456789ABCDEF",` +
		`"operation":"REST.GET.OBJECT","key_name":%q,"request_uri":"GET /k HTTP/1.1","http_status":200,"signature_version":"SigV4"}` + "\n"
	var log []byte
	for _, text := range texts {
		log = fmt.Appendf(log, line, "bucket."+text, text, text)
	}
	dir = t.TempDir()
	if err := writeObject(filepath.Join(dir, "AWSLogs", account, "s3", "eu-west-1", "2026", "07", "02", "a"), log); err != nil {
		t.Fatal(err)
	}
	return dir
}

// What YAML would make a number, a time or a truth of is text all the same, as on the command line.
func TestConfigFile_TakesTextAsItIsWritten(t *testing.T) {
	const id = "012345678901"
	texts := []string{id, "0x10", "1e3", "1.0", "1_000", "2026-07-02", "true", ".inf", "0o17", "+1"}
	slices.Sort(texts)
	dir, all := jsonLogOf(t, id, texts), strings.Join(texts, " ")
	cases := map[string]string{
		"account-id: " + id: all, "account-id: '" + id + "'": all, "account-id: !!str " + id: all, "account-id: 12345678901": "",
		"since: 2026-07-02": all, "since: 2026-07-02T08:15:28Z": "", "since: !!timestamp 2026-07-02": all, "until: 2026-07-02": "",
		"{since: 2026-07-02T00:00:00Z, until: 2026-07-03}": all, "delivery-slack: 36h": all,
		"object: true": all, "object: True": all, "object: yes": all, "anonymous: true": "", "anonymous: false": all, "top: 0x10": all, "top: 0": all,
		"scan: {concurrency: 1, max-object-size: 2GiB}": all,
		"scan.concurrency: &a 2\ntop: *a":               "+1 .inf", "key: &a [true, 1.0]\nrequester: *a": "1.0 true", "# nothing": all, "": all, "---\n": all,
	}
	for _, text := range texts {
		for _, file := range []string{"key: " + text, "key: [" + text + "]", "requester: " + text, "{key: [nothing, '" + text + "']}", "bucket: [&a bucket." + text + ", *a]"} {
			cases[file] = text
		}
	}
	for file, want := range cases {
		got := runToEnd(t, "report", dir, "--config.file="+writeFile(t, "config.yml", file), "--by=key", "-o", "csv", "--labels.requester=arn")
		var keys []string
		for line := range strings.Lines(got.stdout) {
			key, _, _ := strings.Cut(line, ",")
			keys = append(keys, strings.TrimPrefix(key, "'")) // which stands before what looks like a formula
		}
		if got.code != exitOK || strings.Join(keys[1:], " ") != want {
			t.Errorf("%s: exit code %d, found %q, want %q; %s", file, got.code, keys, want, got.stderr)
		}
	}
}

// The same goes for the options of locations.
func TestParseEntries_TakesTextAsItIsWritten(t *testing.T) {
	_, entries, err := loadYAML(writeFile(t, "config.yml", `
locations:
  - &first {location: s3://example-logs, role_arn: arn:aws:iam::012345678901:role/reader, external_id: 0123456789, path_style: true}
  - {<<: *first, location: 4711, path_style: False, store: 1e3, region: 0x10}
  - 1_000
`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, e := range entries {
		text := fmt.Sprintf("%s %s %s %s %s", e.location, e.own.RoleARN, e.own.ExternalID, e.own.Store, e.own.Region)
		if e.pathStyle != nil {
			text += fmt.Sprint(" ", *e.pathStyle)
		}
		got = append(got, text)
	}
	want := []string{
		"s3://example-logs arn:aws:iam::012345678901:role/reader 0123456789   true",
		"4711 arn:aws:iam::012345678901:role/reader 0123456789 1e3 0x10 false", "1_000    ",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// In a file, what is repeated on the command line is a list.
func TestConfigFile_HoldsFilters(t *testing.T) {
	bucket := fixtureBucket(t)
	for text, args := range map[string][]string{
		"key: [invoices/4711.pdf, 'backup/*']":  {"--key=invoices/4711.pdf", "--key=backup/*"},
		"source-ip: 192.0.2.17":                 {"--source-ip=192.0.2.17"},
		"{log: cloudtrail, signature: [SigV2]}": {"--log=cloudtrail", "--signature=SigV2"},
		"by: [log, bucket]":                     {"--by=log,bucket"},
	} {
		want := runToEnd(t, append([]string{"report", bucket}, args...)...).stdout
		got := runToEnd(t, "report", bucket, "--config.file="+writeFile(t, "config.yml", text)).stdout
		if got != want || strings.Contains(want, "no requests match") && strings.HasPrefix(text, "by") {
			t.Errorf("%s:\n%s", text, got)
		}
	}
	wantFailure(t, runToEnd(t, "report", bucket, "--config.file="+writeFile(t, "config.yml", "bucket: ['!']")), exitUsage, "is no pattern")
}
