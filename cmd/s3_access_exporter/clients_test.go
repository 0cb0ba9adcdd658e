//go:build integration

package main

import (
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	static "github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3access/s3_access_exporter/scanner/s3source/miniotest"
)

// clientUse is a real client that is made to use features that AWS turns off.
type clientUse struct {
	name   string
	client string // the label
	// script is one of the shell. In it, curl trusts the proxy and goes through it, as all
	// clients do; boto3 is the start of a program.
	script string
	sdk    func(*s3.Options) // in place of a script, of the AWS SDK for Go v2
	// features are what it uses, requests how many it makes, and in which log they are not:
	// CloudTrail has no requests whose credentials were refused.
	features  []string
	requests  int
	refused   bool
	requester string // empty: the user of the key
}

const (
	wireUser = "arn:aws:iam::" + wireAccount + ":user/wire"

	soapCall = `<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"><soapenv:Body>` +
		`<GetObject xmlns="http://doc.s3.amazonaws.com/2006-03-01"><Bucket>` + wireBucket + `</Bucket><Key>open/a.txt</Key>` +
		`<AWSAccessKeyId>$AWS_ACCESS_KEY_ID</AWSAccessKeyId></GetObject></soapenv:Body></soapenv:Envelope>`
	hosted    = "https://" + wireBucket + ".s3.us-east-1.amazonaws.com"
	postsSOAP = ` -H 'Content-Type: text/xml' -H 'SOAPAction: ""' -d "` + `$SOAP" `
)

