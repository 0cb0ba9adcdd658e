package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/alecthomas/kong"
	"github.com/alecthomas/units"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/promslog"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/coverage"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/hostile"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/web"
	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner"
	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
)

type logFlags struct {
	Level  string `name:"level" default:"info" enum:"debug,info,warn,error" help:"Least severity that is logged: ${enum}."`
	Format string `name:"format" default:"logfmt" enum:"logfmt,json" help:"Format of the log: ${enum}."`
}

func (f logFlags) logger(w io.Writer) *slog.Logger {
	level, format := promslog.NewLevel(), promslog.NewFormat()
	// Both texts are from kong's enums.
	_, _ = level.Set(f.Level), format.Set(f.Format)
	if f.Format == "json" { // in logfmt they are quoted
		w = hostile.JSONWriter(w)
	}
	return promslog.New(&promslog.Config{Level: level, Format: format, Writer: w})
}

type webFlags struct {
	ListenAddress []string `name:"listen-address" default:":10403" help:"Address to listen on; repeatable."`
	TelemetryPath string   `name:"telemetry-path" default:"/metrics" help:"Path of the metrics."`
	ConfigFile    string   `name:"config.file" placeholder:"PATH" help:"YAML file with TLS and basic auth, as in Prometheus' exporter-toolkit."`
	MaxRequests   int      `name:"max-requests" default:"40" help:"Scrapes, and requests for the status, that are answered at once; others get HTTP 503; 0: no limit."`
}

var plainPath = regexp.MustCompile(`^(/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)+$`)

// Validate implements kong's validation of flags.
func (f webFlags) Validate() error {
	if len(f.ListenAddress) == 0 {
		return errors.New("--web.listen-address is empty")
	}
	for _, address := range f.ListenAddress {
		_, port, err := net.SplitHostPort(address)
		if err == nil {
			_, err = strconv.ParseUint(port, 10, 16)
		}
		if err != nil {
			return fmt.Errorf("--web.listen-address: %q is no address such as :10403", address)
		}
	}
	switch metrics := f.TelemetryPath; {
	case f.MaxRequests < 0:
		return errors.New("--web.max-requests must not be negative")
	case !plainPath.MatchString(metrics):
		return fmt.Errorf("--web.telemetry-path: %q is no plain path such as /metrics", metrics)
	case slices.Contains(web.Paths(), metrics):
		return fmt.Errorf("--web.telemetry-path: %s is taken", metrics)
	}
	return nil
}

// listen returns the web server that the flags describe. It listens. Without found,
// it shows nothing of which buckets are logged.
func (f webFlags) listen(
	ctx context.Context, metrics prometheus.Gatherer, tail web.Tailer, found *coverage.Metrics, logger *slog.Logger,
) (*web.Server, error) {
	if err := web.CheckConfigFile(f.ConfigFile); err != nil {
		return nil, fmt.Errorf("--web.config.file: %w", err)
	}
	config := web.Config{
		Name:            program,
		Version:         versionText(),
		ListenAddresses: f.ListenAddress,
		TelemetryPath:   f.TelemetryPath,
		ConfigFile:      f.ConfigFile,
		MaxRequests:     f.MaxRequests,
	}
	if found != nil {
		config.Coverage = found
	}
	server, err := web.New(ctx, config, metrics, tail, logger)
	if err != nil {
		return nil, fmt.Errorf("--web.listen-address: %w", err)
	}
	return server, nil
}

type labelFlags struct {
	Requester     requesterMode     `name:"requester" default:"role" help:"Label requester: arn, role (sessions collapse into their role), account or off."`
	SourceIP      sourceIPMode      `name:"source-ip" default:"full" help:"Label source_ip: full, off, or prefix lengths for IPv4 and IPv6 such as 24,64."`
	ClientVersion clientVersionMode `name:"client-version" default:"full" help:"Label client_version: full, minor, major or off."`
}

func (f labelFlags) config() classify.Config {
	return classify.Config{
		Requester:     f.Requester.RequesterMode,
		SourceIP:      f.SourceIP.SourceIPMode,
		ClientVersion: f.ClientVersion.ClientVersionMode,
	}
}

// legacyFlags choose what counts of what AWS turns off.
type legacyFlags struct {
	Features featureSet `name:"features" default:"${legacy_features}" help:"Features that AWS turns off and that are counted: sigv2, tls1.0, tls1.1, plain_http, acl_required, path_style, soap; all or off."`
}

// readFlags say how every command reads log objects.
type readFlags struct {
	MaxObjectSize size `name:"max-object-size" default:"${max_object_size}" help:"Largest log object that is read, decompressed."`
	Concurrency   int  `name:"concurrency" default:"0" help:"Log objects that are read at once; 0: as many as the cores can use, and fewer if S3 throttles."`
}

// Validate implements kong's validation of flags.
func (f readFlags) Validate() error {
	if f.Concurrency < 0 {
		return errors.New("--scan.concurrency must not be negative")
	}
	return nil
}

// variables are what stands in the tags of flags as ${name}: among them the defaults
// that a library has.
func variables() kong.Vars {
	return kong.Vars{
		"audit_interval":  short(scanner.DefaultAuditInterval),
		"audit_window":    short(scanner.DefaultAuditWindow),
		"dedupe_window":   strconv.Itoa(serveDedupeWindow),
		"fields":          fieldNames(),
		"interval":        short(scanner.DefaultInterval),
		"legacy_features": classify.DefaultFeatures().String(),
		"location_help":   locationHelp,
		"max_object_size": units.Base2Bytes(scanner.DefaultMaxObjectSize).String(),
		"overlap":         short(scanner.DefaultOverlap),
		"sweep_interval":  short(scanner.DefaultSweepInterval),
		"sweep_window":    short(scanner.DefaultSweepWindow),
		"takeover":        short(checkpoint.DefaultTakeover),
		"version":         program + " " + versionText(), // kong.VersionFlag's
	}
}

// short writes a duration as people do: 48h, and not 48h0m0s.
func short(d time.Duration) string {
	text := d.String()
	if rest, ok := strings.CutSuffix(text, "m0s"); ok {
		text = rest + "m"
	}
	if rest, ok := strings.CutSuffix(text, "h0m"); ok {
		text = rest + "h"
	}
	return text
}

// dedupeWindow is how many event IDs of CloudTrail are remembered by default:
// some 10 MB of them, minutes of what a large account does.
const dedupeWindow = 250_000

// serveDedupeWindow is that for serve, which may have to catch up on hours of many accounts at
// once: then copies of an event in two accounts' folders may be far from each other.
const serveDedupeWindow = 1_000_000
