package classify

import "strings"

// agent is what a user agent contains: the product whose code signed the request,
// and its version. botocore is the version of the botocore under a boto3.
type agent struct {
	client, version, botocore string
}

// parseAgent finds the client in a user agent. The rules are tried in order:
//
//   - none at all: the client is none;
//   - AWS's own consoles and services; the SDK inside of theirs is AWS's, too;
//   - a browser, unless it is WinSCP's libs3 in a browser's clothes;
//   - the product that signs, wherever it stands: applications wrap SDKs;
//   - else the product that the string begins with, if the list knows it.
//
// Everything else is other: a name that anybody can invent becomes no label.
func parseAgent(text string) agent {
	text = strings.TrimSpace(text)
	if inner, ok := strings.CutPrefix(text, "["); ok {
		if inner, ok = strings.CutSuffix(inner, "]"); ok {
			text = strings.TrimSpace(inner)
		}
	}
	text = strings.Trim(text, `"`) // some clients quote themselves, at one end or both
	if text == "" || text == "-" {
		return agent{client: clientNone}
	}
	if client := awsClient(text); client != "" {
		return agent{client: client}
	}
	if len(text) >= len("Mozilla/") && strings.EqualFold(text[:len("Mozilla/")], "Mozilla/") {
		return browserAgent(text)
	}
	tokens := strings.FieldsFunc(withoutComments(text), isBlankOrComma)
	if found := signingAgent(tokens); found.client != "" {
		return found
	}
	if found, ok := firstProduct(text, tokens); ok {
		return found
	}
	return agent{client: Other}
}

// awsClient returns the client of a user agent that AWS itself sends, or empty.
func awsClient(text string) string {
	if isAWSName(text) {
		if isConsole(text) {
			return clientAWSConsole
		}
		return clientAWSService
	}
	segments := strings.Split(text, ",")
	for _, segment := range segments {
		segment = strings.TrimSpace(segment)
		if strings.HasPrefix(segment, "S3Console/") || strings.HasSuffix(segment, "Console") ||
			strings.HasSuffix(segment, "ConsoleFrontend") || strings.HasSuffix(segment, "ConsoleBackend") {
			return clientAWSConsole
		}
	}
	head := strings.TrimSpace(segments[0])
	if awsHeads[head] || strings.HasPrefix(head, "Coral/") {
		return clientAWSService
	}
	for token := range strings.FieldsFuncSeq(text, isBlankOrComma) {
		if token == "aws-internal" || strings.HasPrefix(token, "aws-internal/") {
			return clientAWSService
		}
	}
	return ""
}

// isConsole reports whether the name of an AWS service is the Management Console's, or
// that of the service through which people come to it.
func isConsole[T ~string | ~[]byte](name T) bool {
	for _, host := range [...]string{"console.", "signin."} {
		if len(name) > len(host) && string(name[:len(host)]) == host {
			return true
		}
	}
	return false
}

// browserAgent returns the browser, or libs3 as WinSCP has it:
// Mozilla/4.0 (Compatible; Unknown; libs3 4.1; Windows).
func browserAgent(text string) agent {
	if _, after, ok := strings.Cut(text, clientLibs3+" "); ok && after != "" && isDigit(after[0]) {
		return agent{client: clientLibs3, version: leadingVersion(strings.TrimRight(firstWord(after), ")"))}
	}
	return agent{client: clientBrowser}
}

// signingAgent returns the client among signers, or no client.
func signingAgent(tokens []string) agent {
	var found agent
	best := 0
	for _, token := range tokens {
		name, version, ok := splitProduct(token)
		if !ok {
			continue
		}
		if name == clientBotocore && found.botocore == "" {
			found.botocore = version
		}
		if rank := signers[name]; rank != 0 && (best == 0 || rank < best) {
			best = rank
			found.client, found.version = name, version
		}
	}
	return found
}

