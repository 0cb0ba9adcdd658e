package main

import (
	"cmp"
	"encoding/json"
	"io/fs"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/fleet"
)

// The golden files say what the exporter makes of the fixtures. That it is the
// truth is for a second reading of them to say, which shares nothing with the
// first: slow, naive, and with no knowledge but of what is in the fixtures.
func TestReport_CountsWhatANaiveReadingFinds(t *testing.T) {
	truth := readFixtures(t)
	if truth.lines == 0 || truth.events == 0 || truth.malformed != 3 || truth.unreadable != 1 || truth.repeated != 1 {
		t.Errorf("the fixtures have %d lines, %d events, %d malformed, %d repeated, %d unreadable",
			truth.lines, truth.events, truth.malformed, truth.repeated, truth.unreadable)
	}
	got, err := parseSamples([]byte(runToEnd(t, "report", "-o", "prometheus", fixtureBucket(t)).stdout))
	if err != nil {
		t.Fatal(err)
	}
	if diff := got.requestFamilies().diff(expected(truth.requests)); diff != "" {
		t.Error(diff)
	}
}

// readFixtures reads the fixtures.
func readFixtures(t *testing.T) naiveReading {
	t.Helper()
	truth := naiveReading{seen: make(map[string]bool)}
	err := filepath.WalkDir("testdata/bucket", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		text, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		truth.object(strings.TrimPrefix(filepath.ToSlash(path), "testdata/bucket/"), text)
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return truth
}

// naiveReading is what was found in a bucket.
type naiveReading struct {
	requests                                       []fleet.Request
	lines, events, malformed, repeated, unreadable int
	seen                                           map[string]bool // IDs of events
}

var (
	trailKey       = regexp.MustCompile(`/CloudTrail/`)
	partitionedKey = regexp.MustCompile(`(\d{12})/([a-z]+-[a-z]+-\d)/[^/]+/\d{4}/\d\d/\d\d/[\d-]{20}`)
	accessLogKey   = regexp.MustCompile(`\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d-[0-9A-F]{16}$`)
)

// object reads what stands below one key.
func (n *naiveReading) object(key string, text []byte) {
	switch {
	case trailKey.MatchString(key):
		n.trail(text)
	case accessLogKey.MatchString(key):
		for line := range strings.Lines(string(text)) {
			n.line(key, strings.TrimSuffix(line, "\n"))
		}
	}
}

// accessLogLine is a line of any layout. Its fields between the URI and the user
// agent stand by themselves; the signature and what comes after it may be missing.
var accessLogLine = regexp.MustCompile(`^\w{64} (?<bucket>\S+) \[(?<time>.*?)\] (?<ip>\S+) (?<requester>.+?) (?:\S{16}|\S{36}) ` +
	`(?<operation>(?:REST|WEBSITE|BATCH|SOAP|S3)\.\S+) (?<key>\S+) (?<uri>-|"-"|"[A-Z]+ .* HTTP/1\.\d") ` +
	`(?<status>\S+) (?<code>\S+) (?<sent>\S+) (?<size>\S+) (?<duration>\S+) \S+ (?:- -|".*" "(?<agent>.*)")` +
	`(?: - (?:AIDA\w+ )?\S+ (?<signature>\S+) (?<cipher>\S+) (?<auth>\S+) (?<host>\S+)(?: (?<tls>\S+)(?: \S+(?: (?<acl>\S+)(?: .*)?)?)?)?| -|)$`)

var regionOfHost = regexp.MustCompile(`s3[.-](?:website-)?(\w+-\w+-\d)\.`)

// line reads a line of the server access log.
func (n *naiveReading) line(key, line string) {
	found := accessLogLine.FindStringSubmatch(line)
	if found == nil {
		n.malformed++
		return
	}
	n.lines++
	f := make(map[string]string)
	for i, name := range accessLogLine.SubexpNames() {
		f[name] = strings.TrimPrefix(found[i], "-")
	}
	at, _ := time.Parse("02/Jan/2006:15:04:05 -0700", f["time"])
	onceEncoded, _ := url.QueryUnescape(f["key"]) // AWS encodes twice
	objectKey, _ := url.QueryUnescape(onceEncoded)
	client := clientNames[f["agent"]]
	r := fleet.Request{
		Log: "server_access", Time: at, Bucket: f["bucket"], Operation: actionNames[f["operation"]], Key: objectKey,
		Requester: strings.TrimPrefix(f["requester"], "svc:"), SourceIP: naiveAddress(f["ip"]),
		Client: client[0], ClientVersion: client[1],
		Signature: cmp.Or(f["signature"], "none"), AuthMethod: f["auth"], ErrorCode: f["code"],
		SentBytes: max(naiveNumber(f["sent"]), 0), ReceivedBytes: fleet.Unknown, Duration: naiveNumber(f["duration"]),
	}
	r.Status, _ = strconv.Atoi(f["status"])
	if where := partitionedKey.FindStringSubmatch(key); where != nil {
		r.AccountID, r.Region = where[1], where[2]
	} else if where := regionOfHost.FindStringSubmatch(f["host"]); where != nil {
		r.Region = where[1]
	}
	if r.Operation == "PutObject" || r.Operation == "UploadPart" {
		r.ReceivedBytes = naiveNumber(f["size"])
	}
	switch {
	case strings.Contains(f["uri"], "AWSAccessKeyId="):
		r.Signature, r.AuthMethod = "SigV2", "QueryString"
	case f["host"] == "" && f["requester"] != "" && r.Requester != "AmazonS3":
		r.Signature, r.AuthMethod = "unknown", "unknown" // an old layout
	}
	switch {
	case r.Requester == "" && strings.HasPrefix(f["operation"], "S3."):
		r.Requester = "AmazonS3"
	case r.Requester == "" && r.Signature == "none":
		r.Requester, r.Anonymous = "anonymous", true
	case r.Requester == "":
		r.Requester = "unknown"
	}
	raw := func(name string) string { return found[accessLogLine.SubexpIndex(name)] }
	way := connection{
		tls: raw("tls"), secure: f["cipher"] != "", plain: raw("tls") == "-" && raw("cipher") == "-",
		none: strings.Trim(f["uri"], `"-`) == "" && f["tls"] == "" && f["cipher"] == "",
		acl:  map[string]string{"-": "no", "Yes": "yes"}[raw("acl")], host: f["host"],
		soap: map[bool]string{true: "yes", false: "no"}[strings.HasPrefix(f["operation"], "SOAP.")],
	}
	way.note(&r)
	n.add(r)
}

// connection is how a request came, as far as its record shows it.
type connection struct {
	tls, host, acl, soap string // acl and soap: yes, no, or empty if the record does not show it
	secure, plain        bool   // there is a cipher suite, or there could be and is none
	none                 bool   // it is of no connection
}

// pathStyleHost is an endpoint of AWS's with no bucket before it.
var pathStyleHost = regexp.MustCompile(`^s3([.-][a-z]+-[a-z]+-\d)?\.amazonaws\.com$`)

// note takes note of what the request uses of that which AWS turns off, and of what its
// record does not show.
func (c connection) note(r *fleet.Request) {
	var uses, unknown []string
	say := func(name, answer string) {
		switch answer {
		case "yes":
			uses = append(uses, name)
		case "":
			unknown = append(unknown, name)
		}
	}
	answer := func(yes, shown bool) string {
		return map[bool]string{true: map[bool]string{true: "yes", false: "no"}[yes], false: ""}[shown]
	}
	version := len(c.tls) > 1
	say("sigv2", answer(r.Signature == "SigV2", r.Signature != "unknown" || c.none))
	say("tls1.0", answer(c.tls == "TLSv1", version || c.plain || c.none))
	say("tls1.1", answer(c.tls == "TLSv1.1", version || c.plain || c.none))
	say("plain_http", answer(c.plain && !c.none, version || c.secure || c.plain || c.none))
	say("acl_required", cmp.Or(c.acl, map[bool]string{true: "no"}[c.none]))
	if !c.none && c.soap != "yes" && r.Bucket != "" {
		say("path_style", answer(pathStyleHost.MatchString(c.host), c.host != ""))
	}
	say("soap", cmp.Or(c.soap, map[bool]string{true: "no"}[c.none]))
	r.Features, r.Undetermined = strings.Join(uses, ","), strings.Join(unknown, ",")
}

// event is what a naive reader wants to know of a CloudTrail event.
type event struct {
	EventTime, EventSource, EventName, EventType, AWSRegion string
	SourceIPAddress, UserAgent, ErrorCode                   string
	EventID, RecipientAccountID                             string
	RequestParameters                                       struct{ BucketName, Key, Host string }
	TLSDetails                                              struct{ TLSVersion, CipherSuite, ClientProvidedHostHeader string }
	UserIdentity                                            struct{ Type, ARN, AccountID, InvokedBy string }
	AdditionalEventData                                     struct {
		SignatureVersion, AuthenticationMethod  string
		CipherSuite, ACLRequired                string
		BytesTransferredIn, BytesTransferredOut *float64
	}
}

// trail reads an object of CloudTrail.
func (n *naiveReading) trail(text []byte) {
	var document struct{ Records []event }
	if json.Unmarshal(text, &document) != nil {
		n.unreadable++
		return
	}
	for _, e := range document.Records {
		if !strings.HasPrefix(e.EventSource, "s3") || e.EventType != "AwsApiCall" {
			continue
		}
		at, err := time.Parse(time.RFC3339, e.EventTime)
		switch {
		case err != nil:
			n.malformed++
		case n.seen[e.EventID]:
			n.repeated++
		default:
			n.events++
			n.event(e, at)
		}
		n.seen[e.EventID] = true
	}
}

func (n *naiveReading) event(e event, at time.Time) {
	client := clientNames[strings.Trim(e.UserAgent, "[]")]
	r := fleet.Request{
		Log: "cloudtrail", Time: at, AccountID: e.RecipientAccountID, Region: e.AWSRegion, Bucket: e.RequestParameters.BucketName,
		Operation: e.EventName, Key: e.RequestParameters.Key, Requester: e.UserIdentity.ARN, SourceIP: e.SourceIPAddress,
		Client: client[0], ClientVersion: client[1], ErrorCode: e.ErrorCode, Duration: fleet.Unknown,
		AuthMethod: e.AdditionalEventData.AuthenticationMethod,
		SentBytes:  fleet.Unknown, ReceivedBytes: fleet.Unknown,
	}
	if bytes := e.AdditionalEventData.BytesTransferredOut; bytes != nil {
		r.SentBytes = int64(*bytes)
	}
	if bytes := e.AdditionalEventData.BytesTransferredIn; bytes != nil {
		r.ReceivedBytes = int64(*bytes)
	}
	switch account := strings.ToLower(e.UserIdentity.AccountID); {
	case strings.HasPrefix(account, "anonymous"):
		r.Requester, r.Anonymous, r.Signature = "anonymous", true, "none"
	case e.UserIdentity.Type == "AWSAccount":
		r.Requester = account
	case e.UserIdentity.Type == "AWSService":
		r.Requester = e.UserIdentity.InvokedBy
	}
	switch version := e.AdditionalEventData.SignatureVersion; {
	case version != "":
		r.Signature = strings.Replace(version, "Sigv", "SigV", 1)
	case !r.Anonymous:
		r.Signature, r.AuthMethod = "unknown", "unknown"
	}
	tls := e.TLSDetails
	way := connection{
		tls: tls.TLSVersion, secure: tls.CipherSuite+e.AdditionalEventData.CipherSuite != "", host: cmp.Or(tls.ClientProvidedHostHeader, e.RequestParameters.Host),
		acl: "no",
	}
	way.none = way.tls == "" && !way.secure && e.UserIdentity.InvokedBy != ""
	switch {
	case e.AdditionalEventData.ACLRequired == "Yes":
		way.acl = "yes"
	case at.Year() < 2023:
		way.acl = ""
	}
	way.note(&r)
	n.add(r)
}

// add adds a request, with the outcome that its status and error code mean.
func (n *naiveReading) add(r fleet.Request) {
	switch {
	case r.Status == 403 || r.ErrorCode == "AccessDenied":
		r.Outcome = "denied"
	case r.Status >= 400 || r.ErrorCode != "":
		r.Outcome = "error"
	default:
		r.Outcome = "success"
	}
	if r.AuthMethod == "" && r.Signature != "none" {
		r.AuthMethod = "unknown"
	}
	r.AuthMethod = cmp.Or(r.AuthMethod, "none")
	n.requests = append(n.requests, r)
}

func naiveNumber(text string) int64 {
	n, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return fleet.Unknown
	}
	return n
}

