package coverage

import (
	"bytes"
	"encoding/json"
	"os/exec"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudtrail/types"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
)

// closeAll returns the commands for what lies in an account.
func closeAll(t *testing.T, f *fakeAWS, byTrail bool) string {
	t.Helper()
	account := f.account(ownID)
	found, err := Look(t.Context(), account, Options{Now: now})
	if err != nil {
		t.Fatal(err)
	}
	var text bytes.Buffer
	if err := Close(t.Context(), account, found, byTrail, &text); err != nil {
		t.Fatal(err)
	}
	return text.String()
}

// commands returns the arguments of each call of aws, as the shell makes them.
func commands(t *testing.T, script string) [][]string {
	t.Helper()
	const aws = `set -eu
aws() { for argument; do printf '%s\0' "$argument"; done; printf '\n\0'; }
`
	out, err := exec.CommandContext(t.Context(), "sh", "-c", aws+script).CombinedOutput()
	if err != nil {
		t.Fatalf("sh: %v: %s", err, out)
	}
	var calls [][]string
	for call := range strings.SplitSeq(string(out), "\n\x00") {
		if call != "" {
			calls = append(calls, strings.Split(strings.TrimSuffix(call, "\x00"), "\x00"))
		}
	}
	return calls
}

// run does what a call of the CLI does, on the fake.
func (f *fakeAWS) run(t *testing.T, args []string) {
	t.Helper()
	flags := make(map[string]string)
	for i := 2; i+1 < len(args); i += 2 {
		flags[args[i]] = args[i+1]
	}
	bucket := func() *fakeBucket {
		b := f.bucket(aws.String(flags["--bucket"]))
		if b.region != flags["--region"] {
			t.Fatalf("%q: the bucket is in %q", args, b.region)
		}
		return b
	}
	switch args[0] + " " + args[1] {
	case "s3api create-bucket":
		constraint := "LocationConstraint=" + flags["--region"]
		if got := flags["--create-bucket-configuration"]; got != constraint && (got != "" || flags["--region"] != "us-east-1") {
			t.Errorf("%q: want %s", args, constraint)
		}
		f.buckets = append(f.buckets, &fakeBucket{name: flags["--bucket"], region: flags["--region"]})
	case "s3api put-public-access-block":
		if got := strings.Count(flags["--public-access-block-configuration"], "=true"); got != 4 {
			t.Errorf("%q blocks %d of 4 ways", args, got)
		}
	case "s3api put-bucket-lifecycle-configuration":
		strict(t, flags["--lifecycle-configuration"], new(struct {
			Rules []struct {
				ID, Status                     string
				Filter                         struct{ Prefix string }
				Expiration                     struct{ Days int }
				AbortIncompleteMultipartUpload struct{ DaysAfterInitiation int }
			}
		}))
	case "s3api put-bucket-policy":
		bucket().policy = flags["--policy"]
	case "s3api put-bucket-logging":
		var status s3types.BucketLoggingStatus
		strict(t, flags["--bucket-logging-status"], &status)
		if aws.ToString(status.LoggingEnabled.TargetBucket) == flags["--bucket"] {
			t.Errorf("%q makes a bucket log into itself", args)
		}
		bucket().logging = status.LoggingEnabled
	case "cloudtrail put-event-selectors":
		f.putSelectors(t, flags)
	default:
		t.Fatalf("%q is no command", args)
	}
}

func (f *fakeAWS) putSelectors(t *testing.T, flags map[string]string) {
	t.Helper()
	trail, err := (fakeCloudTrail{f, flags["--region"]}).trail(aws.String(flags["--trail-name"]))
	if err != nil {
		t.Fatal(err)
	}
	before := trail.selectors
	trail.selectors = Selectors{}
	if text, ok := flags["--advanced-event-selectors"]; ok {
		strict(t, text, &trail.selectors.Advanced)
		if len(before.Basic) > 0 {
			t.Error("advanced selectors replace basic ones")
		}
		for i, s := range before.Advanced {
			if !reflect.DeepEqual(trail.selectors.Advanced[i], s) {
				t.Errorf("the selector %+v became %+v", s, trail.selectors.Advanced[i])
			}
		}
		return
	}
	strict(t, flags["--event-selectors"], &trail.selectors.Basic)
	for i, s := range before.Basic {
		after := trail.selectors.Basic[i]
		after.DataResources = after.DataResources[:len(s.DataResources)]
		if len(after.DataResources) == 0 {
			after.DataResources = nil
		}
		if !reflect.DeepEqual(after, s) {
			t.Errorf("the selector %+v became %+v", s, after)
		}
	}
}

