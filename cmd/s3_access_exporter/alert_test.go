//go:build integration

package main

import (
	"crypto/tls"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"golang.org/x/crypto/bcrypt"

	"github.com/s3access/s3_access_exporter/scanner/s3source/miniotest"
)

// TestAlert_FirstSigV2RequestReachesThePager runs what an operator runs: S3, the
// program, Prometheus and Alertmanager, with the rules of dashboards/ and the
// examples of deploy/.
func TestAlert_FirstSigV2RequestReachesThePager(t *testing.T) {
	t.Parallel()
	const (
		bucket   = "example-logs"
		password = "secret"
		user     = "arn:aws:iam::111122223333:user/nightly-backup"
	)
	minio := miniotest.Start(t)
	minio.CreateBucket(t, bucket)
	certificate, key, trusted := newCertificate(t)
	hash, err := bcrypt.GenerateFromPassword([]byte(password), bcrypt.MinCost)
	if err != nil {
		t.Fatal(err)
	}
	exporter := serve(t, credentials(minio),
		"s3://"+bucket, "--aws.endpoint-url="+minio.Endpoint, "--aws.path-style",
		"--checkpoint.path="+filepath.Join(t.TempDir(), "checkpoint.db"),
		"--scan.interval=500ms", "--scan.sweep-interval=2s", "--series.hold=10s",
		"--web.config.file="+example(t, "systemd/web.yml", "$2y$10$...", string(hash), "tls.crt", certificate, "tls.key", key))
	exporter.client = &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: trusted, MinVersion: tls.VersionTLS12}}}
	if status, _, err := exporter.get(t.Context(), "/metrics", ""); err != nil || status != http.StatusUnauthorized {
		t.Errorf("without a password: HTTP %d, %v", status, err)
	}
	address, err := url.Parse(exporter.url())
	if err != nil {
		t.Fatal(err)
	}
	pager := startPager(t)
	alertmanager := startServer(t, "alertmanager", "--cluster.listen-address=", "--storage.path="+t.TempDir(),
		"--config.file="+example(t, "prometheus/alertmanager.yml",
			"group_wait: 30s", "group_wait: 0s", "https://pager.example.com/alerts", pager.url))
	prometheus := startPrometheus(t, example(t, "prometheus/prometheus.yml",
		": 30s", ": 2s", ": 20s", ": 2s", // intervals and the timeout
		"/etc/prometheus/rules", promptRules(t),
		"localhost:9093", alertmanager,
		"localhost:10403", address.Host,
		"/etc/prometheus/s3_access_exporter-ca.crt", certificate,
		"s3-access-exporter.example.com", "127.0.0.1",
		"/etc/prometheus/s3_access_exporter-password", writeFile(t, "password", password)))
	prometheus.awaitValue(t, `up{job="s3_access_exporter"}`, 1)

	// Clean logs alarm nobody.
	minio.Put(t, bucket, accessLogObjectKey("0A1B2C3D4E5F6071"), slices.Concat(
		lineOfGet("3E57427F3EXAMPLE", user, "SigV4"), lineOfGet("7B4A0FABBEXAMPLE", user, "SigV4"), lineOfGet("891CE47D2EXAMPLE", user, "SigV4")))
	minio.Put(t, bucket, trailObjectKey("AbCdEfGh12345678"), gzipped(t, trailOfPut("C2D5F3A1BEXAMPLE", user, "SigV4")))
	prometheus.awaitValue(t, `sum(s3_access_requests_total{log="server_access"})`, 3)
	prometheus.awaitValue(t, `sum(s3_access_requests_total{log="cloudtrail"})`, 1)
	prometheus.awaitEvaluations(t, 3)
	prometheus.awaitNoAlerts(t)
	pager.wantSilence(t)

	// One request signed with SigV2 does, with its name.
	minio.Put(t, bucket, accessLogObjectKey("1122334455667788"), lineOfGet("DD6CC733AEXAMPLE", user, "SigV2"))
	call := pager.await(t)
	want := map[string]string{
		"alertname": "S3AccessSigV2Request", "severity": "critical",
		"log": "server_access", "bucket": "example-photos", "requester": user, "client": "boto3", "auth_method": "AuthHeader",
	}
	if call.Receiver != "pager" || call.Status != "firing" || len(call.Alerts) != 1 || !maps.Equal(call.Alerts[0].Labels, want) {
		t.Errorf("the pager is told %+v", call)
	} else if text := call.Alerts[0].Annotations["description"]; !strings.Contains(text, "about 1 in the log server_access") {
		t.Errorf("the alert says: %s", text)
	}
	if firing := prometheus.alerts(t)[v1.AlertStateFiring]; !slices.Equal(firing, []string{"S3AccessSigV2Request"}) {
		t.Errorf("firing: %q", firing)
	}

	// Prometheus saw each counter at 0 before it counted.
	for _, series := range prometheus.history(t, `{__name__=~"s3_access_.+_total",__name__!~"s3_access_exporter_.+"}`) {
		if first, last := series.Values[0].Value, series.Values[len(series.Values)-1].Value; first != 0 || last == 0 {
			t.Errorf("%s went from %v to %v", series.Metric, first, last)
		}
	}
	sigV2 := prometheus.history(t, "s3_access_sigv2_requests_total")
	if len(sigV2) != 1 || !slices.Equal(distinct(sigV2[0]), []model.SampleValue{0, 1}) {
		t.Errorf("one request signed with SigV2 is counted as %v", sigV2)
	}

	// Native histograms came by protobuf: no other format of the exporter has them.
	prometheus.awaitValue(t, "sum(histogram_count("+durations+"))", 4)
	if classic := prometheus.history(t, durations+"_count"); len(classic) > 0 {
		t.Errorf("classic histograms: %v", classic)
	}

	// The exporter's end is noticed. The pager hears of it after ten minutes.
	exporter.kill()
	prometheus.awaitValue(t, `up{job="s3_access_exporter"}`, 0)
	eventually(t, "the exporter is missed", func() bool {
		return slices.Contains(prometheus.alerts(t)[v1.AlertStatePending], "S3AccessExporterDown")
	})
	pager.wantSilence(t)
}

