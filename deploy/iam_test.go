package deploy_test

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// policy is a policy document of IAM.
// https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
type policy struct {
	Version   string
	Statement []statement
}

type statement struct {
	Sid, Effect string
	Principal   any `json:",omitempty"`
	Action      texts
	Resource    texts
	Condition   map[string]map[string]texts `json:",omitempty"`
}

// texts is one text or a list of them.
type texts []string

func (t *texts) UnmarshalJSON(text []byte) error {
	var one string
	if json.Unmarshal(text, &one) == nil {
		*t = texts{one}
		return nil
	}
	return json.Unmarshal(text, (*[]string)(t))
}

// readPolicy reads a policy in which every field is known.
func readPolicy(t *testing.T, path string) policy {
	t.Helper()
	var p policy
	decoder := json.NewDecoder(strings.NewReader(read(t, path)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&p); err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	return p
}

// The kinds of policies by where they are attached.
const (
	identityPolicy = "identity" // says what whoever has it may do
	resourcePolicy = "resource" // says who may do what with the resource
	trustPolicy    = "trust"    // says who may assume the role
)

var kinds = map[string]string{
	"iam/read-log-bucket.json":             identityPolicy,
	"iam/read-log-bucket-kms.json":         identityPolicy,
	"iam/state-bucket.json":                identityPolicy,
	"iam/state-bucket-kms.json":            identityPolicy,
	"iam/assume-log-reader.json":           identityPolicy,
	"iam/trust-log-reader.json":            trustPolicy,
	"iam/coverage.json":                    identityPolicy,
	"iam/query-athena.json":                identityPolicy,
	"iam/coverage-organization.json":       identityPolicy,
	"iam/trust-eks.json":                   trustPolicy,
	"iam/cross-account-bucket-policy.json": resourcePolicy,
	"iam/cross-account-key-policy.json":    resourcePolicy,
	"logs/log-bucket-policy.json":          resourcePolicy,
	"logs/json-bucket-policy.json":         resourcePolicy,
	"logs/trail-bucket-policy.json":        resourcePolicy,
}

func TestPolicies_AreWellFormed(t *testing.T) {
	for _, path := range files(t, ".json") {
		if _, ok := kinds[path]; !ok && strings.HasPrefix(path, "iam/") {
			t.Errorf("%s is of no known kind", path)
		}
	}
	guide := read(t, "README.md")
	action := regexp.MustCompile(`^(s3|s3express|cloudtrail|logs|organizations|kms|sts|athena|glue):([A-Z][A-Za-z]+\*?|\*)$`)
	operator := regexp.MustCompile(`^(StringEquals|StringLike|ArnLike|ArnNotEquals|Bool)$`)
	arn := regexp.MustCompile(`^arn:aws:(s3:::[a-z0-9-]+\*?(/.*)?|(kms|iam):[a-z0-9-]*:(\d{12}|\*):(key|role)/.+|(athena|glue):[a-z0-9-]+:\d{12}:(workgroup/.+|catalog|database/.+|table/.+))$`)
	for path, kind := range kinds {
		p := readPolicy(t, path)
		if p.Version != "2012-10-17" || len(p.Statement) == 0 {
			t.Errorf("%s: version %q, %d statements", path, p.Version, len(p.Statement))
		}
		seen := make(map[string]bool)
		for _, s := range p.Statement {
			if !regexp.MustCompile(`^[A-Za-z0-9]+$`).MatchString(s.Sid) || seen[s.Sid] {
				t.Errorf("%s: Sid %q", path, s.Sid)
			}
			seen[s.Sid] = true
			if strings.HasPrefix(path, "iam/") && !strings.Contains(guide, "`"+s.Sid+"`") {
				t.Errorf("README.md does not explain %s of %s", s.Sid, path)
			}
			if s.Effect != "Allow" && s.Effect != "Deny" {
				t.Errorf("%s: %s has the effect %q", path, s.Sid, s.Effect)
			}
			if (s.Principal != nil) != (kind != identityPolicy) || (s.Resource != nil) != (kind != trustPolicy) {
				t.Errorf("%s: %s is none of a policy of the kind %s", path, s.Sid, kind)
			}
			for _, a := range s.Action {
				if !action.MatchString(a) {
					t.Errorf("%s: %s has the action %q", path, s.Sid, a)
				}
			}
			for _, r := range s.Resource {
				if !arn.MatchString(r) && !(r == "*" && (strings.Contains(path, "key-policy") || strings.Contains(path, "coverage"))) {
					t.Errorf("%s: %s has the resource %q", path, s.Sid, r)
				}
			}
			for name := range s.Condition {
				if !operator.MatchString(name) {
					t.Errorf("%s: %s has the operator %q", path, s.Sid, name)
				}
			}
		}
	}
}

// permission says what each call of s3source needs. HeadBucket is sent unsigned.
var permission = map[string]string{
	"ListObjectsV2": "s3:ListBucket",
	"GetObject":     "s3:GetObject",
	"HeadBucket":    "",
	// Of the journal alone:
	"PutObject":    "s3:PutObject",
	"DeleteObject": "s3:DeleteObject",
}

// TestPolicies_AllowWhatTheProgramDoesAndNoMore takes from the source which calls
// there are.
func TestPolicies_AllowWhatTheProgramDoesAndNoMore(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(root, "scanner", "s3source", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	called := make(map[string]bool)
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		for _, call := range regexp.MustCompile(`&s3\.(\w+)Input\{`).FindAllStringSubmatch(read(t, path), -1) {
			if _, ok := permission[call[1]]; !ok {
				t.Errorf("%s calls %s", path, call[1])
			}
			called[call[1]] = true
		}
	}
	if len(called) != len(permission) {
		t.Errorf("the program calls %v", called)
	}
	want := []string{"s3:GetObject", "s3:ListBucket"}
	state := []string{"s3:DeleteObject", "s3:GetObject", "s3:ListBucket", "s3:PutObject"}
	for path, want := range map[string][]string{
		"iam/read-log-bucket.json":             want,
		"iam/read-log-bucket-kms.json":         append([]string{"kms:Decrypt"}, want...),
		"iam/cross-account-bucket-policy.json": want,
		"iam/state-bucket.json":                state,
		"iam/state-bucket-kms.json":            append([]string{"kms:Decrypt", "kms:GenerateDataKey"}, state...),
	} {
		var got []string
		for _, s := range readPolicy(t, path).Statement {
			got = append(got, s.Action...)
			for _, a := range s.Action {
				_, inBucket, isObject := strings.Cut(strings.TrimPrefix(s.Resource[0], "arn:aws:s3:::"), "/")
				switch a {
				case "s3:ListBucket":
					if isObject || !strings.HasSuffix(s.Condition["StringLike"]["s3:prefix"][0], "/*") {
						t.Errorf("%s: %s is on %q with %v", path, a, s.Resource, s.Condition)
					}
				case "s3:GetObject", "s3:PutObject", "s3:DeleteObject":
					if !isObject || !strings.HasSuffix(inBucket, "/*") {
						t.Errorf("%s: %s is on %q", path, a, s.Resource)
					}
				}
			}
		}
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s allows %q, not %q", path, got, want)
		}
	}
}