// strict reads JSON into a type of the SDK, whose fields have the names of the API.
func strict(t *testing.T, text string, into any) {
	t.Helper()
	decoder := json.NewDecoder(strings.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(into); err != nil {
		t.Errorf("%s: %v", text, err)
	}
}

func TestClose_GivesEveryBucketAccessLogs(t *testing.T) {
	f := world()
	f.denied, f.trails = nil, f.trails[:1]
	f.bucket(aws.String("access-logs")).policy = `{"Version":"2012-10-17","Id":"ours","Statement":{"Sid":"It's <ours> & stays","Effect":"Deny","Principal":"*","Action":"s3:DeleteObject","Resource":"arn:aws:s3:::access-logs/*"}}`
	f.buckets = append(f.buckets, &fakeBucket{name: "new", region: "eu-west-1"})
	for _, call := range commands(t, closeAll(t, f, false)) {
		f.run(t, call)
	}
	rows := lookAt(t, f)
	for _, b := range f.buckets {
		row, isTarget := rows[b.name], slices.ContainsFunc(f.buckets, func(other *fakeBucket) bool {
			return other.logging != nil && aws.ToString(other.logging.TargetBucket) == b.name
		})
		if b.directory || isTarget {
			if row.Access.Scope != ScopeNone && b.name != "into-itself" {
				t.Errorf("%s has access logs", b.name)
			}
			continue
		}
		if row.Access.Scope != ScopeAll || row.Access.TargetRegion != row.Region || row.Access.Format == "" {
			t.Errorf("%s: %+v", b.name, row.Access)
		}
	}
	if got := rows["new"].Access.Target; got != "access-logs" {
		t.Errorf("new logs to %s, not to the log bucket of its Region", got)
	}
	if got := rows["blind"].Access.Target; got != "s3-access-logs-"+ownID+"-us-east-1" {
		t.Errorf("blind logs to %s", got)
	}
	var policy struct {
		ID        string `json:"Id"`
		Version   string
		Statement []map[string]any
	}
	strict(t, f.bucket(aws.String("access-logs")).policy, &policy)
	if len(policy.Statement) != 2 || policy.ID != "ours" || policy.Statement[0]["Sid"] != "It's <ours> & stays" ||
		policy.Statement[1]["Resource"] != "arn:aws:s3:::access-logs/s3/*" {
		t.Errorf("the policy is %+v", policy)
	}
	if again := closeAll(t, f, false); strings.Contains(again, "put-bucket") {
		t.Errorf("after all that, there is still to do:\n%s", again)
	}
}

func TestClose_UsesNoBucketThatCannotTakeLogs(t *testing.T) {
	for name, spoil := range map[string]func(*fakeBucket){
		"Requester Pays": func(b *fakeBucket) { b.payer = s3types.PayerRequester },
		"retention":      func(b *fakeBucket) { b.locked = true },
		"policy":         func(b *fakeBucket) { b.policy = "{" },
	} {
		f := world()
		f.buckets = append(f.buckets, &fakeBucket{name: "new", region: "eu-west-1"})
		spoil(f.bucket(aws.String("access-logs")))
		text := closeAll(t, f, false)
		if !strings.Contains(text, name) && !strings.Contains(text, strings.ToLower(name)) || strings.Contains(text, "put-bucket-policy --region eu-west-1") {
			t.Errorf("%s:\n%s", name, text)
		}
	}
	f := world()
	f.denied["GetBucketPolicy"] = true
	f.buckets = append(f.buckets, &fakeBucket{name: "new", region: "eu-west-1"})
	if text := closeAll(t, f, false); !strings.Contains(text, "needs s3:GetBucketPolicy") || strings.Contains(text, "--bucket new") {
		t.Errorf("a policy that nobody may read is replaced:\n%s", text)
	}
}

func TestClose_ExtendsTrailsAndDropsNoSelector(t *testing.T) {
	basicTrail := func(f *fakeAWS) {
		f.trails[0].selectors = basic(types.ReadWriteTypeReadOnly, "arn:aws:s3:::other/")
		f.trails[0].selectors.Basic = append(f.trails[0].selectors.Basic, types.EventSelector{
			ReadWriteType: types.ReadWriteTypeAll, IncludeManagementEvents: aws.Bool(true),
			ExcludeManagementEventSources: []string{"kms.amazonaws.com"},
		})
	}
	for name, change := range map[string]func(*fakeAWS){
		"advanced": func(*fakeAWS) {},
		"basic":    basicTrail,
		"none":     func(f *fakeAWS) { f.trails[0].selectors = Selectors{} },
	} {
		f := world()
		f.denied, f.trails = nil, f.trails[:1]
		change(f)
		script := closeAll(t, f, true)
		for _, call := range commands(t, script) {
			f.run(t, call)
		}
		for bucket, row := range lookAt(t, f) {
			want := ScopeAll
			if bucket == "trail-logs" || row.Kind == KindDirectory && name == "basic" {
				want = row.Trail.Scope // no loops; and basic selectors have no directory buckets
			}
			if row.Trail.Scope != want {
				t.Errorf("%s: %s is logged by CloudTrail to %s, want %s\n%s", name, bucket, row.Trail.Scope, want, script)
			}
		}
	}
}

func TestClose_NotesTheLimitsOfATrail(t *testing.T) {
	f := world()
	f.denied, f.trails = nil, f.trails[:1]
	for i := range 600 {
		f.buckets = append(f.buckets, &fakeBucket{name: "many-" + strings.Repeat("i", i+1), region: "us-east-1"})
	}
	if text := closeAll(t, f, true); !strings.Contains(text, "More than the 500 values") {
		t.Errorf("600 buckets, and no note:\n%.300s", text)
	}
	f.trails[0].selectors = basic(types.ReadWriteTypeAll)
	if text := closeAll(t, f, true); !strings.Contains(text, "More than the 250 resources") {
		t.Error("600 buckets, and no note with basic selectors")
	}
}

func TestClose_WithoutATrailSaysSo(t *testing.T) {
	f := world()
	f.trails = nil
	if text := closeAll(t, f, true); !strings.Contains(text, "no trail there is could record") || len(commands(t, text)) > 0 {
		t.Errorf("got:\n%s", text)
	}
}

func TestQuote_IsReadBackByTheShell(t *testing.T) {
	for _, text := range []string{"", "plain", "it's", `a "b" \ $c`, "two\nlines", "*?~#;&|<>()", "é"} {
		got := commands(t, "aws "+quote(text)+"\n")
		if len(got) != 1 || len(got[0]) != 1 || got[0][0] != text {
			t.Errorf("%q is read as %q", text, got)
		}
	}
}
