package warehouse

import (
	"bytes"
	"database/sql"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/accesslog"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

var (
	headExpression = regexp.MustCompile(headPattern)
	tailExpression = regexp.MustCompile(tailPattern)
)

// taken is a line as the query takes it apart, with the patterns that it has: this is
// lineTable in Go. It is nil where the query is not sure.
func taken(line string) map[string]string {
	f := headExpression.FindStringSubmatch(line)
	if f == nil || strings.ContainsAny(line, "\x01\r") {
		return nil
	}
	rest, agent, referer := f[headFields], "-", "-"
	behind := regexp.MustCompile(`^- +-`).ReplaceAllString(rest, "")
	last := strings.LastIndexByte(rest, '"')
	if last >= 0 {
		behind = rest[last+1:]
	}
	border := strings.Index(rest[1:], `" "`) + 1
	quoted := strings.HasPrefix(rest, `"`) && border > 0 && border+3 <= last
	if quoted {
		agent, referer = rest[border+3:last], rest[1:border]
	}
	g := tailExpression.FindStringSubmatch(behind)
	if g == nil || !quoted && !(strings.HasPrefix(rest, "-") && last < 0) {
		return nil
	}
	if strings.Contains(agent+referer, `"`) || g[3] != "" && !fitting(f, g) {
		return nil
	}
	t, err := time.Parse("02/Jan/2006:15:04:05", f[2])
	if err != nil {
		return nil
	}
	row := map[string]string{colFirst: strconv.FormatInt(t.Unix(), 10), "agent": agent, "referer": referer}
	for i, name := range map[int]string{
		1: "bucket", 3: "ip", 4: "requester", 5: "requestid", 6: "operation", 7: "key", 8: "uri", 9: "status", 10: "error", 11: "sent", 12: "size", 13: "total", 14: "turn",
	} {
		row[name] = f[i]
	}
	if row["key"] == "-" && regexp.MustCompile(uriDash).MatchString(row["uri"]) {
		row["key"] = "%2D"
	}
	for i, name := range map[int]string{1: "version", 3: "signature", 4: "cipher", 5: "auth", 6: "host", 7: "tls", 8: "accesspoint", 9: "acl", 10: "sourceregion"} {
		row[name] = g[i]
	}
	return row
}

// fitting is fits in Go.
func fitting(f, g []string) bool {
	lower := strings.ToLower
	switch {
	case strings.HasPrefix(lower(g[4]), "sig"):
		return false
	case g[3] != "-":
		return len(g[3]) <= 16
	case strings.Contains(f[2], "/2019:"):
		return g[5] == "-" && (g[7] == "-" || regexp.MustCompile(`^tlsv.(..)?$`).MatchString(lower(g[7])))
	}
	return slices.Contains([]string{"-", "authheader", "querystring", "htmlform"}, lower(g[5]))
}

// blanked returns what is left of a line in which nobody looks at anything: the blanks of
// lineParts in Go.
func blanked(row map[string]string) map[string]string {
	short := map[string]string{colFirst: row[colFirst]}
	for _, name := range []string{"operation", "status", "error", "signature", "auth"} {
		short[name] = row[name]
	}
	sign := func(text string) string {
		switch n, err := strconv.ParseInt(text, 10, 64); {
		case err != nil:
			return "-"
		case n > 0:
			return "1"
		}
		return "0"
	}
	short["requester"], short["key"], short["total"], short["host"] = "r", "k", "1", "h"
	for _, name := range []string{"requester", "key", "total", "host"} {
		if value := row[name]; value == "-" || value == "" || strings.EqualFold(value, "anonymous") && name == "requester" {
			short[name] = value
		}
	}
	short["sent"], short["size"] = sign(row["sent"]), "-"
	switch row["operation"] {
	case "REST.PUT.OBJECT", "REST.PUT.PART", "REST.POST.OBJECT", "SOAP.PUT.OBJECT", "WEBSITE.PUT.OBJECT", "REST.S3_PUT_OBJECT", "REST.S3_UPLOAD_PART":
		short["size"] = sign(row["size"])
	}
	short["uri"] = "-"
	like := func(pattern string) bool { return regexp.MustCompile(pattern).MatchString(row["uri"]) }
	all := func(names ...string) bool {
		return !slices.ContainsFunc(names, func(name string) bool { return !like(inQuery + name + "=") })
	}
	if s := row["signature"]; (s == "" || s == "-") && strings.Contains(row["uri"], "?") {
		v2 := all("AWSAccessKeyId", "Signature", "Expires")
		scoped := all("X-Amz-Credential", "X-Amz-Date", "X-Amz-SignedHeaders", "X-Amz-Signature")
		switch hmac, ecdsa := like(queryHMAC), like(queryECDSA); {
		case scoped && (hmac || ecdsa) && (v2 || hmac && ecdsa):
		case scoped && hmac:
			short["uri"] = uriV4
		case scoped && ecdsa:
			short["uri"] = uriV4A
		case v2:
			short["uri"] = uriV2
		}
	}
	return short
}

// restored returns the record that a row becomes.
func restored(t testing.TB, row map[string]string) *record.Record {
	t.Helper()
	s := statement{log: record.ServerAccess}
	var values []sql.NullString
	for name, value := range row {
		s.columns, values = append(s.columns, name), append(values, sql.NullString{String: value, Valid: true})
	}
	r, _, err := newRestorer(&s).restore(values)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func checkLine(t *testing.T, line string) (sure bool) {
	t.Helper()
	row := taken(line)
	if row == nil {
		return false
	}
	d := accesslog.NewDecoder(strings.NewReader(line + "\n"))
	if !d.Next() {
		t.Fatalf("the query is sure of a line that is skipped: %q", line)
	}
	valid := accesslog.NewDecoder(bytes.NewReader(append(record.ValidText([]byte(line)), '\n')))
	if !valid.Next() {
		t.Fatalf("%q is skipped as soon as it is valid", line)
	}
	want, decides := textOf(valid.Record()), decision(d.Record())
	if got := textOf(restored(t, row)); got != want {
		t.Errorf("%q\nis restored as %s\nwant           %s", line, got, want)
	}
	if short := decision(restored(t, blanked(row))); short != decides {
		t.Errorf("%q\nis shortened to %s\nwant            %s", line, short, decides)
	}
	for f, want := range looks(d.Record()) {
		shown := blanked(row)
		keepParts(shown, row, f, lineParts())
		if got := looks(restored(t, shown))[f]; got != want {
			t.Errorf("%q\nshows %s %q when only that is looked at, want %q", line, f, got, want)
		}
	}
	return true
}

var classifier = classify.NewClassifier(classify.Config{Requester: classify.RequesterARN})

// looks returns what somebody sees who looks at a field of a request. Of Feature, that is
// what is undetermined, too.
func looks(r *record.Record) map[query.Field]string {
	class := classifier.Classify(r)
	entry := query.Entry{Record: r, Class: &class}
	seen := make(map[query.Field]string)
	for _, f := range slices.DeleteFunc(query.WholeFields(), func(f query.Field) bool { return slices.Contains(always, f) }) {
		value, _ := f.Append(nil, &entry)
		seen[f] = string(value)
	}
	seen[query.Feature] += fmt.Sprint(" but ", class.Traits.Undetermined())
	return seen
}

// keepParts adds to what is left of a record the parts that decide on a field.
func keepParts(short, row map[string]string, f query.Field, parts []part) {
	n := &needs{fields: []query.Field{f}}
	for _, p := range parts {
		if p.needed == nil || !p.needed(n) {
			continue
		}
		switch value, ok := row[p.name]; {
		case p.name == "uri" && short["uri"] == "-" && value != "" && value != "-":
			short["uri"] = "u"
		case ok && p.name != "uri":
			short[p.name] = value
		}
	}
}

// textOf is all that a record holds, but for the IDs by which events are known again and
// its place in the log.
func textOf(r *record.Record) string {
	c := *r
	c.EventID, c.SharedEventID, c.OriginalEventID = nil, nil, nil
	c.Raw, c.Number = nil, 0
	return fmt.Sprintf("%q", fmt.Sprintf("%+v", struct {
		record.Record
		texts string
	}{c, fmt.Sprintf("%q", [][]byte{
		c.AccountID, c.Region, c.Host, c.Bucket, c.Operation, c.Key, c.Requester, c.InvokedBy, c.SourceIP, c.UserAgent, c.ErrorCode, c.RequestID,
		c.TLSVersion, c.CipherSuite, c.Referer, c.VersionID, c.AccessPoint, c.SourceRegion, c.AccessKeyID, c.VPCEndpointID, c.VPCEndpointAccountID,
	})}))
}

// decision is what decides on a request whatever is looked at.
func decision(r *record.Record) string {
	return fmt.Sprintf("%v %s %t %t %v %v %d %s %t %t %t %t", r.Time, r.Operation, len(r.Key) > 0, r.Anonymous, r.Signature, r.AuthMethod, r.Status, r.ErrorCode,
		r.SentBytes > 0, r.ReceivedBytes > 0, r.ReceivedBytes == record.Unknown, r.Duration >= 0)
}

func lineFixtures(tb testing.TB, names string) (lines []string) {
	tb.Helper()
	paths, err := filepath.Glob("../../../../scanner/accesslog/testdata/" + names)
	if err != nil || len(paths) == 0 {
		tb.Fatal("no fixtures", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			tb.Fatal(err)
		}
		for line := range bytes.Lines(text) {
			lines = append(lines, strings.TrimRight(string(line), "\r\n"))
		}
	}
	return lines
}

// Ordinary lines are taken apart, and what they and others become is what they were.
func TestLine_IsTheSameWhenPutTogetherAgain(t *testing.T) {
	for _, line := range lineFixtures(t, "*.log") {
		checkLine(t, line)
	}
	for _, line := range lineFixtures(t, "ordinary.log") {
		if !checkLine(t, line) && !strings.HasPrefix(line, "#") {
			t.Errorf("the query is not sure of an ordinary line: %q", line)
		}
	}
}

func FuzzLine(f *testing.F) {
	for _, line := range lineFixtures(f, "*.log") {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if strings.ContainsAny(line, "\n\r") {
			t.Skip("the query ends lines there")
		}
		checkLine(t, strings.ToValidUTF8(line, "\uFFFD")) // as it comes to the query
	})
}

// Nothing that a client can write makes a line take longer than it is long.
func BenchmarkLine_Hostile(b *testing.B) {
	line := `a b [15/Jan/2026:08:21:07 +0000] 192.0.2.1 - 7C3A9E51D2B810F3 REST.GET.OBJECT x "GET /x HTTP/1.1" 200 - 1 1 31 27 "` + strings.Repeat(`" "`, 5000) + `" x`
	b.SetBytes(int64(len(line)))
	for b.Loop() {
		if taken(line) != nil {
			b.Fatal("it is sure")
		}
	}
}
