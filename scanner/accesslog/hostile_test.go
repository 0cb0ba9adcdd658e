package accesslog

import (
	"fmt"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/record/decodertest"
)

// hostile writes lines as S3 does for clients that put whatever they like into all that
// is theirs: key, target, Referer, user agent and host. It knows what the lines mean, as
// it has made them.
type hostile struct {
	*rand.Rand
	// anyHost: the host is like the rest, with spaces and quotes, which no host has
	// (RFC 9110, section 7.2; RFC 3986, section 3.2.2).
	anyHost bool
	// benign: clients write nothing that is unusual.
	benign bool

	// mixed: the last line has a Referer in quotes, and a user agent that is a bare dash.
	mixed bool
}

func pick[T any](h *hostile, of ...T) T { return of[h.IntN(len(of))] }

// hostilePieces are what a text of a client's is made of. Those of a line's parts have
// other values than the line itself, so that it shows if one is taken for it.
var hostilePieces = []string{
	`"`, `"`, ` `, ` `, `" `, ` "`, `" "`, `" - `, `-`, ` -`, ` - `, ` - -`, `\"`, `\`, `%22`, `"-"`, `""`, "\t", "\xff", `x`, `a b`, `'`,
	` - aG9zdA== SigV2 - AuthHeader h - - - -`, ` - aG9zdA== SigV4 TLS_X AuthHeader h TLSv1.3 - - -`, ` - aG9zdA== - - - h - - - -`,
	` - aG9zdA== SigV4 TLS_X QueryString h TLSv1.2`, ` - - aG9zdA== SigV4 - AuthHeader h -`, ` - - aG9zdA== SigV2 - AuthHeader h TLSv1.1 -`,
	` - aG9zdA== SigV5 - Session h QUICv2 - - - "x y"`, ` - aG9zdA== SigV4 - AuthHeader "h" TLSv1.3 - - -`, ` - - - - - - - - - -`,
	` - - - - - - -`, ` - - - SigV4 - AuthHeader h -`, ` - aG9zdA== -`, ` - aG9zdA== SigV4 -`, ` - aG9zdA== SigV2`, ` TLSv1.3`, ` TLSv1 - - -`,
	` HTTP/1.1" 418 Forged 1 1 1 1 "-" "z" - aG9zdA== SigV4 - AuthHeader h TLSv1.3 - - -`, ` HTTP/1.1" 418 Forged 1 1 1 1`, `" 418 Forged 1 1 1 1 "-" "z" -`,
	` 0123 forged [14/Nov/2026:09:15:27 +0000] 192.0.2.66 forged 79A5B3C1D2E4F699 REST.PUT.OBJECT f "PUT /f HTTP/1.1" 418 Forged 1 1 1 1 "-" "z" - aG9zdA== SigV4 - AuthHeader h TLSv1.3 - - -`,
	` REST.PUT.OBJECT f`, ` AuthHeader`, ` SigV2`, ` SigV4`, ` Yes`, `?AWSAccessKeyId=AKIA`, `&Signature=c2ln`, `&Expires=1394127776`, `?X-Amz-Algorithm=AWS4-HMAC-SHA256`,
	`&X-Amz-Credential=AKIA&X-Amz-Date=1&X-Amz-SignedHeaders=host`, `&X-Amz-Signature=00`,
}

// text returns what a client may write into a header. HTTP cuts spaces off both ends.
func (h *hostile) text(usual ...string) string {
	if h.benign || h.IntN(4) == 0 {
		return pick(h, usual...)
	}
	var text strings.Builder
	for range h.IntN(8) {
		text.WriteString(pick(h, hostilePieces...))
	}
	return strings.Trim(text.String(), " \t")
}

// target returns what a client may ask for: there is no space in it.
func (h *hostile) target() string {
	return "/" + strings.ReplaceAll(h.text("key", "a/b%20c?versionId=1"), " ", pick(h, "", "%20", "+"))
}

func (h *hostile) host() string {
	usual := []string{"example-bucket.s3.amazonaws.com", "s3.eu-central-1.amazonaws.com", "example.com:8080", "192.0.2.1", "[2001:db8::1]", "-"}
	if !h.anyHost {
		return pick(h, usual...)
	}
	if host := h.text(usual...); host != "" {
		return host
	}
	return "-"
}

