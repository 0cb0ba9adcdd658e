package web

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// pipes is a net.Listener of connections in memory.
type pipes chan net.Conn

func (p pipes) Accept() (net.Conn, error) {
	if conn, ok := <-p; ok {
		return conn, nil
	}
	return nil, net.ErrClosed
}
func (pipes) Close() error   { return nil }
func (pipes) Addr() net.Addr { return &net.TCPAddr{} }

// flawed is a net.Listener that fails once, and is closed then.
type flawed struct {
	pipes
	err error
}

func (f *flawed) Accept() (net.Conn, error) {
	err := f.err
	f.err = net.ErrClosed
	return nil, err
}

// What the server of the standard library reports is a line of the log like any other.
func TestServer_LogsInTheFormOfTheProgram(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s, err := New(t.Context(), Config{TelemetryPath: "/metrics"}, prometheus.NewRegistry(), fixedTail{}, slog.New(slog.NewJSONHandler(&log, nil)))
		if err != nil {
			t.Fatal(err)
		}
		_ = s.http.Serve(&flawed{err: syscall.EMFILE})
		var line struct{ Level, Msg, Err string }
		if err := json.Unmarshal(log.Bytes(), &line); err != nil || line.Level != "WARN" || !strings.Contains(line.Err, "too many open files") {
			t.Errorf("%s: %v", log.String(), err)
		}
	})
}

// A client that sends nothing, not all of a request, or nothing more, or that takes no
// answer, does not keep its connection.
func TestServer_GivesUpClientsThatDoNothing(t *testing.T) {
	const request = "GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n"
	for _, test := range []struct {
		name, sent string
		reads      bool
		after      time.Duration
	}{
		{"nothing is sent", "", false, readTimeout},
		{"half a request is sent", request[:len(request)-2], false, readTimeout},
		{"nothing more is sent", request, true, idleTimeout},
		{"the answer is not read", request, false, writeTimeout},
	} {
		t.Run(test.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, err := New(t.Context(), Config{TelemetryPath: "/metrics"}, prometheus.NewRegistry(), fixedTail{}, slog.New(slog.DiscardHandler))
				if err != nil {
					t.Fatal(err)
				}
				closed := make(chan time.Time, 1)
				s.http.ConnState = func(_ net.Conn, state http.ConnState) {
					if state == http.StateClosed {
						closed <- time.Now()
					}
				}
				accepted := make(pipes, 1)
				go func() { _ = s.http.Serve(accepted) }()
				client, server := net.Pipe()
				accepted <- server
				if _, err := io.WriteString(client, test.sent); err != nil {
					t.Error(err)
				}
				if test.reads {
					response, err := http.ReadResponse(bufio.NewReader(client), nil)
					if err != nil || response.StatusCode != http.StatusOK || response.Body.Close() != nil {
						t.Error(response, err)
					}
				}
				begun := time.Now()
				if took := (<-closed).Sub(begun); took != test.after {
					t.Errorf("its connection is closed after %v, not %v", took, test.after)
				}
				_ = client.Close()
				close(accepted)
				_ = s.http.Close()
			})
		})
	}
}
