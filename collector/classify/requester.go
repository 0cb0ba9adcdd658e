package classify

import "strings"

// Values of the label "requester" that no log writes.
const (
	requesterAnonymous = "anonymous"
	// requesterUnknown: the request was signed, but its signature or key was
	// refused, so S3 does not know who asked.
	requesterUnknown = "unknown"
)

// requesterValue returns the value of the label "requester" for a requester as
// logged. Canonical IDs, service names and account IDs stay as they are.
func (m RequesterMode) requesterValue(text string) string {
	switch {
	case text == "":
		return requesterUnknown
	case m == RequesterOff:
		return ""
	}
	// arn:partition:service:region:account:resource
	const account = 4
	var part [5]string // before the resource
	resource, whole := text, true
	for i := range part {
		if part[i], resource, whole = strings.Cut(resource, ":"); !whole {
			break
		}
	}
	if !whole || part[0] != "arn" {
		return clean(text)
	}
	switch {
	case m == RequesterAccount && part[account] != "":
		return clean(part[account])
	case m == RequesterRole && strings.HasPrefix(resource, "assumed-role/"):
		// assumed-role/ROLE/SESSION. A session's name is chosen anew for every
		// session, a role has a name without slashes and no path.
		_, roleAndSession, _ := strings.Cut(resource, "/")
		_, session, found := strings.Cut(roleAndSession, "/")
		if found {
			text = text[:len(text)-len("/")-len(session)]
		}
	}
	return clean(text)
}

// accountValue returns the value of the label "account_id": twelve digits, or
// empty.
func accountValue(text string) string {
	const digits = 12
	if len(text) != digits || strings.Trim(text, "0123456789") != "" {
		return ""
	}
	return text
}
