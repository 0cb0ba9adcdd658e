package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/web"
)

// healthcheckCmd asks a running exporter how it is: for images and machines
// that have no other HTTP client.
type healthcheckCmd struct {
	Web webFlags `embed:"" prefix:"web."`

	URL      string   `name:"url" env:"S3_ACCESS_EXPORTER_HEALTHCHECK_URL" placeholder:"URL" help:"Where the exporter is, with user and password if it asks for them; by default the first of --web.listen-address on this machine."`
	Ready    bool     `name:"ready" env:"S3_ACCESS_EXPORTER_HEALTHCHECK_READY" help:"Ask whether all logs that lay there at the start are counted, but for those that cannot be read, and not only whether the process works."`
	Insecure bool     `name:"insecure" env:"S3_ACCESS_EXPORTER_HEALTHCHECK_INSECURE" help:"Take any certificate from --url. On this machine's own address any will do."`
	Timeout  interval `name:"timeout" env:"S3_ACCESS_EXPORTER_HEALTHCHECK_TIMEOUT" default:"5s" help:"How long the answer may take."`
}

// maxHealthAnswer is how much of an answer is read, in bytes: it is one line.
const maxHealthAnswer = 1 << 10

// Validate implements kong's validation of flags.
func (cmd *healthcheckCmd) Validate() error {
	if cmd.URL == "" {
		return nil
	}
	u, err := url.Parse(cmd.URL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return errors.New("--url is no URL such as https://localhost:10403") // it may hold a password
	}
	return nil
}

// Run asks once. The exporter is well if the answer is 200.
func (cmd *healthcheckCmd) Run(ctx context.Context, env *environment) error {
	target, err := cmd.target()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, time.Duration(cmd.Timeout))
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), http.NoBody)
	if err != nil {
		return err
	}
	response, err := cmd.client().Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	body, err := io.ReadAll(io.LimitReader(response.Body, maxHealthAnswer))
	if err != nil {
		return err
	}
	text := strings.TrimSpace(string(body))
	if response.StatusCode != http.StatusOK {
		return fmt.Errorf("%s: HTTP %d: %s", target.Redacted(), response.StatusCode, text)
	}
	_, err = fmt.Fprintln(env.stdout, text)
	return err
}

// target returns what to ask. A listening address without a host leads to this
// machine, without a name that somebody would have to resolve.
func (cmd *healthcheckCmd) target() (*url.URL, error) {
	page := web.HealthyPath
	if cmd.Ready {
		page = web.ReadyPath
	}
	if cmd.URL != "" {
		u, err := url.Parse(cmd.URL)
		if err != nil {
			return nil, err
		}
		return u.JoinPath(page), nil
	}
	scheme, err := web.Scheme(cmd.Web.ConfigFile)
	if err != nil {
		return nil, fmt.Errorf("--web.config.file: %w", err)
	}
	return &url.URL{Scheme: scheme, Host: cmd.Web.ListenAddress[0], Path: page}, nil
}

// client returns a client that goes straight to the exporter and follows no
// redirect. The certificate of this machine's own exporter is not verified, as
// Kubernetes does not verify it either: it is for the name under which others
// know the machine, and nothing secret is sent.
func (cmd *healthcheckCmd) client() *http.Client {
	return &http.Client{
		Transport: &http.Transport{TLSClientConfig: &tls.Config{
			MinVersion:         tls.VersionTLS12,
			InsecureSkipVerify: cmd.URL == "" || cmd.Insecure,
		}},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}
