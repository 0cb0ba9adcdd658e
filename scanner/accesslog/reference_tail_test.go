package accesslog

import (
	"strings"

	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/record/decodertest"
)

// referenceRight is what stands behind the turn-around time: Referer, user agent, and the
// fields behind it, with the signature version in its place, or none of them in layouts
// without it. But for the version ID, which is apart.
type referenceRight struct {
	referer, agent, versionID string
	tail                      []string
}

func referenceAgent(s string, line referenceLeft) (r referenceRight, ok bool) {
	var quoted []string
	if s[0] == '-' {
		quoted = refAgentQuoted.FindStringSubmatch(s)
	} else {
		quoted = refBothQuoted.FindStringSubmatch(s)
	}
	if quoted == nil {
		bare := refBothBare.FindStringSubmatch(s)
		if bare == nil {
			bare = refRefererQuoted.FindStringSubmatch(s)
			if bare == nil || strings.Contains(bare[1], "\r") || len(line.possible(s, strings.LastIndex(s, `"`))) > 0 {
				return r, false
			}
		}
		if strings.Contains(bare[2], "\r") {
			return r, false
		}
		fields := referenceTail(bare[2])
		r = referenceRight{referer: bare[1], agent: "-"}
		if len(fields) < 2 && !strings.Contains(bare[2], `"`) {
			r.versionID = strings.Join(fields, "")
			return r, true
		}
		return r, r.take(fields, line)
	}

	// Every quote may close the user agent, also those in the Referer.
	text, start := quoted[2], 0 // of the user agent
	r.referer = quoted[1]
	if strings.Contains(r.referer, `"`) {
		text, start = s, len(s)-len(text)
	}
	last := strings.LastIndex(text, `"`)
	if last <= start {
		return r, false
	}
	if first := start + 1 + strings.Index(text[start+1:], `"`); strings.Contains(text[:start]+text[first:], "\r") {
		return r, false
	}
	possible := line.possible(text, last)
	var fields []string
	closed := refLastQuote.MatchString(text)
	if closed {
		fields = referenceTail(text[last+1:])
	}
	further := len(possible)
	switch {
	case closed && referenceComplete(fields):
		r.agent, r.tail, r.versionID = text[start+1:last], fields, fields[0]
		return r, !line.outdone(text, possible, fields)
	case closed && len(fields) < 2 && (line.year < 2019 || further == 0):
		r.agent, r.versionID = text[start+1:last], strings.Join(fields, "")
		return r, true
	case closed && len(fields) > 6 && further == 0:
		r.agent = text[start+1 : last]
		return r, r.take(fields, line)
	case further == 1 && possible[0] > start && line.year >= 2019 && len(fields) < 7 &&
		(len(fields) != 1 || refTLSVersion.MatchString(fields[0]) && len(fields[0]) < 8):
		r.agent = text[start+1 : possible[0]]
		if host := refQuotedHost.FindStringSubmatch(text[possible[0]+1:]); host != nil && refLaterQuote.MatchString(host[1]) {
			return r, false // another quote may close it
		}
		fields, rest := referenceTailAndRest(text[possible[0]+1:])
		return r, strings.Trim(rest, " ") == "" && r.take(fields, line)
	}
	return r, false
}

// referenceLeft is what of a line no client writes, and what is right of it depends on.
type referenceLeft struct {
	ofAWS                           bool
	year                            int
	requester, operation, errorCode string
}

// possible returns the indexes of quotes in a text before the last one that may close the
// user agent, or the Referer.
func (line *referenceLeft) possible(text string, last int) (quotes []int) {
	for i := 1; i < last; i++ {
		if text[i] == '"' && len(line.signatures(referenceTail(text[i+1:]))) > 0 {
			quotes = append(quotes, i)
		}
	}
	return quotes
}

// signatures returns what may be the field of the signature version among the fields of
// a tail.
func (line *referenceLeft) signatures(fields []string) (signatures []string) {
	extra := 0
	if len(fields) > 0 && fields[0] == "-" {
		extra++
	}
	if line.year == 2019 {
		extra++
	}
	for i := range extra + 1 {
		if referenceFits(fields, i) {
			signatures = append(signatures, fields[2+i])
		}
	}
	return signatures
}

// referenceFits reports whether fields may be a tail with some more than usual behind the
// version ID.
func referenceFits(fields []string, extra int) bool {
	if len(fields) < 5+extra || refSig.MatchString(fields[3+extra]) {
		return false
	}
	signature, authType := fields[2+extra], fields[4+extra]
	if extra > 0 && !refSignature.MatchString(signature) || signature != "-" && (!refSig.MatchString(signature) || len(signature) > 16) {
		return false
	}
	return signature != "-" || authType == "-" || refAuth.MatchString(authType)
}

