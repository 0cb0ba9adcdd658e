package fleet

import (
	"net/url"
	"strconv"
	"strings"
	"time"
)

// accessLog returns the body of an object of a bucket's server access log, one
// line a call, and adds the requests that stand in it to the fleet's.
// See https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html.
func (f *Fleet) accessLog(s *stream, calls []call) []byte {
	const usualLine = 640
	body := make([]byte, 0, len(calls)*usualLine)
	for i := range calls {
		body = f.appendLine(body, &calls[i])
		f.requests = append(f.requests, lineTruth(s, &calls[i]))
	}
	return body
}

// lineTruth returns what the line of a call holds.
func lineTruth(s *stream, c *call) Request {
	r := c.request()
	r.Log = "server_access"
	r.Time = c.received.Truncate(time.Second)
	if s.layout != simple {
		r.AccountID, r.Region = c.bucket.account, c.bucket.region // by the object's key
	} else if c.actor.endpoint == regional || c.actor.endpoint == website {
		r.Region = c.bucket.region
	}
	r.Requester = strings.TrimPrefix(requesterField(c), "svc:")
	switch c.actor.identity.kind {
	case anonymous:
		r.Requester = "anonymous"
	case refused:
		r.Requester = "unknown"
	}
	if c.sub {
		r.Client, r.ClientVersion = "none", ""
	}
	r.Status = c.answer.status
	r.SentBytes, r.ReceivedBytes, r.Duration = c.sent, Unknown, Unknown
	if c.body == upload {
		r.ReceivedBytes = c.size
	}
	if c.isHTTP() {
		r.Duration = c.milliseconds()
	}
	r.Features, r.Undetermined = c.features(false)
	return r
}

// isHTTP reports whether the record is of an HTTP request of its own.
func (c *call) isHTTP() bool { return c.method != "" }

func (c *call) milliseconds() int64 { return c.completed.Sub(c.received).Milliseconds() }

// requesterField returns the requester as the log writes it.
func requesterField(c *call) string {
	switch id := c.actor.identity; id.kind {
	case root, foreign:
		return canonicalIDs[id.account]
	case anonymous, refused:
		return "-"
	case service:
		return "svc:" + id.name
	case ownWork:
		return id.name
	}
	return c.arn()
}

// appendLine appends a call's line.
func (f *Fleet) appendLine(line []byte, c *call) []byte {
	line = appendFields(line, canonicalIDs[c.bucket.account], c.bucket.name)
	line = c.received.AppendFormat(line, "[02/Jan/2006:15:04:05 -0700] ")
	line = appendFields(line, c.sourceIP, requesterField(c), c.requestID, c.logged, c.loggedKey())
	line = f.appendRequest(line, c)
	line = appendFields(line, statusField(c.answer.status), c.answer.code)
	line = appendNumber(line, c.sent, c.sent == 0)
	line = appendNumber(line, c.size, c.size == Unknown)
	line = appendNumber(line, c.milliseconds(), !c.isHTTP())
	line = appendNumber(line, c.milliseconds()/2, !c.isHTTP() || c.sent == 0)
	switch {
	case c.isHTTP():
		line = append(line, `"-" "`...)
		line = append(line, orDash(c.client.userAgent)...)
		line = append(line, `" `...)
	case c.sub:
		line = append(line, "- - "...)
	default:
		line = append(line, `"-" "-" `...)
	}
	return f.appendTail(line, c)
}

// appendRequest appends the Request-URI.
func (f *Fleet) appendRequest(line []byte, c *call) []byte {
	switch {
	case c.sub:
		return append(line, "- "...)
	case !c.isHTTP():
		return append(line, `"-" `...)
	}
	line = append(line, '"')
	line = append(line, c.method...)
	line = append(line, " /"...)
	if c.actor.endpoint == pathStyle {
		line = append(line, c.bucket.name...)
		line = append(line, '/')
	}
	line = append(line, (&url.URL{Path: c.key}).EscapedPath()...)
	separator := byte('?')
	for _, query := range []string{c.query, c.probe, f.presigned(c)} {
		if query != "" {
			line = append(line, separator)
			line = append(line, query...)
			separator = '&'
		}
	}
	return append(line, ` HTTP/1.1" `...)
}

// presigned returns the query string that authenticates the call, empty if
// another part of it does. The log masks signatures of version 4.
func (f *Fleet) presigned(c *call) string {
	switch {
	case c.actor.auth != "QueryString":
		return ""
	case c.actor.signature == "SigV2":
		return "AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Expires=" + strconv.FormatInt(c.received.Unix()+600, 10) +
			"&Signature=" + f.token(27, alphanumeric) + "%3D"
	}
	return "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE%2F" + c.received.Format("20060102") +
		"%2F" + c.bucket.region + "%2Fs3%2Faws4_request&X-Amz-Date=" + c.received.Format("20060102T150405Z") +
		"&X-Amz-Expires=600&X-Amz-SignedHeaders=host&X-Amz-Signature=" + strings.Repeat("X", 32)
}

// appendTail appends the fields behind the user agent, and the line's end. Some
// servers still write the layouts without the last field or the last two.
func (f *Fleet) appendTail(line []byte, c *call) []byte {
	const rarely = 40
	line = append(line, "- "...) // version ID
	line = f.appendToken(line, hostIDLength, alphanumeric)
	line = append(line, "== "...)
	signature, auth := dashIfNone(c.actor.signature), dashIfNone(c.actor.auth)
	if c.actor.identity.kind == ownWork {
		return append(line, "- - - - - - - -\n"...)
	}
	version, cipher := c.tls()
	line = appendFields(line, signature, cipher, auth, c.host(), version, "") // the last: access point
	acl := "- "
	if c.actor.acl {
		acl = "Yes "
	}
	switch f.random.IntN(rarely) {
	case 0: // 25 fields
		c.short = true
	case 1:
		line = append(line, acl...)
	default:
		line = append(append(line, acl...), "- "...) // source Region
	}
	line[len(line)-1] = '\n'
	return line
}

// loggedKey returns the key as the log writes it: form-encoded, and in requests
// percent-encoded once more.
func (c *call) loggedKey() string {
	key := encodeKey(c.key)
	if c.isHTTP() || c.logged == "REST.COPY.OBJECT_GET" {
		key = encodeKey(key)
	}
	return key
}

func encodeKey(key string) string {
	return strings.ReplaceAll(url.QueryEscape(key), "%2F", "/")
}

// appendFields appends fields and a space behind each.
func appendFields(line []byte, fields ...string) []byte {
	for _, field := range fields {
		line = append(line, orDash(field)...)
		line = append(line, ' ')
	}
	return line
}

// appendNumber appends a number, or a dash, and a space.
func appendNumber(line []byte, n int64, dash bool) []byte {
	if dash {
		return append(line, "- "...)
	}
	return append(strconv.AppendInt(line, n, 10), ' ')
}

func statusField(status int) string {
	if status == 0 {
		return "-"
	}
	return strconv.Itoa(status)
}

func orDash(s string) string {
	if s == "" {
		return "-"
	}
	return s
}

func dashIfNone(s string) string {
	if s == "none" {
		return "-"
	}
	return s
}
