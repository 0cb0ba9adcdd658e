package classify

import "testing"

// A name may end in a dot (RFC 3986, section 3.2.2), so a client can write the same
// endpoint in another way.
func TestHostRegion_IsThatOfANameWithADotAtItsEndToo(t *testing.T) {
	for host, want := range map[string]string{
		"example.s3.eu-west-1.amazonaws.com.":             "eu-west-1",
		"s3.dualstack.eu-west-1.amazonaws.com.:443":       "eu-west-1",
		"vpce-0a1b-2c3d.s3.eu-west-3.vpce.amazonaws.com.": "eu-west-3",
		"EXAMPLE.S3-WEBSITE-US-EAST-1.AMAZONAWS.COM.":     "us-east-1",
		"example.s3.amazonaws.com.":                       "",
		"s3.eu-west-1.amazonaws.com..":                    "", // no name at all
		"s3.eu-west-1.amazonaws.com.example.com.":         "",
	} {
		if got := hostRegion(host); got != want {
			t.Errorf("%s: %q, want %q", host, got, want)
		}
	}
}
