// Package calendar counts the days of the Gregorian calendar, for decoders that read a time
// in each record and cannot wait for package time.
package calendar

// DaysIn returns the number of days of a month, which is 1 to 12, of a year from 0 on.
func DaysIn(year, month int64) int64 {
	switch month {
	case 4, 6, 9, 11:
		return 30
	case 2:
		if year%4 == 0 && (year%100 != 0 || year%400 == 0) {
			return 29
		}
		return 28
	}
	return 31
}

// DaysSinceEpoch returns the number of days from 1970-01-01 to a date of the
// years 0 to 9999. It counts years from March, so that the leap day is the last
// one of a year and 153 days are any five months that begin with March or August.
func DaysSinceEpoch(year, month, day int64) int64 {
	month -= 3
	if month < 0 {
		month += 12
		year--
	}
	year += 400                   // keeps the divisions from rounding up below zero
	const epoch = 719468 + 146097 // the days from March of the year -400 to 1970-01-01
	return year*365 + year/4 - year/100 + year/400 + (153*month+2)/5 + day - 1 - epoch
}