// clientUses are what real clients do. Features overlap.
func clientUses() []clientUse {
	signed := `curl --aws-sigv4 aws:amz:us-east-1:s3 --user "$AWS_ACCESS_KEY_ID:$AWS_SECRET_ACCESS_KEY" -H 'x-amz-content-sha256: UNSIGNED-PAYLOAD' `
	old := "--ciphers DEFAULT@SECLEVEL=0 --tlsv1.0 "
	const get = "client.get_object(Bucket='" + wireBucket + "', Key='open/a.txt')"
	return []clientUse{
		// TLS, and none.
		{name: "curl", client: "curl", script: signed + hosted + "/open/a.txt", requests: 1},
		{name: "curl, TLS 1.0", client: "curl", script: signed + old + "--tls-max 1.0 " + hosted + "/open/a.txt", features: []string{"tls1.0"}, requests: 1},
		{name: "curl, TLS 1.1", client: "curl", script: signed + old + "--tls-max 1.1 " + hosted + "/open/a.txt", features: []string{"tls1.1"}, requests: 1},
		{name: "curl, TLS 1.2", client: "curl", script: signed + "--tls-max 1.2 " + hosted + "/open/a.txt", requests: 1},
		{name: "curl, http://", client: "curl", script: signed + strings.Replace(hosted, "https", "http", 1) + "/open/a.txt", features: []string{"plain_http"}, requests: 1},
		{
			name: "curl, TLS 1.0 and path style", client: "curl", script: signed + old + "--tls-max 1.0 https://s3.us-east-1.amazonaws.com/" + wireBucket + "/open/a.txt",
			features: []string{"tls1.0", "path_style"}, requests: 1,
		},

		// How a bucket is addressed.
		{name: "aws-cli", client: "aws-cli", script: "aws s3api get-object --bucket " + wireBucket + " --key open/a.txt /dev/null", requests: 1},
		{
			name: "aws-cli, path style", client: "aws-cli", features: []string{"path_style"}, requests: 1,
			script: "aws configure set default.s3.addressing_style path && aws s3api get-object --bucket " + wireBucket + " --key open/a.txt /dev/null",
		},
		{
			name: "aws-cli, http://", client: "aws-cli", features: []string{"plain_http", "path_style"}, requests: 1, // an endpoint makes it path style
			script: "aws --endpoint-url http://s3.us-east-1.amazonaws.com s3api get-object --bucket " + wireBucket + " --key open/a.txt /dev/null",
		},
		{
			name: "aws-cli, an endpoint, told by the runbook", client: "aws-cli", requests: 1,
			script: "aws configure set default.s3.addressing_style virtual && aws --endpoint-url https://s3.us-east-1.amazonaws.com s3api get-object --bucket " + wireBucket + " --key open/a.txt /dev/null",
		},
		{name: "boto3", client: "boto3", script: boto3("", get), requests: 1},
		{name: "boto3, no TLS", client: "boto3", script: boto3("use_ssl=False", get), features: []string{"plain_http"}, requests: 1},
		{
			name: "boto3, an endpoint", client: "boto3", script: boto3("endpoint_url='https://s3.us-east-1.amazonaws.com'", get), features: []string{"path_style"}, requests: 1,
		},
		{
			name: "boto3, an endpoint, told by the runbook", client: "boto3", requests: 1,
			script: boto3("endpoint_url='https://s3.us-east-1.amazonaws.com', config=Config(signature_version='s3v4', s3={'addressing_style': 'virtual'})", get),
		},
		{name: "boto3, path style", client: "boto3", script: boto3("config=Config(s3={'addressing_style': 'path'})", get), features: []string{"path_style"}, requests: 1},
		{name: "AWS SDK for Go v2", client: "aws-sdk-go-v2", sdk: func(*s3.Options) {}, requests: 1},
		{name: "AWS SDK for Go v2, path style", client: "aws-sdk-go-v2", sdk: func(o *s3.Options) { o.UsePathStyle = true }, features: []string{"path_style"}, requests: 1},
		{
			name: "AWS SDK for Go v2, http:// and path style", client: "aws-sdk-go-v2",
			sdk: func(o *s3.Options) {
				o.UsePathStyle, o.BaseEndpoint = true, aws.String("http://s3.us-east-1.amazonaws.com")
			},
			features: []string{"plain_http", "path_style"}, requests: 1,
		},

		// Signatures.
		{
			name: "boto3, Signature Version 2", client: "boto3", features: []string{"sigv2"}, requests: 1,
			script: boto3("config=Config(signature_version='s3', s3={'addressing_style': 'virtual'})", get),
		},
		{
			name: "a URL that boto3 signed with Signature Version 2, http:// and path style", client: "curl",
			features: []string{"sigv2", "plain_http", "path_style"}, requests: 1,
			script: `url=$(` + boto3("endpoint_url='http://s3.us-east-1.amazonaws.com', config=Config(signature_version='s3', s3={'addressing_style': 'path'})",
				"print(client.generate_presigned_url('get_object', Params={'Bucket': '"+wireBucket+"', 'Key': 'open/a.txt'}))") + `) && curl "$url"`,
		},
		{
			name: "boto3, Signature Version 2 with a wrong secret", client: "boto3", features: []string{"sigv2"}, requests: 1, refused: true, requester: "unknown",
			script: "export AWS_SECRET_ACCESS_KEY=guess; ! " + boto3("config=Config(signature_version='s3', s3={'addressing_style': 'virtual'})", get),
		},

		// ACLs: a canned ACL opens an object, and then it alone allows to read it.
		{
			name: "aws-cli, a canned ACL", client: "aws-cli", requests: 1,
			script: "aws s3api put-object --acl public-read --bucket " + wireBucket + " --key acl/cli.txt",
		},
		{
			name: "boto3, a canned ACL", client: "boto3", requests: 1,
			script: boto3("", "client.put_object(ACL='public-read', Bucket='"+wireBucket+"', Key='acl/boto3.txt', Body=b'x')"),
		},
		{
			name: "aws-cli, by an ACL", client: "aws-cli", features: []string{"acl_required"}, requests: 1, requester: "anonymous",
			script: "aws --no-sign-request s3api get-object --bucket " + wireBucket + " --key acl/boto3.txt /dev/null",
		},
		{
			name: "curl, by an ACL and http://", client: "curl", features: []string{"acl_required", "plain_http"}, requests: 1, requester: "anonymous",
			script: "curl " + strings.Replace(hosted, "https", "http", 1) + "/acl/cli.txt",
		},
		{name: "curl, by a policy", client: "curl", requests: 1, requester: "anonymous", script: "curl " + hosted + "/open/a.txt"},

		// SOAP.
		{
			name: "curl, SOAP", client: "curl", features: []string{"soap"}, requests: 1,
			script: "curl" + postsSOAP + "https://s3.amazonaws.com/soap",
		},
		{
			name: "curl, SOAP over TLS 1.1", client: "curl", features: []string{"soap", "tls1.1"}, requests: 1,
			script: "curl " + old + "--tls-max 1.1" + postsSOAP + "https://s3.amazonaws.com/soap",
		},
	}
}

