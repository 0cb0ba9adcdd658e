package web

import (
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/scanner"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
)

// Where newer logs are counted, that there are older ones which are not is no trouble, but
// shows.
func TestStatus_ShowsWhatLiesBeforeTheStart(t *testing.T) {
	status := wellStatus()
	status.Locations[0].Start, status.Locations[0].BeforeStart = before(24*time.Hour), 1234
	page := answerOf(t, status, StatusPath).Body.String()
	if !strings.Contains(page, "All is well.") || !strings.Contains(page, "on: 1,234 log objects are before that and not counted") {
		t.Error(page)
	}
	if strings.Contains(answerOf(t, wellStatus(), StatusPath).Body.String(), "before that") {
		t.Error("the page has log objects before the start where there are none")
	}
}

// What was found and is not counted never looks well.
func TestStatus_ShowsWhatIsNotCounted(t *testing.T) {
	status := wellStatus()
	l := &status.Locations[0]
	l.Skipped = []scanner.SkippedStatus{{Reason: logkey.SkipDigest, Objects: 9}}
	if page := answerOf(t, status, StatusPath).Body.String(); !strings.Contains(page, "All is well.") {
		t.Error("digests may hold requests")
	}
	for want, change := range map[string]func(){
		"1,234 records are malformed: not counted":        func() { status.Uncounted.MalformedRecords = 1234 },
		"1 object is gone before being read: not counted": func() { status.Uncounted.GoneObjects = 1 },
		"2 objects are of another size than when counted": func() { status.Uncounted.ResizedObjects = 2 },
		"5 objects are skipped that may hold requests":    func() { l.Skipped[0] = scanner.SkippedStatus{Reason: logkey.SkipParquet, Objects: 5} },
	} {
		status = wellStatus()
		l = &status.Locations[0]
		l.Skipped = []scanner.SkippedStatus{{Reason: logkey.SkipDigest, Objects: 9}}
		change()
		page := answerOf(t, status, StatusPath).Body.String()
		if strings.Contains(page, "All is well.") || !strings.Contains(page, want) {
			t.Errorf("%q is missing, or all is well, in\n%s", want, page)
		}
	}
}
