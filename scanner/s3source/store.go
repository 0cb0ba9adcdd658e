package s3source

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"regexp"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
)

// Store names the store and the bucket, for source.Location. It is the same whatever
// the endpoint, credentials and prefix:
//
//   - The names of AWS's buckets are global within a partition, so there the store is
//     the partition: "aws/BUCKET", "aws-cn/BUCKET", "aws-us-gov/BUCKET" and so on,
//     through dual-stack, FIPS, accelerate, access point and VPC endpoints alike. See
//     "General purpose bucket naming rules" of the S3 user guide.
//   - Another store is called as Config.Store says, or else by its endpoint's host, in
//     lower case, with its port unless that is the scheme's own:
//     "minio.example.com:9000/BUCKET".
func (s *Source) Store() string { return s.store + "/" + s.config.Bucket }

// partitions are the domains of AWS's endpoints: partitions.json of the SDK, which is
// internal to it. One domain may be the end of another.
var partitions = []struct{ domain, name string }{
	{"amazonaws.com", "aws"},
	{"api.aws", "aws"},
	{"amazonaws.com.cn", "aws-cn"},
	{"api.amazonwebservices.com.cn", "aws-cn"},
	{"amazonaws.eu", "aws-eusc"},
	{"api.amazonwebservices.eu", "aws-eusc"},
	{"c2s.ic.gov", "aws-iso"},
	{"api.aws.ic.gov", "aws-iso"},
	{"sc2s.sgov.gov", "aws-iso-b"},
	{"api.aws.scloud", "aws-iso-b"},
	{"cloud.adc-e.uk", "aws-iso-e"},
	{"api.cloud-aws.adc-e.uk", "aws-iso-e"},
	{"csp.hci.ic.gov", "aws-iso-f"},
	{"api.aws.hci.ic.gov", "aws-iso-f"},
}

// service is what stands before the domain in the endpoints of S3: s3, s3.eu-west-1,
// s3-us-west-2, s3-fips.dualstack.us-east-1, s3-accelerate, vpce-ID.s3.eu-west-1.vpce.
// Other services of AWS, such as a load balancer before another store, do not match.
var service = regexp.MustCompile(`^([^.]+\.)*s3[a-z0-9-]*(\.dualstack)?(\.[a-z0-9-]+)?(\.vpce)?$`)

// partition returns the partition of an endpoint's host, in lower case, and none if it
// is not one of S3 in AWS.
func partition(host string) string {
	for _, p := range partitions {
		name, ok := strings.CutSuffix(host, "."+p.domain)
		if !ok || !service.MatchString(name) {
			continue
		}
		if p.name == "aws" && strings.Contains(name, "us-gov-") {
			return "aws-us-gov" // which has the same domains
		}
		return p.name
	}
	return ""
}

// IsAWS reports whether a URL is an endpoint of S3 in AWS.
func IsAWS(endpoint string) bool {
	u, err := url.Parse(endpoint)
	return err == nil && partition(strings.ToLower(u.Hostname())) != ""
}

// storeName returns the name of the store that the configuration leads to.
func (s *Source) storeName(ctx context.Context) (string, error) {
	endpoint, err := s.endpoint(ctx)
	if err != nil {
		return "", err
	}
	host := strings.ToLower(endpoint.Hostname())
	name := partition(host)
	switch {
	case name != "" && s.config.Store != "" && s.config.Store != name:
		return "", fmt.Errorf("store %q: the store is AWS, whose buckets have one name everywhere; leave the store's name out", s.config.Store)
	case name != "":
		return name, nil
	case s.config.Store != "":
		return s.config.Store, nil
	case endpoint.Port() != "" && port(endpoint) != port(&url.URL{Scheme: endpoint.Scheme}):
		return net.JoinHostPort(host, endpoint.Port()), nil
	}
	return host, nil
}

// endpoint returns where requests go, without the bucket, as far as it is known before
// the first one: the endpoint of the configuration or the environment, or else AWS's.
func (s *Source) endpoint(ctx context.Context) (*url.URL, error) {
	options := s.newClient(s.region(), aws.AnonymousCredentials{}).Options()
	if options.BaseEndpoint != nil {
		u, err := url.Parse(*options.BaseEndpoint)
		if err != nil || u.Host == "" {
			return nil, notAnEndpoint(*options.BaseEndpoint)
		}
		return u, nil
	}
	resolved, err := s3.NewDefaultEndpointResolverV2().ResolveEndpoint(ctx, s3.EndpointParameters{Region: aws.String(options.Region)})
	if err != nil {
		return nil, errors.New(oneLine(err.Error()))
	}
	return &resolved.URI, nil
}