func naiveAddress(text string) string {
	if text == "" {
		return "none"
	}
	return netip.MustParseAddr(text).String()
}

// actionNames are the operations of the fixtures' lines.
var actionNames = map[string]string{
	"REST.GET.OBJECT": "GetObject", "REST.PUT.OBJECT": "PutObject", "REST.HEAD.OBJECT": "HeadObject",
	"REST.DELETE.OBJECT": "DeleteObject", "REST.COPY.OBJECT": "CopyObject", "REST.COPY.OBJECT_GET": "REST.COPY.OBJECT_GET",
	"REST.GET.BUCKET": "ListObjects", "REST.GET.LOCATION": "GetBucketLocation", "REST.GET.OBJECT_TAGGING": "GetObjectTagging",
	"REST.POST.UPLOADS": "CreateMultipartUpload", "REST.PUT.PART": "UploadPart", "REST.POST.UPLOAD": "CompleteMultipartUpload",
	"REST.POST.MULTI_OBJECT_DELETE": "DeleteObjects", "BATCH.DELETE.OBJECT": "DeleteObject",
	"WEBSITE.GET.OBJECT": "GetObject", "SOAP.PUT.OBJECT": "PutObject",
	"S3.EXPIRE.OBJECT": "S3.EXPIRE.OBJECT", "S3.COMPUTE.OBJECT.CHECKSUM": "S3.COMPUTE.OBJECT.CHECKSUM",
}

