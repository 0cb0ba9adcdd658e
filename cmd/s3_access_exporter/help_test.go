package main

import (
	"maps"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"testing"
)

func TestRun_PrefersTheCommandLineToTheEnvironmentToTheFile(t *testing.T) {
	for _, test := range []struct {
		name           string
		file, env, arg bool
		want           string
	}{
		{"file", true, false, false, "of-the-file"},
		{"environment", false, true, false, "of-the-environment"},
		{"environment and file", true, true, false, "of-the-environment"},
		{"command line and file", true, false, true, "of-the-command-line"},
		{"all", true, true, true, "of-the-command-line"},
	} {
		for _, flag := range []string{"log.level", "labels.requester"} {
			t.Run(test.name+" "+flag, func(t *testing.T) {
				// All values are wrong; the one that goes before the others is told.
				args := []string{"report", "-o", "prometheus", t.TempDir()}
				if test.file {
					args = append(args, "--config.file="+writeFile(t, "config.yml", flag+": of-the-file"))
				}
				if test.env {
					t.Setenv("S3_ACCESS_EXPORTER_"+strings.ToUpper(strings.ReplaceAll(flag, ".", "_")), "of-the-environment")
				}
				if test.arg {
					args = append(args, "--"+flag+"=of-the-command-line")
				}
				wantFailure(t, runToEnd(t, args...), exitUsage, strconv.Quote(test.want))
			})
		}
	}
}

// serveFlags are the flags of serve and their defaults, as users know them.
var serveFlags = map[string]string{
	"config.file": "", "log.level": "info", "log.format": "logfmt",
	"web.listen-address": ":10403", "web.telemetry-path": "/metrics", "web.config.file": "", "web.max-requests": "40",
	"checkpoint.path": "s3_access_exporter.db", "checkpoint.must-exist": "",
	"checkpoint.interval": "1s", "checkpoint.takeover": "1m", "checkpoint.cache": "", "checkpoint.kms-key-id": "", "shard.index": "0", "shard.count": "1",
	"check": "", "version": "",
	"scan.since": "24h", "scan.interval": "1m", "scan.overlap": "1h", "scan.sweep-window": "48h", "scan.sweep-interval": "1h",
	"scan.audit-window": "720h", "scan.audit-interval": "24h", "scan.max-object-size": "2GiB",
	"scan.dedupe-window": "1000000", "scan.concurrency": "0",
	"labels.requester": "role", "labels.source-ip": "full", "labels.client-version": "full",
	"legacy.features": "sigv2,tls1.0,tls1.1,plain_http,acl_required,soap",
	"record-format":   "",
	"series.limit":    "10000", "series.ttl": "720h", "series.hold": "2m",
	"coverage.interval": "0", "coverage.role-name": "",
	"aws.endpoint-url": "", "aws.region": "", "aws.path-style": "", "aws.role-arn": "", "aws.external-id": "",
}

// filterDefaults are the filters and their defaults.
var filterDefaults = map[string]string{
	"since": "", "until": "", "delivery-slack": "24h", "log": "", "account-id": "", "aws-region": "", "bucket": "", "operation": "",
	"record-format": "", "key": "", "requester": "", "client": "", "source-ip": "", "signature": "", "outcome": "", "anonymous": "", "object": "",
	"support": "", "feature": "", "tls-version": "", "access-key-id": "", "vpc-endpoint-id": "",
}

// only returns the flags that begin with one of some prefixes.
func only(flags map[string]string, prefixes ...string) map[string]string {
	found := make(map[string]string)
	for name, value := range flags {
		for _, prefix := range prefixes {
			if strings.HasPrefix(name, prefix) {
				found[name] = value
			}
		}
	}
	return found
}

// engineDefaults are the flags about who reads the logs.
var engineDefaults = map[string]string{
	"engine": "scan", "dry-run": "", "max-scan": "", "trino.url": "", "trino.catalog": "hive", "trino.schema": "default",
	"athena.workgroup": "primary", "athena.catalog": "AwsDataCatalog", "athena.database": "default", "athena.output-location": "S3-URL",
	"athena.region": "", "athena.endpoint-url": "",
}

func TestRun_HelpsWithEveryFlag(t *testing.T) {
	report := only(serveFlags, "config.", "log.", "version", "labels.", "legacy.", "aws.", "scan.max-object-size", "scan.concurrency")
	maps.Copy(report, filterDefaults)
	maps.Copy(report, engineDefaults)
	maps.Copy(report, map[string]string{"by": "", "top": "10", "output": "table"})
	events := only(serveFlags, "config.", "log.", "version", "aws.", "scan.max-object-size", "scan.concurrency")
	maps.Copy(events, filterDefaults)
	maps.Copy(events, engineDefaults)
	maps.Copy(events, map[string]string{"fields": "", "limit": "", "output": "table", "context": "", "sort": ""})
	backfill := only(serveFlags, "config.", "log.", "version", "labels.", "legacy.", "aws.", "scan.max-object-size", "scan.concurrency")
	maps.Copy(backfill, filterDefaults)
	maps.Copy(backfill, engineDefaults)
	maps.Copy(backfill, map[string]string{"external-label": "NAME=VALUE", "output-file": "", "step": "1m"})
	for command, want := range map[string]map[string]string{
		"serve":    serveFlags,
		"demo":     only(serveFlags, "config.", "log.", "version", "web."),
		"report":   report,
		"events":   events,
		"backfill": backfill,
		"version":  only(serveFlags, "config.", "log.", "version"),
	} {
		t.Run(command, func(t *testing.T) {
			got := helpedFlags(t, command)
			for name, value := range want {
				if shown, ok := got[name]; !ok || shown != value {
					t.Errorf("--%s is shown with %q (%t), want %q", name, shown, ok, value)
				}
			}
			for name := range got {
				if _, ok := want[name]; !ok {
					t.Errorf("--%s is shown", name)
				}
			}
		})
	}
}

var helpedFlag = regexp.MustCompile(`(?m)^\s+(?:-\w, )?--([a-z.-]+)(?:=(\S+))?`)

// helpedFlags returns the flags of --help and their defaults; what stands in
// capitals is the place of a value, and no default.
func helpedFlags(t *testing.T, command string) map[string]string {
	t.Helper()
	got := runToEnd(t, command, "--help")
	if got.code != exitOK || got.stderr != "" {
		t.Fatalf("exit code %d, %s", got.code, got.stderr)
	}
	flags := make(map[string]string)
	for _, match := range helpedFlag.FindAllStringSubmatch(got.stdout, -1) {
		value := strings.Trim(strings.TrimSuffix(match[2], ",..."), `"`)
		if value == strings.ToUpper(value) && strings.Trim(value, "ABCDEFGHIJKLMNOPQRSTUVWXYZ") == "" {
			value = ""
		}
		if match[1] != "help" {
			flags[match[1]] = value
		}
	}
	return flags
}

func TestRun_PrintsItsVersion(t *testing.T) {
	got := runToEnd(t, "version")
	if got.code != exitOK || !strings.HasPrefix(got.stdout, program+" ") || !strings.Contains(got.stdout, runtime.Version()) ||
		strings.Count(got.stdout, "\n") != 1 {
		t.Errorf("exit code %d, %q", got.code, got.stdout)
	}
	t.Setenv("S3_ACCESS_EXPORTER_VERSION", "true") // is nobody's flag
	for _, args := range [][]string{{"--version"}, {"serve", "--version"}} {
		if flag := runToEnd(t, args...); flag != got {
			t.Errorf("%q: exit code %d, %q, %q", args, flag.code, flag.stdout, flag.stderr)
		}
	}
}
