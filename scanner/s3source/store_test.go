package s3source

import (
	"fmt"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

func TestStore_IsTheSameHoweverTheBucketIsReached(t *testing.T) {
	isolate(t)
	tests := []struct {
		endpoint, environment, region, store string
		want                                 string
	}{
		{"", "", "", "", "aws"},
		{"", "", "ap-southeast-2", "", "aws"},
		{"", "", "us-gov-east-1", "", "aws-us-gov"},
		{"", "", "cn-north-1", "", "aws-cn"},
		{"", "", "eusc-de-east-1", "", "aws-eusc"},
		{"", "", "eu-west-1", "aws", "aws"},
		{"https://s3.amazonaws.com", "", "", "", "aws"},
		{"https://S3.EU-west-1.Amazonaws.com:443/", "", "", "", "aws"},
		{"https://s3-us-west-2.amazonaws.com", "", "", "", "aws"},
		{"https://s3.dualstack.eu-west-1.amazonaws.com", "", "", "", "aws"},
		{"https://s3-fips.us-gov-west-1.amazonaws.com", "", "", "", "aws-us-gov"},
		{"https://s3-accelerate.amazonaws.com", "", "", "", "aws"},
		{"https://bucket.vpce-0123456789abcdef0-abcdefgh.s3.us-east-1.vpce.amazonaws.com", "", "", "", "aws"},
		{"https://bucket.vpce-0123456789abcdef0.s3.us-gov-east-1.vpce.amazonaws.com", "", "", "", "aws-us-gov"},
		{"https://s3.cn-north-1.amazonaws.com.cn", "", "", "", "aws-cn"},
		{"", "https://s3.eu-west-1.amazonaws.com", "", "", "aws"},
		{"http://localhost:9000", "", "", "", "localhost:9000"},
		{"http://Store.Example/", "", "", "", "store.example"},
		{"http://store.example:80", "", "", "", "store.example"},
		{"https://store.example:443", "", "", "", "store.example"},
		{"https://store.example:80", "", "", "", "store.example:80"},
		{"http://user:secret@store.example", "", "", "", "store.example"},
		{"http://[::1]:9000", "", "", "", "[::1]:9000"},
		{"", "http://localhost:9000", "", "", "localhost:9000"},
		{"http://10.0.0.1:9000", "", "eu-west-1", "ceph-berlin", "ceph-berlin"},
		{"https://s3-proxy-1234.us-east-1.elb.amazonaws.com", "", "", "", "s3-proxy-1234.us-east-1.elb.amazonaws.com"},
		{"https://ec2-192-0-2-1.compute-1.amazonaws.com", "", "", "", "ec2-192-0-2-1.compute-1.amazonaws.com"},
		{"https://s3.amazonaws.com.example", "", "", "", "s3.amazonaws.com.example"},
		{"https://s3.notamazonaws.com", "", "", "", "s3.notamazonaws.com"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.endpoint, tt.environment, tt.region, tt.store), func(t *testing.T) {
			t.Setenv("AWS_ENDPOINT_URL_S3", tt.environment)
			src, err := New(t.Context(), Config{Bucket: testBucket, EndpointURL: tt.endpoint, Region: tt.region, Store: tt.store})
			if err != nil {
				t.Fatal(err)
			}
			if got, want := src.Store(), tt.want+"/"+testBucket; got != want {
				t.Errorf("got %s, want %s", got, want)
			}
		})
	}
}

func TestIsAWS(t *testing.T) {
	for endpoint, want := range map[string]bool{
		"https://s3.eu-west-1.amazonaws.com":                            true,
		"https://S3.dualstack.us-gov-west-1.amazonaws.com:443/":         true,
		"https://bucket.vpce-0a1b-2c3d.s3.us-east-1.vpce.amazonaws.com": true,
		"https://minio.example.com:9000":                                false,
		"https://s3.amazonaws.com.example.com":                          false,
		"http://lb-1234.eu-west-1.elb.amazonaws.com":                    false,
		"http://127.0.0.1:9000":                                         false,
		"":                                                              false,
		"https://%zz":                                                   false,
	} {
		if got := IsAWS(endpoint); got != want {
			t.Errorf("%q: %v", endpoint, got)
		}
	}
}

// The SDK's rules know every endpoint of S3.
func TestStore_KnowsTheSDKsEndpoints(t *testing.T) {
	partitions := map[string]string{
		"us-east-1": "aws", "eu-central-2": "aws", "mx-central-1": "aws", "af-south-1": "aws", "il-central-1": "aws",
		"cn-northwest-1": "aws-cn", "us-gov-west-1": "aws-us-gov", "eusc-de-east-1": "aws-eusc", "us-iso-east-1": "aws-iso",
		"us-isob-east-1": "aws-iso-b", "eu-isoe-west-1": "aws-iso-e", "us-isof-south-1": "aws-iso-f",
	}
	resolver := s3.NewDefaultEndpointResolverV2()
	for region, want := range partitions {
		for i := range 8 {
			p := s3.EndpointParameters{
				Region: aws.String(region), Accelerate: aws.Bool(i&4 != 0), Bucket: aws.String("a-bucket"),
				UseDualStack: aws.Bool(i&1 != 0), UseFIPS: aws.Bool(i&2 != 0),
			}
			endpoint, err := resolver.ResolveEndpoint(t.Context(), p)
			if err != nil || want != "aws" && *p.Accelerate {
				continue // not every kind exists everywhere
			}
			host, ok := strings.CutPrefix(endpoint.URI.Host, "a-bucket.")
			if got := partition(host); !ok || got != want {
				t.Errorf("%s, %s: partition %q, want %q", region, host, got, want)
			}
		}
	}
}