// boto3 returns a command that runs a line of Python with a client of S3.
func boto3(options, line string) string {
	return fmt.Sprintf(`python-boto3 -c "import boto3; from botocore.config import Config; client = boto3.client('s3', %s); %s"`, options, line)
}

// run lets the client do what it is to.
func (use *clientUse) run(t *testing.T, w *wire, m *miniotest.MinIO) {
	t.Helper()
	w.serving(use.name)
	if use.sdk != nil {
		use.runSDK(t, w, m)
		return
	}
	shell := exec.CommandContext(t.Context(), "sh", "-eu", "-c",
		"unset AWS_PROFILE\n"+`curl() { command curl --silent --show-error --fail --output /dev/null --cacert "$AWS_CA_BUNDLE" --proxy "$PROXY" "$@"; }`+"\n"+use.script)
	shell.Env = append(os.Environ(), credentials(m)...)
	home := t.TempDir()
	shell.Env = append(shell.Env, "HOME="+home, "AWS_CONFIG_FILE="+filepath.Join(home, "config"), "AWS_DEFAULT_REGION=us-east-1", "AWS_PAGER=",
		"AWS_CA_BUNDLE="+w.caFile, "PROXY="+w.proxy, "HTTP_PROXY="+w.proxy, "HTTPS_PROXY="+w.proxy, "http_proxy="+w.proxy, "https_proxy="+w.proxy,
		"NO_PROXY=", "no_proxy=", "SOAP="+strings.ReplaceAll(soapCall, "$AWS_ACCESS_KEY_ID", m.AccessKey))
	if out, err := shell.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s\n%s\n.ci/run installs the clients", err, out, use.script)
	}
}

func (use *clientUse) runSDK(t *testing.T, w *wire, m *miniotest.MinIO) {
	t.Helper()
	proxy, err := url.Parse(w.proxy)
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{Proxy: http.ProxyURL(proxy), TLSClientConfig: w.trust()}
	defer transport.CloseIdleConnections()
	client := s3.New(s3.Options{
		Region: miniotest.Region, Credentials: static.NewStaticCredentialsProvider(m.AccessKey, m.SecretKey, ""),
		HTTPClient: &http.Client{Transport: transport},
	}, use.sdk)
	got, err := client.GetObject(t.Context(), &s3.GetObjectInput{Bucket: aws.String(wireBucket), Key: aws.String("open/a.txt")})
	if err != nil {
		t.Fatal(err)
	}
	_ = got.Body.Close()
}

// inTrail returns the features that CloudTrail shows of the request, and those of which it
// does not show whether the request has them. There, a SOAP call is a request to an
// endpoint, and its signature has no version.
func (use *clientUse) inTrail() (shown, unknown []string) {
	unknown = []string{"soap"}
	for _, feature := range use.features {
		switch feature {
		case "plain_http":
			unknown = append(unknown, "tls1.0", "tls1.1", "plain_http")
		case "soap":
			shown, unknown = append(shown, "path_style"), append(unknown, "sigv2")
		default:
			shown = append(shown, feature)
		}
	}
	return shown, unknown
}

// wantLegacy are the counters of what the clients did, by log, feature and, of those that
// are no sums, requester and client.
func wantLegacy(uses []clientUse) samples {
	want := make(samples)
	add := func(log, feature string, use clientUse) {
		who := use.requester
		if who == "" {
			who = wireUser
		}
		want[strings.Join([]string{log, feature, who, use.client}, " ")] += float64(use.requests)
	}
	for _, use := range uses {
		for _, feature := range use.features {
			add("server_access", feature, use)
			if feature == "soap" { // signed within the message, by no version
				want["server_access cannot tell sigv2"] += float64(use.requests)
			}
		}
		if use.refused {
			continue
		}
		shown, unknown := use.inTrail()
		for _, feature := range shown {
			add("cloudtrail", feature, use)
		}
		for _, feature := range unknown {
			want["cloudtrail cannot tell "+feature] += float64(use.requests)
		}
	}
	return want
}

