package classify

import (
	"go/build"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3control"
	"github.com/aws/aws-sdk-go-v2/service/s3tables"

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
	if known := slices.Sorted(slices.Values(awsDomains[:])); !slices.Equal(known, domains) {
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

// sdkOperations returns the operations of a client of AWS's SDK: its methods of the form
// func(context.Context, *Input, ...func(*Options)) (*Output, error).
func sdkOperations(t *testing.T, client any) (names []string) {
	t.Helper()
	kind := reflect.TypeOf(client)
	for i := range kind.NumMethod() {
		if m := kind.Method(i); m.Type.IsVariadic() && m.Type.NumIn() == 4 && m.Type.NumOut() == 2 {
			names = append(names, m.Name)
		}
	}
	const fewest = 45
	if len(names) < fewest {
		t.Errorf("%v has only %d operations", kind, len(names))
	}
	return names
}

// notInAccessLogs are the operations of S3's API of which no line of a server access log
// is known: their names there would be guesses, so they are kept as logged. When AWS's
// SDK learns an operation, it goes here or, if it is known how it is logged, to the table.
var notInAccessLogs = []string{
	// Of directory buckets, which have no server access log.
	"CreateSession", "ListDirectoryBuckets", "RenameObject",
	// Of Object Lambda: sent to an endpoint that is no bucket's.
	"WriteGetObjectResponse",
	// Told from the operation on one configuration by a parameter that is not there, not by the resource.
	"ListBucketAnalyticsConfigurations", "ListBucketIntelligentTieringConfigurations",
	"ListBucketInventoryConfigurations", "ListBucketMetricsConfigurations",
	// Newer than the lines that are known.
	"CreateBucketMetadataConfiguration", "CreateBucketMetadataTableConfiguration",
	"DeleteBucketMetadataConfiguration", "DeleteBucketMetadataTableConfiguration",
	"GetBucketMetadataConfiguration", "GetBucketMetadataTableConfiguration",
	"UpdateBucketMetadataAnnotationTableConfiguration", "UpdateBucketMetadataInventoryTableConfiguration",
	"UpdateBucketMetadataJournalTableConfiguration",
	"DeleteObjectAnnotation", "GetObjectAnnotation", "ListObjectAnnotations", "PutObjectAnnotation",
	"GetBucketAbac", "PutBucketAbac", "UpdateObjectEncryption",
}

func TestOperations_AreThoseOfTheSDK(t *testing.T) {
	logged := make(map[string]bool) // by an access log
	for name, a := range actions {
		if regexp.MustCompile(`^(REST|SOAP|WEBSITE|BATCH)\.`).MatchString(name) {
			logged[a.bucket], logged[a.complete().object] = true, true
		}
	}
	inSDK := make(map[string]bool)
	for _, name := range sdkOperations(t, &s3.Client{}) {
		action := name
		if name == "ListObjectsV2" { // which has the same name in an access log as ListObjects
			action = "ListObjects"
		}
		inSDK[action] = true
		if got := operationAction(name).bucket; got != action {
			t.Errorf("the event %s is %s, not %s", name, got, action)
		}
		if logged[action] == slices.Contains(notInAccessLogs, name) {
			t.Errorf("%s must be an operation of the table, or stand in notInAccessLogs", name)
		}
	}
	maps.DeleteFunc(logged, func(action string, _ bool) bool { return inSDK[action] })
	// A form's upload and a browser's question before a request are no operations of the SDK.
	if got, want := slices.Sorted(maps.Keys(logged)), []string{"PostObject", "PreflightRequest"}; !slices.Equal(got, want) {
		t.Errorf("the table has %q, which the SDK has not, want %q", got, want)
	}
}

// Events of S3 Control have S3's source, those of table buckets are counted too.
func TestOperations_OfControlAndTablesKeepTheirNames(t *testing.T) {
	for _, client := range []any{&s3control.Client{}, &s3tables.Client{}} {
		for _, name := range sdkOperations(t, client) {
			if got := operationAction(name); got.bucket != name || got.object != name {
				t.Errorf("%s is %v", name, got)
			}
		}
	}
}
