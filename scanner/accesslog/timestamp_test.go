package accesslog

import (
	"testing"
	"time"
)

func TestParseTime_KnowsEveryDay(t *testing.T) {
	end := time.Date(2401, time.January, 1, 0, 0, 0, 0, time.UTC)
	for day := time.Date(1599, time.December, 31, 23, 59, 58, 0, time.UTC); day.Before(end); day = day.AddDate(0, 0, 1) {
		text := day.Format(timeLayout)
		if got, ok := parseTime([]byte(text)); !ok || got != day.Unix() {
			t.Fatalf("%s is %d, %t; want %d", text, got, ok, day.Unix())
		}
	}
}
