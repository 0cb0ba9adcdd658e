package warehouse

import (
	"bytes"
	"database/sql"
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/accesslog"
	"github.com/s3access/s3_access_exporter/scanner/cloudtrail"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// restorer makes records of a statement's rows: it puts each together again as a line or
// an event, and the decoder that the scanner has reads that.
type restorer struct {
	log     record.Log
	at      map[string]int // columns
	row     []sql.NullString
	decoder record.Decoder
	in      bytes.Reader
	text    bytes.Buffer
}

func newRestorer(s *statement) *restorer {
	r := &restorer{log: s.log, at: make(map[string]int), decoder: accesslog.NewDecoder(nil)}
	if s.log == record.CloudTrail {
		r.decoder = cloudtrail.NewDecoder(nil)
	}
	for i, name := range s.columns {
		r.at[name] = i
	}
	return r
}

// column returns the value of a column, and whether there is one.
func (r *restorer) column(name string) (value string, ok bool) {
	i, ok := r.at[name]
	if !ok || !r.row[i].Valid {
		return "", false
	}
	return r.row[i].String, true
}

// number returns the value of a column that holds a number, or otherwise.
func (r *restorer) number(name string, otherwise int64) int64 {
	text, ok := r.column(name)
	if !ok {
		return otherwise
	}
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return otherwise
	}
	return n
}

// restore returns the record of a row, nil if the decoder skips it, and how much it
// stands for. The record is valid until the next call.
func (r *restorer) restore(row []sql.NullString) (*record.Record, record.Weight, error) {
	r.row = row
	requests := r.number(colRequests, 1)
	raw, isRaw := r.column(colRaw)
	r.text.Reset()
	first, timed := r.column(colFirst)
	switch {
	case r.log == record.ServerAccess && isRaw:
		r.text.WriteString(raw)
	case r.log == record.ServerAccess:
		r.writeLine(r.number(colFirst, 0))
	case isRaw:
		r.text.WriteString(`{"Records":[` + raw + `]}`)
	default:
		r.writeEvent(r.number(colFirst, 0), timed)
	}
	r.in.Reset(record.ValidText(r.text.Bytes()))
	r.decoder.Reset(&r.in)
	if !r.decoder.Next() {
		if !isRaw && r.log == record.ServerAccess {
			return nil, record.Weight{Requests: requests}, fmt.Errorf("a line that was shortened cannot be read: %q", r.text.String())
		}
		return nil, record.Weight{Requests: requests}, nil
	}
	rec := r.decoder.Record()
	if _, sure := r.at[colLast]; !sure || isRaw || !timed {
		return rec, times(rec.Weight(), requests), nil
	}
	w := times(rec.Weight(), requests)
	w.First, w.Last = r.number(colFirst, rec.Time), r.number(colLast, rec.Time)
	if rec.SentBytes != record.Unknown {
		w.SentBytes = r.number(colSent, w.SentBytes)
	}
	if rec.ReceivedBytes != record.Unknown {
		w.ReceivedBytes = r.number(colReceived, w.ReceivedBytes)
	}
	if n, err := strconv.ParseInt(first, 10, 64); err == nil {
		rec.Time = n
	}
	return rec, w, nil
}

// times returns the weight of so many records that are the same.
func times(w record.Weight, n int64) record.Weight {
	multiply := func(bytes int64) int64 {
		if bytes == record.Unknown {
			return bytes
		}
		return int64(min(record.MultiplySaturating(uint64(bytes), uint64(n)), math.MaxInt64))
	}
	w.Requests, w.SentBytes, w.ReceivedBytes = n, multiply(w.SentBytes), multiply(w.ReceivedBytes)
	return w
}

// skipped returns why the decoder has skipped the record; empty: it was blank.
func (r *restorer) skipped() (reason record.SkipReason) {
	skipped := r.decoder.Skipped()
	for why, n := range skipped.All() {
		if n > 0 {
			return why
		}
	}
	return ""
}