// distinct returns the values of a series, without repetitions.
func distinct(series *model.SampleStream) []model.SampleValue {
	var values []model.SampleValue
	for _, sample := range series.Values {
		values = append(values, sample.Value)
	}
	return slices.Compact(values)
}

// accessLogObjectKey returns the key of an object of a server access log that is
// delivered now.
func accessLogObjectKey(token string) string {
	return "access/" + time.Now().UTC().Format("2006-01-02-15-04-05-") + token
}

// lineOfGet returns what a server access log has of a GetObject now.
// See https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html.
func lineOfGet(id, requester, signature string) []byte {
	return fmt.Appendf(nil, `1f2e3d4c1f2e3d4c1f2e3d4c1f2e3d4c1f2e3d4c1f2e3d4c1f2e3d4c1f2e3d4c example-photos [%s] 192.0.2.17 %s %s `+
		`REST.GET.OBJECT albums/pier.jpg "GET /albums/pier.jpg HTTP/1.1" 200 - 4096 4096 21 20 "-" "Boto3/1.42.4 Botocore/1.42.4" - `+
		`aG9zdElE %s TLS_AES_128_GCM_SHA256 AuthHeader example-photos.s3.eu-west-1.amazonaws.com TLSv1.3 - -`+"\n",
		time.Now().UTC().Format("02/Jan/2006:15:04:05 -0700"), requester, id, signature)
}

// trailObjectKey returns the key of an object of a trail that is delivered now.
func trailObjectKey(token string) string {
	now := time.Now().UTC()
	return "AWSLogs/111122223333/CloudTrail/eu-west-1/" + now.Format("2006/01/02") +
		"/111122223333_CloudTrail_eu-west-1_" + now.Format("20060102T1504Z") + "_" + token + ".json.gz"
}

// trailOfPut returns a trail's object with the event of a PutObject now.
// See https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html.
func trailOfPut(id, requester, signature string) []byte {
	return fmt.Appendf(nil, `{"Records":[{"eventVersion":"1.11","userIdentity":{"type":"IAMUser","arn":%q,"accountId":"111122223333"},`+
		`"eventTime":%q,"eventSource":"s3.amazonaws.com","eventName":"PutObject","awsRegion":"eu-west-1","sourceIPAddress":"192.0.2.17",`+
		`"userAgent":"[Boto3/1.42.4 Botocore/1.42.4]","requestParameters":{"bucketName":"example-photos","key":"albums/pier.jpg"},`+
		`"responseElements":null,"additionalEventData":{"SignatureVersion":%q,"AuthenticationMethod":"AuthHeader"},"requestID":%q,`+
		`"eventID":"6f1d0001-3c2b-4a19-9d8e-7f6a5b4c3d01","eventType":"AwsApiCall","recipientAccountId":"111122223333","eventCategory":"Data"}]}`,
		requester, time.Now().UTC().Format(time.RFC3339), signature, id)
}