// TestPolicies_AllowWhatAthenaIsAsked takes from the source which calls of Athena there are.
// What Athena does with the caller's permissions to tables, logs and results is in
// https://docs.aws.amazon.com/athena/latest/ug/workgroups-iam-policy.html and its neighbours.
func TestPolicies_AllowWhatAthenaIsAsked(t *testing.T) {
	source := read(t, filepath.Join(root, "cmd", "s3_access_exporter", "internal", "warehouse", "athena.go"))
	var want []string
	for _, call := range regexp.MustCompile(`&athena\.(\w+)Input\{`).FindAllStringSubmatch(source, -1) {
		want = append(want, "athena:"+call[1])
	}
	var got []string
	for _, s := range readPolicy(t, "iam/query-athena.json").Statement {
		for _, a := range s.Action {
			if strings.HasPrefix(a, "athena:") {
				got = append(got, a)
			}
		}
	}
	slices.Sort(want)
	slices.Sort(got)
	if !slices.Equal(got, slices.Compact(want)) {
		t.Errorf("the policy allows %q, the program asks %q", got, want)
	}
}

// coveragePermission says what each call of coverage needs. GetCallerIdentity needs
// nothing.
var coveragePermission = map[string]string{
	"ListBuckets":                  "s3:ListAllMyBuckets",
	"ListDirectoryBuckets":         "s3express:ListAllMyDirectoryBuckets",
	"GetBucketLocation":            "s3:GetBucketLocation",
	"GetBucketLogging":             "s3:GetBucketLogging",
	"GetBucketPolicy":              "s3:GetBucketPolicy",
	"GetBucketRequestPayment":      "s3:GetBucketRequestPayment",
	"GetObjectLockConfiguration":   "s3:GetBucketObjectLockConfiguration",
	"ListObjectsV2":                "s3:ListBucket",
	"DescribeTrails":               "cloudtrail:DescribeTrails",
	"GetTrailStatus":               "cloudtrail:GetTrailStatus",
	"GetEventSelectors":            "cloudtrail:GetEventSelectors",
	"ListEventDataStores":          "cloudtrail:ListEventDataStores",
	"GetEventDataStore":            "cloudtrail:GetEventDataStore",
	"DescribeDeliverySources":      "logs:DescribeDeliverySources",
	"DescribeDeliveries":           "logs:DescribeDeliveries",
	"DescribeDeliveryDestinations": "logs:DescribeDeliveryDestinations",
	"ListAccounts":                 "organizations:ListAccounts",
	"GetCallerIdentity":            "",
}

