package record_test

import (
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

func TestIsRegion_TakesTheFormAndNothingElse(t *testing.T) {
	for text, want := range map[string]bool{
		"eu-west-1": true, "ap-southeast-7": true, "us-gov-east-1": true, "us-iso-west-1": true, "us-isof-south-1": true,
		"eu-isoe-west-1": true, "eusc-de-east-1": true, "us-west-004": true, "cn-northwest-1": true,
		"": false, "-": false, "eu": false, "eu-1": false, "eu-west": false, "eu-west-": false, "eu--1": false, "-west-1": false,
		"eu-west-1-": false, "eu-west-1a": false, "eu-west-1-2": false, "eu-west-12345": false, "EU-west-1": false, "eu-wes7-1": false,
		"e-west-1": false, "region-west-1": false, "aws-global": false, "s3-external-1": false, "eu_west_1": false, "eu-west-\xff1": false,
		"eu-" + strings.Repeat("a", 27) + "-1": true, "eu-" + strings.Repeat("a", 28) + "-1": false,
	} {
		if got := record.IsRegion(text); got != want {
			t.Errorf("%q: %v, want %v", text, got, want)
		}
		if got := record.IsRegion([]byte(text)); got != want {
			t.Errorf("bytes %q: %v, want %v", text, got, want)
		}
	}
}
