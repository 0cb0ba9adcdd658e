package accesslog

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/record/decodertest"
)

// The reference reads the format again: slowly, by regular expressions, with
// nothing of the Decoder in it, so that the two can be held against each other.
// Its records have the form of the golden files.
var (
	refHead = regexp.MustCompile(`(?s)^ *([^ ]+) +([^ ]+) +\[(.*?)\] +([^ ]+) +` +
		`([^ "]+(?: +[^ "]+)*?) +([^ "]+) +((?:REST|SOAP|WEBSITE|BATCH|S3|B2_API|B2_LIFECYCLE)\.[^ ]*)( .*)$`)
	refCeph      = regexp.MustCompile(`(?s)^(tx[0-9A-Fa-f]{21}-|.*[^.][.][0-9]+[.][0-9]+$)`)
	refKey       = regexp.MustCompile(`(?s)^ +([^ ]+) +(.*)$`)
	refNumbers   = ` +([0-9]{3}|-) +([^ "]+) +([0-9]+|-) +([0-9]+|-) +([0-9]+|-) +([0-9]+|-)(?:ms)?`
	refResponse  = refNumbers + ` +("(?s:.*)|- (?s:.*))$`
	refQuotedURI = regexp.MustCompile(`^"((?s:.*?))"` + refResponse)
	refBareURI   = regexp.MustCompile(`^(-)` + refResponse)
	refCephURI   = regexp.MustCompile(`^ "([A-Z]+ +[^ ]+ +HTTP/[^ ]*)"` + refNumbers + ` +([^ ].*)$`)
	refCephFirst = regexp.MustCompile(`^- +- [^"]*$`) // Referer and user agent, as the first version has them
	refCephAgent = regexp.MustCompile(`(?s)^("[^"]*"|[^"]+) "([^"]*)"((?: [^ "]+){9})$`)

	refBothQuoted    = regexp.MustCompile(`(?s)^"(.*?)" (".*)$`)
	refRefererQuoted = regexp.MustCompile(`(?s)^"(.*)" +-((?: [^"]*)?)$`)
	refAgentQuoted   = regexp.MustCompile(`(?s)^(-) +(".*)$`)
	refBothBare      = regexp.MustCompile(`(?s)^(-) +-((?: .*)?)$`)
	refLastQuote     = regexp.MustCompile(`(?s)^"(.*)"((?: [^"]*)?)$`)
	refTailField     = regexp.MustCompile(`^ +([^ "]+|"[^"]*")(?: |$)`)
	refQuotedHost    = regexp.MustCompile(`(?s)^(?: +(?:[^ "]+|"[^"]*")){2} +[^ "]+(?: +(?:[^ "]+|"[^"]*")){2} +"[^"]*"( .*)$`)
	refLaterQuote    = regexp.MustCompile(`(?s)" +[^ ]`)
	refDash          = regexp.MustCompile(`(?s)^[^ ]* [^ ?]*/(-|%2[Dd])([ ?]|$)`)
	refHostID        = regexp.MustCompile(`^[A-Za-z0-9+/=]{40,}$`)
	refTLS           = regexp.MustCompile(`^(-$|[Tt][Ll][Ss])`)
	refTLSVersion    = regexp.MustCompile(`(?s)^[Tt][Ll][Ss][Vv].{0,3}$`)
	refAuth          = regexp.MustCompile(`(?i)^(AuthHeader|QueryString|HtmlForm)$`)

	refTime        = regexp.MustCompile(`^[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4}$`)
	refSignature   = regexp.MustCompile(`(?i)^(SigV2|SigV4|SigV4A|-)$`)
	refSig         = regexp.MustCompile(`^[Ss][Ii][Gg]`)
	refUpload      = regexp.MustCompile(`^((REST|SOAP|WEBSITE)\.PUT\.OBJECT|REST\.PUT\.PART|REST\.POST\.OBJECT|REST\.S3_PUT_OBJECT|REST\.S3_UPLOAD_PART)$`)
	refBackblaze   = regexp.MustCompile(`^(?:bytes ")?(REST\.S3_|B2_)`) // also of text that is not UTF-8
	refCanonicalID = regexp.MustCompile(`^ *[0-9a-f]{64} `)
	refOnce        = regexp.MustCompile(`^(BATCH|S3)\.`)
	refEscape      = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

	refUnsigned = regexp.MustCompile(`^(S3|B2_API|B2_LIFECYCLE)\.`) // though somebody is named
	refPublic   = regexp.MustCompile(`^(WEBSITE|REST\.OPTIONS)\.`)  // nothing there looks at signatures
	refQuery    = regexp.MustCompile(`(?s)^[^?]*\?([^ ]*)`)
	// The parameters of presigned requests, by the version that these show.
	refPresigned = map[string][]*regexp.Regexp{
		"SigV2":  refParameters("AWSAccessKeyId=", "Signature=", "Expires="),
		"SigV4":  refParameters("X-Amz-Algorithm=AWS4-HMAC-SHA256(?:&|$)", "X-Amz-Credential=", "X-Amz-Date=", "X-Amz-SignedHeaders=", "X-Amz-Signature="),
		"SigV4A": refParameters("X-Amz-Algorithm=AWS4-ECDSA-P256-SHA256(?:&|$)", "X-Amz-Credential=", "X-Amz-Date=", "X-Amz-SignedHeaders=", "X-Amz-Signature="),
	}
)

