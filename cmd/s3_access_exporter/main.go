// Command s3_access_exporter tails the buckets in which AWS writes its S3
// request logs and exposes what is in them as Prometheus metrics: who still
// signs with Signature Version 2, who comes without credentials, who reads,
// writes and deletes objects.
//
// This package is the command line alone: main.go runs it, flags.go has the values of
// flags, config.go the configuration file, locations.go the locations, and each command
// a file. What the commands do is below internal/, which the compiler keeps to this
// folder, so that nothing there is anybody's API; fleet is not, as tests of dashboards/
// deliver with it.
package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"regexp"
	"syscall"

	"github.com/alecthomas/kong"
	"github.com/prometheus/common/version"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/engine"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/hostile"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/terminal"
)

const (
	program   = "s3_access_exporter"
	envPrefix = "S3_ACCESS_EXPORTER"
)

// Exit codes.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130 // as shells have it for Ctrl-C
)

func main() {
	// Releases set it when they are linked.
	version.Version = cmp.Or(version.Version, moduleVersion())
	ctx, stop := signal.NotifyContext(context.Background(), endSignals()...)
	context.AfterFunc(ctx, stop) // a second signal ends the process at once
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// endSignals returns the signals that end the program in peace. The end of a terminal
// is one, unless nohup has the program outlive it.
func endSignals() []os.Signal {
	signals := []os.Signal{os.Interrupt, syscall.SIGTERM}
	if !signal.Ignored(syscall.SIGHUP) {
		signals = append(signals, syscall.SIGHUP)
	}
	return signals
}

// cli is the command line. Each flag is also an environment variable and a key
// of the YAML file.
type cli struct {
	ConfigFile  configFile       `name:"config.file" placeholder:"PATH" help:"YAML file with flags: scan.interval: 1m, or nested."`
	Log         logFlags         `embed:"" prefix:"log."`
	ShowVersion kong.VersionFlag `name:"version" env:"-" help:"Print version, revision and Go version."`

	Serve       serveCmd       `cmd:"" help:"Tail log buckets and serve their metrics."`
	Demo        demoCmd        `cmd:"" help:"Serve a make-believe log bucket: a first look, nothing to configure."`
	Report      reportCmd      `cmd:"" help:"Read log buckets once and print counts."`
	Events      eventsCmd      `cmd:"" help:"Print the single requests that match."`
	Backfill    backfillCmd    `cmd:"" help:"Write the counters by event time, as OpenMetrics for promtool."`
	Coverage    coverageCmd    `cmd:"" help:"Print which buckets are logged at all, and what would close the gaps."`
	Engine      engineCmd      `cmd:"" help:"Prepare Athena or Trino for report and events."`
	Checkpoint  checkpointCmd  `cmd:"" help:"Look after a checkpoint of an exporter that does not run."`
	Healthcheck healthcheckCmd `cmd:"" help:"Ask a running exporter whether it works."`
	Version     versionCmd     `cmd:"" help:"Print version, revision and Go version."`
}

// environment is what a command gets from the process.
type environment struct {
	stdout io.Writer
	stderr *terminal.Screen
	logger *slog.Logger
	engine newEngine
	// configured are the locations of the configuration file.
	configured configuredLocations
	// lastLine is set by a command, and printed on standard error when all else is.
	lastLine string
}

// note prints a line on standard error, before the last one.
func (e *environment) note(line string) { fmt.Fprintf(e.stderr, "%s: %s\n", program, line) }

// newEngine returns the engine that answers for the built-in one: in the program that
// itself, in tests another one.
type newEngine func(*engine.Scan) engine.Engine

func builtIn(scan *engine.Scan) engine.Engine { return scan }

// usageError is an error of the command line, as opposed to one of the world.
type usageError struct{ error }

func (e usageError) Unwrap() error { return e.error }

func usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// run runs the program and returns its exit code.
func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	return runOn(ctx, args, stdout, stderr, builtIn)
}

// runOn is run on an engine.
func runOn(ctx context.Context, args []string, stdout, stderr io.Writer, on newEngine) int {
	var c cli
	var configured configuredLocations
	printed := -1 // the exit code of --help, which kong prints by itself
	parser, err := kong.New(&c,
		kong.Name(program),
		kong.Description("Who uses an S3 bucket and how, live, from S3's request logs."),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
		kong.DefaultEnvars(envPrefix),
		kong.Writers(stdout, stderr),
		variables(),
		kong.Exit(func(code int) { printed = code }),
		kong.BindTo(ctx, (*context.Context)(nil)),
		kong.Bind(&configured),
	)
	if err != nil {
		return fail(stderr, err, exitFailed)
	}
	command, err := parser.Parse(args)
	switch {
	case printed >= 0:
		return printed
	case err != nil:
		return fail(stderr, withHint(parser.Model, err), exitUsage)
	}
	lines := terminal.New(stderr)
	env := &environment{stdout: stdout, stderr: lines, logger: c.Log.logger(lines), engine: on, configured: configured}
	code := exitCode(ctx, command.Run(env), stderr)
	if env.lastLine != "" {
		fmt.Fprintf(stderr, "%s: %s\n", program, env.lastLine)
	}
	return code
}

// exitCode prints an error, and returns the exit code for it.
func exitCode(ctx context.Context, err error, stderr io.Writer) int {
	interrupted := ctx.Err() != nil && (errors.Is(err, ctx.Err()) || errors.Is(err, context.Cause(ctx)))
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, new(usageError)):
		return fail(stderr, err, exitUsage)
	case errors.Is(err, errInterrupted):
		return fail(stderr, err, exitInterrupted)
	case interrupted: // whatever it was in the middle of
		return fail(stderr, errors.New("interrupted"), exitInterrupted)
	}
	return fail(stderr, err, exitFailed)
}

var lineBreak = regexp.MustCompile(`\s*\n\s*`)

// fail prints an error in one line, which not all packages keep to.
func fail(stderr io.Writer, err error, code int) int {
	text := hostile.Visible(lineBreak.ReplaceAllString(err.Error(), " "))
	fmt.Fprintf(stderr, "%s: error: %s\n", program, text)
	return code
}
