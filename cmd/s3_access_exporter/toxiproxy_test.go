//go:build integration

package main

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"
)

// network is a proxy that passes bytes on to a server, with toxics: it is one of
// Toxiproxy, which runs as a process of its own, and has to be on the PATH. See
// https://github.com/Shopify/toxiproxy#http-api.
type network struct {
	address string // where it listens
	api     string // URL
}

// startNetwork starts a proxy in front of a server.
func startNetwork(t *testing.T, server string) *network {
	t.Helper()
	unused, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := unused.Addr().String()
	_ = unused.Close() // the server is to have it
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		t.Fatal(err)
	}
	var log logText
	process := exec.CommandContext(t.Context(), "toxiproxy-server", "-host", host, "-port", port)
	process.Stdout, process.Stderr = &log, &log
	if err := process.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = process.Wait() // the test's context has ended, and killed it
		if t.Failed() {
			t.Logf("toxiproxy-server:\n%s", log.problems())
		}
	})
	n := &network{api: "http://" + address}
	eventually(t, "Toxiproxy answers", func() bool {
		response, err := http.Get(n.api + "/version")
		if err != nil {
			return false
		}
		defer response.Body.Close()
		return response.StatusCode == http.StatusOK
	})
	var proxy struct {
		Listen string `json:"listen"`
	}
	body := n.post(t, "/proxies", `{"name": "s3", "enabled": true, "listen": "127.0.0.1:0", "upstream": "`+strings.TrimPrefix(server, "http://")+`"}`)
	if err := json.Unmarshal(body, &proxy); err != nil {
		t.Fatal(err)
	}
	n.address = proxy.Listen
	return n
}

// poison adds a toxic, by default to what comes from the server.
func (n *network) poison(t *testing.T, toxic string) {
	t.Helper()
	n.post(t, "/proxies/s3/toxics", toxic)
}

// heal removes all toxics.
func (n *network) heal(t *testing.T) {
	t.Helper()
	n.post(t, "/reset", "")
}

// post makes a call of Toxiproxy's API, and returns the answer.
func (n *network) post(t *testing.T, path, body string) []byte {
	t.Helper()
	response, err := http.Post(n.api+path, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode >= http.StatusMultipleChoices {
		t.Fatalf("POST %s %s: %s, %s, %v", path, body, response.Status, answer, err)
	}
	return answer
}
