package s3source

import (
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// isSigned reports whether a request is signed with these credentials, by signing it
// again.
func isSigned(t *testing.T, r *http.Request, credentials aws.Credentials) bool {
	t.Helper()
	header := r.Header.Get("Authorization")
	_, signed, _ := strings.Cut(header, "SignedHeaders=")
	signed, _, _ = strings.Cut(signed, ",")
	again := r.Clone(t.Context())
	again.Header = make(http.Header)
	for name := range strings.SplitSeq(signed, ";") {
		if value := r.Header.Get(name); value != "" {
			again.Header.Set(name, value)
		}
	}
	at, err := time.Parse("20060102T150405Z", r.Header.Get("X-Amz-Date"))
	if err != nil {
		t.Error(err)
	}
	sdk := v4.NewSigner(func(o *v4.SignerOptions) { o.DisableURIPathEscaping = true })
	if err := sdk.SignHTTP(t.Context(), credentials, again, r.Header.Get("X-Amz-Content-Sha256"), "s3", "us-east-1", at); err != nil {
		t.Error(err)
	}
	return again.Header.Get("Authorization") == header
}

// Stores other than AWS change the secret of an access key and leave its ID. The file of
// credentials then differs in the secret alone.
func TestSource_SignsWithTheNewSecretOfTheSameKey(t *testing.T) {
	isolate(t)
	file := useCredentialsFile(t)
	file.write(t, "AKIDSAME", "old")
	var secret atomic.Value
	secret.Store("old")
	src := newSource(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !isSigned(t, r, aws.Credentials{AccessKeyID: "AKIDSAME", SecretAccessKey: secret.Load().(string)}) {
			writeError(w, http.StatusForbidden, "SignatureDoesNotMatch", "not with this secret")
			return
		}
		_, _ = w.Write([]byte("body"))
	})))
	read := func(key string) {
		t.Helper()
		if data, err := sourcetest.Read(t.Context(), src, of(key, 4)); err != nil || string(data) != "body" {
			t.Errorf("with the secret %q: %q, %v", secret.Load(), data, err)
		}
	}
	read("a key/+é")
	secret.Store("new")
	file.write(t, "AKIDSAME", "new")
	read("a key/+é")
}
