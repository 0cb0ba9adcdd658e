//go:build compare

package main

import (
	"maps"
	"os/exec"
	"strconv"
	"strings"
	"testing"
	"time"
)

// The benchmarks of this file answer one question, who signs with Signature
// Version 2, with the report command and with other programs, over the same files
// in the same run, and report how many times as much CPU time, user and system,
// the others take. These must be there: jq, goaccess, and Node.js with DuckDB:
//
//	npm install --prefix DIR @duckdb/node-api@1.5.6-r.1
//	NODE_PATH=DIR/node_modules go test -tags compare -run '^$' -bench Compare ./cmd/s3_access_exporter

// sigV2Report is the command that the others are held against.
func sigV2Report(binary, dir string) []string {
	return []string{binary, "report", "--signature=SigV2", "--by=requester", "--top=0", "--output=csv", "--labels.requester=arn", dir}
}

func BenchmarkCompare_CloudTrail(b *testing.B) {
	binary := build(b)
	dir := toDirectory(b, logs(b, true, 1500, *performanceSize<<20))
	for name, command := range map[string][]string{
		"duckdb": {"node", "testdata/compare/duckdb.cjs", dir},
		"jq": {"sh", "-c", `find "$0" -name '*.json.gz' -exec zcat {} + | jq -r '.Records[]
			| select(.eventSource == "s3.amazonaws.com" and .additionalEventData.SignatureVersion == "SigV2")
			| .userIdentity.arn' | sort | uniq -c | awk '{ print $2 "," $1 }'`, dir},
	} {
		b.Run(name, func(b *testing.B) {
			against(b, command, sigV2Report(binary, dir), func(output, reported string) {
				if want, got := countsOf(output), countsOf(reported); len(want) == 0 || !maps.Equal(got, want) {
					b.Fatalf("report found %v, %s %v", got, name, want)
				}
			})
		})
	}
}

func BenchmarkCompare_AccessLog(b *testing.B) {
	binary := build(b)
	dir := toDirectory(b, logs(b, false, 1500, *performanceSize<<20))
	for name, command := range map[string]struct {
		args    []string
		ignores bool // signature versions, and lines that it does not understand
	}{
		"awk": {args: []string{"sh", "-c", `find "$0" -type f -exec cat {} + |
			awk '/ SigV2 / { count[$6]++ } END { for (r in count) print r "," count[r] }'`, dir}},
		"goaccess": {ignores: true, args: []string{"sh", "-c", `find "$0" -type f -exec cat {} + |
			goaccess - --log-format=AWSS3 --no-progress --no-global-config -o csv`, dir}},
	} {
		b.Run(name, func(b *testing.B) {
			against(b, command.args, sigV2Report(binary, dir), func(output, reported string) {
				if want, got := countsOf(output), countsOf(reported); !command.ignores && (len(want) == 0 || !maps.Equal(got, want)) {
					b.Fatalf("report found %v, %s %v", got, name, want)
				}
			})
		})
	}
}

// against runs another program and ours in turns, and checks what they print.
func against(b *testing.B, other, ours []string, check func(output, reported string)) {
	b.Helper()
	var took time.Duration
	var output string
	run := func(args []string) func() {
		return func() {
			cmd := exec.CommandContext(b.Context(), args[0], args[1:]...)
			out, err := cmd.Output()
			if err != nil {
				b.Fatalf("%s: %v", args[0], err)
			}
			took, output = cmd.ProcessState.UserTime()+cmd.ProcessState.SystemTime(), string(out)
		}
	}
	var outputs []string
	compare(b, "x-report", func(f func()) time.Duration {
		f()
		outputs = append(outputs, output)
		return took
	}, run(other), run(ours))
	check(outputs[1], outputs[0])
}

// countsOf returns the requests of each requester, of lines such as NAME,NUMBER and
// possibly more.
func countsOf(text string) map[string]int {
	counts := make(map[string]int)
	for line := range strings.Lines(text) {
		fields := strings.Split(strings.TrimSpace(line), ",")
		if n, err := strconv.Atoi(fields[min(1, len(fields)-1)]); err == nil {
			counts[fields[0]] = n
		}
	}
	return counts
}
