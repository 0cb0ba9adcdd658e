package s3source

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

func TestSource_IsASource(t *testing.T) {
	isolate(t)
	// What the server in this process cannot store or list.
	cannotHold := func(key string) bool {
		return strings.ContainsAny(key, "\x01")
	}
	sourcetest.TestSource(t, func(t *testing.T, objects map[string][]byte) sourcetest.Store {
		endpoint := serveObjects(t, objects)
		return sourcetest.Store{
			Source: newSource(t, endpoint),
			Put:    func(t *testing.T, key string, body []byte) { putObject(t, endpoint, key, body) },
		}
	}, cannotHold)
}

func TestNew_RefusesWhatCannotWork(t *testing.T) {
	isolate(t)
	tests := []struct {
		config  Config
		profile string
		want    string
	}{
		{Config{}, "", "the bucket's name is missing"},
		{Config{Bucket: "b", EndpointURL: "localhost:9000"}, "", "not of the form"},
		{Config{Bucket: "b", EndpointURL: "http://"}, "", "not of the form"},
		{Config{Bucket: "b", EndpointURL: "ftp://user:secret@host"}, "", `endpoint URL "…@host" is not of the form`},
		{Config{Bucket: "b", EndpointURL: "http://user:sec@ret@host:port"}, "", `endpoint URL "…@host:port" is not of the form`},
		{Config{Bucket: "b", EndpointURL: "https://s3.eu-west-1.amazonaws.com", Store: "mine"}, "", `store "mine": the store is AWS`},
		{Config{Bucket: "b", ExternalID: "id"}, "", "only with a role"},
		{Config{Bucket: "b"}, "missing", "AWS configuration: failed to get shared config profile, missing"},
	}
	for _, tt := range tests {
		t.Setenv("AWS_PROFILE", tt.profile)
		_, err := New(t.Context(), tt.config)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("got %v, want ...%s...", err, tt.want)
		}
	}
}

func TestNew_SendsNothing(t *testing.T) {
	isolate(t)
	newSource(t, serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		t.Errorf("%s %s", r.Method, r.URL)
	})))
}

func TestCheck_SaysWhatToLookAfter(t *testing.T) {
	isolate(t)
	answer := func(status int, code, message, region string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			if region != "" {
				w.Header().Set(regionHeader, region)
			}
			w.Header().Set("X-Amz-Request-Id", "REQUEST1")
			writeError(w, status, code, message)
		}
	}
	tests := []struct {
		name    string
		handler http.HandlerFunc
		want    string
	}{
		{
			"no such bucket", answer(404, "NoSuchBucket", "The specified bucket does not exist", ""),
			`bucket example-logs: list "logs/": NoSuchBucket: The specified bucket does not exist (HTTP 404, request ID REQUEST1); check the bucket's name and the endpoint`,
		},
		{
			"access denied", answer(403, "AccessDenied", "Access\nDenied", ""),
			`bucket example-logs: list "logs/": AccessDenied: Access Denied (HTTP 403, request ID REQUEST1); check that s3:ListBucket is allowed on the bucket and this prefix`,
		},
		{
			"bad credentials", answer(403, "InvalidAccessKeyId", "No such key ID.", ""),
			`bucket example-logs: list "logs/": InvalidAccessKeyId: No such key ID. (HTTP 403, request ID REQUEST1); check the credentials in the environment, the profile or the role`,
		},
		{
			"another Region", answer(301, "PermanentRedirect", "Use the other endpoint.", "eu-west-1"),
			`bucket example-logs: list "logs/": PermanentRedirect: Use the other endpoint. (HTTP 301, request ID REQUEST1); the bucket is in Region eu-west-1`,
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			err := newSource(t, serve(t, tt.handler)).Check(t.Context(), "logs/")
			if err == nil || err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", err, tt.want)
			}
		})
	}
	t.Run("fine", func(t *testing.T) {
		src := newSource(t, serveObjects(t, map[string][]byte{"logs/a": nil, "logs/b": nil}))
		if err := src.Check(t.Context(), "logs/"); err != nil {
			t.Error(err)
		}
	})
	t.Run("unreachable", func(t *testing.T) {
		err := newSource(t, closedEndpoint()).Check(t.Context(), "")
		wantReason(t, err, "list", source.ReasonNetwork)
		if !strings.HasSuffix(err.Error(), "connect: connection refused; check the network and the endpoint") {
			t.Error(err)
		}
	})
	t.Run("no credentials", func(t *testing.T) {
		t.Setenv("AWS_ACCESS_KEY_ID", "")
		t.Setenv("AWS_SECRET_ACCESS_KEY", "")
		err := newSource(t, closedEndpoint()).Check(t.Context(), "")
		wantReason(t, err, "list", source.ReasonCredentials)
		if !strings.HasPrefix(err.Error(), `bucket example-logs: list "": no usable credentials: `) {
			t.Error(err)
		}
	})
}

