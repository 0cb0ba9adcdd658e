package web

import (
	"cmp"
	"fmt"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	toolkit "github.com/prometheus/exporter-toolkit/web"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/coverage"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/hostile"
	"github.com/s3access/s3_access_exporter/scanner"
)

// The paths that a Server has beside that of the metrics.
const (
	HealthyPath   = "/-/healthy"
	ReadyPath     = "/-/ready"
	ActivePath    = "/-/active"
	StatusPath    = "/status"
	StatusAPIPath = "/api/v1/status"
)

// Paths lists these paths.
func Paths() []string { return []string{HealthyPath, ReadyPath, ActivePath, StatusPath, StatusAPIPath} }

// Tailer is what a Server reports on: in the program, the scanner. Its methods may be
// called from any goroutine.
type Tailer interface {
	// Ready returns why not everything is counted that is known to lie there, nil if
	// it is.
	Ready() error
	Status() scanner.Status
	// Role returns what the process is among those that share a checkpoint; nil if it is
	// alone.
	Role() *Role
}

// Role is what a process is among those that share a checkpoint. Its JSON is the
// exporter's API.
type Role struct {
	// Active is whether the process counts. Others stand by.
	Active bool `json:"active"`
	// Live is whether what it has counted may be shown: nobody can have taken over.
	Live bool `json:"-"`
	// Writer is what the process is called that has written last; empty if none has.
	Writer string `json:"writer"`
	// Sequence is the number of what it wrote, and Moved when that was seen.
	Sequence uint64    `json:"sequence"`
	Moved    time.Time `json:"moved,omitzero"`
}

// Coverage is what is known of which buckets are logged: the buckets, the worst first,
// and when they were looked at; the zero time before the first look. Its method may be
// called from any goroutine.
type Coverage interface {
	Last() ([]coverage.Bucket, time.Time)
}

func newMux(cfg Config, metrics prometheus.Gatherer, tail Tailer, logger *slog.Logger) (http.Handler, error) {
	landing, err := newLandingPage(cfg)
	if err != nil {
		return nil, err
	}
	status, err := newStatusPages(tail.Status, tail.Role, cfg.Coverage)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("GET /{$}", landing)
	limited := limit(cfg.MaxRequests)
	shared := sharing{
		turn:  new(sync.Mutex),
		stall: cmp.Or(cfg.StallTimeout, defaultStallTimeout),
		whole: cmp.Or(cfg.AnswerTimeout, defaultAnswerTimeout),
	}
	mux.Handle("GET "+StatusPath, limited(shared.of(http.HandlerFunc(status.serveHTML))))
	mux.Handle("GET "+StatusAPIPath, limited(shared.of(http.HandlerFunc(status.serveJSON))))
	shared.mayShow = func() bool {
		role := tail.Role()
		return role == nil || role.Live
	}
	mux.Handle("GET "+cfg.TelemetryPath, limited(newMetricsPage(metrics, shared, logger)))
	mux.HandleFunc("GET "+HealthyPath, func(w http.ResponseWriter, _ *http.Request) {
		fmt.Fprintln(w, "healthy")
	})
	mux.HandleFunc("GET "+ReadyPath, func(w http.ResponseWriter, _ *http.Request) {
		if err := tail.Ready(); err != nil {
			http.Error(w, "not ready: "+hostile.Visible(err.Error()), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "ready")
	})
	mux.HandleFunc("GET "+ActivePath, func(w http.ResponseWriter, _ *http.Request) {
		if role := tail.Role(); role != nil && !role.Active {
			http.Error(w, role.standby(), http.StatusServiceUnavailable)
			return
		}
		fmt.Fprintln(w, "active")
	})
	return mux, nil
}

// limit returns what turns requests away where there are most of them at once, among all
// handlers that it is called with; 0: none are.
func limit(most int) func(http.Handler) http.Handler {
	if most == 0 {
		return func(next http.Handler) http.Handler { return next }
	}
	slots := make(chan struct{}, most)
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			select {
			case slots <- struct{}{}:
				defer func() { <-slots }()
				next.ServeHTTP(w, r)
			default:
				turnAway(w)
			}
		})
	}
}

// standby is who is active in place of the process.
func (r *Role) standby() string {
	if r.Writer == "" {
		return "standby"
	}
	return "standby: " + r.Writer + " is active"
}

func newLandingPage(cfg Config) (http.Handler, error) {
	return toolkit.NewLandingPage(toolkit.LandingConfig{
		Name:        cfg.Name,
		Description: "Who uses an S3 bucket and how, from S3's request logs.",
		Version:     cfg.Version,
		Profiling:   "false",
		Links: []toolkit.LandingLinks{
			{Address: StatusPath, Text: "Status", Description: "what is read and how far, what could not be read and why"},
			{Address: StatusAPIPath, Text: "Status as JSON"},
			{Address: cfg.TelemetryPath, Text: "Metrics"},
			{Address: HealthyPath, Text: "Health", Description: "answers as long as the process works"},
			{Address: ActivePath, Text: "Role", Description: "answers with 200 unless another exporter counts, and this one stands by"},
			{Address: ReadyPath, Text: "Readiness", Description: "answers with 200 once all logs that lay there at the start are counted, but for those that cannot be read"},
		},
	})
}
