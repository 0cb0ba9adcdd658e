package classify

import (
	"strings"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// awsDomains are the domains of AWS's partitions, by the endpoint rules of AWS's
// SDKs (their file partitions.json). In them stand the hosts of S3, and the names with
// which CloudTrail calls AWS's services.
var awsDomains = [...]string{
	"amazonaws.com", "amazonaws.com.cn", "amazonaws.eu", // public, GovCloud; China; European Sovereign Cloud
	"c2s.ic.gov", "sc2s.sgov.gov", "csp.hci.ic.gov", "cloud.adc-e.uk", // the isolated ones
}

// cutDomain cuts one of AWS's domains and the dot before it from the end of host.
func cutDomain(host string) (name string, ok bool) {
	for _, domain := range awsDomains {
		if name, ok = strings.CutSuffix(host, domain); ok && strings.HasSuffix(name, ".") {
			return name[:len(name)-1], true
		}
	}
	return "", false
}

// hostName returns the name in a Host header: without the port, and without the dot that a
// client may put at the end of a whole name (RFC 3986, section 3.2.2), as S3 takes both alike.
func hostName(host string) string {
	host, _, _ = strings.Cut(host, ":")
	return strings.TrimSuffix(host, ".")
}

// hostRegion returns the Region that the Host header's endpoint names, or
// empty. The global endpoints name none, save s3-external-1, which is us-east-1.
// The header is the client's, so only an endpoint of AWS with a name that looks
// like a Region counts.
// See https://docs.aws.amazon.com/general/latest/gr/s3.html.
func hostRegion(host string) string {
	name, ok := cutDomain(hostName(strings.ToLower(host)))
	if !ok {
		return ""
	}
	name = strings.TrimSuffix(name, ".vpce") // an interface endpoint
	// The endpoint is right of the bucket, whose name may look like anything:
	// s3.REGION, s3.dualstack.REGION, s3-fips.REGION, s3-website.REGION,
	// s3-accesspoint.REGION, or with a dash: s3-REGION, s3-website-REGION.
	parts := strings.Split(name, ".")
	last := parts[len(parts)-1]
	if last == "s3-external-1" {
		return "us-east-1"
	}
	if record.IsRegion(last) && len(parts) > 1 && isEndpoint(parts[:len(parts)-1]) {
		return last
	}
	for _, prefix := range []string{"s3-website-", "s3-fips-", "s3-"} {
		if region, ok := strings.CutPrefix(last, prefix); ok && record.IsRegion(region) {
			return region
		}
	}
	return ""
}

// isEndpoint reports whether the last of the host's parts is a service of S3.
func isEndpoint(parts []string) bool {
	last := parts[len(parts)-1]
	if last == "dualstack" && len(parts) > 1 {
		last = parts[len(parts)-2]
	}
	return last == "s3" || strings.HasPrefix(last, "s3-") || strings.HasPrefix(last, "s3express-")
}
