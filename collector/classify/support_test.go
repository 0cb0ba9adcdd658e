package classify

import (
	"testing"
	"time"
)

// The table is of a page that changes: whoever sees this fail reads it again.
func TestLifecycles_AreNotOlderThanAYear(t *testing.T) {
	read, err := time.Parse(time.DateOnly, lifecycleRead)
	if err != nil {
		t.Fatal(err)
	}
	if age := time.Since(read); age > 365*24*time.Hour {
		t.Errorf("the table of lifecycles is %d days old: read AWS's page again, then set the date", age/(24*time.Hour))
	}
}

func TestLifecycles_AreOfKnownClientsInOrder(t *testing.T) {
	for client, steps := range lifecycles {
		if signers[client] == 0 {
			t.Errorf("%s is no client", client)
		}
		if len(steps) == 0 || steps[0].version != "0" {
			t.Errorf("%s does not begin with version 0", client)
		}
		for i := 1; i < len(steps); i++ {
			if compareVersions(steps[i-1].version, steps[i].version) >= 0 || steps[i-1].support == steps[i].support {
				t.Errorf("%s: step %d is none", client, i)
			}
		}
	}
}

func TestSupportOf_FollowsAWSsPage(t *testing.T) {
	for _, test := range []struct {
		client, version string
		want            Support
	}{
		{"aws-cli", "1.46.3", SupportMaintenance},
		{"aws-cli", "2.9.19", SupportCurrent},
		{"aws-cli", "", SupportUnknown},
		{"aws-sdk-java", "1.12.750", SupportEnded},
		{"aws-sdk-java", "2.20.160-SNAPSHOT", SupportCurrent},
		{"aws-sdk-go", "1.55.8", SupportEnded},
		{"aws-sdk-go", "", SupportEnded},
		{"aws-sdk-go-v2", "1.36.3", SupportCurrent},
		{"aws-sdk-nodejs", "2.1692.0", SupportEnded},
		{"aws-sdk-js", "3.1000.0", SupportCurrent},
		{"aws-sdk-dotnet-coreclr", "3.7.410", SupportEnded},
		{"awspowershell.common", "5.0.0", SupportCurrent},
		{"boto", "2.49.0", SupportEnded},
		{"boto3", "1.35.40", SupportCurrent},
		{"rclone", "1.60", SupportUnknown},
		{"browser", "", SupportUnknown},
		{"none", "", SupportUnknown},
	} {
		if got := SupportOf(test.client, test.version); got != test.want {
			t.Errorf("%s %s is %s, want %s", test.client, test.version, got, test.want)
		}
	}
	if got := WorseSupport("unknown", "maintenance"); got != "maintenance" {
		t.Errorf("of unknown and maintenance, %s is the worse", got)
	}
}

func TestRuntime_IsThatOfTheUserAgent(t *testing.T) {
	for agent, want := range map[string]string{
		"aws-cli/1.11.108 Python/2.7.5 Linux/3.10 botocore/1.5.71":                            "python 2.7.5",
		"Boto3/1.35.40 md/Botocore#1.35.40 ua/2.0 os/linux#6.1 lang/python#3.11.9 Botocore/1": "python 3.11.9",
		"aws-sdk-java/1.12.750 Linux/5.10 OpenJDK_64-Bit_Server_VM/25.412-b09 java/1.8.0_412": "java 1.8.0_412",
		"aws-sdk-go/1.44.157 (go1.19.2; linux; amd64)":                                        "go 1.19.2",
		"aws-sdk-go-v2/1.36.3 ua/2.1 os/linux lang/go#1.24.1 md/GOOS#linux":                   "go 1.24.1",
		"aws-sdk-js/3.600.0 ua/2.0 os/linux#5.10 lang/js md/nodejs#14.21.3 api/s3#3.600.0":    "nodejs 14.21.3",
		"aws-sdk-ruby3/3.168.1 ruby/2.7.0 x86_64-linux":                                       "ruby 2.7.0",
		"curl/8.5.0":               "",
		"Go-http-client/1.1":       "",
		"":                         "",
		"java/":                    "",
		"python/\xff":              "",
		"lang/python#not-a-number": "",
	} {
		if got := Runtime(agent); got != want {
			t.Errorf("%s: %q, want %q", agent, got, want)
		}
	}
}
