package scanner_test

import (
	"fmt"
	"strings"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
)

// freePrefix is that of the stream whose keys do not show what it holds.
const freePrefix = "logs/free/"

// bodyOf returns what an object with a key holds.
func bodyOf(key string, at time.Time, ids ...string) []byte {
	switch {
	case strings.HasSuffix(key, ".json.gz"):
		return logtest.TrailText(at, ids...)
	case strings.HasPrefix(key, freePrefix):
		return logtest.AccessJSON(at, ids...)
	}
	return logtest.AccessLog(at, ids...)
}

// key returns the key of a new object of one of five streams.
func (m *model) key(at time.Time) string {
	unique := fmt.Sprintf("%016X", m.random.Uint64())
	at = at.UTC()
	switch m.random.IntN(5) {
	case 3:
		return freePrefix + at.Format("2006/01/02/15/") + unique
	case 0:
		return "logs" + at.Format("2006-01-02-15-04-05-") + unique
	case 1:
		return logtest.PartitionedKey("logs111122223333/eu-west-1/a/", at, unique)
	case 2:
		return logtest.PartitionedKey("logs111122223333/eu-west-1/b/", at.Truncate(24*time.Hour), unique)
	}
	return logtest.TrailKey("logs/AWSLogs/111122223333/CloudTrail/us-east-1/", "111122223333", "us-east-1", at, unique)
}

// put stores an object, compressed or not.
func (m *model) put(key string, plain []byte, compressed bool) {
	o := modelObject{key: key, plain: plain, body: plain}
	if compressed {
		o.body = logtest.Gzip(plain)
	}
	m.objects = append(m.objects, o)
	m.bucket.Put(key, o.body, time.Now())
}

// copy copies objects onto themselves, some of them with another size.
func (m *model) copy() {
	for range m.random.IntN(4) {
		if len(m.objects) == 0 {
			return
		}
		o := &m.objects[m.random.IntN(len(m.objects))]
		switch m.random.IntN(4) {
		case 0:
			o.body = o.plain
		case 1:
			o.body = logtest.Gzip(o.plain)
		}
		m.bucket.Put(o.key, o.body, time.Now())
		m.t.Logf("%s: %s is copied", time.Now().Format(time.DateTime), o.key)
	}
}
