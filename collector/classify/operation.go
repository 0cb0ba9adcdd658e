package classify

import "strings"

// action is the name of an operation as S3's API has it. A few resources of the
// server access log are a bucket's or an object's: there the two differ.
type action struct {
	bucket, object string
}

func (a action) value(withKey bool) string {
	if withKey {
		return a.object
	}
	return a.bucket
}

// operationAction returns the S3 API action of an operation as logged. Names
// that no table knows are kept if they look like an operation, else they are
// other; no name at all is empty.
func operationAction(logged string) action {
	if logged == "" {
		return action{}
	}
	if known, ok := actions[logged]; ok {
		return known.complete()
	}
	// SOAP.PUT.OBJECT is the same action as REST.PUT.OBJECT.
	if resource, ok := strings.CutPrefix(logged, "SOAP."); ok {
		if known, ok := actions["REST."+resource]; ok {
			return known.complete()
		}
	}
	if !looksLikeOperation(logged) {
		logged = Other
	}
	return action{logged, logged}
}

// complete fills in the object's action of a table entry that has one name.
func (a action) complete() action {
	if a.object == "" {
		a.object = a.bucket
	}
	return a
}

// looksLikeOperation reports whether text has the form of an event's name
// (RenameObject) or of an operation in the server access log
// (S3.EXPIRE.OBJECT, SOAP.ListAllMyBuckets).
func looksLikeOperation(text string) bool {
	const (
		upper               = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
		lower               = "abcdefghijklmnopqrstuvwxyz"
		digits              = "0123456789"
		minEvent, maxEvent  = 3, 64
		maxLogged           = 60
		eventLetters        = upper + lower + digits
		loggedLetters       = upper + digits + "_."
		soapOperationLetter = loggedLetters + lower
	)
	family, rest, dotted := strings.Cut(text, ".")
	if !dotted {
		return minEvent <= len(text) && len(text) <= maxEvent &&
			strings.Contains(upper, text[:1]) && strings.Trim(text, eventLetters) == ""
	}
	if rest == "" || len(rest) > maxLogged {
		return false
	}
	switch family {
	case "REST", "WEBSITE", "BATCH", "S3":
		return strings.Trim(rest, loggedLetters) == ""
	case "SOAP":
		return strings.Trim(rest, soapOperationLetter) == ""
	}
	return false
}
