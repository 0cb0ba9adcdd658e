package classify

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

func TestClassifier_FindsClientVersionAndVerdict(t *testing.T) {
	classifier := NewClassifier(Config{})
	for _, test := range userAgents {
		class := classifier.Classify(new(request(func(r *record.Record) { r.UserAgent = []byte(test.text) })))
		got := [3]string{class.Labels[LabelClient], class.Labels[LabelClientVersion], class.Labels[LabelSigV4Default]}
		if want := [3]string{test.client, test.version, test.sigv4Default}; got != want {
			t.Errorf("%q: got %q, want %q", test.text, got, want)
		}
	}
}

func TestClassifier_InvokedByGoesBeforeTheUserAgent(t *testing.T) {
	for _, test := range []struct {
		invokedBy, userAgent string
		log                  record.Log
		want                 string
	}{
		{"athena.amazonaws.com", "Mozilla/5.0", record.CloudTrail, "aws-service"},
		{"AWS Internal", "AWS Internal", record.CloudTrail, "aws-service"},
		{"", "AWS Internal", record.CloudTrail, "aws-console"}, // a person's console session
		{"", "AWS Internal/3", record.CloudTrail, "aws-console"},
		{"", "AWS Internal/x", record.CloudTrail, "other"},
		{"", "AWS Internals", record.CloudTrail, "other"},
		{"signin.amazonaws.com", "signin.amazonaws.com", record.CloudTrail, "aws-console"},
		{"console.amazonaws.com", "S3Console/0.4", record.CloudTrail, "aws-console"},
		{"signin", "Mozilla/5.0", record.CloudTrail, "aws-service"},
		{"", "AWS Internal", record.ServerAccess, "aws-service"},
	} {
		class := NewClassifier(Config{}).Classify(new(request(func(r *record.Record) {
			r.Log, r.InvokedBy, r.UserAgent = test.log, []byte(test.invokedBy), []byte(test.userAgent)
		})))
		if got := class.Labels[LabelClient]; got != test.want {
			t.Errorf("invoked by %q with %q in %s: got %s, want %s", test.invokedBy, test.userAgent, test.log, got, test.want)
		}
	}
}

func TestClassifier_ShortensVersionsAfterTheVerdict(t *testing.T) {
	for _, test := range []struct{ mode, version, want string }{
		{"full", "1.11.108", "1.11.108"},
		{"minor", "1.11.108", "1.11"},
		{"minor", "2.0.0.rc4", "2.0"},
		{"minor", "2.0dev3", "2.0"},
		{"minor", "10.20240430-g5b36e6b", "10.20240430"},
		{"minor", "7", "7"},
		{"major", "1.11.108", "1"},
		{"major", "9-2", "9"},
		{"major", "3..1", "3"},
		{"off", "1.11.108", ""},
	} {
		config := labelConfig(t, "role", "full", test.mode)
		class := NewClassifier(config).Classify(new(request(func(r *record.Record) {
			r.UserAgent = []byte("aws-cli/" + test.version)
		})))
		if got := class.Labels[LabelClientVersion]; got != test.want {
			t.Errorf("%s of %s is %q, want %q", test.mode, test.version, got, test.want)
		}
	}
	class := NewClassifier(labelConfig(t, "role", "full", "off")).Classify(new(request()))
	if got := class.Labels[LabelSigV4Default]; got != "no" {
		t.Errorf("the verdict is %s, want no: it comes from the whole version", got)
	}
}

func TestSigV4Defaults_AreOfKnownClientsByRisingVersion(t *testing.T) {
	for client, steps := range sigv4Defaults {
		if signers[client] == 0 && !products[client] {
			t.Errorf("%s is no client", client)
		}
		for i := 1; i < len(steps); i++ {
			if compareVersions(steps[i-1].version, steps[i].version) >= 0 {
				t.Errorf("%s: %s does not come before %s", client, steps[i-1].version, steps[i].version)
			}
			if steps[i-1].verdict == steps[i].verdict {
				t.Errorf("%s: nothing changes at %s", client, steps[i].version)
			}
		}
		if compareVersions(steps[0].version, "0") != 0 {
			t.Errorf("%s: no verdict below %s", client, steps[0].version)
		}
	}
}