// clientNames are the clients of the fixtures' user agents.
var clientNames = map[string][2]string{
	"":             {"none", ""},
	"AWS Internal": {"aws-console", ""}, "Amazon CloudFront": {"aws-service", ""},
	"cloudtrail.amazonaws.com": {"aws-service", ""}, "athena.amazonaws.com": {"aws-service", ""},
	"Axis/1.3": {"other", ""}, `() { :;}; echo; echo "found"`: {"other", ""},
	"curl/7.19.7": {"curl", "7.19.7"}, "curl/8.5.0": {"curl", "8.5.0"}, "rclone/v1.71.2": {"rclone", "1.71.2"},
	"Boto3/1.42.4 md/Botocore#1.42.4 ua/2.1 os/linux#6.8.0-1021-aws md/arch#x86_64 lang/python#3.13.9 md/pyimpl#CPython m/b,Z cfg/retry-mode#standard Botocore/1.42.4": {"boto3", "1.42.4"},
	"aws-cli/1.10.67 Python/2.7.12 Linux/4.4.0-57-generic botocore/1.4.57":                                                                                             {"aws-cli", "1.10.67"},
	"aws-sdk-java/1.11.201 Linux/4.9.62 OpenJDK_64-Bit_Server_VM/25.141-b16 java/1.8.0_141":                                                                            {"aws-sdk-java", "1.11.201"},
	"aws-sdk-php2/2.8.31 Guzzle/3.9.3 curl/7.47.0 PHP/7.0.33":                                                                                                          {"aws-sdk-php2", "2.8.31"},
	"aws-sdk-rust/1.3.10 ua/2.1 api/s3/1.112.0 os/linux lang/rust/1.91.0":                                                                                              {"aws-sdk-rust", "1.3.10"},
	"Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0":                                                                                           {"browser", ""},
	`Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"`:                                  {"browser", ""},
}
