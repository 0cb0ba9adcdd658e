package accesslog

import (
	"slices"
	"strings"

	"github.com/s3access/s3_access_exporter/scanner/record/decodertest"
)

// referenceRight is what stands behind the turn-around time: Referer, user agent, and the
// fields behind it, with the signature version in its place, or none of them in layouts
// without it. But for the version ID, which is apart.
type referenceRight struct {
	referer, agent, versionID string
	tail                      []string
}

func referenceAgent(s string, year int) (r referenceRight, ok bool) {
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
		}
		if bare == nil {
			return r, false
		}
		fields := referenceTail(bare[2])
		r = referenceRight{referer: bare[1], agent: "-"}
		if len(fields) < 2 && !strings.Contains(bare[2], `"`) {
			r.versionID = strings.Join(fields, "")
			return r, true
		}
		return r, r.take(fields, year == 2019)
	}

	// Every quote may close the user agent.
	var possible []int // of those left of the last
	text := quoted[2]
	r.referer = quoted[1]
	last := strings.LastIndex(text, `"`)
	for i := 1; i < last; i++ {
		if text[i] == '"' {
			possible = append(possible, slices.Repeat([]int{i}, referenceReadings(text[i+1:]))...)
		}
	}
	var fields []string
	closed := refLastQuote.MatchString(text)
	if closed {
		fields = referenceTail(text[last+1:])
	}
	further := len(possible)
	switch {
	case last == 0:
		return r, false
	case closed && referenceComplete(fields):
		r.agent = text[1:last]
		return r, r.take(fields, false)
	case closed && len(fields) < 2 && (year < 2019 || further == 0):
		r.agent, r.versionID = text[1:last], strings.Join(fields, "")
		return r, true
	case closed && len(fields) > 6 && further == 0:
		r.agent = text[1:last]
		return r, r.take(fields, year == 2019)
	case further == 1 && len(fields) < 7 && (len(fields) != 1 || refTLSVersion.MatchString(fields[0]) && len(fields[0]) < 8):
		r.agent = text[1:possible[0]]
		return r, r.take(referenceTail(text[possible[0]+1:]), false)
	}
	return r, false
}

// referenceTail returns the fields at the beginning of a text, without the quotes
// around them, up to one that has a quote in another place.
func referenceTail(s string) (fields []string) {
	for {
		found := refTailField.FindStringSubmatch(s)
		if found == nil {
			return fields
		}
		fields = append(fields, strings.Trim(found[1], `"`))
		s = strings.TrimPrefix(s, strings.TrimSuffix(found[0], " "))
	}
}

// referenceReadings returns in how many ways what stands behind a quote can be read as the
// fields of a tail: 0, 1, or 2 for several.
func referenceReadings(s string) int {
	fields := referenceTail(s)
	switch {
	case len(fields) < 3 || fields[2] != "-" && !refSig.MatchString(fields[2]):
		return 0
	case len(fields) > 4 && fields[2] == "-" && fields[4] != "-" && !refAuth.MatchString(fields[4]):
		return 0
	case len(fields) < 7 && refFields.MatchString(s):
		return 0
	case len(fields) < 7:
		return 2
	}
	if host := refQuotedHost.FindStringSubmatch(s); host != nil && refLaterQuote.MatchString(host[1]) {
		return 2
	}
	return 1
}

// take takes fields with the signature version in its place, or in the one behind.
func (r *referenceRight) take(fields []string, in2019 bool) bool {
	if len(fields) < 7 {
		return false
	}
	r.tail, r.versionID = fields, fields[0]
	if refSignature.MatchString(fields[2]) || refSig.MatchString(fields[2]) {
		return true
	}
	r.tail = fields[1:]
	return in2019 && refSignature.MatchString(fields[3])
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
	if len(fields) < 7 || !refTLS.MatchString(fields[6]) {
		return false
	}
	if fields[2] == "-" {
		return fields[4] == "-" && (fields[5] != "-" || refHostID.MatchString(fields[1]))
	}
	return refSig.MatchString(fields[2]) && refAuth.MatchString(fields[4])
}
