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
	"github.com/prometheus/common/model"
	"github.com/prometheus/common/promslog"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/coverage"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/hostile"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
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

// featureSet is a flag's set of features. It is never the zero value of classify.Features.
type featureSet struct{ classify.Features }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *featureSet) UnmarshalText(text []byte) error {
	switch string(text) {
	case "off":
		s.Features = classify.NoFeatures
		return nil
	case "all":
		s.Features = classify.NewFeatures(classify.AllFeatures()...)
		return nil
	}
	s.Features = 0
	for name := range strings.SplitSeq(string(text), ",") {
		f, err := classify.ParseFeature(name)
		if err != nil {
			return err
		}
		s.Features |= classify.NewFeatures(f)
	}
	return nil
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
		"dedupe_window":   strconv.Itoa(dedupeWindow),
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

// filterFlags describe which requests are asked for. They take nothing from the
// environment, where AWS_REGION is another flag's. Lists are of flags that are
// repeated: keys and requesters may have commas of their own.
type filterFlags struct {
	Since instant  `name:"since" group:"Filters" env:"-" placeholder:"TIME" help:"Only requests from then on: 2026-01-31T12:00:00Z, 2026-01-31, or so long ago: 36h, 7d."`
	Until instant  `name:"until" group:"Filters" env:"-" placeholder:"TIME" help:"Only requests before then."`
	Slack duration `name:"delivery-slack" group:"Filters" env:"-" default:"24h" help:"How long after a request its log may have been delivered: objects up to so long after --until are read."`

	Logs       []query.Glob   `name:"log" group:"Filters" env:"-" placeholder:"LOG" sep:"none" help:"Only this log: server_access or cloudtrail."`
	AccountIDs []query.Glob   `name:"account-id" group:"Filters" env:"-" placeholder:"ID" sep:"none" help:"Only buckets of these accounts."`
	Regions    []query.Glob   `name:"aws-region" group:"Filters" env:"-" placeholder:"REGION" sep:"none" help:"Only buckets in these Regions."`
	Buckets    []query.Glob   `name:"bucket" group:"Filters" env:"-" placeholder:"GLOB" sep:"none" help:"Only these buckets. In a GLOB, * is any run of characters and ? is one; a leading ! negates it; several of one flag are alternatives."`
	Operations []query.Glob   `name:"operation" group:"Filters" env:"-" placeholder:"GLOB" sep:"none" help:"Only these operations, by the action's name (GetObject) or as logged (REST.GET.OBJECT)."`
	Keys       []query.Glob   `name:"key" group:"Filters" env:"-" placeholder:"GLOB" sep:"none" help:"Only these objects, by the whole key."`
	Requesters []query.Glob   `name:"requester" group:"Filters" env:"-" placeholder:"GLOB" sep:"none" help:"Only these requesters, by the label's value or the ARN as logged."`
	Clients    []query.Glob   `name:"client" group:"Filters" env:"-" placeholder:"GLOB" sep:"none" help:"Only these clients: aws-cli, boto3."`
	Sources    []query.Source `name:"source-ip" group:"Filters" env:"-" placeholder:"IP" sep:"none" help:"Only from this address, network (192.0.2.0/24) or AWS service; a leading ! negates it."`
	Signatures []query.Glob   `name:"signature" group:"Filters" env:"-" placeholder:"GLOB" sep:"none" help:"Only these: SigV2, SigV4, SigV4A, none, unknown."`
	Supports   []query.Glob   `name:"support" group:"Filters" env:"-" placeholder:"GLOB" sep:"none" help:"Only clients whose version AWS supports so: current, maintenance, ended, unknown."`
	Features   []query.Glob   `name:"feature" group:"Filters" env:"-" placeholder:"GLOB" sep:"none" help:"Only requests with this feature that AWS turns off: sigv2, tls1.0, tls1.1, plain_http, acl_required, path_style, soap."`
	TLS        []query.Glob   `name:"tls-version" group:"Filters" env:"-" placeholder:"GLOB" sep:"none" help:"Only over these: TLSv1, TLSv1.1, TLSv1.2, TLSv1.3."`
	AccessKeys []query.Glob   `name:"access-key-id" group:"Filters" env:"-" placeholder:"GLOB" sep:"none" help:"Only with these access keys (CloudTrail)."`
	Endpoints  []query.Glob   `name:"vpc-endpoint-id" group:"Filters" env:"-" placeholder:"GLOB" sep:"none" help:"Only by these VPC endpoints (CloudTrail)."`
	Outcomes   []query.Glob   `name:"outcome" group:"Filters" env:"-" placeholder:"GLOB" sep:"none" help:"Only these: success, denied, error."`
	Anonymous  bool           `name:"anonymous" group:"Filters" env:"-" help:"Only requests without credentials."`
	Object     bool           `name:"object" group:"Filters" env:"-" help:"Only requests that name an object's key, and DeleteObjects."`
}

// filter returns the filter that the flags describe, by labels of the given detail.
func (f filterFlags) filter(labels classify.Config) (*query.Filter, error) {
	filter, err := query.New(query.Config{
		Since:      time.Time(f.Since),
		Until:      time.Time(f.Until),
		Slack:      time.Duration(f.Slack),
		Logs:       f.Logs,
		AccountIDs: f.AccountIDs,
		Regions:    f.Regions,
		Buckets:    f.Buckets,
		Clients:    f.Clients,
		Signatures: f.Signatures,
		Outcomes:   f.Outcomes,
		Supports:   f.Supports,
		Features:   f.Features,
		TLS:        f.TLS,
		AccessKeys: f.AccessKeys,
		Endpoints:  f.Endpoints,
		Operations: f.Operations,
		Keys:       f.Keys,
		Requesters: f.Requesters,
		Sources:    f.Sources,
		Anonymous:  f.Anonymous,
		Object:     f.Object,
		Labels:     labels,
	})
	if err != nil {
		return nil, usageError{err}
	}
	return filter, nil
}

// instant is a flag's point in time: as in RFC 3339, a date, at whose start it is in
// UTC, or a duration back from now. The zero value is none.
type instant time.Time

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *instant) UnmarshalText(text []byte) error {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, string(text)); err == nil {
			*m = instant(t)
			return nil
		}
	}
	var ago duration
	if err := ago.UnmarshalText(text); err != nil {
		return fmt.Errorf("%q is no time: write 2026-01-31T12:00:00Z, 2026-01-31, or a duration back from now such as 36h or 7d", text)
	}
	*m = instant(time.Now().Add(-time.Duration(ago)))
	return nil
}