// outdone reports whether a tail behind one of the quotes makes a request of the line that
// is more of an alarm.
func (line *referenceLeft) outdone(text string, quotes []int, fields []string) bool {
	if line.ofAWS && (line.has(fields[2]) || fields[2] != "-") {
		return false
	}
	for _, i := range quotes {
		for _, signature := range line.signatures(referenceTail(text[i+1:])) {
			if line.has(signature) && (!line.has(fields[2]) || referenceAlarm(signature) > referenceAlarm(fields[2])) {
				return true
			}
		}
	}
	return false
}

// has reports whether a signature goes with the requester.
func (line *referenceLeft) has(signature string) bool {
	nobody := line.requester == "-" || strings.EqualFold(line.requester, "anonymous")
	if signature == "-" || signature == "" {
		return nobody || strings.HasPrefix(line.operation, "S3.") || strings.HasPrefix(line.operation, "B2_LIFECYCLE.")
	}
	return !nobody || record.FailedAuthentication([]byte(line.errorCode))
}

func referenceAlarm(signature string) int {
	switch strings.ToLower(signature) {
	case "sigv4", "sigv4a":
		return 0
	case "-":
		return 2
	case "sigv2":
		return 3
	}
	return 1
}

// referenceTail returns the fields at the beginning of a text, without the quotes
// around them, up to one that has a quote in another place.
func referenceTail(s string) (fields []string) {
	fields, _ = referenceTailAndRest(s)
	return fields
}

// referenceTailAndRest returns what stands behind the fields of referenceTail, too.
func referenceTailAndRest(s string) (fields []string, rest string) {
	for {
		found := refTailField.FindStringSubmatch(s)
		if found == nil {
			return fields, s
		}
		fields = append(fields, strings.Trim(found[1], `"`))
		s = strings.TrimPrefix(s, strings.TrimSuffix(found[0], " "))
	}
}

// take takes fields with the signature version in its place, or in the one behind.
func (r *referenceRight) take(fields []string, line referenceLeft) bool {
	if len(fields) < 7 {
		return false
	}
	for extra := range 2 {
		tail := fields[extra:]
		switch {
		case extra > 0 && line.year != 2019 || !referenceFits(fields, extra):
			continue
		case line.year != 2019, tail[2] != "-", line.usual(tail):
			r.tail, r.versionID = tail, fields[0]
			return true
		}
	}
	return false
}

// usual reports whether a tail whose signature version is a dash is one of 2019.
func (line *referenceLeft) usual(tail []string) bool {
	tlsVersion := len(tail) < 7 || tail[6] == "-" || refTLSVersion.MatchString(tail[6]) && len(tail[6]) < 8
	return tlsVersion && (tail[4] == "-" || line.has("unknown"))
}

// fill sets what of the fields is for those who look into a request, and the way it came.
func (r *referenceRight) fill(t *decodertest.Text, uri string) {
	field := func(i int) string {
		if i < len(r.tail) {
			return referenceText(r.tail[i])
		}
		return ""
	}
	t.UserAgent, t.Referer, t.VersionID = referenceText(r.agent), referenceText(r.referer), referenceText(r.versionID)
	t.Host, t.TLSVersion, t.CipherSuite = field(5), field(6), field(3)
	t.AccessPoint, t.SourceRegion = field(7), field(9)
	t.MFA, t.Console, t.ACLRequired = "unknown", "unknown", "unknown"
	switch {
	case t.TLSVersion != "" || t.CipherSuite != "":
		t.Transport = "tls"
	case uri == "-" || uri == "":
		t.Transport = "none"
	case len(r.tail) > 6 && !refBackblaze.MatchString(t.Operation):
		t.Transport = "http"
	default:
		t.Transport = "unknown"
	}
	if len(r.tail) > 8 {
		switch r.tail[8] {
		case "-":
			t.ACLRequired = "no"
		case "Yes":
			t.ACLRequired = "yes"
		}
	}
}

// referenceComplete reports whether the fields are as AWS writes all of them.
func referenceComplete(fields []string) bool {
	if len(fields) < 7 || !refTLS.MatchString(fields[6]) || !referenceFits(fields, 0) {
		return false
	}
	if fields[2] == "-" {
		return fields[4] == "-" && (fields[5] != "-" || refHostID.MatchString(fields[1]))
	}
	return refSig.MatchString(fields[2]) && refAuth.MatchString(fields[4])
}
