package s3source

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/pem"
	"errors"
	"hash/crc32"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// What is written is sent on the condition that there is none, with a checksum that S3 holds
// the body against, over HTTP and TLS, and asks for a key of KMS only where it is told to.
func TestObjects_AreSentWithAConditionAndAChecksum(t *testing.T) {
	isolate(t)
	body := []byte("what was counted")
	want := base64.StdEncoding.EncodeToString(binary.BigEndian.AppendUint32(nil, crc32.ChecksumIEEE(body)))
	var got *http.Request
	var sent []byte
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"0f0f"`)
		got = r
		sent, _ = io.ReadAll(r.Body) // what is missing shows below
	})
	plain, secure := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	defer plain.Close()
	defer secure.Close()
	certificate := filepath.Join(t.TempDir(), "ca.pem")
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: secure.Certificate().Raw})
	if err := os.WriteFile(certificate, text, 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("AWS_CA_BUNDLE", certificate)
	for _, endpoint := range []string{plain.URL, secure.URL} {
		objects := newSource(t, endpoint, func(c *Config) { c.Region = "eu-west-1" }).Objects("exporter")
		for _, key := range []string{"", "arn:aws:kms:eu-west-1:111122223333:key/example"} {
			if err := objects.EncryptedBy(key).PutIfAbsent(t.Context(), "journal/1", bytes.NewReader(body)); err != nil {
				t.Fatal(err)
			}
			if got.Method != http.MethodPut || got.URL.Path != "/"+testBucket+"/exporter/journal/1" || got.Header.Get("If-None-Match") != "*" {
				t.Errorf("%s %s %v", got.Method, got.URL, got.Header)
			}
			checksum := got.Header.Get("X-Amz-Checksum-Crc32")
			if checksum == "" && strings.EqualFold(got.Header.Get("X-Amz-Trailer"), "x-amz-checksum-crc32") {
				_, checksum, _ = strings.Cut(string(sent), "x-amz-checksum-crc32:")
				checksum = strings.TrimSpace(checksum)
			}
			if checksum != want || !bytes.Contains(sent, body) {
				t.Errorf("%s: the checksum is %q, not %q, of %q", endpoint, checksum, want, sent)
			}
			how := map[bool]string{true: "aws:kms"}[key != ""]
			if got.Header.Get("X-Amz-Server-Side-Encryption") != how || got.Header.Get("X-Amz-Server-Side-Encryption-Aws-Kms-Key-Id") != key {
				t.Errorf("key %q: %v", key, got.Header)
			}
		}
	}
}

// A proxy that answers HTTP 200 with a page of its own has stored nothing.
func TestObjects_TakeNoPageForAnAnswerThatItIsStored(t *testing.T) {
	isolate(t)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = io.WriteString(w, "<html>Sign in to the network</html>") // who misses it fails below
	}))
	defer server.Close()
	objects := newSource(t, server.URL, func(c *Config) { c.Region = "eu-west-1" }).Objects("exporter")
	err := objects.PutIfAbsent(t.Context(), "journal/1", strings.NewReader("what was counted"))
	if err == nil || errors.Is(err, fs.ErrExist) || !strings.Contains(err.Error(), "ETag") || strings.Contains(err.Error(), "\n") {
		t.Errorf("%v", err)
	}
}
