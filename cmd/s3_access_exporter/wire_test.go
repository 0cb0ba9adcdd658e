//go:build integration

package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"encoding/xml"
	"fmt"
	"io"
	"maps"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/s3source/miniotest"
)

// wire stands between real clients and MinIO, which believe that they talk to AWS: it is
// their HTTP proxy, and has a certificate for AWS's hosts. Of what it sees on the wire it
// writes what AWS writes: a line of the server access log, and an event of CloudTrail.
type wire struct {
	proxy  string // URL
	caFile string
	pool   *x509.CertPool

	mu      sync.Mutex
	public  map[string]bool // keys that a canned ACL has opened
	lines   []byte
	events  []map[string]any
	counted map[string]int // requests by what is on
	on      string
}

// wireAccount is the account whose bucket it is, and wireBucket the bucket.
const (
	wireAccount = "111122223333"
	wireBucket  = "example-wire"
)

// startWire starts the proxy before a server.
func startWire(t *testing.T, m *miniotest.MinIO) *wire {
	t.Helper()
	upstream, err := url.Parse(m.Endpoint)
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{public: make(map[string]bool), counted: make(map[string]int)}
	forward := &httputil.ReverseProxy{
		Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(upstream); r.Out.Host = r.In.Host },
		Transport: &http.Transport{
			DisableCompression: true, Proxy: nil,
		},
	}
	seen := http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) { w.serve(answer, r, m.AccessKey, forward) })
	secure := httptest.NewUnstartedServer(seen)
	secure.TLS = &tls.Config{MinVersion: tls.VersionTLS10, Certificates: []tls.Certificate{w.certificate(t)}} //nolint:gosec // that is what it is for
	secure.Config.ErrorLog = nil
	secure.StartTLS()
	t.Cleanup(secure.Close)
	plain := httptest.NewServer(http.HandlerFunc(func(answer http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodConnect {
			tunnel(answer, secure.Listener.Addr().String())
			return
		}
		seen(answer, r)
	}))
	t.Cleanup(plain.Close)
	w.proxy = plain.URL
	return w
}

// serving tells on whose behalf requests are made from now on.
func (w *wire) serving(client string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.on = client
}

// requests returns how many each client made, and the lines of all.
func (w *wire) requests() (made map[string]int, lines []byte) {
	w.mu.Lock()
	defer w.mu.Unlock()
	return maps.Clone(w.counted), bytes.Clone(w.lines)
}

// certificate makes a certificate for AWS's hosts, which clients are told to trust.
func (w *wire) certificate(t *testing.T) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "s3.amazonaws.com"}, NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(24 * time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
		DNSNames: []string{"s3.amazonaws.com", "*.s3.amazonaws.com", "s3.us-east-1.amazonaws.com", "*.s3.us-east-1.amazonaws.com"},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
	w.pool = x509.NewCertPool()
	w.pool.AppendCertsFromPEM(text)
	w.caFile = filepath.Join(t.TempDir(), "ca.pem")
	if err := writeObject(w.caFile, text); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// trust returns a client's configuration that trusts the certificate.
func (w *wire) trust() *tls.Config { return &tls.Config{RootCAs: w.pool, MinVersion: tls.VersionTLS12} }

// tunnel joins a client that said CONNECT with a server.
func tunnel(answer http.ResponseWriter, address string) {
	server, err := net.Dial("tcp", address)
	if err != nil {
		http.Error(answer, err.Error(), http.StatusBadGateway)
		return
	}
	defer func() { _ = server.Close() }()
	client, _, err := http.NewResponseController(answer).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = client.Close() }()
	if _, err := io.WriteString(client, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	go func() {
		_, _ = io.Copy(server, client)
		_ = server.Close()
	}()
	_, _ = io.Copy(client, server)
}

// seenRequest is what the wire shows of a request, and of its answer.
type seenRequest struct {
	*http.Request
	bucket, key       string
	signature, method string // as logged; empty if it is unsigned
	accessKey         string
	soap              string // its action
	status, sent      int
	errorCode         string
	byACL             bool
	known             bool // the access key is one of ours, and the signature its
	at                time.Time
	requestID, uri    string
}

func (w *wire) serve(answer http.ResponseWriter, r *http.Request, ours string, forward http.Handler) {
	s := &seenRequest{Request: r, at: time.Now().UTC(), uri: r.URL.RequestURI()}
	s.address()
	s.authentication()
	recorder := httptest.NewRecorder()
	if r.URL.Path == "/soap" {
		s.answerSOAP(recorder)
	} else {
		forward.ServeHTTP(final{recorder}, r)
	}
	s.status, s.sent = recorder.Code, recorder.Body.Len()
	if s.status >= http.StatusBadRequest {
		var fault struct{ Code string }
		_ = xml.Unmarshal(recorder.Body.Bytes(), &fault) // the answer to HEAD has none
		s.errorCode = fault.Code
	}
	s.known = s.accessKey == ours && s.errorCode != "SignatureDoesNotMatch"
	w.note(s)
	for name, values := range recorder.Header() {
		answer.Header()[name] = values
	}
	answer.WriteHeader(s.status)
	_, _ = answer.Write(recorder.Body.Bytes())
}

// final is an answer without those before it, such as 100 Continue.
type final struct{ *httptest.ResponseRecorder }

// WriteHeader implements http.ResponseWriter.
func (f final) WriteHeader(status int) {
	if status >= http.StatusOK {
		f.ResponseRecorder.WriteHeader(status)
	}
}

// address takes bucket and key from the host and the path.
func (s *seenRequest) address() {
	host, _, _ := strings.Cut(s.Host, ":")
	path := strings.TrimPrefix(s.URL.Path, "/")
	if bucket, _, found := strings.Cut(host, ".s3."); found {
		s.bucket, s.key = bucket, path
	} else {
		s.bucket, s.key, _ = strings.Cut(path, "/")
	}
}

var credential = regexp.MustCompile(`^AWS4-HMAC-SHA256 Credential=([^/]+)/`)

// answerSOAP answers in MinIO's place, which has no SOAP API.
func (s *seenRequest) answerSOAP(answer *httptest.ResponseRecorder) {
	var envelope struct {
		Body struct {
			Action struct {
				XMLName     xml.Name
				Bucket, Key string
				AccessKeyID string `xml:"AWSAccessKeyId"`
			} `xml:",any"`
		}
	}
	if err := xml.NewDecoder(s.Body).Decode(&envelope); err != nil {
		answer.WriteHeader(http.StatusBadRequest)
		return
	}
	action := envelope.Body.Action
	s.soap, s.bucket, s.key, s.accessKey = action.XMLName.Local, action.Bucket, action.Key, action.AccessKeyID
	fmt.Fprintf(answer, `<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>`+
		`<%sResponse xmlns="http://doc.s3.amazonaws.com/2006-03-01"/></soapenv:Body></soapenv:Envelope>`, s.soap)
}

// note writes the request into both logs.
func (w *wire) note(s *seenRequest) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if s.Header.Get("X-Amz-Acl") == "public-read" && s.status == http.StatusOK {
		w.public[s.key] = true
	}
	s.byACL = s.accessKey == "" && s.status == http.StatusOK && w.public[s.key]
	w.counted[w.on]++
	s.requestID = fmt.Sprintf("%016X", len(w.lines)+1)
	w.lines = append(w.lines, s.line()...)
	if s.known || s.accessKey == "" { // refused credentials are in the access log alone
		w.events = append(w.events, s.event())
	}
}