// gotLegacy sums counters up as wantLegacy does.
func gotLegacy(shown samples) samples {
	got := make(samples)
	for series, n := range shown {
		name, _, _ := strings.Cut(series, "{")
		switch name {
		case "s3_access_legacy_requests_total":
			got[strings.Join([]string{labelOf(series, "log"), labelOf(series, "feature"), labelOf(series, "requester"), labelOf(series, "client")}, " ")] += n
		case "s3_access_legacy_undetermined_requests_total":
			got[labelOf(series, "log")+" cannot tell "+labelOf(series, "feature")] += n
		}
	}
	return got
}

// labelOf returns the value of a series' label, which needs no escapes.
func labelOf(series, name string) string {
	_, value, _ := strings.Cut(series, name+`="`)
	value, _, _ = strings.Cut(value, `"`)
	return value
}

// Real clients use every feature, through a proxy that writes both logs of what it sees.
// Which features a client uses, the table of clients knows alone.
func TestLegacy_CountsWhatRealClientsDo(t *testing.T) {
	t.Setenv("MINIO_DOMAIN", "s3.amazonaws.com,s3.us-east-1.amazonaws.com")
	minio := miniotest.Start(t)
	minio.CreateBucket(t, wireBucket)
	minio.Put(t, wireBucket, "open/a.txt", []byte("anybody may read this\n"))
	minio.Open(t, wireBucket, "open/*", "acl/*") // MinIO has no ACLs: its policy lets through what they allow
	w := startWire(t, minio)
	uses := clientUses()
	for _, use := range uses {
		use.run(t, w, minio)
	}
	made := make(map[string]int)
	for _, use := range uses {
		made[use.name] = use.requests
	}
	seen, lines := w.requests()
	if !maps.Equal(seen, made) {
		t.Fatalf("the clients made %v requests, not %v", seen, made)
	}

	t.Run("report", func(t *testing.T) {
		if diff := gotLegacy(reported(t, w.bucketOf(t, lines))).diff(wantLegacy(uses)); diff != "" {
			t.Error(diff)
		}
	})
	t.Run("serve", func(t *testing.T) {
		p := serve(t, nil, "--checkpoint.path="+filepath.Join(t.TempDir(), "x.db"), "--series.hold=0s", "--scan.interval=500ms", "--scan.sweep-interval=2s",
			"--legacy.features=all", w.bucketOf(t, lines))
		want, diff := wantLegacy(uses), ""
		t.Cleanup(func() { t.Log(diff) })
		eventually(t, "both logs are counted", func() bool {
			diff = gotLegacy(p.mustScrape(t)).diff(want)
			return diff == ""
		})
	})
	t.Run("a log of 18 fields cannot tell", func(t *testing.T) {
		want := make(samples)
		for series, n := range wantLegacy(uses) {
			if strings.HasPrefix(series, "cloudtrail ") {
				want[series] = n
			}
		}
		for _, use := range uses {
			n := float64(use.requests)
			for _, feature := range []string{"tls1.0", "tls1.1", "plain_http", "acl_required"} {
				want["server_access cannot tell "+feature] += n
			}
			switch soap, presigned := slices.Contains(use.features, "soap"), strings.HasPrefix(use.name, "a URL"); {
			case soap: // its operation shows it
				want[strings.Join([]string{"server_access", "soap", wireUser, use.client}, " ")] += n
				want["server_access cannot tell sigv2"] += n
			case presigned: // its query string shows that
				want[strings.Join([]string{"server_access", "sigv2", wireUser, use.client}, " ")] += n
				want["server_access cannot tell path_style"] += n
			default:
				want["server_access cannot tell path_style"] += n
				if use.requester != "anonymous" {
					want["server_access cannot tell sigv2"] += n
				}
			}
		}
		if diff := gotLegacy(reported(t, w.bucketOf(t, oldLayout(lines)))).diff(want); diff != "" {
			t.Error(diff)
		}
	})
}

// reported returns the metrics that report prints of all features.
func reported(t *testing.T, bucket string) samples {
	t.Helper()
	got := runToEnd(t, "report", "-o", "prometheus", "--legacy.features=all", bucket)
	if got.code != exitOK || strings.Contains(got.stderr, "malformed") {
		t.Fatalf("exit code %d: %s", got.code, got.stderr)
	}
	shown, err := parseSamples([]byte(got.stdout))
	if err != nil {
		t.Fatal(err)
	}
	return shown
}
