package accesslog

import "github.com/s3access/s3_access_exporter/scanner/internal/calendar"

// timeLayout is the form of a time inside its brackets.
const timeLayout = "02/Jan/2006:15:04:05 -0700"

// parseTime returns the seconds since 1970-01-01 UTC of a time in timeLayout,
// which must be as long as that. It takes what time.Parse takes, except for
// months in another case.
func parseTime(text []byte) (unix int64, ok bool) {
	s := (*[len(timeLayout)]byte)(text)
	if s[2] != '/' || s[6] != '/' || s[11] != ':' || s[14] != ':' || s[17] != ':' || s[20] != ' ' {
		return 0, false
	}
	day, month := twoDigits(s[0], s[1]), parseMonth(s[3:6])
	century, year := twoDigits(s[7], s[8]), twoDigits(s[9], s[10])
	hour, minute, second := twoDigits(s[12], s[13]), twoDigits(s[15], s[16]), twoDigits(s[18], s[19])
	zoneHour, zoneMinute := twoDigits(s[22], s[23]), twoDigits(s[24], s[25])
	if day|century|year|hour|minute|second|zoneHour|zoneMinute < 0 { // one of them is no number
		return 0, false
	}
	year += 100 * century
	if month == 0 || day < 1 || day > calendar.DaysIn(year, month) ||
		hour > 23 || minute > 59 || second > 59 || zoneHour > 24 || zoneMinute > 60 {
		return 0, false
	}
	zone := zoneHour*3600 + zoneMinute*60
	switch s[21] {
	case '+':
	case '-':
		zone = -zone
	default:
		return 0, false
	}
	return calendar.DaysSinceEpoch(year, month, day)*86400 + hour*3600 + minute*60 + second - zone, true
}

// twoDigits returns the value of two digits, or -1 if they are none.
func twoDigits(tens, ones byte) int64 {
	tens, ones = tens-'0', ones-'0'
	if tens > 9 || ones > 9 {
		return -1
	}
	return 10*int64(tens) + int64(ones)
}

// digits returns the value of s, which must be digits only.
func digits(s []byte) (n int64, ok bool) {
	for _, c := range s {
		if c < '0' || c > '9' {
			return 0, false
		}
		n = n*10 + int64(c-'0')
	}
	return n, true
}

// parseMonth returns 1 to 12, or 0.
func parseMonth(s []byte) int64 {
	switch string(s) {
	case "Jan":
		return 1
	case "Feb":
		return 2
	case "Mar":
		return 3
	case "Apr":
		return 4
	case "May":
		return 5
	case "Jun":
		return 6
	case "Jul":
		return 7
	case "Aug":
		return 8
	case "Sep":
		return 9
	case "Oct":
		return 10
	case "Nov":
		return 11
	case "Dec":
		return 12
	}
	return 0
}