// refParameters returns what finds each of the parameters in a query.
func refParameters(patterns ...string) (all []*regexp.Regexp) {
	for _, pattern := range patterns {
		all = append(all, regexp.MustCompile("(?:^|&)"+pattern))
	}
	return all
}

// referenceOutput is what a log comes to.
type referenceOutput struct {
	records            []*decodertest.Text
	malformed, headers int64
}

// referenceLog returns what a log comes to.
func referenceLog(log []byte) (out referenceOutput) {
	for line := range bytes.SplitSeq(log, []byte("\n")) {
		text := strings.TrimRight(string(line), " \r")
		if text == "" {
			continue
		}
		switch r := referenceLine(text); {
		case r != nil:
			out.records = append(out.records, r)
		case strings.HasPrefix(text, "Record format: [") && len(text) <= MaxLine && !strings.Contains(text, "\r"):
			out.headers++
		default:
			out.malformed++
		}
	}
	return out
}

func referenceLine(line string) *decodertest.Text {
	head := refHead.FindStringSubmatch(line)
	if head == nil || len(line) > MaxLine {
		return nil
	}
	bucket, ip, requester, requestID, operation := head[2], head[4], head[5], head[6], head[7]
	at, ok := referenceTime(head[3])
	if !ok || strings.Contains(requester+requestID, "\r") {
		return nil
	}

	fromCeph := refCeph.MatchString(requestID)
	var key string
	var response []string
	var right referenceRight
	if fromCeph {
		key, response = referenceCephRequest(head[8])
		if response == nil {
			return nil
		}
		found := refCephAgent.FindStringSubmatch(response[8])
		switch {
		case found != nil:
			right = referenceRight{referer: strings.Trim(found[1], `"`), agent: found[2]}
			tail := referenceFields(found[3])
			if tail[2] != "-" && (!refSig.MatchString(tail[2]) || len(tail[2]) > 16) {
				return nil
			}
			right.tail, right.versionID = tail, tail[0]
		case refCephFirst.MatchString(response[8]):
			left := referenceLeft{year: at.UTC().Year(), requester: requester, operation: operation, errorCode: response[3]}
			if right, ok = referenceAgent(response[8], left); !ok || right.tail == nil {
				return nil
			}
		default:
			return nil
		}
	} else {
		keyed := refKey.FindStringSubmatch(head[8])
		if keyed == nil {
			return nil
		}
		key = keyed[1]
		if response = refQuotedURI.FindStringSubmatch(keyed[2]); response == nil {
			response = refBareURI.FindStringSubmatch(keyed[2])
		}
		if response == nil || strings.Contains(response[1], `"`) && strings.Contains(response[1], "\r") {
			return nil
		}
		left := referenceLeft{ofAWS: refCanonicalID.MatchString(line), year: at.UTC().Year(), requester: requester, operation: operation, errorCode: response[3]}
		if right, ok = referenceAgent(response[8], left); !ok {
			return nil
		}
	}
	uri, status, errorCode := response[1], response[2], response[3]
	sent, ok1 := referenceNumber(response[4], 0)
	size, ok2 := referenceNumber(response[5], record.Unknown)
	duration, ok3 := referenceNumber(response[6], record.Unknown)
	if !ok1 || !ok2 || !ok3 {
		return nil
	}
	turnAround, ok := referenceNumber(response[7], record.Unknown)
	if !ok {
		turnAround = record.Unknown
	}

	r := &decodertest.Text{
		Log:           record.ServerAccess,
		Time:          at.UTC().Format(time.RFC3339),
		Bucket:        referenceText(bucket),
		Operation:     readable([]byte(operation)),
		SourceIP:      referenceText(ip),
		ErrorCode:     referenceText(errorCode),
		SentBytes:     sent,
		ReceivedBytes: record.Unknown,
		Duration:      duration,
		ObjectSize:    size,
		TurnAround:    turnAround,
		RequestID:     referenceText(requestID),
	}
	if fromCeph {
		r.SentBytes = record.Unknown // that of the request's body
	}
	right.fill(r, uri)
	switch {
	case key == "-" && refDash.MatchString(uri):
		r.Key = "-"
	case key == "-":
	case fromCeph:
		r.Key = readable([]byte(key))
	default:
		r.Key = readable([]byte(referenceKey(operation, key))) // which may be a dash
	}
	if status != "-" {
		r.Status, _ = strconv.Atoi(status)
	}
	if refUpload.MatchString(operation) {
		r.ReceivedBytes = size
	}
	nobody := requester == "-" || strings.EqualFold(requester, "anonymous")
	r.Signature, r.AuthMethod = referenceSignature(right.tail, operation, uri, nobody, errorCode, fromCeph)
	service, isService := strings.CutPrefix(requester, "svc:")
	switch {
	case nobody && strings.HasPrefix(operation, "S3."):
		r.Requester = "AmazonS3"
	case nobody:
		r.Anonymous = r.Signature == "none" && !strings.HasPrefix(operation, "B2_LIFECYCLE.")
	case isService:
		r.Requester = readable([]byte(service))
	default:
		r.Requester = readable([]byte(requester))
	}
	return r
}

