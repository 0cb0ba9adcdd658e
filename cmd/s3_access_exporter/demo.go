package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/fleet"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/location"
	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/web"
)

// demoCmd serves a log bucket that it keeps filling.
type demoCmd struct {
	Web webFlags `embed:"" prefix:"web."`
}

const (
	// demoBacklog is how much of the past lies in the demo's log bucket at the start.
	demoBacklog = 2 * time.Minute
	// demoKept is how long logs lie there.
	demoKept = time.Hour
	// demoHold is the demo's --series.hold: short, so that counters move soon.
	demoHold = 10 * time.Second
	// demoSecond is how often logs are delivered.
	demoSecond = time.Second
)

const demoText = `A make-believe log bucket is being filled, and served like a real one.
  metrics   %s
  status    %s
  overview  %s
Let a Prometheus scrape it every 5 s, and ask
  who still signs with Signature Version 2:
    sum by (log, requester, client, client_version) (increase(s3_access_sigv2_requests_total[5m])) > 0
  who reads without credentials, and gets what it wants:
    sum by (log, bucket, source_ip) (increase(s3_access_anonymous_requests_total{outcome="success"}[5m])) > 0
  which requests come from clients that do not sign with Version 4 by default:
    sum by (requester, client, client_version) (rate(s3_access_object_requests_total{log="cloudtrail"}[5m])
      * on (client, client_version) group_left s3_access_client_info{sigv4_default="no"})
New series show 0 for %s first. Press Ctrl-C to end; everything is removed then.
`

// Run fills and serves until ctx ends.
func (cmd *demoCmd) Run(ctx context.Context, env *environment) (err error) {
	dir, err := os.MkdirTemp("", "s3_access_exporter-demo-")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	bucket := filepath.Join(dir, "log-bucket")
	if err := os.Mkdir(bucket, 0o700); err != nil {
		return err
	}
	start := time.Now()
	logs := delivery{clients: fleet.New(fleet.Config{Seed: uint64(start.UnixNano())}), bucket: bucket}
	if err := logs.deliver(start.Add(-demoBacklog), start); err != nil {
		return err
	}
	d := daemon{
		serveCmd: &serveCmd{
			Web:        cmd.Web,
			Checkpoint: checkpointFlags{Path: filepath.Join(dir, "checkpoint.db")},
			Scan: scanFlags{
				Since:         since(2 * time.Hour),
				Interval:      interval(demoSecond),
				SweepInterval: interval(5 * time.Second), // new streams come all the time
				DedupeWindow:  dedupeWindow,
				readFlags:     readFlags{Concurrency: 2},
			},
			Series: seriesFlags{Limit: 10_000, Hold: duration(demoHold)},
		},
		env:     env,
		started: func(s *web.Server) { cmd.print(env.stdout, s) },
	}
	both, ctx := errgroup.WithContext(ctx)
	both.Go(func() error { return d.run(ctx, []location.Location{{Dir: bucket}}) })
	both.Go(func() error { return logs.keepDelivering(ctx, start) })
	return both.Wait()
}

func (cmd *demoCmd) print(w io.Writer, s *web.Server) {
	fmt.Fprintf(w, demoText, s.URL(cmd.Web.TelemetryPath), s.URL(web.StatusPath), s.URL("/"), demoHold)
}

// delivery fills the demo's log bucket.
type delivery struct {
	clients *fleet.Fleet
	bucket  string
	lying   []delivered // in the order of their times
}

// delivered are files, and when they were delivered.
type delivered struct {
	at    time.Time
	paths []string
}

// keepDelivering delivers what happened since start, again and again, until ctx ends.
func (d *delivery) keepDelivering(ctx context.Context, start time.Time) error {
	ticker := time.NewTicker(demoSecond)
	defer ticker.Stop()
	for from := start; ; {
		select {
		case <-ctx.Done():
			return nil
		case to := <-ticker.C:
			if err := d.deliver(from, to); err != nil {
				return err
			}
			if err := d.removeBefore(to.Add(-demoKept)); err != nil {
				return err
			}
			from = to
		}
	}
}

// deliver writes the log objects of a span of time as files.
func (d *delivery) deliver(from, to time.Time) error {
	objects, _ := d.clients.Deliver(from, to)
	added := delivered{at: to}
	for _, obj := range objects {
		path := filepath.Join(d.bucket, filepath.FromSlash(obj.Key))
		if err := writeObject(path, obj.Body); err != nil {
			return err
		}
		added.paths = append(added.paths, path)
	}
	d.lying = append(d.lying, added)
	return nil
}

// removeBefore removes what was delivered before a time.
func (d *delivery) removeBefore(t time.Time) error {
	for len(d.lying) > 0 && d.lying[0].at.Before(t) {
		for _, path := range d.lying[0].paths {
			if err := os.Remove(path); err != nil {
				return err
			}
		}
		d.lying = d.lying[1:]
	}
	return nil
}

// writeObject writes a file that appears with all of its content.
func writeObject(path string, body []byte) error {
	folder, name := filepath.Split(path)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return err
	}
	temporary := filepath.Join(folder, "."+name)
	if err := os.WriteFile(temporary, body, 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, path)
}
