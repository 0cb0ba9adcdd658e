package once_test

import (
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/once"
	"github.com/s3access/s3_access_exporter/scanner/source"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// Lines of a server access log under another name than S3's may be those of an object that
// was read before. They are skipped, and named; so is what has such a name and no known content.
func TestRun_NamesLogsUnderOtherNames(t *testing.T) {
	at := time.Date(2026, 7, 2, 8, 0, 0, 0, time.UTC)
	request := logtest.RandomRequest(rand.New(rand.NewPCG(1, 2)), "bucket", at)
	line := request.Line()
	name := logtest.SimpleKey(at, "0123456789ABCDEF")
	fake := new(sourcetest.Fake)
	fake.Put(name, line, at)
	for key, body := range map[string][]byte{
		name + ".gz":                         logtest.Gzip(line),
		"a/" + name + ".log":                 line,
		"a/2026/07/02/" + name + ".gz":       logtest.Gzip(line),
		"a/2026/07/02/" + name + ".zst":      []byte("\x28\xb5\x2f\xfd"),
		"b/2026/07/02/08/access.log":         slices.Concat([]byte("Started\n"), line),
		"c/dt=2026-07-02/" + name + ".gz":    []byte("\x1f\x8bx"),
		"d/2026/07/02/" + name + ".empty.gz": nil,
	} {
		fake.Put(key, body, at)
	}
	fake.Put("e/2026/07/02/"+name+".json", logtest.AccessJSON(at, "r1"), at) // which is no copy of what S3 delivers as text
	c := new(collected)
	summary, err := once.Run(t.Context(), once.Config{Locations: []source.Location{{Name: "logs", Source: fake}}}, once.Query{}, c)
	want := map[logkey.SkipReason]once.SkippedObjects{logkey.SkipRenamed: {Objects: 7, Example: summary.SkippedObjects[logkey.SkipRenamed].Example}}
	if err != nil || len(summary.Unread) > 0 || len(c.records) != 2 || !maps.Equal(summary.SkippedObjects, want) {
		t.Errorf("%d records, %+v, error %v", len(c.records), summary, err)
	}
}
