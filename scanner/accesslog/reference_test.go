package accesslog

import (
	"bytes"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// The reference reads the format again: slowly, by regular expressions, with
// nothing of the Decoder in it, so that the two can be held against each other.
// It tells its records in the form of the golden files.
var (
	refHead = regexp.MustCompile(`(?s)^ *([^ ]+) +([^ ]+) +\[(.*?)\] +([^ ]+) +` +
		`([^ "]+(?: +[^ "]+)*?) +([^ "]+) +((?:REST|SOAP|WEBSITE|BATCH|S3)\.[^ ]*) +([^ ]+) +(.*)$`)
	refResponse  = ` +([0-9]{3}|-) +([^ "]+) +([0-9]+|-) +([0-9]+|-) +([0-9]+|-) +(?:[0-9]+|-) +("(?s:.*)|- (?s:.*))$`
	refQuotedURI = regexp.MustCompile(`^"((?s:.*?))"` + refResponse)
	refBareURI   = regexp.MustCompile(`^(-)` + refResponse)

	refBothQuoted    = regexp.MustCompile(`(?s)^"(?:.*?)" "(.*)"((?: [^"]*)?)$`)
	refRefererQuoted = regexp.MustCompile(`(?s)^".*" +(-)((?: [^"]*)?)$`)
	refAgentQuoted   = regexp.MustCompile(`(?s)^- +"(.*)"((?: [^"]*)?)$`)
	refBothBare      = regexp.MustCompile(`(?s)^- +(-)((?: [^"]*)?)$`)

	refTime      = regexp.MustCompile(`^[0-9]{2}/[A-Z][a-z]{2}/[0-9]{4}:[0-9]{2}:[0-9]{2}:[0-9]{2} [+-][0-9]{4}$`)
	refSignature = regexp.MustCompile(`(?i)^(SigV2|SigV4|SigV4A|-)$`)
	refSig       = regexp.MustCompile(`(?i)^Sig`)
	refUpload    = regexp.MustCompile(`^((REST|SOAP|WEBSITE)\.PUT\.OBJECT|REST\.PUT\.PART|REST\.POST\.OBJECT)$`)
	refOnce      = regexp.MustCompile(`^(BATCH|S3)\.`)
	refEscape    = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)

	refQuery     = regexp.MustCompile(`(?s)^[^?]*\?([^ ]*)`)
	refAlgorithm = regexp.MustCompile(`(?:^|&)X-Amz-Algorithm=(AWS4-HMAC-SHA256|AWS4-ECDSA-P256-SHA256)(?:&|$)`)
	refSigV2     = []*regexp.Regexp{
		regexp.MustCompile(`(?:^|&)AWSAccessKeyId=`),
		regexp.MustCompile(`(?:^|&)Signature=`),
		regexp.MustCompile(`(?:^|&)Expires=`),
	}
)

// referenceLog returns the records of a log, nil for each malformed line.
func referenceLog(log []byte) []*goldenRecord {
	var records []*goldenRecord
	for line := range bytes.SplitSeq(log, []byte("\n")) {
		if text := strings.TrimRight(string(line), " \r"); text != "" {
			records = append(records, referenceLine(text))
		}
	}
	return records
}

