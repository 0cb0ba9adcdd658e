package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"golang.org/x/crypto/bcrypt"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/web"
)

const (
	acceptText        = "text/plain;version=0.0.4"
	acceptOpenMetrics = "application/openmetrics-text;version=1.0.0"
	acceptProtobuf    = "application/vnd.google.protobuf;proto=io.prometheus.client.MetricFamily;encoding=delimited"
)

// page returns what the exporter answers with code 200.
func (s *site) page(t *testing.T, path, accept string) []byte {
	t.Helper()
	status, body, err := s.get(t.Context(), path, accept)
	if err != nil || status != http.StatusOK {
		t.Fatalf("%s: HTTP %d, %v", path, status, err)
	}
	return body
}

// own returns the samples of the exporter's own families: others change by
// themselves.
func (s samples) own() samples {
	found := make(samples)
	for series, value := range s {
		if strings.HasPrefix(series, "s3_access_") {
			found[series] = value
		}
	}
	return found
}

func TestServe_ShowsTheSameInEveryFormat(t *testing.T) {
	t.Parallel()
	// One poll is enough: then nothing changes any more.
	e := start(t, "serve", fixtureBucket(t), "--checkpoint.path="+filepath.Join(t.TempDir(), "x.db"),
		"--scan.since=all", "--series.hold=0s")
	e.awaitReady(t)
	text := e.mustScrape(t).own()
	families := protobufFamilies(t, e.page(t, "/metrics", acceptProtobuf))
	if diff := flatten(families).own().diff(text); diff != "" {
		t.Errorf("protobuf, held against text:\n%s", diff)
	}
	open := readOpenMetrics(t, e.page(t, "/metrics", acceptOpenMetrics))
	if diff := open.values.own().diff(text); diff != "" {
		t.Errorf("OpenMetrics, held against text:\n%s", diff)
	}

	for series := range text.requestFamilies() {
		name, labels, _ := strings.Cut(series, "{")
		family, isCounter := strings.CutSuffix(name, "_total")
		if created := open.created[family+"{"+labels]; isCounter && (created <= 0 || created > float64(time.Now().Unix()+1)) {
			t.Errorf("%s was created at %v", series, created)
		}
	}
	if n := len(open.exemplars); n == 0 {
		t.Error("no exemplars")
	}
	for series, exemplar := range open.exemplars {
		if !regexp.MustCompile(`^\{request_id="[0-9A-Za-z-]{16,36}"\} \d+(\.\d+)?(e\+\d+)? \d+(\.\d+)?(e\+\d+)?$`).MatchString(exemplar) {
			t.Errorf("%s has the exemplar %s", series, exemplar)
		}
	}
	wantNativeHistograms(t, families)
}

// wantNativeHistograms checks that the durations have both kinds of buckets, and
// that the native ones hold all that was counted.
func wantNativeHistograms(t *testing.T, families []*dto.MetricFamily) {
	t.Helper()
	found := false
	for _, family := range families {
		if family.GetName() != durations {
			continue
		}
		found = true
		for _, metric := range family.GetMetric() {
			h := metric.GetHistogram()
			count, bucket := h.GetZeroCount(), int64(0)
			for _, delta := range h.GetPositiveDelta() {
				bucket += delta
				count += uint64(bucket)
			}
			if h.Schema == nil || count != h.GetSampleCount() || len(h.GetBucket()) == 0 {
				t.Errorf("%v: schema %v, %d in native buckets, %d classic buckets", metric.GetLabel(), h.Schema, count, len(h.GetBucket()))
			}
		}
	}
	if !found {
		t.Error("no " + durations)
	}
}

func protobufFamilies(t *testing.T, body []byte) []*dto.MetricFamily {
	t.Helper()
	decoder := expfmt.NewDecoder(bytes.NewReader(body), expfmt.NewFormat(expfmt.TypeProtoDelim))
	var families []*dto.MetricFamily
	for {
		var family dto.MetricFamily
		err := decoder.Decode(&family)
		if errors.Is(err, io.EOF) {
			return families
		}
		if err != nil {
			t.Fatal(err)
		}
		families = append(families, &family)
	}
}

// flatten returns the samples of families, with classic buckets.
func flatten(families []*dto.MetricFamily) samples {
	s := make(samples)
	for _, family := range families {
		for _, metric := range family.GetMetric() {
			var labels []string
			for _, pair := range metric.GetLabel() {
				labels = append(labels, pair.GetName(), pair.GetValue())
			}
			name := family.GetName()
			switch {
			case metric.Counter != nil:
				s[labelled(name, labels...)] = metric.GetCounter().GetValue()
			case metric.Gauge != nil:
				s[labelled(name, labels...)] = metric.GetGauge().GetValue()
			case metric.Untyped != nil:
				s[labelled(name, labels...)] = metric.GetUntyped().GetValue()
			case metric.Histogram != nil:
				h := metric.GetHistogram()
				s[labelled(name+"_sum", labels...)] = h.GetSampleSum()
				s[labelled(name+"_count", labels...)] = float64(h.GetSampleCount())
				s[labelled(name+"_bucket", append(labels, "le", "+Inf")...)] = float64(h.GetSampleCount())
				for _, bucket := range h.GetBucket() {
					bound := strconv.FormatFloat(bucket.GetUpperBound(), 'g', -1, 64)
					s[labelled(name+"_bucket", append(labels, "le", bound)...)] = float64(bucket.GetCumulativeCount())
				}
			}
		}
	}
	return s
}

