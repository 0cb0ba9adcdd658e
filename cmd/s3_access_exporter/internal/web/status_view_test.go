package web

import (
	"strings"
	"testing"
	"time"
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
