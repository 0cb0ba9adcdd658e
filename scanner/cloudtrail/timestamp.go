package cloudtrail

import "time"

// parseTime returns the seconds since 1970-01-01 UTC of a time in the form of RFC
// 3339, with or without a fraction, in capitals and without leap seconds.
// CloudTrail writes 2006-01-02T15:04:05Z.
func parseTime(s []byte) (unix int64, ok bool) {
	const layout = "dddd-dd-ddTdd:dd:dd"
	if len(s) <= len(layout) || !matches(s, layout) {
		return 0, false
	}
	hour, minute, second := digits2(s[11:]), digits2(s[14:]), digits2(s[17:])
	if hour > 23 || minute > 59 || second > 59 {
		return 0, false
	}
	zone, ok := parseZone(skipFraction(s[len(layout):]))
	if !ok {
		return 0, false
	}
	year, month, day := digits2(s)*100+digits2(s[2:]), time.Month(digits2(s[5:])), digits2(s[8:])
	t := time.Date(year, month, day, hour, minute, second, 0, time.UTC)
	if t.Month() != month || t.Day() != day { // there is no such day
		return 0, false
	}
	return t.Unix() - int64(zone), true
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
func parseZone(s []byte) (seconds int, ok bool) {
	if string(s) == "Z" {
		return 0, true
	}
	const layout = "+dd:dd"
	if len(s) != len(layout) || s[0] != '+' && s[0] != '-' || !matches(s[1:], layout[1:]) {
		return 0, false
	}
	hour, minute := digits2(s[1:]), digits2(s[4:])
	if hour > 23 || minute > 59 {
		return 0, false
	}
	seconds = hour*3600 + minute*60
	if s[0] == '-' {
		seconds = -seconds
	}
	return seconds, true
}

// matches reports whether s, which must be as long as layout, begins with it,
// where a d in layout stands for a digit.
func matches(s []byte, layout string) bool {
	for i := range len(layout) {
		if c := layout[i]; c == 'd' && !isDigit(s[i]) || c != 'd' && s[i] != c {
			return false
		}
	}
	return true
}

// digits2 returns the value of the first two bytes of s, which must be digits.
func digits2(s []byte) int { return int(s[0]-'0')*10 + int(s[1]-'0') }
