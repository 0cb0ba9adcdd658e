package classify

import (
	"go/build"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// partitions returns the Regions and the domains that AWS's SDK for Go knows, by the
// source text of its endpoint rules: the package is internal.
func partitions(t *testing.T) (regions, domains []string) {
	t.Helper()
	rules, err := build.Import("github.com/aws/aws-sdk-go-v2/internal/endpoints/awsrulesfn", ".", build.FindOnly)
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(rules.Dir, "partitions.go"))
	if err != nil {
		t.Fatal(err)
	}
	for _, found := range regexp.MustCompile(`(?m)^\t\t\t"([a-z0-9-]+)": \{$`).FindAllSubmatch(text, -1) {
		regions = append(regions, string(found[1]))
	}
	for _, found := range regexp.MustCompile(`(?m)^\t\t\tDnsSuffix: +"(.*)",$`).FindAllSubmatch(text, -1) {
		domains = append(domains, string(found[1]))
	}
	slices.Sort(domains)
	return regions, slices.Compact(domains)
}

func TestRegions_AreThoseOfTheSDK(t *testing.T) {
	regions, domains := partitions(t)
	const knownIn2026 = 45
	if len(regions) < knownIn2026 {
		t.Errorf("found only %d Regions", len(regions))
	}
	if known := slices.Sorted(slices.Values(awsDomains())); !slices.Equal(known, domains) {
		t.Errorf("the domains are %q, of the SDK %q", known, domains)
	}
	shown := 0
	for _, region := range regions {
		if regexp.MustCompile(`-global$`).MatchString(region) {
			continue // the name of a partition, not of a Region
		}
		if !record.IsRegion(region) {
			t.Errorf("%s is no Region", region)
		}
		for name, parameters := range hosts() {
			parameters.Region = &region
			endpoint, err := s3.NewDefaultEndpointResolverV2().ResolveEndpoint(t.Context(), parameters)
			if err != nil {
				continue // not in every partition
			}
			want := region
			if region == "us-east-1" && endpoint.URI.Host == "s3.amazonaws.com" || parameters.Accelerate != nil {
				want = "" // the host does not show it
			}
			if got := hostRegion(endpoint.URI.Host); got != want {
				t.Errorf("%s: %s is in %q, got %q", name, endpoint.URI.Host, want, got)
			} else if got != "" {
				shown++
			}
		}
	}
	if shown < 8*knownIn2026 {
		t.Errorf("only %d hosts show their Region", shown)
	}
}

// hosts returns what the host of an endpoint depends on besides the Region.
func hosts() map[string]s3.EndpointParameters {
	bucket, express, yes := new("us-west-2"), new("example--usw2-az1--x-s3"), new(true)
	return map[string]s3.EndpointParameters{
		"service":           {},
		"bucket":            {Bucket: bucket},
		"path style":        {Bucket: bucket, ForcePathStyle: yes},
		"FIPS":              {Bucket: bucket, UseFIPS: yes},
		"dual-stack":        {Bucket: bucket, UseDualStack: yes},
		"FIPS, dual-stack":  {Bucket: bucket, UseFIPS: yes, UseDualStack: yes},
		"accelerated":       {Bucket: bucket, Accelerate: yes},
		"express":           {Bucket: express},
		"express, FIPS":     {Bucket: express, UseFIPS: yes},
		"express control":   {Bucket: express, UseS3ExpressControlEndpoint: yes},
		"express, sessions": {Bucket: express, DisableS3ExpressSessionAuth: yes},
		"object lambda":     {UseObjectLambdaEndpoint: yes},
	}
}
