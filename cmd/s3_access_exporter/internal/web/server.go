// Package web is the exporter's web server: metrics, health, readiness and the status
// of what is tailed, as a page and as JSON. Others have written much of what it shows,
// so every page escapes it.
package web

import (
	"context"
	"errors"
	"log"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	toolkit "github.com/prometheus/exporter-toolkit/web"
	"go.yaml.in/yaml/v3"
)

const (
	readTimeout     = 10 * time.Second // of a request
	writeTimeout    = 10 * time.Second // of an answer, but for those that a share paces
	idleTimeout     = 3 * time.Minute  // of a connection, longer than between two scrapes
	shutdownTimeout = 5 * time.Second

	defaultStallTimeout  = 10 * time.Second
	defaultAnswerTimeout = 2 * time.Minute // longer than anybody scrapes for
)

// Config describes a Server.
type Config struct {
	Name, Version   string   // of the program
	ListenAddresses []string // to listen on, at least one
	TelemetryPath   string   // of the metrics; a plain path that is none of Paths
	// ConfigFile is the path of a file with TLS and basic auth, in the form of
	// Prometheus' exporter-toolkit; empty: there is none.
	ConfigFile string
	// Coverage is what is known of which buckets are logged; nil: nobody looks.
	Coverage Coverage
	// MaxRequests is how many requests for metrics or the status are answered at once;
	// 0: any number. Others are told to come again.
	MaxRequests int
	// StallTimeout is how long a client may take for the next 64 KiB of such an answer;
	// 0: 10 s.
	StallTimeout time.Duration
	// AnswerTimeout is how long it may take for all of one, once that is made; 0: 2 min.
	AnswerTimeout time.Duration
}

// Server is a web server that listens.
type Server struct {
	cfg       Config
	scheme    string // http or https
	listeners []net.Listener
	http      *http.Server
	logger    *slog.Logger
}

// New listens on the addresses of a Config. It serves nothing until Run is called.
func New(ctx context.Context, cfg Config, metrics prometheus.Gatherer, tail Tailer, logger *slog.Logger) (*Server, error) {
	scheme, err := Scheme(cfg.ConfigFile)
	if err != nil {
		return nil, err
	}
	mux, err := newMux(cfg, metrics, tail, logger)
	if err != nil {
		return nil, err
	}
	s := &Server{
		cfg:    cfg,
		scheme: scheme,
		http: &http.Server{
			Handler:      mux,
			ReadTimeout:  readTimeout,
			WriteTimeout: writeTimeout,
			IdleTimeout:  idleTimeout,
			ErrorLog:     log.New(errorLog{logger}, "", 0),
		},
		logger: logger,
	}
	for _, address := range cfg.ListenAddresses {
		var lc net.ListenConfig
		l, err := lc.Listen(ctx, "tcp", address)
		if err != nil {
			s.close()
			return nil, err
		}
		s.listeners = append(s.listeners, l)
	}
	return s, nil
}

// errorLog has what the standard library's server has to say, such as that a client does not
// speak TLS, in the log of the program.
type errorLog struct{ logger *slog.Logger }

// Write implements io.Writer for a log.Logger, which writes a line at a time.
func (l errorLog) Write(line []byte) (int, error) {
	l.logger.Warn("web server", "err", strings.TrimSpace(string(line)))
	return len(line), nil
}

// CheckConfigFile returns what is wrong in a ConfigFile or in the files that it names.
func CheckConfigFile(path string) error { return toolkit.Validate(path) }

// Scheme returns the scheme that a Server with a ConfigFile speaks, http or https.
func Scheme(configFile string) (string, error) {
	var config toolkit.Config
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
func (s *Server) close() {
	for _, l := range s.listeners {
		_ = l.Close()
	}
}

// URL returns where a path of the server is, as seen from this machine.
func (s *Server) URL(path string) string {
	host, port, err := net.SplitHostPort(s.listeners[0].Addr().String())
	if err != nil {
		return path
	}
	if ip := net.ParseIP(host); ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	return s.scheme + "://" + net.JoinHostPort(host, port) + path
}

// Run serves until ctx ends, and lets requests that are under way finish.
func (s *Server) Run(ctx context.Context) error {
	stopped := context.AfterFunc(ctx, func() {
		ctx, cancel := context.WithTimeout(context.Background(), shutdownTimeout)
		defer cancel()
		if s.http.Shutdown(ctx) != nil {
			_ = s.http.Close()
		}
	})
	defer stopped()
	flags := &toolkit.FlagConfig{
		WebListenAddresses: &s.cfg.ListenAddresses,
		WebSystemdSocket:   new(bool),
		WebConfigFile:      &s.cfg.ConfigFile,
	}
	if err := toolkit.ServeMultiple(s.listeners, s.http, flags, s.logger); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
