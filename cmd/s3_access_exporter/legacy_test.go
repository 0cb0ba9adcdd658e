package main

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// legacyFacts are what is so of a request, whatever a record shows of it.
type legacyFacts struct {
	operation string
	part      bool   // of another request, or S3's own work: without a connection of its own
	signed    string // SigV2, SigV4; empty: not at all
	presigned bool
	refused   bool   // the credentials
	tls       string // the version; empty: plain HTTP
	acl       bool
	host      string
	// style is that of the host: path, host, or empty if nobody can know it.
	style string
}

// answers are what a record shows of each feature: yes, no, or nothing.
type answers map[string]string

const (
	shownYes = "yes"
	shownNo  = "no"
	notShown = "not shown"
)

func yesIf(condition bool) string {
	if condition {
		return shownYes
	}
	return shownNo
}

// someFacts returns facts at random.
func someFacts(random *rand.Rand) legacyFacts {
	pick := func(of ...string) string { return of[random.IntN(len(of))] }
	f := legacyFacts{
		operation: pick("REST.GET.OBJECT", "REST.GET.OBJECT", "REST.PUT.OBJECT", "WEBSITE.GET.OBJECT", "SOAP.GET.OBJECT", "BATCH.DELETE.OBJECT", "REST.COPY.OBJECT_GET", "S3.EXPIRE.OBJECT"),
		signed:    pick("SigV2", "SigV4", "SigV4", ""), tls: pick("", "TLSv1", "TLSv1.1", "TLSv1.2", "TLSv1.3"), acl: random.IntN(4) == 0,
	}
	f.presigned = f.signed != "" && random.IntN(3) == 0
	f.refused = f.signed != "" && random.IntN(6) == 0
	hosts := map[string]string{
		"shop.s3.eu-west-1.amazonaws.com": "host", "shop.s3.amazonaws.com": "host", "s3.eu-west-1.amazonaws.com": "path", "s3-eu-west-1.amazonaws.com": "path",
		"192.0.2.7:9000": "path", "shop.store.example.com": "host", "store.example.com:8080": "",
	}
	all := make([]string, 0, len(hosts))
	for host := range hosts {
		all = append(all, host)
	}
	slices.Sort(all)
	f.host = pick(all...)
	f.style = hosts[f.host]
	switch {
	case strings.HasPrefix(f.operation, "S3."):
		f.part, f.signed, f.acl, f.refused = true, "", false, false
	case f.operation == "BATCH.DELETE.OBJECT" || f.operation == "REST.COPY.OBJECT_GET":
		f.part, f.refused, f.acl = true, false, false
	}
	if f.part {
		f.tls, f.host, f.style, f.presigned = "", "", "", false
	}
	return f
}

func dash(text string) string {
	if text == "" {
		return "-"
	}
	return text
}

func (f *legacyFacts) uri() string {
	switch {
	case f.part:
		return "-"
	case f.presigned && f.signed == "SigV2":
		return "GET /k?AWSAccessKeyId=AKIAIOSFODNN7EXAMPLE&Signature=s%3D&Expires=1796032890 HTTP/1.1"
	case f.presigned:
		return "GET /k?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKIAIOSFODNN7EXAMPLE&X-Amz-Date=20260115T080000Z&X-Amz-SignedHeaders=host&X-Amz-Signature=00 HTTP/1.1"
	}
	return "GET /k HTTP/1.1"
}

// requester is in the record only if the credentials were not refused.
func (f *legacyFacts) requester() string {
	if f.signed == "" || f.refused {
		return ""
	}
	return "arn:aws:iam::111122223333:user/u"
}

func (f *legacyFacts) outcome() (status, code string) {
	if f.refused {
		return "403", "SignatureDoesNotMatch"
	}
	return "200", ""
}

// line returns the record as a line of so many fields.
func (f *legacyFacts) line(fields, number int) string {
	status, code := f.outcome()
	uri := `"` + f.uri() + `"`
	if f.part {
		uri = "-"
	}
	suite, method := "", ""
	if f.tls != "" {
		suite = "AES128-SHA"
	}
	if f.signed != "" {
		method = "AuthHeader"
	}
	all := []string{
		"0f0f", "shop", "[15/Jan/2026:08:00:00 +0000]", "192.0.2.1", dash(f.requester()), fmt.Sprintf("%016X", number), f.operation, "k", uri, status,
		dash(code), "1", "1", "1", "1", `"-"`, `"curl/8.5.0"`, "-", "aGVsbG8=", dash(f.signed), dash(suite), dash(method), dash(f.host), dash(f.tls), "-",
		dash(map[bool]string{true: "Yes"}[f.acl]), "-",
	}
	all = all[:fields]
	if fields == 23 { // the lines of March 2019, with one more field
		all[2] = "[15/Mar/2019:08:00:00 +0000]"
		all = slices.Insert(all, 18, "AIDACKCEVSQ6C2EXAMPLE")
	}
	return strings.Join(all, " ") + "\n"
}

