package s3source

import (
	"bytes"
	"context"
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// writeError answers as S3 does.
func writeError(w http.ResponseWriter, status int, code, message string) {
	var escaped bytes.Buffer
	_ = xml.EscapeText(&escaped, []byte(message))
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>%s</Message></Error>", code, &escaped)
}

// closedEndpoint returns a URL at which nobody listens.
func closedEndpoint() string {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	return server.URL
}

// repeat writes text over and over until there are n bytes, or nobody reads on.
func repeat(w io.Writer, text string, n int) {
	block := []byte(strings.Repeat(text, 1+32<<10/len(text)))
	for written := 0; written < n; {
		k, err := w.Write(block)
		if err != nil {
			return
		}
		written += k
	}
}

func TestOpen_TakesNoEndlessErrorIntoMemory(t *testing.T) {
	isolate(t)
	src := newSource(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusForbidden)
		repeat(w, "<a>text</a>", 500_000_000)
	})))
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := src.Open(t.Context(), of("k", 1))
	runtime.ReadMemStats(&after)
	wantReason(t, err, "open", source.ReasonAccessDenied)
	if total := after.TotalAlloc - before.TotalAlloc; total > 100<<20 {
		t.Errorf("%d MiB were allocated for an error", total>>20)
	}
}

func TestSource_GivesTheReason(t *testing.T) {
	isolate(t)
	tests := []struct {
		status     int
		code       string
		list, open source.Reason
	}{
		{404, "NoSuchKey", source.ReasonNoSuchBucket, source.ReasonGone},
		{404, "NoSuchBucket", source.ReasonNoSuchBucket, source.ReasonNoSuchBucket},
		{404, "Whatever", source.ReasonNoSuchBucket, source.ReasonGone},
		{403, "AccessDenied", source.ReasonAccessDenied, source.ReasonAccessDenied},
		{403, "Whatever", source.ReasonAccessDenied, source.ReasonAccessDenied},
		{400, "KMS.DisabledException", source.ReasonAccessDenied, source.ReasonAccessDenied},
		{400, "KMS.ThrottlingException", source.ReasonThrottled, source.ReasonThrottled},
		{400, "ThrottlingException", source.ReasonThrottled, source.ReasonThrottled},
		{503, "SlowDown", source.ReasonThrottled, source.ReasonThrottled},
		{429, "Whatever", source.ReasonThrottled, source.ReasonThrottled},
		{503, "ServiceUnavailable", source.ReasonServerError, source.ReasonServerError},
		{500, "InternalError", source.ReasonServerError, source.ReasonServerError},
		{403, "InvalidAccessKeyId", source.ReasonCredentials, source.ReasonCredentials},
		{403, "SignatureDoesNotMatch", source.ReasonCredentials, source.ReasonCredentials},
		{400, "ExpiredToken", source.ReasonCredentials, source.ReasonCredentials},
		{401, "Whatever", source.ReasonCredentials, source.ReasonCredentials},
		{403, "InvalidObjectState", source.ReasonArchived, source.ReasonArchived},
		{400, "RequestTimeout", source.ReasonTimeout, source.ReasonTimeout},
		{400, "InvalidRequest", source.ReasonRead, source.ReasonRead},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.status, tt.code), func(t *testing.T) {
			src := newSource(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				writeError(w, tt.status, tt.code, "a message")
			})))
			_, err := keysOf(t, src, "logs/", "")
			wantReason(t, err, "list", tt.list)
			_, err = src.Stat(t.Context(), "k") // no answer but a listing shows that it is gone
			wantReason(t, err, "list", tt.list)
			_, err = src.Open(t.Context(), of("k", 0))
			wantReason(t, err, "open", tt.open)
			if want := fmt.Sprintf(`open "k": %s: a message (HTTP %d`, tt.code, tt.status); !strings.HasPrefix(err.Error(), want) {
				t.Errorf("got %v, want %s...", err, want)
			}
		})
	}
	t.Run("a page of HTML", func(t *testing.T) {
		src := newSource(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			http.Error(w, strings.Repeat("<p>Bad gateway\x1b[31m", 10_000), http.StatusBadGateway)
		})))
		_, err := src.Open(t.Context(), of("k", 0))
		wantReason(t, err, "open", source.ReasonServerError)
		if len(err.Error()) > 2*maxText || strings.Contains(err.Error(), "\x1b") {
			t.Errorf("an error that is not fit to print: %.200q...", err)
		}
	})
	t.Run("nobody listens", func(t *testing.T) {
		_, err := newSource(t, closedEndpoint()).Open(t.Context(), of("k", 0))
		wantReason(t, err, "open", source.ReasonNetwork)
	})
}