// writeLine writes the line of a row that was taken apart.
func (r *restorer) writeLine(seconds int64) {
	w := &r.text
	field := func(name, otherwise string) {
		value, ok := r.column(name)
		if !ok || value == "" {
			value = otherwise
		}
		w.WriteString(" " + value)
	}
	quoted := func(name string) {
		value, ok := r.column(name)
		if !ok {
			value = "-"
		}
		w.WriteString(` "` + value + `"`)
	}
	w.WriteString("-")
	field("bucket", "-")
	w.WriteString(time.Unix(seconds, 0).UTC().Format(" [02/Jan/2006:15:04:05 +0000]"))
	field("ip", "-")
	field("requester", "-")
	field("requestid", "X")
	field("operation", "-")
	field("key", "-")
	quoted("uri")
	for _, name := range []string{"status", "error", "sent", "size", "total", "turn"} {
		field(name, "-")
	}
	quoted("referer")
	quoted("agent")
	field("version", "-")
	if signature, ok := r.column("signature"); !ok || signature == "" {
		return // a layout that ends here
	}
	w.WriteString(" -")
	for _, name := range []string{"signature", "cipher", "auth", "host", "tls"} {
		field(name, "-")
	}
	appended := []string{"accesspoint", "acl", "sourceregion"} // since, and a line ends before the first that it lacks
	for len(appended) > 0 && r.isEmpty(appended[len(appended)-1]) {
		appended = appended[:len(appended)-1]
	}
	for _, name := range appended {
		field(name, "-")
	}
}

func (r *restorer) isEmpty(name string) bool {
	value, _ := r.column(name)
	return value == ""
}

// writeEvent writes the event of a row that was taken apart. Its time is that of the row
// where it is sure.
func (r *restorer) writeEvent(seconds int64, timed bool) {
	w := objectWriter{Buffer: &r.text}
	w.WriteString(`{"Records":[{`)
	_, additional := r.column("additional")
	for _, c := range eventColumns {
		value, ok := r.column(c.name)
		if c.name == "eventtime" && timed {
			value, ok = time.Unix(seconds, 0).UTC().Format(`"2006-01-02T15:04:05Z"`), true
		}
		if ok {
			w.member(c.member, value)
			additional = additional && !strings.HasPrefix(c.member, "additionalEventData.")
		}
	}
	if additional { // it is there, and has nothing that is looked at
		w.member("additionalEventData", "{}")
	}
	resources, ok := r.column("resources")
	if !ok {
		resources, ok = r.column("buckets")
	}
	if ok {
		w.member("resources", namedResources(resources))
	}
	w.end(0)
	w.WriteString("}]}")
}

// objectWriter writes the members of an object, and of objects in it.
type objectWriter struct {
	*bytes.Buffer
	open  []string // objects in which the next member may be
	comma string   // before it
}

// member writes a member, whose path has the names of the objects around it, with dots
// between them. Members of one object come one after the other.
func (w *objectWriter) member(path, value string) {
	names := strings.Split(path, ".")
	parents, name := names[:len(names)-1], names[len(names)-1]
	same := 0
	for same < min(len(parents), len(w.open)) && parents[same] == w.open[same] {
		same++
	}
	w.end(same)
	for _, parent := range parents[same:] {
		w.WriteString(w.comma + `"` + parent + `":{`)
		w.open, w.comma = append(w.open, parent), ""
	}
	w.WriteString(w.comma + `"` + name + `":` + value)
	w.comma = ","
}

// end ends the open objects but for the outer ones.
func (w *objectWriter) end(outer int) {
	for len(w.open) > outer {
		w.WriteString("}")
		w.open, w.comma = w.open[:len(w.open)-1], ","
	}
}

// namedResources returns the resources of an event, of which each is a list of type,
// account and ARN in a result.
func namedResources(text string) string {
	var lists [][3]json.RawMessage
	if err := json.Unmarshal([]byte(text), &lists); err != nil {
		return text
	}
	var all []string
	for _, l := range lists {
		var members []string
		for i, name := range []string{"type", "accountId", "ARN"} {
			if value := string(l[i]); value != "" && value != "null" {
				members = append(members, `"`+name+`":`+value)
			}
		}
		all = append(all, "{"+strings.Join(members, ",")+"}")
	}
	return "[" + strings.Join(all, ",") + "]"
}