func TestRequests_CountsEveryAttempt(t *testing.T) {
	isolate(t)
	t.Setenv("AWS_MAX_ATTEMPTS", "2")
	store, err := url.Parse(serveObjects(t, map[string][]byte{"k": []byte("body")}))
	if err != nil {
		t.Fatal(err)
	}
	failed := false
	proxy := httputil.NewSingleHostReverseProxy(store)
	flaky := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !failed {
			failed = true
			writeError(w, 503, "SlowDown", "Please reduce your request rate.")
			return
		}
		proxy.ServeHTTP(w, r)
	}))
	var mu sync.Mutex
	var got []string
	src := newSource(t, flaky, func(c *Config) {
		c.Requests = func(operation string) {
			mu.Lock()
			defer mu.Unlock()
			got = append(got, operation)
		}
	})
	if _, err := sourcetest.Read(t.Context(), src, of("k", 4)); err != nil {
		t.Fatal(err)
	}
	if _, err := keysOf(t, src, "", ""); err != nil {
		t.Fatal(err)
	}
	if want := []string{"GetObject", "GetObject", "ListObjectsV2"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// roundTrips answers the SDK's requests in place of the network.
type roundTrips func(*http.Request) (*http.Response, error)

func (f roundTrips) Do(r *http.Request) (*http.Response, error) { return f(r) }

// answered answers requests by a handler without a network.
func answered(handler http.Handler) roundTrips {
	return func(r *http.Request) (*http.Response, error) {
		recorder := httptest.NewRecorder()
		handler.ServeHTTP(recorder, r)
		response := recorder.Result()
		response.Request = r
		return response, nil
	}
}

func TestSource_FindsTheBucketsRegion(t *testing.T) {
	isolate(t)
	tests := []struct {
		name       string
		status     int
		region     string // of the answer to HeadBucket
		signedFor  string
		wantReason source.Reason
	}{
		{"redirect", 301, "eu-west-1", "eu-west-1", ""},
		{"temporary redirect", 307, "eu-west-2", "eu-west-2", ""},
		{"refusal", 403, "ap-southeast-2", "ap-southeast-2", ""},
		{"bad request", 400, "eu-south-2", "eu-south-2", ""},
		{"public bucket", 200, "eu-north-1", "eu-north-1", ""},
		{"an answer without the Region", 200, "", "us-east-1", ""},
		{"no such bucket", 404, "", "", source.ReasonNoSuchBucket},
		{"trouble", 500, "", "", source.ReasonServerError},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			src, err := New(t.Context(), Config{Bucket: testBucket})
			if err != nil {
				t.Fatal(err)
			}
			heads := 0
			src.sdk.HTTPClient = roundTrips(func(r *http.Request) (*http.Response, error) {
				response := &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: http.NoBody, Request: r}
				authorization := r.Header.Get("Authorization")
				if r.Method == http.MethodHead {
					heads++
					if authorization != "" {
						t.Error("the question for the Region was signed")
					}
					response.StatusCode = tt.status
					response.Header.Set(regionHeader, tt.region)
					return response, nil
				}
				if want := "/" + tt.signedFor + "/s3/aws4_request"; !strings.Contains(authorization, want) {
					t.Errorf("authorization %q, want Region %s", authorization, tt.signedFor)
				}
				if !strings.Contains(r.URL.Host, tt.signedFor) && tt.signedFor != defaultRegion {
					t.Errorf("sent to %s, want Region %s", r.URL.Host, tt.signedFor)
				}
				return response, nil
			})
			for range 2 {
				body, err := src.Open(t.Context(), of("k", 0))
				if tt.wantReason != "" {
					wantReason(t, err, "open", tt.wantReason)
					continue
				}
				if err != nil {
					t.Fatal(err)
				}
				if err := body.Close(); err != nil {
					t.Error(err)
				}
			}
			if tt.wantReason == "" && heads != 1 {
				t.Errorf("the Region was asked for %d times", heads)
			}
		})
	}
}

func TestSource_KeepsTheSDKsErrorBelowItsOwn(t *testing.T) {
	cause := errors.New("the cause")
	if err := sourceError("open", "k", fmt.Errorf("a layer: %w", cause)); !errors.Is(err, cause) {
		t.Errorf("%v does not unwrap to its cause", err)
	}
}
