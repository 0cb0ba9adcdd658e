package fleet

import (
	"math"
	"strconv"
	"strings"
	"time"
)

// call is one use of S3: what happened, whichever log holds it.
type call struct {
	*action
	answer answer // with the status as S3 sends it
	actor  *actor
	client *client
	bucket *bucket

	received, completed time.Time
	key                 string // empty if the action is on the bucket
	session             string // of a role
	sourceIP            string
	probe               string // the raw query string of a scanner
	requestID           string
	size                int64 // of the object; Unknown if there is none
	sent, taken         int64 // bytes from and to S3
	short               bool  // the line ends before the field for ACLs
}

// play lets an actor run a script that ends by now, and returns the calls. A
// script ends with the first call that fails.
func (f *Fleet) play(a *actor, now time.Time) []call {
	const (
		recently  = 30 * time.Second
		sessions  = 100
		addresses = 9
		keys      = 500
	)
	end := now.Add(-time.Duration(f.random.Int64N(int64(recently))))
	b := pick(f, a.buckets)
	cast := call{actor: a, client: &a.clients[f.random.IntN(len(a.clients))], bucket: b}
	if a.identity.session != "" {
		cast.session = f.fill(a.identity.session, sessions)
	}
	if a.network != "" {
		cast.sourceIP = f.fill(a.network, addresses)
	}
	key := f.fill(pick(f, b.keys), keys)
	var calls []call
	chosen := pick(f, a.scripts)
	for i := range chosen {
		c := cast
		c.action = &chosen[i]
		switch {
		case c.otherKey:
			c.key = f.fill(pick(f, b.keys), keys)
		case !c.onBucket:
			c.key = key
		}
		if c.sub {
			c.requestID = calls[len(calls)-1].requestID
		} else {
			c.requestID = f.token(16, requestIDs)
		}
		f.ask(&c, end)
		calls = append(calls, c)
		if c.answer.code != "" {
			break
		}
	}
	return calls
}

// ask settles how S3 answers the call, with how many bytes, and how long that
// takes until end.
func (f *Fleet) ask(c *call, end time.Time) {
	const (
		errorBytes  = 243
		answerBytes = 2e3
		shortTime   = 12.0 // milliseconds
		throughput  = 40e3 // bytes a millisecond
		variation   = 1.1
	)
	if !c.sub {
		c.answer = pick(f, c.actor.answers)
		if c.answer.reads && (c.key == "" || c.method != "GET" && c.method != "HEAD") {
			c.answer = success
		}
	}
	if c.answer.status == 0 {
		c.answer.status = c.action.status
	}
	if len(c.actor.probes) > 0 {
		c.probe = pick(f, c.actor.probes)
	}
	c.size = Unknown
	if c.key != "" && c.answer.code == "" {
		c.size = int64(f.logNormal(c.bucket.size, variation))
	}
	switch {
	case c.answer.code != "" && c.method != "HEAD":
		c.sent = errorBytes
	case c.answer == notModified:
	case c.body == download:
		c.sent = c.size
	case c.body == document:
		c.sent = int64(f.logNormal(answerBytes, variation))
	case c.body == upload:
		c.taken = c.size
	}
	milliseconds := f.logNormal(shortTime, variation) + float64(max(c.sent, c.taken))/throughput
	c.completed = end
	c.received = end.Add(-time.Duration(milliseconds) * time.Millisecond)
}

// outcome is the exporter's judgement of the answer.
func (c *call) outcome() string {
	switch {
	case c.answer.status == forbidden.status:
		return "denied"
	case c.answer.code != "":
		return "error"
	}
	return "success"
}

// request returns what both logs hold of the call.
func (c *call) request() Request {
	return Request{
		Bucket: c.bucket.name, Operation: c.operation, Key: c.key,
		Anonymous: c.actor.identity.kind == anonymous,
		SourceIP:  orNone(c.sourceIP), Client: c.client.name, ClientVersion: c.client.version,
		Signature: c.actor.signature, AuthMethod: c.actor.auth,
		Outcome: c.outcome(), ErrorCode: c.answer.code, RequestID: c.requestID,
	}
}

// arn returns the name of the caller's identity within its account.
func (c *call) arn() string {
	id := c.actor.identity
	switch id.kind {
	case root:
		return "arn:aws:iam::" + id.account + ":root"
	case role:
		return "arn:aws:sts::" + id.account + ":assumed-role/" + id.name + "/" + c.session
	}
	return "arn:aws:iam::" + id.account + ":user/" + id.name
}

// host returns the Host header.
func (c *call) host() string {
	switch c.actor.endpoint {
	case global:
		return c.bucket.name + ".s3.amazonaws.com"
	case pathStyle:
		return "s3.amazonaws.com"
	case website:
		return c.bucket.name + ".s3-website-" + c.bucket.region + ".amazonaws.com"
	case multiRegion:
		return "mexamplealias.mrap.accesspoint.s3-global.amazonaws.com"
	}
	return c.bucket.name + ".s3." + c.bucket.region + ".amazonaws.com"
}

func orNone(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// hostIDLength is the length of the header x-amz-id-2 without its padding.
const hostIDLength = 94

// Alphabets of random names.
const (
	requestIDs   = "0123456789ABCDEFGHJKLMNPQRSTVWXYZ"
	alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	hexadecimal  = "0123456789abcdef"
)

// token returns n random characters of an alphabet.
func (f *Fleet) token(n int, alphabet string) string {
	return string(f.appendToken(nil, n, alphabet))
}

// appendToken appends n random characters of an alphabet.
func (f *Fleet) appendToken(text []byte, n int, alphabet string) []byte {
	for range n {
		text = append(text, alphabet[f.random.IntN(len(alphabet))])
	}
	return text
}

// fill returns the pattern with a number from 1 to n in the place of #.
func (f *Fleet) fill(pattern string, n int) string {
	return strings.Replace(pattern, "#", strconv.Itoa(1+f.random.IntN(n)), 1)
}

// logNormal returns a random number around a median, mostly small, at times
// very large, at least 1.
func (f *Fleet) logNormal(median, variation float64) float64 {
	return max(1, median*math.Exp(variation*f.random.NormFloat64()))
}

func pick[T any](f *Fleet, choices []T) T {
	return choices[f.random.IntN(len(choices))]
}