// firstProduct returns the client if the string begins with a listed product.
// A whole string may also have the forms "name", "name-vN" and "name N".
func firstProduct(text string, tokens []string) (agent, bool) {
	if found, ok := compoundProduct(tokens); ok {
		return found, true
	}
	if len(tokens) > 1 && (tokens[0] == "Jakarta" || strings.HasPrefix(tokens[0], "Python/")) {
		tokens = tokens[1:] // Jakarta Commons-HttpClient/3.1, Python/3.12 aiohttp/3.12.15
	}
	if len(tokens) > 0 {
		if name, version, ok := splitProduct(tokens[0]); ok {
			return agent{client: name, version: version}, products[name]
		}
	}
	name, version := strings.ToLower(text), ""
	for _, separator := range []string{"-v", " "} {
		before, after, ok := strings.Cut(name, separator)
		if ok && after != "" && isDigit(after[0]) {
			name, version = before, leadingVersion(after)
			break
		}
	}
	return agent{client: name, version: version}, products[name] || signers[name] != 0
}

// compoundProduct returns the client if its name and version are in more tokens than one:
//
//	S3 Browser/12.2.9
//	APN/1.0 Veeam/1.0 Backup/12.1, as AWS has its partners write it: partner, then product
func compoundProduct(tokens []string) (agent, bool) {
	switch {
	case len(tokens) > 1 && tokens[0] == "S3":
		name, version, _ := splitProduct(tokens[1])
		return agent{client: "s3-browser", version: version}, name == "browser"
	case len(tokens) > 2 && tokens[0] == "APN/1.0":
		partner, _, _ := splitProduct(tokens[1])
		_, version, _ := splitProduct(tokens[2])
		return agent{client: partner, version: version}, products[partner]
	}
	return agent{}, false
}

// splitProduct splits a token "name/version" or "name/vversion" at the first
// slash that a version follows, else at the first slash: then the version is
// empty. The name comes in lower case. Newer SDKs for Python write their
// botocore as md/Botocore#1.31.80.
func splitProduct(token string) (name, version string, ok bool) {
	if len(token) > MaxValue {
		return "", "", false
	}
	if metadata, found := strings.CutPrefix(strings.ToLower(token), "md/"+clientBotocore+"#"); found {
		return clientBotocore, leadingVersion(metadata), true
	}
	first := strings.IndexByte(token, '/')
	if first < 0 {
		return "", "", false
	}
	for slash := first; slash < len(token); slash++ {
		if token[slash] != '/' {
			continue
		}
		version := strings.TrimPrefix(token[slash+1:], "v")
		if version != "" && isDigit(version[0]) {
			return strings.ToLower(token[:slash]), leadingVersion(version), true
		}
	}
	return strings.ToLower(token[:first]), "", true
}

// leadingVersion returns the version up to a semicolon, or empty if that is no
// version: [0-9][0-9A-Za-z.+-]{0,31}.
func leadingVersion(text string) string {
	const (
		maxVersion = 32
		letters    = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz.+-"
	)
	version, _, _ := strings.Cut(text, ";")
	if version == "" || len(version) > maxVersion || !isDigit(version[0]) || strings.Trim(version, letters) != "" {
		return ""
	}
	return version
}

// withoutComments returns text without its parenthesised comments, nested ones
// included. A comment that was cut off runs to the end.
func withoutComments(text string) string {
	if !strings.Contains(text, "(") {
		return text
	}
	var plain strings.Builder
	depth := 0
	for i := range len(text) {
		switch c := text[i]; {
		case c == '(':
			depth++
		case c == ')' && depth > 0:
			depth--
		case depth == 0:
			plain.WriteByte(c)
		}
	}
	return plain.String()
}

func firstWord(text string) string {
	word, _, _ := strings.Cut(text, " ")
	return word
}

func isBlankOrComma(r rune) bool { return r == ' ' || r == '\t' || r == ',' }

// versionValue shortens a version for the label "client_version".
func (m ClientVersionMode) versionValue(version string) string {
	parts := 0
	switch m {
	case VersionFull:
		return version
	case VersionMinor:
		parts = 2
	case VersionMajor:
		parts = 1
	case VersionOff:
		return ""
	}
	end := 0
	for end < len(version) && (isDigit(version[end]) || version[end] == '.') {
		if version[end] == '.' {
			if parts--; parts == 0 {
				break
			}
		}
		end++
	}
	return strings.TrimSuffix(version[:end], ".")
}
