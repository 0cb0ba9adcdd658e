package query_test

import (
	"strings"
	"testing"
	"time"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// sources reads where requests come from.
func sources(t testing.TB, texts ...string) []query.Source {
	t.Helper()
	found := make([]query.Source, len(texts))
	for i, text := range texts {
		if err := found[i].UnmarshalText([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	return found
}

const session = "arn:aws:sts::111122223333:assumed-role/web-shop/i-0a1b2c3d4e5f60718"

// a request with everything that filters ask for
func exampleRecord() *record.Record {
	return &record.Record{
		Log: record.ServerAccess, Time: time.Date(2026, 1, 15, 8, 0, 0, 0, time.UTC).Unix(),
		AccountID: []byte("111122223333"), Region: []byte("eu-west-1"), Bucket: []byte("example-photos"),
		Operation: []byte("REST.GET.OBJECT"), Key: []byte("images/a+b.jpg"),
		Requester: []byte(session), SourceIP: []byte("192.0.2.17"), UserAgent: []byte("aws-cli/1.10.67"),
		Signature: record.SigV2, AuthMethod: record.AuthHeader, Status: 200,
		Transport: record.TLS, TLSVersion: []byte("TLSV1.1"), AccessKeyID: []byte("AKIA000000000001"), VPCEndpointID: []byte("vpce-1"),
	}
}

func TestFilter_AsksForEverythingOfAField(t *testing.T) {
	at := time.Date(2026, 1, 15, 8, 0, 0, 0, time.UTC)
	for name, test := range map[string]struct {
		cfg  query.Config
		want bool
	}{
		"nothing":                {query.Config{}, true},
		"since":                  {query.Config{Since: at}, true},
		"since later":            {query.Config{Since: at.Add(time.Nanosecond)}, false},
		"until":                  {query.Config{Until: at}, false},
		"until later":            {query.Config{Until: at.Add(time.Nanosecond)}, true},
		"period":                 {query.Config{Since: at, Until: at.Add(time.Second)}, true},
		"log":                    {query.Config{Logs: globs(t, "server_access")}, true},
		"other log":              {query.Config{Logs: globs(t, "cloudtrail")}, false},
		"account":                {query.Config{AccountIDs: globs(t, "111122223333")}, true},
		"other account":          {query.Config{AccountIDs: globs(t, "!1111*")}, false},
		"region":                 {query.Config{Regions: globs(t, "us-*", "eu-*")}, true},
		"other region":           {query.Config{Regions: globs(t, "us-*")}, false},
		"bucket":                 {query.Config{Buckets: globs(t, "example-*")}, true},
		"other bucket":           {query.Config{Buckets: globs(t, "example")}, false},
		"action":                 {query.Config{Operations: globs(t, "GetObject")}, true},
		"as logged":              {query.Config{Operations: globs(t, "REST.GET.*")}, true},
		"not action":             {query.Config{Operations: globs(t, "!GetObject")}, false},
		"not as logged":          {query.Config{Operations: globs(t, "!REST.*")}, false},
		"other operation":        {query.Config{Operations: globs(t, "Delete*")}, false},
		"key":                    {query.Config{Keys: globs(t, "images/a+b.jpg")}, true},
		"other key":              {query.Config{Keys: globs(t, "images/a b.jpg")}, false},
		"role":                   {query.Config{Requesters: globs(t, "arn:aws:sts::111122223333:assumed-role/web-shop")}, true},
		"session":                {query.Config{Requesters: globs(t, session)}, true},
		"not role":               {query.Config{Requesters: globs(t, "!*/web-shop")}, false},
		"not service":            {query.Config{Requesters: globs(t, "!*.amazonaws.com")}, true},
		"other requester":        {query.Config{Requesters: globs(t, "*:user/*")}, false},
		"client":                 {query.Config{Clients: globs(t, "aws-*")}, true},
		"other client":           {query.Config{Clients: globs(t, "boto3")}, false},
		"client in its own form": {query.Config{Clients: globs(t, "AWS-CLI")}, true},
		"address":                {query.Config{Sources: sources(t, "192.0.2.17")}, true},
		"signature":              {query.Config{Signatures: globs(t, "SigV2")}, true},
		"other signature":        {query.Config{Signatures: globs(t, "!SigV2")}, false},
		"outcome":                {query.Config{Outcomes: globs(t, "success")}, true},
		"support":                {query.Config{Supports: globs(t, "maintenance", "ended")}, true},
		"other support":          {query.Config{Supports: globs(t, "!maintenance")}, false},
		"feature":                {query.Config{Features: globs(t, "tls1.*")}, true},
		"two features":           {query.Config{Features: globs(t, "soap", "sigv2")}, true},
		"other feature":          {query.Config{Features: globs(t, "plain_http")}, false},
		"not feature":            {query.Config{Features: globs(t, "!sigv2")}, false},
		"tls version":            {query.Config{TLS: globs(t, "TLSv1.1")}, true},
		"other version":          {query.Config{TLS: globs(t, "TLSv1")}, false},
		"version as logged":      {query.Config{TLS: globs(t, "TLSV1.1")}, true},
		"access key":             {query.Config{AccessKeys: globs(t, "AKIA*1")}, true},
		"other access key":       {query.Config{AccessKeys: globs(t, "ASIA*")}, false},
		"endpoint":               {query.Config{Endpoints: globs(t, "vpce-1")}, true},
		"other endpoint":         {query.Config{Endpoints: globs(t, "!vpce-*")}, false},
		"other outcome":          {query.Config{Outcomes: globs(t, "denied", "error")}, false},
		"anonymous":              {query.Config{Anonymous: true}, false},
		"object":                 {query.Config{Object: true}, true},
		"all but one hold":       {query.Config{Buckets: globs(t, "example-photos"), Keys: globs(t, "x"), Object: true}, false},
	} {
		if got := matches(t, test.cfg, exampleRecord(), classify.Config{}); got != test.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

func TestFilter_FindsWhatIsAskedForByAnotherNameOfIt(t *testing.T) {
	service := exampleRecord()
	service.Requester = []byte("delivery.logs.amazonaws.com")
	for pattern, want := range map[string]bool{
		"svc:delivery.logs.amazonaws.com": true, "!svc:*.amazonaws.com": false,
		"svc:athena.amazonaws.com": false, "!svc:*": true, "svc:*": false,
	} {
		if got := matches(t, query.Config{Requesters: globs(t, pattern)}, service, classify.Config{}); got != want {
			t.Errorf("requester %s: %t", pattern, got)
		}
	}
	for _, logged := range []string{"TLSv1", "tlsv1.0"} {
		first := exampleRecord()
		first.TLSVersion = []byte(logged)
		for pattern, want := range map[string]bool{"TLSv1": true, "TLSv1.0": true, "TLSV1.0": true, "!TLSv1.0": false, "TLSv1.1": false} {
			if got := matches(t, query.Config{TLS: globs(t, pattern)}, first, classify.Config{}); got != want {
				t.Errorf("version %s of %s: %t", pattern, logged, got)
			}
		}
	}
}

// A label's value that is copied from a graph finds the requests behind it,
// however much of the requester the label tells.
func TestFilter_MatchesTheRequestersLabelOrWhatIsLogged(t *testing.T) {
	anonymous := exampleRecord()
	anonymous.Requester, anonymous.Anonymous, anonymous.Signature = nil, true, record.SignatureNone
	for _, test := range []struct {
		mode    classify.RequesterMode
		r       *record.Record
		pattern string
		want    bool
	}{
		{classify.RequesterAccount, exampleRecord(), "111122223333", true},
		{classify.RequesterRole, exampleRecord(), "111122223333", false},
		{classify.RequesterAccount, exampleRecord(), session, true},
		{classify.RequesterOff, exampleRecord(), "*/web-shop/*", true},
		{classify.RequesterRole, anonymous, "anonymous", true},
		{classify.RequesterRole, anonymous, "!anonymous", false},
	} {
		cfg := query.Config{Requesters: globs(t, test.pattern)}
		if got := matches(t, cfg, test.r, classify.Config{Requester: test.mode}); got != test.want {
			t.Errorf("%s of %s with mode %d: %t", test.pattern, test.r.Requester, test.mode, got)
		}
	}
}

// Whoever assumes a role chooses the session's name, and who may create users chooses theirs. None
// of them passes for a service of AWS's by that, or is left out with them.
func TestFilter_NoNameOfASessionOrUserPassesForAService(t *testing.T) {
	const domain = "amazonaws.com"
	for _, test := range []struct {
		requester, pattern string
		want               bool
	}{
		{"config." + domain, "*." + domain, true},
		{"config." + domain, "!*." + domain, false},
		{"config." + domain + ".cn", "!*." + domain + ".cn", false},
		{"arn:aws:sts::111122223333:assumed-role/reports/config." + domain, "!*." + domain, true},
		{"arn:aws:sts::111122223333:assumed-role/reports/config." + domain, "!*" + domain + "*", true},
		{"arn:aws:sts::111122223333:assumed-role/reports/config." + domain, "*." + domain, false},
		{"arn:aws-cn:sts::111122223333:assumed-role/reports/config." + domain + ".cn", "!*." + domain + ".cn", true},
		{"arn:aws:iam::111122223333:user/config." + domain, "!config?" + domain, true},
		{"arn:aws:iam::111122223333:user/config." + domain, "!*" + domain, true},
		{"arn:aws:iam::111122223333:user/config." + domain, "*/*." + domain, true}, // that is no service's name
		{"arn:aws:iam::111122223333:user/config." + domain, "!arn:*." + domain, false},
		{"arn:aws:iam::111122223333:user/config." + domain, "!*config*", false},
	} {
		for _, mode := range []classify.RequesterMode{classify.RequesterRole, classify.RequesterARN} {
			r := exampleRecord()
			r.Requester = []byte(test.requester)
			cfg := query.Config{Requesters: globs(t, test.pattern)}
			if got := matches(t, cfg, r, classify.Config{Requester: mode}); got != test.want {
				t.Errorf("%s of %s with mode %d: %t", test.pattern, test.requester, mode, got)
			}
		}
	}
}

func TestFilter_MatchesAddressesInEveryForm(t *testing.T) {
	for _, test := range []struct {
		asked  string // with commas between them
		logged string
		want   bool
	}{
		{"192.0.2.1", "192.0.2.1", true},
		{"192.0.2.1", "192.0.2.11", false},
		{"192.0.2.1", "::ffff:192.0.2.1", true},
		{"192.0.2.1", "::FFFF:c000:201", true},
		{"::ffff:192.0.2.1", "192.0.2.1", true},
		{"192.0.2.0/24", "192.0.2.255", true},
		{"192.0.2.7/24", "192.0.2.255", true},
		{"192.0.2.0/24", "192.0.3.0", false},
		{"::ffff:192.0.2.0/120", "192.0.2.9", true},
		{"2001:db8::1", "2001:0DB8:0:0::1", true},
		{"2001:db8::/32", "2001:db8:3::51", true},
		{"2001:db8::/32", "2001:db9::", false},
		{"0.0.0.0/0", "2001:db8::1", false},
		{"0.0.0.0/0", "athena.amazonaws.com", false},
		{"athena.amazonaws.com", "athena.amazonaws.com", true},
		{"AWS Internal", "AWS Internal", true},
		{"AWS Internal", "192.0.2.1", false},
		{"none", "", true},
		{"none", "192.0.2.1", false},
		{"192.0.2.1,2001:db8::/32", "2001:db8::7", true},
		{"!192.0.2.0/24", "198.51.100.1", true},
		{"!192.0.2.0/24", "192.0.2.1", false},
		{"!192.0.2.0/24", "", true},
		{"192.0.2.0/24,!192.0.2.1", "192.0.2.2", true},
		{"192.0.2.0/24,!192.0.2.1", "192.0.2.1", false},
		{"!athena.amazonaws.com", "192.0.2.1", true},
	} {
		r := exampleRecord()
		r.SourceIP = []byte(test.logged)
		cfg := query.Config{Sources: sources(t, strings.Split(test.asked, ",")...)}
		if got := matches(t, cfg, r, classify.Config{}); got != test.want {
			t.Errorf("%s on %q: %t", test.asked, test.logged, got)
		}
	}
	for _, wrong := range []string{"", "!", "192.0.2", "192.0.2.0/33", "192.0.2.256", "example.com", "other", "*"} {
		if err := new(query.Source).UnmarshalText([]byte(wrong)); err == nil || strings.Contains(err.Error(), "\n") {
			t.Errorf("%q: %v", wrong, err)
		}
	}
}

func TestNew_NamesWhatIsWrong(t *testing.T) {
	now := time.Now()
	for _, test := range []struct {
		cfg  query.Config
		want string
	}{
		{query.Config{Since: now, Until: now}, "--since must be before --until"},
		{query.Config{Logs: globs(t, "cloudwatch")}, `--log: "cloudwatch" is none of server_access, cloudtrail`},
		{query.Config{Signatures: globs(t, "SigV2", "!sigv4")}, `--signature: "sigv4" is none of SigV2, SigV4, SigV4A, none, unknown`},
		{query.Config{Features: globs(t, "tls1.2")}, `--feature: "tls1.2" is none of sigv2, tls1.0, tls1.1, plain_http, acl_required, path_style, soap`},
		{query.Config{Supports: globs(t, "yes")}, `--support: "yes" is none of current, unknown, maintenance, ended`},
		{query.Config{Outcomes: globs(t, "fail*")}, `--outcome: "fail*" is none of success, denied, error`},
		{query.Config{TLS: globs(t, "1.1")}, `--tls-version: "1.1" is none of TLSv1, TLSv1.0, TLSv1.1, TLSv1.2, TLSv1.3`},
	} {
		if _, err := query.New(test.cfg); err == nil || err.Error() != test.want {
			t.Errorf("%v, want %s", err, test.want)
		}
	}
}

func TestFilter_AllIsNothingAsked(t *testing.T) {
	for name, cfg := range map[string]query.Config{
		"since": {Since: time.Now()}, "until": {Until: time.Now()}, "log": {Logs: globs(t, "*")},
		"key": {Keys: globs(t, "*")}, "requester": {Requesters: globs(t, "*")}, "operation": {Operations: globs(t, "*")},
		"source": {Sources: sources(t, "none")}, "anonymous": {Anonymous: true}, "object": {Object: true},
		"feature": {Features: globs(t, "*")}, "tls": {TLS: globs(t, "*")}, "access key": {AccessKeys: globs(t, "*")}, "endpoint": {Endpoints: globs(t, "*")}, "support": {Supports: globs(t, "*")},
	} {
		if f, err := query.New(cfg); err != nil || f.All() {
			t.Errorf("%s: %v", name, err)
		}
	}
	f, err := query.New(query.Config{Slack: time.Hour})
	if err != nil || !f.All() {
		t.Errorf("nothing: %v", err)
	}
	if q := f.Query(); q.Wanted != nil || q.Prefilter != nil || !q.Since.IsZero() || !q.Until.IsZero() || q.Slack != time.Hour {
		t.Errorf("%+v", q)
	}
}

// What a key does not tell speaks against no object, and the account that logged
// an event tells nothing about the bucket's.
func TestFilter_WantsObjectsByWhatTheirKeysTell(t *testing.T) {
	const (
		simple      = "logs/2026-01-15-08-30-00-0A1B2C3D4E5F6071"
		partitioned = "p/111122223333/eu-west-1/example-photos/2026/01/15/2026-01-15-08-30-00-0A1B2C3D4E5F6071"
		trail       = "AWSLogs/111122223333/CloudTrail/eu-west-1/2026/01/15/111122223333_CloudTrail_eu-west-1_20260115T0830Z_AbCdEfGh12345678.json.gz"
		free        = "AWSLogs/111122223333/trail/eu-west-1/2026/01/15/08/events.gz"
	)
	for name, test := range map[string]struct {
		cfg                        query.Config
		simple, partitioned, trail bool
	}{
		"log":           {query.Config{Logs: globs(t, "cloudtrail")}, false, false, true},
		"not log":       {query.Config{Logs: globs(t, "!cloudtrail")}, true, true, false},
		"region":        {query.Config{Regions: globs(t, "eu-*")}, true, true, true},
		"other region":  {query.Config{Regions: globs(t, "us-*")}, true, false, false},
		"not region":    {query.Config{Regions: globs(t, "!eu-*")}, true, false, false},
		"account":       {query.Config{AccountIDs: globs(t, "111122223333")}, true, true, true},
		"other account": {query.Config{AccountIDs: globs(t, "444455556666")}, true, false, true},
		"bucket":        {query.Config{Buckets: globs(t, "example-*")}, true, true, true},
		"other bucket":  {query.Config{Buckets: globs(t, "other")}, true, false, true},
		"outcome":       {query.Config{Outcomes: globs(t, "denied")}, true, true, true},
	} {
		f, err := query.New(test.cfg)
		if err != nil {
			t.Fatal(err)
		}
		wanted := f.Query().Wanted
		for key, want := range map[string]bool{simple: test.simple, partitioned: test.partitioned, trail: test.trail, free: true} {
			if got := wanted(logkey.Parse(key)); got != want {
				t.Errorf("%s, %s: %t", name, key, got)
			}
		}
	}
}
