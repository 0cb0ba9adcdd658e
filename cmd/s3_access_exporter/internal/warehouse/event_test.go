package warehouse

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/cloudtrail"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// object returns the members of an object by their names in lower case, as a cast to a row
// finds them: false if it is none, or has a name twice. null has no members.
func object(raw json.RawMessage) (members map[string]json.RawMessage, ok bool) {
	if len(raw) == 0 || string(raw) == "null" {
		return nil, true
	}
	var all map[string]json.RawMessage
	if json.Unmarshal(raw, &all) != nil {
		return nil, false
	}
	members = make(map[string]json.RawMessage)
	for name, value := range all {
		name = strings.ToLower(name)
		if _, twice := members[name]; twice {
			return nil, false
		}
		members[name] = value
	}
	return members, true
}

var timeForm = regexp.MustCompile(`^"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z"$`)

// bucketType and bucketARN are what withoutObjects looks for.
var (
	bucketType = regexp.MustCompile(`^"AWS::S3.*Bucket"$`)
	bucketARN  = regexp.MustCompile(strings.Trim(namedBucket, "'"))
)

// takenEvent is an event as the query takes it apart: this is eventTable in Go. It is nil
// where the event comes as it is.
func takenEvent(raw json.RawMessage) map[string]string {
	top, ok := object(raw)
	if !ok || top == nil {
		return nil
	}
	objects := map[string]map[string]json.RawMessage{"": top} // by their paths
	for _, c := range eventColumns {
		path, _ := c.path()
		parent := ""
		for i := range path {
			if path[i] != '.' {
				continue
			}
			if objects[path[:i]], ok = object(objects[parent][strings.TrimPrefix(path[len(parent):i], ".")]); !ok {
				return nil
			}
			parent = path[:i]
		}
	}
	row := make(map[string]string)
	for _, c := range eventColumns {
		path, member := c.path()
		dot := strings.LastIndexByte(path, '.')
		value := objects[path[:max(dot, 0)]][path[dot+1:]]
		if member != "" {
			var exact map[string]json.RawMessage
			_ = json.Unmarshal(value, &exact) // what is no object has no members
			value = exact[member]
		}
		if value != nil {
			row[c.name] = string(value)
		}
	}
	if strings.HasPrefix(string(top["additionaleventdata"]), "{") {
		row["additional"] = "{}"
	}
	var resources []json.RawMessage
	if json.Unmarshal(top["resources"], &resources) != nil && len(top["resources"]) > 0 {
		return nil
	}
	if resources != nil {
		var lists [][3]json.RawMessage
		for _, r := range resources {
			members, ok := object(r)
			if !ok {
				return nil
			}
			lists = append(lists, [3]json.RawMessage{members["type"], members["accountid"], members["arn"]})
		}
		var err1, err2 error
		row["resources"], err1 = marshal(lists)
		isBucket := func(l [3]json.RawMessage) bool { return bucketType.Match(l[0]) }
		isUnnamed := func(l [3]json.RawMessage) bool { return isBucket(l) && !bucketARN.Match(l[2]) }
		if slices.ContainsFunc(lists, isBucket) && !slices.ContainsFunc(lists, isUnnamed) {
			lists = slices.DeleteFunc(lists, func(l [3]json.RawMessage) bool { return strings.HasSuffix(string(l[0]), `::Object"`) })
		}
		row["buckets"], err2 = marshal(lists)
		if err1 != nil || err2 != nil {
			return nil
		}
	}
	if timeForm.MatchString(row["eventtime"]) {
		if t, err := time.Parse(`"2006-01-02T15:04:05Z"`, row["eventtime"]); err == nil {
			row[colFirst] = strconv.FormatInt(t.Unix(), 10)
		}
	}
	return row
}

func marshal(lists [][3]json.RawMessage) (string, error) {
	text, err := json.Marshal(lists)
	return string(text), err
}