// referenceFields returns the fields of a text, which have spaces between them.
func referenceFields(s string) []string {
	return slices.DeleteFunc(strings.Split(s, " "), func(s string) bool { return s == "" })
}

// referenceCephRequest returns the key and what is found from the Request-URI on, of
// which there must be one alone.
func referenceCephRequest(s string) (key string, response []string) {
	for i := 2; i < len(s); i++ {
		found := refCephURI.FindStringSubmatch(s[i:])
		switch {
		case found == nil:
		case response != nil:
			return "", nil
		default:
			key, response = s[1:i], found
		}
	}
	return key, response
}

// readable returns any bytes as decodertest has them.
func readable(b []byte) string {
	return decodertest.TextOf(&record.Record{Key: b}).Key
}

// referenceText returns a field's text, which is empty if the field is a dash.
func referenceText(s string) string {
	if s == "-" {
		return ""
	}
	return readable([]byte(s))
}

func referenceTime(s string) (at time.Time, ok bool) {
	if !refTime.MatchString(s) {
		return at, false
	}
	at, err := time.Parse("02/Jan/2006:15:04:05 -0700", s)
	return at, err == nil
}

func referenceNumber(s string, dash int64) (n int64, ok bool) {
	if s == "-" {
		return dash, true
	}
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && len(s) <= 18
}

func referenceSignature(tail []string, operation, uri string, nobody bool, errorCode string, fromCeph bool) (signature, method string) {
	signature, method = "unknown", "unknown"
	if tail != nil {
		for _, m := range []string{"AuthHeader", "QueryString", "HtmlForm"} {
			if strings.EqualFold(m, tail[4]) {
				method = m
			}
		}
		for _, v := range []string{"SigV2", "SigV4", "SigV4A"} {
			if strings.EqualFold(v, tail[2]) {
				signature = v
			}
		}
		if tail[2] != "-" {
			return signature, method
		}
	}
	refused := nobody && record.FailedAuthentication([]byte(errorCode))
	typed := method != "unknown" && (!fromCeph || method != "QueryString") // which Ceph writes of any Expires in a query
	unsigned := !refused && !typed && (nobody || tail != nil && refUnsigned.MatchString(operation))
	if unsigned && (!nobody || errorCode == "-" || refPublic.MatchString(operation)) {
		return "none", "none"
	}
	if query := refQuery.FindStringSubmatch(uri); query != nil {
		var shown []string
		for version, parameters := range refPresigned {
			if !slices.ContainsFunc(parameters, func(re *regexp.Regexp) bool { return !re.MatchString(query[1]) }) {
				shown = append(shown, version)
			}
		}
		if len(shown) == 1 && (!fromCeph || shown[0] == "SigV2") { // Ceph names all other versions
			return shown[0], "QueryString"
		}
	}
	if unsigned && errorCode != "InvalidRequest" {
		return "none", "none"
	}
	return signature, method
}

func referenceKey(operation, key string) string {
	unescape := func(s string) string {
		return refEscape.ReplaceAllStringFunc(s, func(escape string) string {
			b, _ := strconv.ParseUint(escape[1:], 16, 8)
			return string([]byte{byte(b)})
		})
	}
	if !refOnce.MatchString(operation) {
		key = unescape(key)
	}
	return unescape(strings.ReplaceAll(key, "+", " "))
}
