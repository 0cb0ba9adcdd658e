package classify

import "strings"

// hostRegion returns the Region that the Host header's endpoint names, or
// empty. The global endpoints tell none, save s3-external-1, which is us-east-1.
// The header is the client's, so only an endpoint of AWS with a name that looks
// like a Region counts.
// See https://docs.aws.amazon.com/general/latest/gr/s3.html.
func hostRegion(host string) string {
	host, _, _ = strings.Cut(strings.ToLower(host), ":")
	host = strings.TrimSuffix(host, ".cn")
	name, ok := strings.CutSuffix(host, ".amazonaws.com")
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
	if isRegion(last) && len(parts) > 1 && isEndpoint(parts[:len(parts)-1]) {
		return last
	}
	for _, prefix := range []string{"s3-website-", "s3-fips-", "s3-"} {
		if region, ok := strings.CutPrefix(last, prefix); ok && isRegion(region) {
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

// isRegion reports whether text looks like a Region: eu-west-1, us-gov-east-1.
func isRegion(text string) bool {
	const maxRegion, minParts = 32, 3
	if len(text) > maxRegion {
		return false
	}
	parts := strings.Split(text, "-")
	if len(parts) < minParts || len(parts[0]) != len("eu") {
		return false
	}
	number := parts[len(parts)-1]
	if !isShortNumber(number) {
		return false
	}
	for _, part := range parts[:len(parts)-1] {
		if part == "" || strings.Trim(part, "abcdefghijklmnopqrstuvwxyz") != "" {
			return false
		}
	}
	return true
}