// line returns a line and what it means.
func (h *hostile) line() (line string, want decodertest.Text) {
	width := pick(h, 17, 18, 24, 24, 25, 26, 27, 27, 27, 28)
	shifted := width == 24 && h.IntN(2) == 0 // by a field, in March 2019
	day := map[int]string{17: "14/Nov/2007", 18: "14/Nov/2016", 24: "14/Mar/2019", 25: "14/Nov/2021", 26: "14/Nov/2024", 27: "14/Nov/2026", 28: "14/Nov/2028"}[width]
	requester, errorCode, status := pick(h, "-", "arn:aws:iam::111122223333:user/a", "arn:aws:iam::cloudfront:user/CloudFront Origin Access Identity E1X2", strings.Repeat("0a1b", 16)), "-", 200
	signature, method := pick(h, "SigV2", "SigV4", "SigV4A"), pick(h, "AuthHeader", "QueryString", "HtmlForm")
	if requester == "-" {
		if errorCode, status = pick(h, "-", "AccessDenied", "InvalidAccessKeyId"), 403; errorCode != "InvalidAccessKeyId" {
			signature, method = "-", "-"
		}
	}
	operation := "REST.GET.OBJECT"
	key := h.text("key", "a/b c.txt")
	if key == "-" { // which is logged as no key is
		key = "--"
	}
	target, version := h.target(), pick(h, " HTTP/1.1", " HTTP/1.1", " HTTP/1.0")
	requestURI := "GET " + target + version
	uri, referer := `"`+requestURI+`"`, `"-"`
	var agent string
	switch h.IntN(8) {
	case 0: // part of another request
		operation, uri, requestURI, referer, agent = pick(h, "REST.COPY.OBJECT_GET", "BATCH.DELETE.OBJECT"), "-", "-", "-", "-"
	case 1: // of no client, but for the Referer
		referer, agent = `"`+h.text("https://example.com/")+`"`, "-"
	case 2:
		referer, agent = "-", `"`+h.text("curl/8.5.0")+`"`
	case 3:
		agent = `"` + h.text("curl/8.5.0") + `"`
	default:
		referer, agent = `"`+h.text("-", "https://example.com/")+`"`, `"`+h.text("-", "curl/8.5.0", "aws-cli/2.15 (linux; x86_64)")+`"`
	}
	loggedKey := "-"
	if key != "" {
		loggedKey = url.QueryEscape(key)
		if operation != "BATCH.DELETE.OBJECT" {
			loggedKey = url.QueryEscape(loggedKey)
		}
	}

	tls := pick(h, "-", "TLSv1", "TLSv1.2", "TLSv1.3")
	cipher := "-"
	if tls != "-" {
		cipher = "ECDHE-RSA-AES128-GCM-SHA256"
	}
	versionID, hostID := pick(h, "-", "Wqq1Bm6ss9yfZ1aJmlTk3HZvfHx3q2PD"), pick(h, "-", "s9lzHYrFp76ZVxRcpX9+5cjAnEH2ROuNkd2BHfIa6UkFVdtjf5mKR3/eTPFvsiP/XV/VLi31234=")
	tail := []string{versionID, hostID, signature, cipher, method, h.host(), tls, pick(h, "-", "arn:aws:s3:us-west-1:123456789012:accesspoint/a"), pick(h, "-", "Yes"), pick(h, "-", "us-east-1"), pick(h, "-", "new", `"x y"`)}
	if h.mixed = referer != "-" && agent == "-"; h.mixed && h.benign {
		tail[10] = "new" // nobody has seen such lines, and quotes at their end are malformed
	}
	right := referenceRight{referer: strings.Trim(referer, `"`), agent: strings.Trim(agent, `"`), versionID: versionID}
	switch width {
	case 17:
		tail, right.versionID = nil, ""
	case 18:
		tail = tail[:1]
	default:
		tail = tail[:width-17]
		right.tail = tail
	}
	logged := tail
	if shifted {
		logged = append([]string{versionID, pick(h, "-", "AIDAISBTTLPGXGH6YFFAY")}, tail[1:]...)
	}
	line = fmt.Sprintf("0a1b2c3d example-bucket [%s:09:15:27 +0000] 192.0.2.10 %s 79A5B3C1D2E4F607 %s %s %s %d %s 11 12 13 14 %s %s %s",
		day, requester, operation, loggedKey, uri, status, errorCode, referer, agent, strings.Join(logged, " "))
	return line, h.meaning(right, requester, operation, key, requestURI, errorCode, day, status)
}