func restoredEvent(t testing.TB, row map[string]string) *record.Record {
	t.Helper()
	s := statement{log: record.CloudTrail}
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

// blankedEvent returns what is left of an event in which nobody looks at anything.
func blankedEvent(row map[string]string) map[string]string {
	short := make(map[string]string)
	isText := func(name string) bool { return len(row[name]) > 2 && row[name][0] == '"' }
	keep := func(name string) {
		if value, ok := row[name]; ok {
			short[name] = value
		}
	}
	for _, name := range []string{"version", "idtype", "source", "operation", "error", "signature", "auth", "eventtype", "category", colFirst} {
		keep(name)
	}
	if _, sure := row[colFirst]; !sure {
		keep("eventtime")
	}
	keep("account")
	if account := strings.ToLower(row["account"]); isText("account") && account != `"anonymous"` && account != `"anonymous_principal"` {
		short["account"] = `"x"`
	}
	for name, blank := range map[string]string{"bucket": `"b"`, "key": `"k"`, "capitalkey": `"k"`} {
		if keep(name); isText(name) {
			short[name] = blank
		}
	}
	for _, name := range []string{"sent", "received"} {
		keep(name)
		if regexp.MustCompile(strings.Trim(amount, "'")).MatchString(row[name]) {
			short[name] = "0"
			if f, err := strconv.ParseFloat(row[name], 64); err == nil && f >= 1 {
				short[name] = "1"
			}
		}
	}
	if !strings.HasPrefix(row["bucket"], `"`) && !strings.HasPrefix(row["key"], `"`) && !strings.HasPrefix(row["capitalkey"], `"`) {
		keep("resources")
	}
	if !isText("awsregion") {
		keep("host")
		if !isText("host") {
			if keep("namedhost"); !isText("namedhost") {
				keep("smallhost")
			}
		}
	}
	return short
}

func checkEvent(t *testing.T, raw json.RawMessage) {
	t.Helper()
	row := takenEvent(raw)
	if row == nil {
		return
	}
	d := cloudtrail.NewDecoder(strings.NewReader(`{"Records":[` + string(raw) + `]}`))
	ok := d.Next()
	if d.Err() != nil {
		return
	}
	if isSure(row) && !ok {
		t.Fatalf("%s\nis none of S3's requests, and the query is sure of it", raw)
	}
	restored, short := restoredEvent(t, row), restoredEvent(t, blankedEvent(row))
	if (restored != nil) != ok || (short != nil) != ok {
		t.Fatalf("%s\nis a record: %t, restored: %t, shortened: %t", raw, ok, restored != nil, short != nil)
	}
	if !ok {
		return
	}
	valid := cloudtrail.NewDecoder(strings.NewReader(`{"Records":[` + string(record.ValidText(raw)) + `]}`))
	if !valid.Next() {
		t.Fatalf("%s\nis skipped as soon as it is valid", raw)
	}
	if got, want := textOf(restored), textOf(valid.Record()); got != want {
		t.Errorf("%s\nis restored as %s\nwant           %s", raw, got, want)
	}
	if got, want := decision(short), decision(d.Record()); got != want {
		t.Errorf("%s\nis shortened to %s\nwant            %s", raw, got, want)
	}
	for f, want := range looks(d.Record()) {
		shown := blankedEvent(row)
		keepParts(shown, row, f, eventParts())
		if got := looks(restoredEvent(t, shown))[f]; got != want {
			t.Errorf("%s\nshows %s %q when only that is looked at, want %q", raw, f, got, want)
		}
	}
	wantNeedles(t, raw, row, d.Record())
}

// isSure is sureEvent in Go.
func isSure(row map[string]string) bool {
	like := func(name, otherwise, pattern string) bool {
		value, ok := row[name]
		if !ok {
			value = otherwise
		}
		return regexp.MustCompile(strings.Trim(pattern, "'")).MatchString(value)
	}
	return row[colFirst] != "" && like("operation", "", `^"(?s:.+)"$`) && like("version", `"1"`, `^"1([.].*)?"$`) && like("source", "", s3Sources) &&
		!like("category", "", `^"(Insight|NetworkActivity|Aggregated)"$`) &&
		!like("eventtype", "", `^"(AwsCloudTrailInsight|AwsVpceEvents|AwsAggregatedEvent|AwsServiceEvent)"$`) &&
		like("sent", "0", amount) && like("received", "0", amount)
}

// wantNeedles wants to find in the columns what the prefilter finds in an event.
func wantNeedles(t *testing.T, raw json.RawMessage, row map[string]string, r *record.Record) {
	t.Helper()
	var texts strings.Builder // eventTexts in Go
	for _, c := range eventColumns {
		texts.WriteString(" " + row[c.name])
	}
	if _, ok := row["acl"]; ok {
		texts.WriteString(` "aclRequired"`)
	}
	class := classifier.Classify(r)
	for trait := range class.Traits.All() {
		needles := trait.Needles(record.CloudTrail)
		has := func(text string) bool {
			return len(needles) == 0 || slices.ContainsFunc(needles, func(n string) bool { return strings.Contains(text, n) }) || strings.Contains(text, `\`)
		}
		if has(string(raw)) && !has(texts.String()) {
			t.Errorf("%s\nhas trait %d, and none of %q in its columns", raw, trait, needles)
		}
	}
}

func eventFixtures(tb testing.TB) (events []json.RawMessage) {
	tb.Helper()
	paths, err := filepath.Glob("../../../../scanner/cloudtrail/testdata/*.json")
	if err != nil || len(paths) == 0 {
		tb.Fatal("no fixtures", err)
	}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			tb.Fatal(err)
		}
		var log struct{ Records []json.RawMessage }
		if !strings.HasSuffix(path, ".golden.json") && json.Unmarshal(text, &log) != nil {
			tb.Fatal(path)
		}
		events = append(events, log.Records...)
	}
	return events
}

func TestEvent_IsTheSameWhenPutTogetherAgain(t *testing.T) {
	taken := 0
	for _, event := range eventFixtures(t) {
		checkEvent(t, event)
		if takenEvent(event) != nil {
			taken++
		}
	}
	if taken < 100 {
		t.Errorf("the query takes %d events apart", taken)
	}
}

// asWritten removes the members of an event whose names are known ones but for their case:
// CloudTrail writes names in one way, and the query finds them in any.
func asWritten(event map[string]any) {
	known := map[string][]string{"": {"resources"}, ".resources": {"type", "accountId", "ARN"}} // by the path of their object
	for _, c := range eventColumns {
		names := strings.Split(c.member, ".")
		if _, member := c.path(); member != "" {
			names = names[:1] // the query finds the others as they are written
		}
		path := ""
		for _, name := range names {
			known[path] = append(known[path], name)
			path += "." + name
		}
	}
	var walk func(value any, path string)
	walk = func(value any, path string) {
		switch value := value.(type) {
		case []any:
			for _, v := range value {
				walk(v, path)
			}
		case map[string]any:
			for name, v := range value {
				is := func(known string) bool { return known == name }
				like := func(known string) bool { return strings.EqualFold(known, name) }
				if slices.ContainsFunc(known[path], like) && !slices.ContainsFunc(known[path], is) {
					delete(value, name)
					continue
				}
				walk(v, path+"."+name)
			}
		}
	}
	walk(event, "")
}

func FuzzEvent(f *testing.F) {
	for _, event := range eventFixtures(f) {
		f.Add(string(event))
	}
	f.Fuzz(func(t *testing.T, event string) {
		var compact map[string]any
		if json.Unmarshal([]byte(event), &compact) != nil || strings.ToValidUTF8(event, "") != event {
			t.Skip("no event")
		}
		asWritten(compact)
		text, err := json.Marshal(compact) // as the query writes it: each name once, without escapes
		if err != nil {
			t.Skip(fmt.Sprint("no event: ", err))
		}
		checkEvent(t, text)
	})
}
