package classify

import (
	"net/netip"
	"strings"
)

// sourceIPNone is the value of the label "source_ip" for a request that came
// from no address: S3's own work.
const sourceIPNone = "none"

// sourceIPValue returns the value of the label "source_ip" for an address or
// the name of an AWS service as logged. What is neither, as an address that
// somebody masked, is other: so every value is an address, a network, or a name
// that only AWS writes.
func (m SourceIPMode) sourceIPValue(text string) string {
	switch {
	case m.off:
		return ""
	case text == "":
		return sourceIPNone
	case isServiceName(text):
		return clean(text)
	}
	addr, err := netip.ParseAddr(text)
	if err != nil {
		return Other
	}
	addr = addr.Unmap().WithZone("")
	if m.prefixes == nil {
		return addr.String()
	}
	bits := m.prefixes[0]
	if addr.Is6() {
		bits = m.prefixes[1]
	}
	network, err := addr.Prefix(bits)
	if err != nil {
		return Other
	}
	return network.String()
}

// isServiceName reports whether CloudTrail writes text in the place of an
// address: a service's DNS name, or AWS Internal with or without a number.
// See https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html.
func isServiceName(text string) bool {
	if strings.HasPrefix(text, internal) {
		return isInternalName(text)
	}
	return isAWSName(text)
}

const internal = "AWS Internal"

// isInternalName reports whether text is AWS Internal, with or without a number.
func isInternalName(text string) bool {
	number, numbered := strings.CutPrefix(strings.TrimPrefix(text, internal), "/")
	return !numbered && number == "" || numbered && isShortNumber(number)
}

func isShortNumber(text string) bool {
	const maxDigits = 4
	return text != "" && len(text) <= maxDigits && strings.Trim(text, "0123456789") == ""
}

// isAWSName reports whether text is a DNS name in one of AWS's own domains.
func isAWSName(text string) bool {
	const letters = "abcdefghijklmnopqrstuvwxyz0123456789-."
	name, ok := cutDomain(text)
	if !ok {
		name, ok = strings.CutSuffix(text, ".aws.amazon.com") // the console's
	}
	return ok && name != "" && len(text) <= MaxValue && strings.Trim(name, letters) == ""
}