// sortOrder is a flag's order of requests; empty: as they are read.
type sortOrder string

const orderTime sortOrder = "time"

// UnmarshalText implements encoding.TextUnmarshaler.
func (o *sortOrder) UnmarshalText(text []byte) error {
	if order := sortOrder(text); order != "" && order != orderTime {
		return fmt.Errorf("%q is no order: write %s", text, orderTime)
	}
	*o = sortOrder(text)
	return nil
}

// fieldList is a flag's list of fields.
type fieldList []query.Field

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *fieldList) UnmarshalText(text []byte) (err error) {
	*l, err = query.ParseFields(string(text))
	return err
}

// duration is a flag's span of time, 0 or longer: 90s, 1h30m, and as in
// Prometheus 30d.
type duration time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *duration) UnmarshalText(text []byte) error {
	span, err := time.ParseDuration(string(text))
	if err != nil {
		var days model.Duration
		days, err = model.ParseDuration(string(text))
		span = time.Duration(days)
	}
	if err != nil || span < 0 {
		return fmt.Errorf("%q is no duration: write 90s, 5m, 48h or 30d", text)
	}
	*d = duration(span)
	return nil
}

// interval is a flag's span of time that cannot be 0.
type interval time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (i *interval) UnmarshalText(text []byte) error {
	err := (*duration)(i).UnmarshalText(text)
	if err == nil && *i == 0 {
		return errors.New("must be longer than 0")
	}
	return err
}

// since is how far back to begin: a duration, or "all", which is 0.
type since time.Duration

// String returns it as it is written.
func (s since) String() string {
	if s == 0 {
		return "all"
	}
	return short(time.Duration(s))
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *since) UnmarshalText(text []byte) error {
	if string(text) == "all" {
		*s = 0
		return nil
	}
	if err := (*interval)(s).UnmarshalText(text); err != nil {
		return fmt.Errorf("%q is neither a duration such as 24h nor all", text)
	}
	return nil
}

// size is a flag's number of bytes, more than 0: 512MiB, 2GiB.
type size int64

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *size) UnmarshalText(text []byte) error {
	bytes, err := units.ParseBase2Bytes(string(text))
	if err != nil || bytes <= 0 {
		return fmt.Errorf("%q is no size: write 512MiB or 2GiB", text)
	}
	*s = size(bytes)
	return nil
}

type requesterMode struct{ classify.RequesterMode }

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *requesterMode) UnmarshalText(text []byte) (err error) {
	m.RequesterMode, err = classify.ParseRequesterMode(string(text))
	return err
}

type sourceIPMode struct{ classify.SourceIPMode }

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *sourceIPMode) UnmarshalText(text []byte) (err error) {
	m.SourceIPMode, err = classify.ParseSourceIPMode(string(text))
	return err
}

type clientVersionMode struct{ classify.ClientVersionMode }

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *clientVersionMode) UnmarshalText(text []byte) (err error) {
	m.ClientVersionMode, err = classify.ParseClientVersionMode(string(text))
	return err
}
