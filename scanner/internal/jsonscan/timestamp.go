package jsonscan

import "github.com/s3access/s3_access_exporter/scanner/internal/calendar"

// ParseTime returns the seconds since 1970-01-01 UTC of a time in the form of RFC
// 3339, with or without a fraction, in capitals and without leap seconds.
// CloudTrail writes 2006-01-02T15:04:05Z.
func ParseTime(s []byte) (unix int64, ok bool) {
	const layout = "2006-01-02T15:04:05"
	if len(s) <= len(layout) || s[4] != '-' || s[7] != '-' || s[10] != 'T' || s[13] != ':' || s[16] != ':' {
		return 0, false
	}
	century, year, month, day := digits2(s), digits2(s[2:]), digits2(s[5:]), digits2(s[8:])
	hour, minute, second := digits2(s[11:]), digits2(s[14:]), digits2(s[17:])
	if century|year|month|day|hour|minute|second < 0 || hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	year += 100 * century
	if month < 1 || month > 12 || day < 1 || day > calendar.DaysIn(year, month) {
		return 0, false
	}
	zone, ok := parseZone(skipFraction(s[len(layout):]))
	return calendar.DaysSinceEpoch(year, month, day)*86400 + hour*3600 + minute*60 + second - zone, ok
}

// skipFraction cuts off a fraction of a second, which is a dot and digits.
func skipFraction(s []byte) []byte {
	if s[0] != '.' {
		return s
	}
	i := 1
	for i < len(s) && isDigit(s[i]) {
		i++
	}
	if i == 1 {
		return s
	}
	return s[i:]
}

// parseZone returns the seconds east of UTC.
func parseZone(s []byte) (seconds int64, ok bool) {
	if string(s) == "Z" {
		return 0, true
	}
	if len(s) != len("+00:00") || s[0] != '+' && s[0] != '-' || s[3] != ':' {
		return 0, false
	}
	hour, minute := digits2(s[1:]), digits2(s[4:])
	if hour|minute < 0 || hour > 23 || minute > 59 {
		return 0, false
	}
	seconds = hour*3600 + minute*60
	if s[0] == '-' {
		seconds = -seconds
	}
	return seconds, true
}

// digits2 returns the value of the first two bytes of s, or -1 if they are no digits.
func digits2(s []byte) int64 {
	tens, ones := s[0]-'0', s[1]-'0'
	if tens > 9 || ones > 9 {
		return -1
	}
	return int64(tens)*10 + int64(ones)
}