// inLine returns what a line of so many fields shows.
func (f *legacyFacts) inLine(fields int) answers {
	if f.part {
		return answers{"sigv2": yesIf(f.signed == "SigV2" && fields > 18), "tls1.0": shownNo, "tls1.1": shownNo, "plain_http": shownNo, "acl_required": shownNo, "path_style": shownNo, "soap": shownNo}
	}
	soap := strings.HasPrefix(f.operation, "SOAP.")
	a := answers{
		"sigv2": yesIf(f.signed == "SigV2"), "tls1.0": yesIf(f.tls == "TLSv1"), "tls1.1": yesIf(f.tls == "TLSv1.1"), "plain_http": yesIf(f.tls == ""),
		"acl_required": yesIf(f.acl), "soap": yesIf(soap), "path_style": yesIf(f.style == "path"),
	}
	hide := func(features ...string) {
		for _, name := range features {
			a[name] = notShown
		}
	}
	if fields < 26 {
		hide("acl_required")
	}
	switch {
	case fields >= 24:
	case fields >= 21 && f.tls != "": // the cipher suite shows that there is TLS, and not which
		hide("tls1.0", "tls1.1")
	default:
		hide("tls1.0", "tls1.1", "plain_http")
	}
	if fields < 23 || f.style == "" {
		hide("path_style")
	}
	if soap {
		a["path_style"] = shownNo
	}
	if fields == 18 && f.signed != "" && !f.presigned {
		hide("sigv2")
	}
	return a
}

// json returns the record as CloudWatch's delivery writes it.
func (f *legacyFacts) json(number int) string {
	status, code := f.outcome()
	all := map[string]any{
		"schema_version_id": "V_1_0", "bucket_name": "shop", "request_time": "2026-01-15T08:00:00.000Z", "remote_ip": "192.0.2.1", "request_id": fmt.Sprintf("%016X", number),
		"operation": f.operation, "key_name": "k", "http_status": json.Number(status),
	}
	suite := map[bool]string{true: "AES128-SHA"}[f.tls != ""]
	method := map[bool]string{true: "AuthHeader"}[f.signed != ""]
	uri := strings.TrimPrefix(f.uri(), "-")
	for name, value := range map[string]string{
		"requester": f.requester(), "error_code": code, "request_uri": uri, "signature_version": f.signed, "cipher_suite": suite, "authentication_type": method,
		"host_header": f.host, "tls_version": f.tls, "acl_required": map[bool]string{true: "Yes"}[f.acl],
	} {
		if value != "" {
			all[name] = value
		}
	}
	text, _ := json.Marshal(all) // of text and numbers, it does not fail
	return string(text) + "\n"
}

// event returns the record as CloudTrail writes it: in its time, with what it had then.
func (f *legacyFacts) event(year, number int) map[string]any {
	identity := map[string]any{"type": "IAMUser", "arn": f.requester(), "accountId": "111122223333", "accessKeyId": "AKIAIOSFODNN7EXAMPLE"}
	switch {
	case f.part:
		identity = map[string]any{"type": "AWSService", "invokedBy": "backup.amazonaws.com"}
	case f.signed == "":
		identity = map[string]any{"type": "AWSAccount", "accountId": "anonymous"}
	}
	e := map[string]any{
		"eventVersion": "1.08", "userIdentity": identity, "eventTime": fmt.Sprintf("%d-01-15T08:00:00Z", year), "eventSource": "s3.amazonaws.com", "eventName": "GetObject",
		"awsRegion": "eu-west-1", "sourceIPAddress": "192.0.2.1", "userAgent": "[curl/8.5.0]", "requestParameters": map[string]any{"bucketName": "shop", "key": "k", "Host": f.host},
		"eventID": fmt.Sprintf("E-%d", number), "eventType": "AwsApiCall", "recipientAccountId": "111122223333",
	}
	additional := map[string]any{"bytesTransferredIn": 0}
	if f.signed != "" && year >= 2019 {
		additional["SignatureVersion"] = f.signed
	}
	if f.acl && year >= 2023 {
		additional["aclRequired"] = "Yes"
	}
	if year >= 2019 {
		e["additionalEventData"] = additional
	}
	if f.tls != "" && year >= 2021 {
		e["tlsDetails"] = map[string]any{"tlsVersion": f.tls, "cipherSuite": "AES128-SHA", "clientProvidedHostHeader": f.host}
	}
	return e
}

