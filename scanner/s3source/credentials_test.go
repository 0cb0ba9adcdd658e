package s3source

import (
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// credentialsFile is a shared credentials file of the SDK's.
type credentialsFile string

// useCredentialsFile makes a file the only source of credentials.
func useCredentialsFile(t *testing.T) credentialsFile {
	t.Helper()
	path := filepath.Join(t.TempDir(), "credentials")
	t.Setenv("AWS_ACCESS_KEY_ID", "")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "")
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", path)
	return credentialsFile(path)
}

func (f credentialsFile) write(t *testing.T, keyID, secret string) {
	t.Helper()
	text := fmt.Sprintf("[default]\naws_access_key_id = %s\naws_secret_access_key = %s\n", keyID, secret)
	if err := os.WriteFile(string(f), []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// demanding answers requests that were signed with the key ID of want, and refuses others
// with status and code.
func demanding(want *atomic.Value, status int, code string, requests *atomic.Int64) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		requests.Add(1)
		if !strings.Contains(r.Header.Get("Authorization"), "Credential="+want.Load().(string)+"/") {
			writeError(w, status, code, "not with these credentials")
			return
		}
		if r.URL.Query().Has("list-type") {
			_, _ = w.Write([]byte(page("<IsTruncated>false</IsTruncated>", "k")))
			return
		}
		_, _ = w.Write([]byte("body"))
	}
}

func TestSource_ReadsRefusedCredentialsAnew(t *testing.T) {
	refusals := []struct {
		status int
		code   string
	}{
		{403, "InvalidAccessKeyId"},
		{403, "SignatureDoesNotMatch"},
		{400, "ExpiredToken"},
		{400, "InvalidToken"},
		{403, "AccessDenied"},
		{401, "Unauthorized"},
	}
	for _, refusal := range refusals {
		t.Run(refusal.code, func(t *testing.T) {
			isolate(t)
			file := useCredentialsFile(t)
			file.write(t, "AKIDOLD", "old")
			var want atomic.Value
			var requests atomic.Int64
			want.Store("AKIDOLD")
			src := newSource(t, serve(t, demanding(&want, refusal.status, refusal.code, &requests)))
			if data, err := sourcetest.Read(t.Context(), src, of("k", 4)); err != nil || string(data) != "body" {
				t.Fatalf("got %q, %v", data, err)
			}
			want.Store("AKIDNEW")
			file.write(t, "AKIDNEW", "new")
			var readers sync.WaitGroup
			for range 4 {
				readers.Go(func() {
					if data, err := sourcetest.Read(t.Context(), src, of("k", 4)); err != nil || string(data) != "body" {
						t.Errorf("with new credentials in the file: %q, %v", data, err)
					}
				})
				readers.Go(func() {
					if keys, err := keysOf(t, src, "", ""); err != nil || len(keys) != 1 {
						t.Errorf("with new credentials in the file: %q, %v", keys, err)
					}
				})
			}
			readers.Wait()
			if got := src.credentials.renewals(); got != 1 {
				t.Errorf("the file was read again %d times, want 1", got)
			}
		})
	}
}

func TestSource_AsksForCredentialsAtABoundedRate(t *testing.T) {
	for code, every := range map[string]time.Duration{"InvalidAccessKeyId": renewRefused, "AccessDenied": renewDenied} {
		t.Run(code, func(t *testing.T) {
			isolate(t)
			var want atomic.Value
			var requests atomic.Int64
			want.Store("NOBODY")
			handler := demanding(&want, 403, code, &requests)
			synctest.Test(t, func(t *testing.T) {
				src := newSource(t, "http://store.example")
				src.sdk.HTTPClient = answered(handler)
				const calls = 100
				for range calls {
					if _, err := src.Open(t.Context(), of("k", 4)); err == nil {
						t.Fatal("refused credentials open an object")
					}
					time.Sleep(every / 10)
				}
				if got := src.credentials.renewals(); got != calls/10 {
					t.Errorf("credentials were read anew %d times in %v, want %d", got, calls/10*every, calls/10)
				}
				if got := requests.Load(); got != calls+calls/10 {
					t.Errorf("%d requests were sent, want %d", got, calls+calls/10)
				}
			})
		})
	}
}

func TestSource_AssumesTheRoleAnewOnceItsSessionIsRevoked(t *testing.T) {
	isolate(t)
	var session atomic.Int64
	t.Setenv("AWS_ENDPOINT_URL_STS", serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if err := r.ParseForm(); err != nil {
			t.Error(err)
		}
		if got := r.PostForm.Get("ExternalId"); got != "an-external-id" {
			t.Errorf("the role was assumed with the external ID %q", got)
		}
		_, _ = fmt.Fprintf(w, `<AssumeRoleResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleResult><Credentials><AccessKeyId>ASIA%d</AccessKeyId>`+
			`<SecretAccessKey>secret</SecretAccessKey><SessionToken>token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration>`+
			`</Credentials></AssumeRoleResult></AssumeRoleResponse>`, session.Add(1))
	})))
	var want atomic.Value
	var requests atomic.Int64
	want.Store("ASIA1")
	src := newSource(t, serve(t, demanding(&want, 403, "InvalidAccessKeyId", &requests)), func(c *Config) {
		c.RoleARN = "arn:aws:iam::111122223333:role/example"
		c.ExternalID = "an-external-id"
	})
	for i := range 4 {
		if i == 2 {
			want.Store("ASIA2") // the session is revoked
		}
		if data, err := sourcetest.Read(t.Context(), src, of("k", 4)); err != nil || string(data) != "body" {
			t.Fatalf("got %q, %v", data, err)
		}
	}
	if got := session.Load(); got != 2 {
		t.Errorf("the role was assumed %d times, want 2", got)
	}
}

func TestSource_KeepsItsCredentialsWhileTheirFileIsBroken(t *testing.T) {
	isolate(t)
	file := useCredentialsFile(t)
	file.write(t, "AKIDOLD", "old")
	var want atomic.Value
	var requests atomic.Int64
	want.Store("AKIDOLD")
	src := newSource(t, serve(t, demanding(&want, 403, "InvalidAccessKeyId", &requests)))
	t.Setenv("AWS_PROFILE", "missing")
	want.Store("NOBODY")
	_, err := src.Open(t.Context(), of("k", 4))
	wantReason(t, err, "open", source.ReasonCredentials)
	want.Store("AKIDOLD")
	if data, err := sourcetest.Read(t.Context(), src, of("k", 4)); err != nil || string(data) != "body" {
		t.Errorf("got %q, %v", data, err)
	}
}

func TestSource_NeverShowsThePasswordOfAnEndpoint(t *testing.T) {
	isolate(t)
	endpoint := strings.Replace(closedEndpoint(), "http://", "http://user:s3cret@", 1)
	src := newSource(t, endpoint)
	errs := []error{src.Check(t.Context(), "")}
	_, err := src.Open(t.Context(), of("k", 4))
	errs = append(errs, err)
	t.Setenv("AWS_ENDPOINT_URL", "http://user:s3cret@ a host")
	_, err = New(t.Context(), Config{Bucket: testBucket})
	errs = append(errs, err)
	t.Setenv("AWS_ENDPOINT_URL", "")
	_, err = New(t.Context(), Config{Bucket: testBucket, EndpointURL: "http//user:s3cret@host"})
	for _, err := range append(errs, err) {
		if err == nil || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("got %v, want an error without the password", err)
		}
	}
}
