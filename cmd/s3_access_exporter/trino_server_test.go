//go:build integration

package main

import (
	"bytes"
	"context"
	"database/sql"
	"encoding/json"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/warehouse"
)

// trinoServer is a Trino of one node, with a Hive catalog whose tables lie in directories.
type trinoServer struct {
	url    string
	client *warehouse.TrinoClient
}

const trinoSchema = "logs"

func startTrino(t *testing.T) *trinoServer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	_, port, err := net.SplitHostPort(listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	files := map[string]string{
		"config.properties": "coordinator=true\nnode-scheduler.include-coordinator=true\nhttp-server.http.port=" + port + "\ndiscovery.uri=http://127.0.0.1:" + port +
			"\nnode.internal-address=127.0.0.1\nquery.max-memory=1GB\ncatalog.config-dir=" + dir + "/catalog\n",
		"catalog/hive.properties": "connector.name=hive\nhive.metastore=file\nhive.metastore.catalog.dir=local://" + dir + "/metastore\nfs.native-local.enabled=true\nlocal.location=/\n" +
			"hive.non-managed-table-writes-enabled=true\nhive.partition-projection-enabled=true\n",
	}
	for name, text := range files {
		if err := writeObject(filepath.Join(dir, name), []byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "metastore"), 0o700); err != nil {
		t.Fatal(err)
	}
	var log logText
	server := exec.CommandContext(context.WithoutCancel(t.Context()), "trino-server",
		"-Dnode.environment=test", "-Dnode.id=test", "-Dnode.data-dir="+dir+"/data", "-Dconfig="+dir+"/config.properties")
	server.Stdout, server.Stderr = &log, &log
	server.Env = append(server.Environ(), "JAVA_TOOL_OPTIONS=-XX:TieredStopAtLevel=1") // no query here is long enough for more
	if err := server.Start(); err != nil {
		t.Fatalf("%v: .ci/run installs it", err)
	}
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		_ = server.Wait() // it is killed
	}()
	t.Cleanup(func() {
		_ = server.Process.Kill()
		<-ended
		if t.Failed() {
			t.Logf("the end of Trino's log: %s", log.String()[max(0, len(log.String())-4000):])
		}
	})
	s := &trinoServer{url: "http://test@127.0.0.1:" + port}
	converge(t, "Trino has started", func() (logged float64, done bool) {
		logged = float64(len(log.String()))
		select {
		case <-ended:
			t.Fatal("Trino has ended")
		default:
		}
		answer, err := http.Get("http://127.0.0.1:" + port + "/v1/info")
		if err != nil {
			return logged, false
		}
		defer answer.Body.Close()
		var info struct{ Starting bool }
		return logged, json.NewDecoder(answer.Body).Decode(&info) == nil && !info.Starting
	})
	s.client, err = warehouse.NewTrinoClient(warehouse.TrinoConfig{URL: s.url, Catalog: "hive", Schema: trinoSchema})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.client.Close() })
	s.exec(t, "CREATE SCHEMA hive."+trinoSchema)
	converge(t, "Trino reads tables", func() (logged float64, done bool) { // it answers seconds before its node is one of the catalog's
		for _, statement := range []string{"CREATE TABLE IF NOT EXISTS hive." + trinoSchema + ".started AS SELECT 1 AS n", "SELECT n FROM hive." + trinoSchema + ".started"} {
			if _, err := s.query(t, statement); err != nil {
				return float64(len(log.String())), false
			}
		}
		return 0, true
	})
	return s
}

// query runs a statement, and returns its rows.
func (s *trinoServer) query(t *testing.T, text string) (rows [][]string, err error) {
	t.Helper()
	err = s.client.Query(t.Context(), text, func(warehouse.State) {}, func(row []sql.NullString) error {
		var values []string
		for _, v := range row {
			values = append(values, v.String)
		}
		rows = append(rows, values)
		return nil
	})
	return rows, err
}

// exec runs a statement that does not fail, and returns its rows.
func (s *trinoServer) exec(t *testing.T, text string) (rows [][]string) {
	t.Helper()
	rows, err := s.query(t, text)
	if err != nil {
		t.Fatalf("%v\n%s", err, text)
	}
	return rows
}

// createTables does as a user is told to.
func (s *trinoServer) createTables(t *testing.T, location string) {
	t.Helper()
	ddl := runToEnd(t, "engine", "ddl", "--engine=trino", location)
	if ddl.code != exitOK {
		t.Fatalf("exit code %d, %s", ddl.code, ddl.stderr)
	}
	for statement := range strings.SplitSeq(ddl.stdout, ";\n") {
		if strings.TrimSpace(statement) != "" {
			s.exec(t, statement)
		}
	}
}

// run runs a command that asks the server, however long that takes.
func (s *trinoServer) run(t *testing.T, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), append(args, "--engine=trino", "--trino.url="+s.url, "--trino.schema="+trinoSchema), &stdout, &stderr)
	return outcome{code: code, stdout: stdout.String(), stderr: stderr.String()}
}
