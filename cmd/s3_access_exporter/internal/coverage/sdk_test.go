package coverage

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/s3source"
)

// awsServer answers the calls of coverage over HTTP: some buckets without logs, and a trail that
// records reads. The first call of each kind is throttled, if throttling is set.
type awsServer struct {
	buckets    int
	throttling bool
	delivering bool // the access logs of the first bucket by way of CloudWatch Logs
	calls      atomic.Int64
	seen       sync.Map // of what was throttled once
}

func (s *awsServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.calls.Add(1)
	body, _ := io.ReadAll(r.Body)
	target := r.Header.Get("X-Amz-Target")
	isS3 := target == "" && r.Method == http.MethodGet
	kind := target + r.Method + r.URL.Path + r.URL.RawQuery
	if _, throttled := s.seen.LoadOrStore(kind, true); !throttled && s.throttling {
		if isS3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(w, `<Error><Code>SlowDown</Code><Message>slow down</Message></Error>`)
			return
		}
		w.WriteHeader(http.StatusBadRequest)
		if target == "" {
			fmt.Fprint(w, `<ErrorResponse><Error><Code>Throttling</Code><Message>slow down</Message></Error></ErrorResponse>`)
		} else {
			fmt.Fprint(w, `{"__type":"ThrottlingException","message":"slow down"}`)
		}
		return
	}
	switch {
	case strings.HasSuffix(target, ".DescribeTrails"):
		fmt.Fprint(w, `{"trailList":[{"Name":"of-reads","TrailARN":"arn:aws:cloudtrail:us-east-1:111122223333:trail/of-reads","HomeRegion":"us-east-1","S3BucketName":"trail-logs"}]}`)
	case strings.HasSuffix(target, ".GetTrailStatus"):
		fmt.Fprintf(w, `{"IsLogging":true,"LatestDeliveryTime":%d}`, now.Unix())
	case strings.HasSuffix(target, ".GetEventSelectors"):
		fmt.Fprint(w, `{"EventSelectors":[{"ReadWriteType":"ReadOnly","DataResources":[{"Type":"AWS::S3::Object","Values":["arn:aws:s3"]}]}]}`)
	case strings.HasSuffix(target, ".DescribeDeliverySources") && s.delivering:
		fmt.Fprint(w, `{"deliverySources":[{"name":"one","arn":"arn:aws:logs:us-east-1:111122223333:delivery-source:one","logType":"S3_SERVER_ACCESS_LOGS","resourceArns":["arn:aws:s3:::bucket-0"],"service":"s3","status":"ACTIVE"}]}`)
	case strings.HasSuffix(target, ".DescribeDeliveries") && s.delivering:
		fmt.Fprint(w, `{"deliveries":[{"id":"x","deliverySourceName":"one","deliveryDestinationArn":"arn:aws:logs:us-east-1:111122223333:delivery-destination:logs","deliveryDestinationType":"S3"}]}`)
	case strings.HasSuffix(target, ".DescribeDeliveryDestinations") && s.delivering:
		fmt.Fprint(w, `{"deliveryDestinations":[{"name":"logs","arn":"arn:aws:logs:us-east-1:111122223333:delivery-destination:logs","deliveryDestinationType":"S3","outputFormat":"json","deliveryDestinationConfiguration":{"destinationResourceArn":"arn:aws:s3:::logs/json"}}]}`)
	case target != "":
		fmt.Fprint(w, `{}`)
	case strings.Contains(string(body), "GetCallerIdentity"):
		fmt.Fprint(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::111122223333:user/op</Arn><Account>111122223333</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`)
	case r.URL.Query().Has("logging"):
		fmt.Fprint(w, `<BucketLoggingStatus/>`)
	case r.URL.Query().Has("max-buckets"):
		fmt.Fprint(w, `<ListAllMyBucketsResult><Buckets>`)
		for i := range s.buckets {
			fmt.Fprintf(w, `<Bucket><Name>bucket-%d</Name><BucketRegion>us-east-1</BucketRegion></Bucket>`, i)
		}
		fmt.Fprint(w, `</Buckets></ListAllMyBucketsResult>`)
	default:
		fmt.Fprint(w, `<ListAllMyDirectoryBucketsResult><Buckets></Buckets></ListAllMyDirectoryBucketsResult>`)
	}
}

// lookThere looks at the account that a server answers for, with the real SDK.
func lookThere(t testing.TB, s *awsServer) *Inventory {
	t.Helper()
	server := httptest.NewServer(s)
	defer server.Close()
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDEXAMPLE")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret")
	accounts, err := Accounts(t.Context(), Access{SDK: s3source.Config{EndpointURL: server.URL, Region: "us-east-1", PathStyle: true}})
	if err != nil {
		t.Fatal(err)
	}
	found, err := LookAll(t.Context(), accounts, Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	return Join(found)
}

func TestLook_ThrottledCallsAreMadeAgain(t *testing.T) {
	found := lookThere(t, &awsServer{buckets: 5, throttling: true})
	if got, want := Summarize(found.Buckets).String(), "5 buckets: 5 part"; got != want {
		t.Errorf("%s, want %s: %q", got, want, found.Buckets[0].Remarks(now))
	}
}

func TestLook_ReadsDeliveriesAsAWSWritesThem(t *testing.T) {
	found := lookThere(t, &awsServer{buckets: 2, delivering: true})
	want := Delivery{Type: "S3", Target: "logs", Prefix: "json/", Format: "json"}
	for _, b := range found.Buckets {
		if got := b.Deliveries.All; (b.Name == "bucket-0") != (len(got) == 1 && got[0] == want && b.AccessScope() == ScopeAll) {
			t.Errorf("%s: %+v", b.Name, b.Deliveries)
		}
	}
}

// How long a look at a large account takes, how many calls, and how much memory; without
// the time that AWS takes to answer.
func BenchmarkLook10kBuckets(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		s := &awsServer{buckets: 10_000}
		if found := lookThere(b, s); len(found.Buckets) != s.buckets {
			b.Fatalf("%d buckets", len(found.Buckets))
		}
		b.ReportMetric(float64(s.calls.Load()), "calls")
	}
}
