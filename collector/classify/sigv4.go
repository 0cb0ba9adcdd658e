package classify

import "strings"

// Verdict answers: does this version of a client sign S3 requests with
// Signature Version 4 by default? Ordered from the best to the worst, so that
// of two verdicts the larger one counts.
type Verdict uint8

// The verdicts.
const (
	VerdictYes     Verdict = iota // it does
	VerdictUnknown                // no source shows it
	VerdictNo                     // it does not
)

// String returns the value of the label "sigv4_default".
func (v Verdict) String() string {
	switch v {
	case VerdictYes:
		return "yes"
	case VerdictNo:
		return "no"
	}
	return "unknown"
}

// WorseSigV4Default returns the worse of two values of the label
// "sigv4_default": the one that a client version keeps of which both were seen.
func WorseSigV4Default(a, b string) string {
	for _, v := range []Verdict{VerdictNo, VerdictUnknown} {
		if a == v.String() || b == v.String() {
			return v.String()
		}
	}
	return VerdictYes.String()
}

// SigV4Since returns the first version of a client, a value of the label
// "client", from which on, for good, requests to S3 are signed with Signature
// Version 4 by default; "0" if they always were. ok is false for a client of which
// no version is known to do so.
func SigV4Since(client string) (version string, ok bool) {
	steps := sigv4Defaults[client]
	if len(steps) == 0 || steps[len(steps)-1].verdict != VerdictYes {
		return "", false
	}
	return steps[len(steps)-1].version, true
}

// since is a step in a client's history: from this version on, up to the next
// step, the verdict holds.
type since struct {
	version string
	verdict Verdict
}

// sigv4Default judges a client by its version. Boto3 signs with the botocore
// that it finds, so that version decides where the user agent has it. A
// client that the table does not know and a version that is no version are
// unknown, never old.
func sigv4Default(client, version, botocore string) Verdict {
	if client == clientBoto3 && botocore != "" {
		client, version = clientBotocore, botocore
	}
	result := VerdictUnknown
	if version == "" {
		return result
	}
	for _, step := range sigv4Defaults[client] {
		if compareVersions(version, step.version) < 0 {
			break
		}
		result = step.verdict
	}
	return result
}

// compareVersions compares the leading numbers of two versions, part by part.
// Missing parts are 0; what follows the first part that is not all digits is
// ignored, so 2.0.0.rc4 is 2.0.0.
func compareVersions(a, b string) int {
	for a != "" || b != "" {
		var x, y int
		x, a = cutNumber(a)
		y, b = cutNumber(b)
		if x != y {
			return x - y
		}
	}
	return 0
}

// cutNumber returns the number that version starts with and, if a dot and more
// follow, the rest. Numbers are capped, not to overflow.
func cutNumber(version string) (number int, rest string) {
	const most = 1 << 30
	end := 0
	for end < len(version) && isDigit(version[end]) {
		number = min(10*number+int(version[end]-'0'), most)
		end++
	}
	rest, more := strings.CutPrefix(version[end:], ".")
	if !more {
		return number, "" // the end, or a suffix
	}
	return number, rest
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
