package classify

import "strings"

// action is the name of an operation in S3's API. A few resources of the
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
	// REST.S3_GET_OBJECT is how Backblaze writes GetObject.
	if name, ok := strings.CutPrefix(logged, "REST.S3_"); ok {
		if api := pascalCase(name); api != "" && isAPIName(api) {
			return operationAction(api)
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

// pascalCase returns GET_OBJECT as GetObject.
func pascalCase(name string) string {
	var joined strings.Builder
	for word := range strings.SplitSeq(name, "_") {
		if word != "" {
			joined.WriteString(word[:1] + strings.ToLower(word[1:]))
		}
	}
	return joined.String()
}

// isAPIName reports whether the table has an action of that name.
func isAPIName(name string) bool {
	if _, ok := actions[name]; ok { // an event's name, such as ListObjectsV2
		return true
	}
	for _, a := range actions {
		if a.bucket == name || a.object == name {
			return true
		}
	}
	return false
}

// looksLikeOperation reports whether text has the form of an event's name
// (RenameObject) or of an operation in the server access log
// (S3.EXPIRE.OBJECT, SOAP.ListAllMyBuckets), Backblaze's own ones included.
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
	case "REST", "WEBSITE", "BATCH", "S3", "B2_API", "B2_LIFECYCLE":
		return strings.Trim(rest, loggedLetters) == ""
	case "SOAP":
		return strings.Trim(rest, soapOperationLetter) == ""
	}
	return false
}