// TestPolicies_AllowWhatCoverageAsksAndNoMore takes from the source which calls there
// are.
func TestPolicies_AllowWhatCoverageAsksAndNoMore(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(root, "cmd", "s3_access_exporter", "internal", "coverage", "*.go"))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"sts:AssumeRole"} // by --org
	for _, path := range paths {
		if strings.HasSuffix(path, "_test.go") {
			continue
		}
		for _, call := range regexp.MustCompile(`&(?:s3|cloudtrail|cloudwatchlogs|organizations|sts)\.(\w+)Input\{`).FindAllStringSubmatch(read(t, path), -1) {
			needs, ok := coveragePermission[call[1]]
			if !ok {
				t.Errorf("%s calls %s", path, call[1])
			}
			if needs != "" && !slices.Contains(want, needs) {
				want = append(want, needs)
			}
		}
	}
	var got []string
	for _, path := range []string{"iam/coverage.json", "iam/coverage-organization.json"} {
		for _, s := range readPolicy(t, path).Statement {
			got = append(got, s.Action...)
		}
	}
	slices.Sort(got)
	slices.Sort(want)
	if !slices.Equal(got, want) {
		t.Errorf("the policies allow %q, and coverage asks for %q", got, want)
	}
}

func TestPolicies_TheLogBucketCannotLogIntoItself(t *testing.T) {
	var logging struct {
		LoggingEnabled struct{ TargetBucket, TargetPrefix string }
	}
	if err := json.Unmarshal([]byte(read(t, "logs/logging.json")), &logging); err != nil {
		t.Fatal(err)
	}
	target := "arn:aws:s3:::" + logging.LoggingEnabled.TargetBucket
	deliver := readPolicy(t, "logs/log-bucket-policy.json").Statement[0]
	if deliver.Resource[0] != target+"/"+logging.LoggingEnabled.TargetPrefix+"*" {
		t.Errorf("S3 may write to %q", deliver.Resource)
	}
	if refused := deliver.Condition["ArnNotEquals"]["aws:SourceArn"]; !slices.Equal(refused, texts{target}) {
		t.Errorf("only logs of %q are refused", refused)
	}
	selectors := read(t, "logs/event-selectors.json")
	for _, bucket := range []string{"arn:aws:s3:::example-trails/", `"arn:aws:s3:::example-logs-"`} {
		if !strings.Contains(selectors, bucket) {
			t.Errorf("CloudTrail tells of %s", bucket)
		}
	}
}

// CloudWatch's delivery may write for the buckets of one account alone, and nowhere but
// below that account's folder.
func TestPolicies_DeliveriesOfJSONAreOneAccounts(t *testing.T) {
	const account = "111122223333"
	deliver := readPolicy(t, "logs/json-bucket-policy.json").Statement[0]
	if !slices.Equal(deliver.Action, texts{"s3:PutObject"}) || len(deliver.Resource) != 1 || !strings.HasSuffix(deliver.Resource[0], "/AWSLogs/"+account+"/*") {
		t.Errorf("%q of %q is allowed", deliver.Action, deliver.Resource)
	}
	sources := deliver.Condition["ArnLike"]["aws:SourceArn"]
	if !slices.Equal(deliver.Condition["StringEquals"]["aws:SourceAccount"], texts{account}) || len(sources) != 1 || !strings.HasSuffix(sources[0], ":"+account+":delivery-source:*") {
		t.Errorf("it is allowed to %q", deliver.Condition)
	}
}

func TestKit_NamesExampleAccountsAlone(t *testing.T) {
	for _, path := range files(t) {
		for _, account := range regexp.MustCompile(`\b\d{12}\b`).FindAllString(read(t, path), -1) {
			if account != "111122223333" && account != "444455556666" {
				t.Errorf("%s names the account %s", path, account)
			}
		}
	}
}
