package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/web"
	"github.com/s3access/s3_access_exporter/scanner"
	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
)

// replica is this process as one of those that use a checkpoint: the only one, if that is
// a file. It is what the web server reports on. Its methods may be called from any
// goroutine.
type replica struct {
	*scanner.Scanner
	journal *checkpoint.Journal // nil: the checkpoint is a file
	loaded  atomic.Bool         // the stored counters can be shown
}

var _ web.Tailer = (*replica)(nil)

func newReplica(s state, scan *scanner.Scanner) *replica {
	journal, _ := s.(*checkpoint.Journal)
	return &replica{Scanner: scan, journal: journal}
}

// Ready implements web.Tailer.
func (r *replica) Ready() error {
	if r.journal != nil {
		s := r.journal.Status()
		switch {
		case s.Err != nil:
			return fmt.Errorf("the checkpoint cannot be reached: %w", s.Err)
		case !s.Active:
			return r.standby(s)
		case !r.live():
			return errors.New("the checkpoint was not written for too long")
		}
	}
	return r.Scanner.Ready()
}

func (r *replica) standby(s checkpoint.JournalStatus) error {
	if s.Writer == "" {
		return checkpoint.ErrStandby
	}
	return fmt.Errorf("%w: %s is active", checkpoint.ErrStandby, s.Writer)
}

// Status implements web.Tailer.
func (r *replica) Status() scanner.Status {
	status := r.Scanner.Status()
	status.Ready = r.Ready() == nil
	if r.journal == nil {
		return status
	}
	if err := r.journal.Status().Err; err != nil {
		status.CommitError = err.Error()
	}
	return status
}

// Role implements web.Tailer.
func (r *replica) Role() *web.Role {
	if r.journal == nil {
		return nil
	}
	s := r.journal.Status()
	return &web.Role{Active: s.Active, Live: r.live(), Writer: s.Writer, Sequence: s.Sequence, Moved: s.Moved}
}

var activeDesc = prometheus.NewDesc("s3_access_exporter_active",
	"Whether this exporter counts (1), or stands by while another one does, or starts (0).", nil, nil)

// Describe implements prometheus.Collector.
func (r *replica) Describe(descs chan<- *prometheus.Desc) { descs <- activeDesc }

// Collect implements prometheus.Collector.
func (r *replica) Collect(metrics chan<- prometheus.Metric) {
	active := 1.0
	if r.journal != nil && !r.journal.Status().Active {
		active = 0
	}
	metrics <- prometheus.MustNewConstMetric(activeDesc, prometheus.GaugeValue, active)
}

// live reports whether what was counted may be shown.
func (r *replica) live() bool { return r.journal == nil || r.loaded.Load() && r.journal.Live() }

// counts returns what gathers what was counted as long as it may be shown. That may end
// while it is gathered.
func (r *replica) counts(all prometheus.Gatherer) prometheus.Gatherer {
	return prometheus.GathererFunc(func() ([]*dto.MetricFamily, error) {
		if !r.live() {
			return nil, nil
		}
		families, err := all.Gather()
		if !r.live() {
			return nil, nil
		}
		return families, err
	})
}

// run calls lead as soon as this process is the one that counts; see state.
func (r *replica) run(ctx context.Context, s state, lead func(ctx context.Context) error) error {
	err := s.Run(ctx, lead)
	if r.journal != nil {
		return journalError(err)
	}
	return err
}