func referenceLine(line string) *goldenRecord {
	head := refHead.FindStringSubmatch(line)
	if head == nil || len(line) > MaxLine {
		return nil
	}
	bucket, ip, requester, requestID, operation, key := head[2], head[4], head[5], head[6], head[7], head[8]
	at, ok := referenceTime(head[3])
	if !ok {
		return nil
	}

	response := refQuotedURI.FindStringSubmatch(head[9])
	if response == nil {
		response = refBareURI.FindStringSubmatch(head[9])
	}
	if response == nil {
		return nil
	}
	uri, status, errorCode := response[1], response[2], response[3]
	sent, ok1 := referenceNumber(response[4], 0)
	size, ok2 := referenceNumber(response[5], record.Unknown)
	duration, ok3 := referenceNumber(response[6], record.Unknown)
	if !ok1 || !ok2 || !ok3 {
		return nil
	}

	agent := referenceAgent(response[7])
	if agent == nil {
		return nil
	}
	tail := slices.DeleteFunc(strings.Split(agent[2], " "), func(s string) bool { return s == "" })
	if len(tail) > 2 && !refSignature.MatchString(tail[2]) && !refSig.MatchString(tail[2]) {
		switch {
		case len(tail) > 3 && refSignature.MatchString(tail[3]):
			tail = tail[1:]
		case len(tail) < 7: // fewer fields than the layouts with a signature version have
			tail = tail[:2]
		default:
			return nil
		}
	}

	r := &goldenRecord{
		Time:          at.UTC().Format(time.RFC3339),
		Bucket:        referenceText(bucket),
		Operation:     text([]byte(operation)),
		Requester:     referenceText(requester),
		SourceIP:      referenceText(ip),
		UserAgent:     referenceText(agent[1]),
		ErrorCode:     referenceText(errorCode),
		SentBytes:     sent,
		ReceivedBytes: record.Unknown,
		Duration:      duration,
		RequestID:     referenceText(requestID),
	}
	if key != "-" {
		r.Key = text([]byte(referenceKey(operation, key)))
	}
	if status != "-" {
		r.Status, _ = strconv.Atoi(status)
	}
	if refUpload.MatchString(operation) {
		r.ReceivedBytes = size
	}
	if len(tail) > 5 {
		r.Host = referenceText(tail[5])
	}
	r.Signature, r.AuthMethod = referenceSignature(tail, uri, requester == "-", errorCode)
	if service, ok := strings.CutPrefix(requester, "svc:"); ok {
		r.Requester = text([]byte(service))
	}
	if requester == "-" {
		if strings.HasPrefix(operation, "S3.") {
			r.Requester = "AmazonS3"
		} else {
			r.Anonymous = r.Signature == "none"
		}
	}
	return r
}

// referenceText returns a field's text, which is empty if the field is a dash.
func referenceText(s string) string {
	if s == "-" {
		return ""
	}
	return text([]byte(s))
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

// referenceAgent returns a match whose groups are the user agent and the rest.
func referenceAgent(s string) []string {
	if s[0] == '-' {
		if strings.Contains(s, `"`) {
			return refAgentQuoted.FindStringSubmatch(s)
		}
		return refBothBare.FindStringSubmatch(s)
	}
	if strings.Contains(s[1:], `" "`) {
		return refBothQuoted.FindStringSubmatch(s)
	}
	return refRefererQuoted.FindStringSubmatch(s)
}

func referenceSignature(tail []string, uri string, noRequester bool, errorCode string) (signature, method string) {
	refused := noRequester && record.FailedAuthentication([]byte(errorCode))
	method = "none"
	if len(tail) > 4 {
		for _, m := range []string{"AuthHeader", "QueryString", "HtmlForm"} {
			if strings.EqualFold(m, tail[4]) {
				method = m
			}
		}
	}
	if len(tail) > 2 && (tail[2] != "-" || !refused) {
		if tail[2] == "-" {
			return "none", method
		}
		for _, v := range []string{"SigV2", "SigV4", "SigV4A"} {
			if strings.EqualFold(v, tail[2]) && (v != "SigV4" || len(tail) > 3) {
				return v, method
			}
		}
		return "unknown", method
	}
	if query := refQuery.FindStringSubmatch(uri); query != nil {
		if m := refAlgorithm.FindStringSubmatch(query[1]); m != nil {
			return map[string]string{"AWS4-HMAC-SHA256": "SigV4", "AWS4-ECDSA-P256-SHA256": "SigV4A"}[m[1]], "QueryString"
		}
		lacks := func(re *regexp.Regexp) bool { return !re.MatchString(query[1]) }
		if !slices.ContainsFunc(refSigV2, lacks) {
			return "SigV2", "QueryString"
		}
	}
	if noRequester && !refused {
		return "none", "none"
	}
	return "unknown", method
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
