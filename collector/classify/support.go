package classify

import "strings"

// Support is how far AWS supports a version of a client, by its page "AWS SDKs and Tools
// version lifecycle". Ordered so that of two, the larger one counts.
type Support uint8

// The phases.
const (
	SupportCurrent     Support = iota // General Availability
	SupportUnknown                    // the client is not on AWS's page, or has no version
	SupportMaintenance                // no more than critical fixes
	SupportEnded                      // no fixes
)

var supportNames = [...]string{
	SupportCurrent: "current", SupportUnknown: "unknown", SupportMaintenance: "maintenance", SupportEnded: "ended",
}

// String returns the value of the label "support".
func (s Support) String() string { return supportNames[s] }

// Supports lists every Support in the order of its values.
func Supports() []Support {
	return []Support{SupportCurrent, SupportUnknown, SupportMaintenance, SupportEnded}
}

// WorseSupport returns the worse of two values of the label "support".
func WorseSupport(a, b string) string {
	for s := SupportEnded; s > SupportCurrent; s-- {
		if a == s.String() || b == s.String() {
			return s.String()
		}
	}
	return SupportCurrent.String()
}

// SupportOf returns the phase of a client's version: values of the labels "client" and
// "client_version", of which the first number decides. Without a version it is unknown,
// unless all versions are in one phase.
func SupportOf(client, version string) Support {
	steps := lifecycles[client]
	if len(steps) == 0 || version == "" && len(steps) > 1 {
		return SupportUnknown
	}
	result := SupportUnknown
	for _, step := range steps {
		if version != "" && compareVersions(version, step.version) < 0 {
			break
		}
		result = step.support
	}
	return result
}

// Runtime returns the language and version that a client runs on, as its user agent has it:
// python 3.7.9 of lang/python#3.7.9 or Python/3.7.9, java 1.8.0_282 of java/1.8.0_282, go
// 1.24.1 of lang/go#1.24.1 or (go1.24.1; linux; amd64), nodejs 14.21.3 of nodejs#14.21.3 or
// node.js/v14.21.3. Empty if it has none.
func Runtime(userAgent string) string {
	for token := range strings.FieldsFuncSeq(userAgent, func(c rune) bool {
		return c == ' ' || c == ',' || c == ';' || c == '(' || c == ')'
	}) {
		lower := strings.TrimPrefix(strings.TrimPrefix(strings.ToLower(token), "lang/"), "md/")
		if version, ok := strings.CutPrefix(lower, "go"); ok && leadingVersion(version) != "" {
			return "go " + version
		}
		name, version, ok := strings.Cut(strings.Replace(lower, "#", "/", 1), "/")
		if !ok || !runtimes[name] {
			continue
		}
		if name == "node.js" {
			name = "nodejs"
		}
		version, _, _ = strings.Cut(strings.TrimPrefix(version, "v"), "/")
		if version = leadingVersion(strings.ReplaceAll(version, "_", "+")); version != "" {
			return name + " " + strings.ReplaceAll(version, "+", "_")
		}
	}
	return ""
}
