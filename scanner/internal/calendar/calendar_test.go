package calendar

import (
	"testing"
	"time"
)

func TestDaysSinceEpoch_AgreesWithTime(t *testing.T) {
	end := time.Date(10000, time.January, 1, 0, 0, 0, 0, time.UTC)
	for day := time.Date(0, time.January, 1, 0, 0, 0, 0, time.UTC); day.Before(end); day = day.AddDate(0, 0, 1) {
		year, month := int64(day.Year()), int64(day.Month())
		if got, want := DaysSinceEpoch(year, month, int64(day.Day())), day.Unix()/86400; got != want {
			t.Fatalf("%s is day %d, want %d", day.Format(time.DateOnly), got, want)
		}
		if last := day.AddDate(0, 0, 1).Day() == 1; last != (int64(day.Day()) == DaysIn(year, month)) {
			t.Fatalf("%s: the month has %d days", day.Format(time.DateOnly), DaysIn(year, month))
		}
	}
}