// That a store asks for fewer requests is known also where the SDK hides it.
func TestSource_CountsRefusalsThatTheSDKTriesAgain(t *testing.T) {
	isolate(t)
	t.Setenv("AWS_MAX_ATTEMPTS", "3")
	var asked atomic.Int32
	src := newSource(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if asked.Add(1) == 1 {
			writeError(w, http.StatusServiceUnavailable, "SlowDown", "reduce your request rate")
			return
		}
		_, _ = w.Write([]byte("x")) // the reader notices
	})))
	body, err := src.Open(t.Context(), of("k", 1))
	if err != nil {
		t.Fatal(err)
	}
	defer body.Close()
	if src.Throttled() != 1 || asked.Load() != 2 {
		t.Errorf("%d of %d answers ask for fewer requests, want 1 of 2", src.Throttled(), asked.Load())
	}
}

func TestOpen_NeverVouchesForABrokenBody(t *testing.T) {
	isolate(t)
	const content = "0123456789"
	tests := []struct {
		name    string
		size    int // as listed
		handler http.HandlerFunc
		reason  source.Reason
	}{
		{"cut", 1000, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, content)
		}, source.ReasonNetwork},
		{"cut in a chunk", 1000, func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, content)
			w.(http.Flusher).Flush()
			panic(http.ErrAbortHandler)
		}, source.ReasonNetwork},
		{"stalled", 1000, func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, content)
			w.(http.Flusher).Flush()
			<-r.Context().Done()
		}, source.ReasonTimeout},
		{"other bytes than the checksum's", len(content), func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X-Amz-Checksum-Crc32", "AAAAAA==")
			_, _ = io.WriteString(w, content)
		}, source.ReasonChecksum},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			src := newSource(t, serve(t, tt.handler), func(c *Config) { c.ReadTimeout = 100 * time.Millisecond })
			data, err := sourcetest.Read(t.Context(), src, of("k", tt.size))
			wantReason(t, err, "read", tt.reason)
			if string(data) != content {
				t.Errorf("got %q before the error", data)
			}
		})
	}
	t.Run("no answer at all", func(t *testing.T) {
		src := newSource(t, serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })),
			func(c *Config) { c.ReadTimeout = 100 * time.Millisecond })
		_, err := src.Open(t.Context(), of("k", 0))
		wantReason(t, err, "open", source.ReasonTimeout)
	})
	t.Run("cancelled", func(t *testing.T) {
		src := newSource(t, serve(t, tests[2].handler))
		ctx, cancel := context.WithCancel(t.Context())
		body, err := src.Open(ctx, of("k", 1000))
		if err != nil {
			t.Fatal(err)
		}
		cancel()
		if _, err := io.ReadAll(body); !errors.Is(err, context.Canceled) {
			t.Errorf("got %v, want context.Canceled", err)
		}
		_ = body.Close()
	})
}

