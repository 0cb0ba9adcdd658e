package cloudtrail

import "slices"

// IsLogFile reports whether a document with these members, of which there may be more, is
// likely to be a log file.
func IsLogFile(members []string) bool { return slices.Contains(members, "Records") }

// IsEvent reports whether an object with these members, of which there may be more, is
// likely to be an event.
func IsEvent(members []string) bool {
	return slices.Contains(members, "eventVersion") && slices.Contains(members, "eventSource") ||
		slices.Contains(members, "eventVersion") && slices.Contains(members, "userIdentity")
}