func (*hostile) meaning(right referenceRight, requester, operation, key, uri, errorCode, day string, status int) decodertest.Text {
	if key == "" && refDash.MatchString(uri) {
		key = "-"
	}
	at, _ := referenceTime(day + ":09:15:27 +0000")
	want := decodertest.Text{
		Log: record.ServerAccess, Time: at.Format("2006-01-02T15:04:05Z"), Bucket: "example-bucket", Operation: operation, SourceIP: "192.0.2.10",
		Key: readable([]byte(key)), Requester: strings.TrimPrefix(requester, "-"), RequestID: "79A5B3C1D2E4F607", Status: status, ErrorCode: strings.TrimPrefix(errorCode, "-"),
		SentBytes: 11, ObjectSize: 12, Duration: 13, TurnAround: 14, ReceivedBytes: record.Unknown,
	}
	right.fill(&want, uri)
	want.Signature, want.AuthMethod = referenceSignature(right.tail, operation, uri, requester == "-", errorCode, false)
	want.Anonymous = requester == "-" && want.Signature == "none"
	return want
}

// brief is what mostly differs.
func brief(r decodertest.Text) string {
	return fmt.Sprintf("signature %s by %s, anonymous %v, version ID %q, host %q, %q, access point %q, %s %d, %+v",
		r.Signature, r.AuthMethod, r.Anonymous, r.VersionID, r.Host, r.TLSVersion, r.AccessPoint, r.Operation, r.Status, r.Transport)
}

// forge decodes many lines and reports how many of them are malformed. Of the others, all
// that is not a client's to choose must be right.
func (h *hostile) forge(t *testing.T, lines int, sound func(got, want decodertest.Text) bool) (malformed float64) {
	t.Helper()
	d := NewDecoder(nil)
	failed := 0
	for range lines {
		line, want := h.line()
		d.Reset(strings.NewReader(line + "\n"))
		if !d.Next() {
			malformed++
			if h.benign {
				t.Logf("%s: %v", line, d.Skipped().First)
			}
			continue
		}
		got := decodertest.TextOf(d.Record())
		if d.Next() {
			t.Fatalf("two records of %q", line)
		}
		// The border between these two is the client's to move.
		got.Referer, got.UserAgent, want.Referer, want.UserAgent = "", "", "", ""
		if got.VersionID == "" { // so the version ID may be taken for what is more in March 2019
			want.VersionID = ""
		}
		if h.mixed { // if the Referer forges a user agent, what is right of it seems to be one field further
			want.Host, want.TLSVersion, want.CipherSuite, want.Transport = got.Host, got.TLSVersion, got.CipherSuite, got.Transport
			want.AccessPoint, want.ACLRequired, want.SourceRegion = got.AccessPoint, got.ACLRequired, got.SourceRegion
		}
		if got != want && (sound == nil || !sound(got, want)) {
			t.Errorf("%s\n got %s\nwant %s", line, brief(got), brief(want))
			if failed++; failed == 5 {
				t.FailNow()
			}
		}
	}
	return malformed / float64(lines)
}

// Whatever clients write, a line is read as what it is, or it is malformed.
func TestDecoder_ReadsTheTruthOfHostileLinesOrNothing(t *testing.T) {
	h := &hostile{Rand: rand.New(rand.NewPCG(12, 4))}
	malformed := h.forge(t, 20_000, nil)
	t.Logf("%.1f %% of the lines are malformed", 100*malformed)
}

func TestDecoder_ReadsAllLinesOfOrdinaryClients(t *testing.T) {
	h := &hostile{Rand: rand.New(rand.NewPCG(12, 5)), benign: true}
	if malformed := h.forge(t, 20_000, nil); malformed > 0 {
		t.Errorf("%.1f %% of the lines are malformed", 100*malformed)
	}
}

// A host with spaces and quotes, if there were one, can make a line of which nobody knows
// where its user agent ends. What comes of it is never less of an alarm than the truth.
func TestDecoder_ReadsNothingQuieterThanTheTruthWhateverTheHost(t *testing.T) {
	h := &hostile{Rand: rand.New(rand.NewPCG(12, 6)), anyHost: true}
	malformed := h.forge(t, 20_000, func(got, want decodertest.Text) bool {
		alarm := func(signature string) int {
			return slices.Index([]string{"SigV4A", "SigV4", "unknown", "none", "SigV2"}, signature)
		}
		if want.Signature == "SigV4A" && got.Signature == "SigV4" || got.Signature == want.Signature {
			want.Signature, want.AuthMethod = got.Signature, got.AuthMethod
		}
		if alarm(got.Signature) > alarm(want.Signature) {
			want.Signature, want.AuthMethod, want.Anonymous = got.Signature, got.AuthMethod, got.Anonymous
		}
		want.VersionID, want.Host, want.TLSVersion, want.CipherSuite, want.Transport = got.VersionID, got.Host, got.TLSVersion, got.CipherSuite, got.Transport
		want.AccessPoint, want.ACLRequired, want.SourceRegion = got.AccessPoint, got.ACLRequired, got.SourceRegion
		return got == want
	})
	t.Logf("%.1f %% of the lines are malformed", 100*malformed)
}
