package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"regexp"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v3"

	"github.com/s3access/s3_access_exporter/scanner"
)

type webFlags struct {
	ListenAddress []string `name:"listen-address" default:":10403" help:"Address to listen on; repeatable."`
	TelemetryPath string   `name:"telemetry-path" default:"/metrics" help:"Path of the metrics."`
	ConfigFile    string   `name:"config.file" placeholder:"PATH" help:"YAML file with TLS and basic auth, as in Prometheus' exporter-toolkit."`
}

const (
	healthyPath = "/-/healthy"
	readyPath   = "/-/ready"

	shutdownTimeout = 5 * time.Second
)

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
	case !plainPath.MatchString(metrics):
		return fmt.Errorf("--web.telemetry-path: %q is no plain path such as /metrics", metrics)
	case slices.Contains([]string{statusPath, statusAPIPath, healthyPath, readyPath}, metrics):
		return fmt.Errorf("--web.telemetry-path: %s is taken", metrics)
	}
	return nil
}

// server is the exporter's web server.
type server struct {
	flags     webFlags
	scheme    string // http or https
	listeners []net.Listener
	http      *http.Server
	logger    *slog.Logger
}

// tailer is what the server tells of; the *scanner.Scanner in the program.
type tailer interface {
	Ready() error
	Status() scanner.Status
}

// newServer listens on the flags' addresses. It serves nothing until run is called.
func newServer(ctx context.Context, flags webFlags, metrics prometheus.Gatherer, tail tailer, logger *slog.Logger) (*server, error) {
	if err := web.Validate(flags.ConfigFile); err != nil {
		return nil, fmt.Errorf("--web.config.file: %w", err)
	}
	scheme, err := schemeOf(flags.ConfigFile)
	if err != nil {
		return nil, fmt.Errorf("--web.config.file: %w", err)
	}
	mux, err := newMux(flags.TelemetryPath, metrics, tail, logger)
	if err != nil {
		return nil, err
	}
	s := &server{
		flags:  flags,
		scheme: scheme,
		http:   &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second},
		logger: logger,
	}
	for _, address := range flags.ListenAddress {
		var lc net.ListenConfig
		l, err := lc.Listen(ctx, "tcp", address)
		if err != nil {
			s.close()
			return nil, fmt.Errorf("--web.listen-address: %w", err)
		}
		s.listeners = append(s.listeners, l)
	}
	return s, nil
}

func newMux(metricsPath string, metrics prometheus.Gatherer, tail tailer, logger *slog.Logger) (http.Handler, error) {
	landing, err := web.NewLandingPage(web.LandingConfig{
		Name:        program,
		Description: "Who uses an S3 bucket and how, from S3's request logs.",
		Version:     versionText(),
		Profiling:   "false",
		Links: []web.LandingLinks{
			{Address: statusPath, Text: "Status", Description: "what is read and how far, what could not be read and why"},
			{Address: statusAPIPath, Text: "Status as JSON"},
			{Address: metricsPath, Text: "Metrics"},
			{Address: healthyPath, Text: "Health", Description: "answers as long as the process works"},
			{Address: readyPath, Text: "Readiness", Description: "answers with 200 once all logs that lay there at the start are counted"},
		},
	})
	if err != nil {
		return nil, err
	}
	status, err := newStatusPages(tail.Status)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", landing)
	mux.HandleFunc("GET "+statusPath, status.serveHTML)
	mux.HandleFunc("GET "+statusAPIPath, status.serveJSON)
	mux.Handle("GET "+metricsPath, promhttp.HandlerFor(metrics, promhttp.HandlerOpts{
		ErrorLog:                            slog.NewLogLogger(logger.Handler(), slog.LevelError),
		EnableOpenMetrics:                   true,
		EnableOpenMetricsTextCreatedSamples: true,
	}))
	mux.HandleFunc("GET "+healthyPath, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "healthy")
	})
	mux.HandleFunc("GET "+readyPath, func(w http.ResponseWriter, _ *http.Request) {
		if err := tail.Ready(); err != nil {
			http.Error(w, "not ready: "+err.Error(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	return mux, nil
}

// schemeOf returns the scheme that the exporter-toolkit serves with a
// configuration file; an empty name is none.
func schemeOf(configFile string) (string, error) {
	var config web.Config
	if configFile != "" {
		text, err := os.ReadFile(configFile)
		if err != nil {
			return "", err
		}
		if err := yaml.Unmarshal(text, &config); err != nil {
			return "", err
		}
	}
	if config.TLSConfig.IsEnabled() {
		return "https", nil
	}
	return "http", nil
}

// close gives up listening on a server that does not run.
func (s *server) close() {
	for _, l := range s.listeners {
		_ = l.Close()
	}
}

// url returns where a path of the server is, as seen from this machine.
func (s *server) url(path string) string {
	host, port, err := net.SplitHostPort(s.listeners[0].Addr().String())
	if err != nil {
		return path
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	return s.scheme + "://" + net.JoinHostPort(host, port) + path
}

// run serves until ctx ends, and lets requests that are under way finish.
func (s *server) run(ctx context.Context) error {
	stopped := context.AfterFunc(ctx, func() {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
		defer cancel()
		if s.http.Shutdown(ctx) != nil {
			_ = s.http.Close()
		}
	})
	defer stopped()
	flags := &web.FlagConfig{
		WebListenAddresses: &s.flags.ListenAddress,
		WebSystemdSocket:   new(bool),
		WebConfigFile:      &s.flags.ConfigFile,
	}
	if err := web.ServeMultiple(s.listeners, s.http, flags, s.logger); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