func TestOpen_AsksForTheBytesAsStored(t *testing.T) {
	isolate(t)
	stored := []byte("\x1f\x8b these bytes are no valid gzip")
	src := newSource(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Accept-Encoding"); got != "identity" {
			t.Errorf("Accept-Encoding: %s", got)
		}
		w.Header().Set("Content-Encoding", "gzip")
		_, _ = w.Write(stored)
	})))
	if got, err := sourcetest.Read(t.Context(), src, of("k", len(stored))); err != nil || !bytes.Equal(got, stored) {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestOpen_HoldsWhatArrivesAgainstTheListing(t *testing.T) {
	isolate(t)
	const text = "0123456789"
	modified := time.Date(2026, 11, 21, 8, 0, 0, 0, time.UTC)
	listed := source.Object{Key: "k", Size: 10, ETag: `"an-etag"`, LastModified: modified}
	remembered := source.Object{Key: "k", Size: 10, LastModified: modified}
	answer := func(status int, body string, header ...string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			for i := 0; i < len(header); i += 2 {
				w.Header().Set(header[i], header[i+1])
			}
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	unsized := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.(http.Flusher).Flush()
			_, _ = io.WriteString(w, body)
		}
	}
	later := modified.Add(time.Minute).Format(http.TimeFormat)
	tests := []struct {
		name    string
		obj     source.Object
		handler http.HandlerFunc
		op      string // of the error; none if empty
		reason  source.Reason
	}{
		{"whole", listed, answer(200, text, "ETag", `"an-etag"`), "", ""},
		{"whole, of a store without ETags", listed, answer(200, text), "", ""},
		{"whole, the ETag without quotes", listed, answer(200, text, "ETag", "an-etag"), "", ""},
		{"whole, the ETag weak", listed, answer(200, text, "ETag", `W/"an-etag"`), "", ""},
		{"whole, of no stated length", listed, unsized(text), "", ""},
		{"whole, copied onto itself", remembered, answer(200, text, "Last-Modified", later), "", ""},
		{"nothing", listed, answer(200, ""), "open", source.ReasonLength},
		{"fewer bytes", listed, answer(200, "01234"), "open", source.ReasonLength},
		{"more bytes", listed, answer(200, text+text), "open", source.ReasonLength},
		{"nothing, of no stated length", listed, unsized(""), "read", source.ReasonLength},
		{"fewer bytes, of no stated length", listed, unsized("01234"), "read", source.ReasonLength},
		{"more bytes, of no stated length", listed, unsized(text + "\n"), "read", source.ReasonLength},
		{"no content", listed, answer(204, ""), "open", source.ReasonLength},
		{"no content, of an empty object", source.Object{Key: "k"}, answer(204, ""), "open", source.ReasonLength},
		{"a part", listed, answer(206, text, "Content-Range", "bytes 0-9/20"), "open", source.ReasonLength},
		{"the whole as a part", listed, answer(206, text, "Content-Range", "bytes 0-9/10"), "open", source.ReasonLength},
		{"a captive portal", listed, answer(200, "<html>Welcome! Log in.</html>", "Content-Type", "text/html"), "open", source.ReasonLength},
		{"fewer bytes of the same ETag", listed, answer(200, "01234", "ETag", `"an-etag"`, "Last-Modified", later), "open", source.ReasonLength},
		{"another ETag", listed, answer(200, text, "ETag", `"another"`), "open", source.ReasonChanged},
		{"another ETag and length", listed, answer(200, "01234", "ETag", `"another"`), "open", source.ReasonChanged},
		{"another length, the ETag not known any more", remembered, answer(200, "01234", "ETag", `"another"`), "open", source.ReasonChanged},
		{"precondition failed", listed, answer(412, "<Error><Code>PreconditionFailed</Code></Error>"), "open", source.ReasonChanged},
		{"precondition failed, of a proxy", listed, answer(412, "no"), "open", source.ReasonChanged},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			data, err := sourcetest.Read(t.Context(), newSource(t, serve(t, tt.handler)), tt.obj)
			if tt.op != "" {
				wantReason(t, err, tt.op, tt.reason)
			} else if err != nil || string(data) != text {
				t.Errorf("got %q, %v", data, err)
			}
		})
	}
}

func TestOpen_AsksForTheListedETag(t *testing.T) {
	isolate(t)
	for etag, want := range map[string]string{
		`"an-etag"`: `"an-etag"`,
		"an-etag":   `"an-etag"`,
		`W/"weak"`:  "",
		"":          "",
	} {
		src := newSource(t, serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
			if got := r.Header.Get("If-Match"); got != want {
				t.Errorf("listed with the ETag %s, asked for with If-Match: %s", etag, got)
			}
		})))
		if _, err := sourcetest.Read(t.Context(), src, source.Object{Key: "k", ETag: etag}); err != nil {
			t.Error(err)
		}
	}
}

func TestSource_NeverFollowsARedirectToAnotherHost(t *testing.T) {
	isolate(t)
	other := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("another host was asked for %s", r.URL)
	}))
	for _, status := range []int{301, 302, 303, 307, 308} {
		src := newSource(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, other+r.URL.RequestURI(), status)
		})))
		_, err := src.Open(t.Context(), of("k", 4))
		wantReason(t, err, "open", source.ReasonRedirect)
		if want := "redirects to " + strings.TrimPrefix(other, "http://"); !strings.HasSuffix(err.Error(), want) {
			t.Errorf("got %v, want ...%s", err, want)
		}
		_, err = keysOf(t, src, "", "")
		wantReason(t, err, "list", source.ReasonRedirect)
	}
}

func TestSource_FollowsRedirectsAtTheSameHost(t *testing.T) {
	isolate(t)
	asked := 0
	src := newSource(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if asked++; asked == 1 {
			http.Redirect(w, r, r.URL.RequestURI(), http.StatusTemporaryRedirect)
			return
		}
		_, _ = io.WriteString(w, "body")
	})))
	if data, err := sourcetest.Read(t.Context(), src, of("k", 4)); err != nil || string(data) != "body" {
		t.Errorf("got %q, %v", data, err)
	}
	circle := newSource(t, serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, r.URL.RequestURI(), http.StatusTemporaryRedirect)
	})))
	_, err := circle.Open(t.Context(), of("k", 4))
	wantReason(t, err, "open", source.ReasonRedirect)
}