// openMetrics is an exposition in that format, by series.
type openMetrics struct {
	values    samples
	created   samples           // by the family's name without _total
	exemplars map[string]string // as they stand behind #
}

var wholeBound = regexp.MustCompile(`\ble="(\d+)\.0"`)

func readOpenMetrics(t *testing.T, body []byte) openMetrics {
	t.Helper()
	if !bytes.HasSuffix(body, []byte("# EOF\n")) {
		t.Error("the exposition has no end")
	}
	read := openMetrics{created: make(samples), exemplars: make(map[string]string)}
	var plain bytes.Buffer
	for line := range strings.Lines(string(body)) {
		sample, exemplar, has := strings.Cut(strings.TrimSpace(line), " # ")
		series := sample[:strings.LastIndexByte(sample, ' ')]
		if has {
			read.exemplars[series] = exemplar
		}
		// 1.0 is how this format writes the bounds 1.
		plain.WriteString(wholeBound.ReplaceAllString(sample, `le="$1"`) + "\n")
	}
	var err error
	if read.values, err = parseSamples(plain.Bytes()); err != nil {
		t.Fatal(err)
	}
	for series, value := range read.values {
		name, labels, _ := strings.Cut(series, "{")
		if family, ok := strings.CutSuffix(name, "_created"); ok {
			read.created[family+"{"+labels] = value
			delete(read.values, series)
		}
	}
	return read
}

func TestServe_ShieldsItselfWithTLSAndPasswords(t *testing.T) {
	t.Parallel()
	certificate, key, trusted := newCertificate(t)
	hash, err := bcrypt.GenerateFromPassword([]byte("secret"), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	config := writeFile(t, "web.yml", fmt.Sprintf(
		"tls_server_config:\n  cert_file: %s\n  key_file: %s\nbasic_auth_users:\n  prometheus: %s\n", certificate, key, hash))
	e := start(t, "serve", append(whole(filepath.Join(t.TempDir(), "x.db")), "--web.config.file="+config, fixtureBucket(t))...)
	if !strings.HasPrefix(e.url(), "https://127.0.0.1:") {
		t.Errorf("it says that it listens at %s", e.url())
	}
	for _, test := range []struct {
		user, password string
		want           int
	}{
		{"", "", http.StatusUnauthorized},
		{"prometheus", "guess", http.StatusUnauthorized},
		{"prometheus", "secret", http.StatusOK},
	} {
		e.client = &http.Client{Transport: signedIn{
			user: test.user, password: test.password,
			RoundTripper: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}},
		}}
		for _, path := range []string{"/", "/metrics", web.HealthyPath} {
			if status, _, err := e.get(t.Context(), path, ""); err != nil || status != test.want {
				t.Errorf("%s as %q: HTTP %d, %v", path, test.user, status, err)
			}
		}
	}
	e.awaitReady(t)
	if len(e.mustScrape(t).requestFamilies()) == 0 {
		t.Error("nothing is exposed")
	}
}

func TestServe_TellsHTTPFromHTTPSIfTheConfigurationHasNoCertificate(t *testing.T) {
	t.Parallel()
	e := start(t, "serve", append(whole(filepath.Join(t.TempDir(), "x.db")),
		"--web.config.file="+writeFile(t, "web.yml", "http_server_config: {http2: false}\n"), t.TempDir())...)
	if !strings.HasPrefix(e.url(), "http://") {
		t.Errorf("it says that it listens at %s", e.url())
	}
	e.awaitReady(t)
}

// signedIn sends requests with a user's name and password, if there is one.
type signedIn struct {
	http.RoundTripper
	user, password string
}

func (s signedIn) RoundTrip(r *http.Request) (*http.Response, error) {
	if s.user != "" {
		r = r.Clone(r.Context())
		r.SetBasicAuth(s.user, s.password)
	}
	return s.RoundTripper.RoundTrip(r)
}

// newCertificate returns the files of a new certificate for the loopback
// interface, and what a client has to trust.
func newCertificate(t *testing.T) (certificateFile, keyFile string, trusted *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		IPAddresses:  []net.IP{net.IPv4(127, 0, 0, 1)},
		NotBefore:    time.Now().Add(-time.Hour),
		NotAfter:     time.Now().Add(time.Hour),
	}
	public, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	certificate := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: public})
	trusted = x509.NewCertPool()
	trusted.AppendCertsFromPEM(certificate)
	return writeFile(t, "cert.pem", string(certificate)),
		writeFile(t, "key.pem", string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private}))), trusted
}