func TestCompareVersions(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want int
	}{
		{"1.11.108", "1.11.108", 0},
		{"1.9", "1.11", -1},
		{"2", "1.11.108", 1},
		{"1.11", "1.11.0.0", 0},
		{"2.0.0.rc4", "2.0.0", 0},
		{"2.0.0dev3", "2.0.0", 0},
		{"3.0.0-beta-1", "2.99", 1},
		{"2.1692.0", "2.68.0", 1},
		{"1." + strings.Repeat("9", 30), "1.2", 1},
		{"1..5", "1.0.5", 0},
	} {
		for _, swap := range []bool{false, true} {
			a, b, want := test.a, test.b, test.want
			if swap {
				a, b, want = b, a, -want
			}
			if got := compareVersions(a, b); sign(got) != want {
				t.Errorf("%s against %s is %d, want %d", a, b, got, want)
			}
		}
	}
}

func sign(n int) int {
	switch {
	case n < 0:
		return -1
	case n > 0:
		return 1
	}
	return 0
}

// The reference has, for real user agents, the product and its version. What is
// on no list of ours is other there and here.
func TestParseAgent_AgreesWithTheReference(t *testing.T) {
	path := filepath.Join("..", "..", "..", "shared", "reference", "user-agents.tsv")
	reference, err := os.ReadFile(path)
	if err != nil {
		t.Skip("the reference is not here")
	}
	checked := 0
	for line := range strings.Lines(string(reference)) {
		fields := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if strings.HasPrefix(line, "#") || len(fields) < 3 {
			continue
		}
		checked++
		got, client := parseAgent(fields[0]), referenceClient(fields[1])
		version := ""
		if signers[client] != 0 || products[client] {
			version = leadingVersion(fields[2])
		}
		if got.client != client || got.version != version {
			t.Errorf("%q: got %s %q, want %s %q", fields[0], got.client, got.version, client, version)
		}
	}
	if checked < 100 {
		t.Errorf("only %d user agents", checked)
	}
}

// referenceClient returns our name for a client of the reference, which names
// AWS's own as they name themselves.
func referenceClient(name string) string {
	lower := strings.ToLower(name)
	switch {
	case lower == clientBrowser, lower == clientNone, signers[lower] != 0, products[lower]:
		return lower
	case strings.Contains(name, "Console"), strings.HasPrefix(name, "console."), strings.HasPrefix(name, "signin."):
		return clientAWSConsole
	case strings.HasPrefix(name, "AWS"), strings.HasPrefix(name, "Amazon "), strings.HasPrefix(name, "Coral/"),
		strings.HasPrefix(name, "aws-internal"), strings.HasSuffix(name, ".amazonaws.com"):
		return clientAWSService
	}
	return Other
}

var versionForm = regexp.MustCompile(`^([0-9][0-9A-Za-z.+-]{0,31})?$`)

func FuzzParseAgent(f *testing.F) {
	for _, test := range userAgents {
		f.Add(test.text)
	}
	listed := func(client string) bool {
		switch client {
		case Other, clientNone, clientBrowser, clientAWSConsole, clientAWSService:
			return true
		}
		return signers[client] != 0 || products[client]
	}
	f.Fuzz(func(t *testing.T, text string) {
		found := parseAgent(text)
		if !listed(found.client) {
			t.Errorf("client %q is on no list", found.client)
		}
		if !versionForm.MatchString(found.version) || !versionForm.MatchString(found.botocore) {
			t.Errorf("versions %q and %q", found.version, found.botocore)
		}
		for _, mode := range []ClientVersionMode{VersionFull, VersionMinor, VersionMajor, VersionOff} {
			if short := mode.versionValue(found.version); !strings.HasPrefix(found.version, short) {
				t.Errorf("%q was shortened to %q", found.version, short)
			}
		}
	})
}
