package once

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

func TestPage_ReturnsWhatWasAddedInLittleMemory(t *testing.T) {
	at := time.Date(2026, 7, 2, 8, 15, 27, 123_456_789, time.UTC)
	objects := []source.Object{{}, {Key: "a", Size: 1 << 40}, {Key: "a", LastModified: at}, {Key: "a/b", ETag: `"x"`}, {Key: "a/"}, {Key: "\U0001F4C1"}}
	for i := range source.PageSize {
		written := at.Add(time.Duration(i) * 5 * time.Minute)
		objects = append(objects, source.Object{
			Key:  logtest.TrailKey("AWSLogs/o-abcdefghij/111122223333/CloudTrail/eu-west-1/", "111122223333", "eu-west-1", written, fmt.Sprintf("%016x", i*i)),
			Size: int64(i), LastModified: written, ETag: fmt.Sprintf("\"%032x\"", i),
		})
	}
	var p page
	for _, obj := range objects {
		p.add(obj)
	}
	if each := len(p.data) / len(objects); each > 100 {
		t.Errorf("%d bytes an object", each)
	}
	var got []source.Object
	for !p.empty() {
		got = append(got, p.next())
	}
	if !slices.Equal(got, objects) || len(p.data) > 0 {
		t.Errorf("got %v, want %v", got, objects)
	}
}
