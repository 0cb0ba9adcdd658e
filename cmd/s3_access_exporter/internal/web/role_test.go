package web

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/s3access/s3_access_exporter/scanner"
)

// Who is active is told whatever its health; who stands by names the one that is.
func TestServer_TellsWhoIsActive(t *testing.T) {
	for _, test := range []struct {
		name string
		role *Role
		code int
		text string
	}{
		{"alone", nil, http.StatusOK, "active\n"},
		{"active", &Role{Active: true, Writer: "a:1"}, http.StatusOK, "active\n"},
		{"standby", &Role{Writer: "a:1"}, http.StatusServiceUnavailable, "standby: a:1 is active\n"},
		{"standby of nobody", &Role{}, http.StatusServiceUnavailable, "standby\n"},
	} {
		t.Run(test.name, func(t *testing.T) {
			mux, err := newMux(Config{TelemetryPath: "/metrics"}, prometheus.NewRegistry(),
				fixedTail{status: scanner.Status{}, role: test.role}, slog.New(slog.DiscardHandler))
			if err != nil {
				t.Fatal(err)
			}
			get := func(path string) *httptest.ResponseRecorder {
				answer := httptest.NewRecorder()
				mux.ServeHTTP(answer, httptest.NewRequest(http.MethodGet, path, http.NoBody))
				return answer
			}
			if answer := get(ActivePath); answer.Code != test.code || answer.Body.String() != test.text {
				t.Errorf("%s: HTTP %d, %s", ActivePath, answer.Code, answer.Body)
			}
			standsBy := test.code != http.StatusOK
			if page := get(StatusPath).Body.String(); strings.Contains(page, "Standby") != standsBy {
				t.Errorf("the page is\n%s", page)
			}
			if body := get(StatusAPIPath).Body.String(); strings.Contains(body, `"replica"`) != (test.role != nil) {
				t.Errorf("the JSON is\n%s", body)
			}
		})
	}
}