// inEvent returns what the event of a year shows.
func (f *legacyFacts) inEvent(year int) answers {
	if f.part {
		return answers{"sigv2": yesIf(f.signed == "SigV2" && year >= 2019), "tls1.0": shownNo, "tls1.1": shownNo, "plain_http": shownNo, "acl_required": shownNo, "path_style": shownNo, "soap": shownNo}
	}
	a := answers{
		"sigv2": yesIf(f.signed == "SigV2"), "tls1.0": yesIf(f.tls == "TLSv1"), "tls1.1": yesIf(f.tls == "TLSv1.1"), "plain_http": shownNo,
		"acl_required": yesIf(f.acl), "soap": notShown, "path_style": yesIf(f.style == "path"),
	}
	if f.signed != "" && year < 2019 {
		a["sigv2"] = notShown
	}
	if f.tls == "" || year < 2021 {
		a["tls1.0"], a["tls1.1"], a["plain_http"] = notShown, notShown, notShown
	}
	if year < 2023 {
		a["acl_required"] = notShown
	}
	if f.style == "" {
		a["path_style"] = notShown
	}
	return a
}

// Of every feature and log, the requests that use it, those of which the log does not show
// it and all others are what a slow reading of the facts finds, in every layout.
func TestLegacy_AddsUpToAllRequests(t *testing.T) {
	const requests = 1500
	random := rand.New(rand.NewPCG(19, 26))
	want := make(map[string]int)
	all := make(map[string]int)
	add := func(log string, a answers) {
		all[log]++
		for feature, shown := range a {
			want[log+" "+feature+" "+shown]++
		}
	}
	var text, vended string
	var events []map[string]any
	for number := range requests {
		f := someFacts(random)
		switch form := random.IntN(3); {
		case form == 0:
			fields := []int{18, 23, 24, 25, 26, 27}[random.IntN(6)]
			text += f.line(fields, number)
			add("server_access", f.inLine(fields))
		case form == 1:
			vended += f.json(number)
			add("server_access", f.inLine(27))
		case !f.refused: // of which there are no events
			year := []int{2018, 2020, 2022, 2026}[random.IntN(4)]
			events = append(events, f.event(year, number))
			add("cloudtrail", f.inEvent(year))
		}
	}
	trail, err := json.Marshal(map[string]any{"Records": events})
	if err != nil {
		t.Fatal(err)
	}
	bucket := t.TempDir()
	for key, body := range map[string][]byte{
		"text/2026-01-15-09-05-10-0A1B2C3D4E5F6071": []byte(text), "vended/2026/01/15/09/aaaa": []byte(vended),
		"AWSLogs/111122223333/CloudTrail/eu-west-1/2026/01/15/111122223333_CloudTrail_eu-west-1_20260115T0910Z_AbCdEfGhIjKlMnOp.json": trail,
	} {
		if err := writeObject(filepath.Join(bucket, filepath.FromSlash(key)), body); err != nil {
			t.Fatal(err)
		}
	}
	got := runToEnd(t, "report", "-o", "prometheus", "--legacy.features=all", bucket)
	shown, err := parseSamples([]byte(got.stdout))
	if got.code != exitOK || err != nil || strings.Contains(got.stderr, "malformed") {
		t.Fatalf("exit code %d, %v: %s", got.code, err, got.stderr)
	}
	for log, n := range all {
		if counted := int(shown.sum("s3_access_requests_total{", `log="`+log+`"`)); counted != n {
			t.Errorf("%d requests of %s, want %d", counted, log, n)
		}
		for _, feature := range []string{"sigv2", "tls1.0", "tls1.1", "plain_http", "acl_required", "path_style", "soap"} {
			labels := []string{`log="` + log + `"`, `feature="` + feature + `"`}
			uses := int(shown.sum("s3_access_legacy_requests_total{", labels...))
			unknown := int(shown.sum("s3_access_legacy_undetermined_requests_total{", labels...))
			is := map[string]int{shownYes: uses, notShown: unknown, shownNo: n - uses - unknown}
			for answer, n := range is {
				if want := want[log+" "+feature+" "+answer]; n != want {
					t.Errorf("%s of %s: %s %d times, want %d", feature, log, answer, n, want)
				}
			}
		}
	}
	refused := shown.sum("s3_access_legacy_requests_total{", `requester="unknown"`, `feature="sigv2"`)
	if refused == 0 {
		t.Error("no refused request counts with the requester unknown")
	}
}
