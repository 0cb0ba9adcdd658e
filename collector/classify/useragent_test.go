package classify

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// The versions, kernels and comments are made up; the forms are what the
// clients write.
var userAgents = []struct{ text, client, version, sigv4Default string }{
	// No user agent.
	{"", "none", "", "unknown"},
	{"-", "none", "", "unknown"},
	{"[]", "none", "", "unknown"},
	{"  ", "none", "", "unknown"},
	{"[ - ]", "none", "", "unknown"},

	// AWS's own.
	{"cloudtrail.amazonaws.com", "aws-service", "", "unknown"},
	{"maintenance.s3tables.amazonaws.com", "aws-service", "", "unknown"},
	{"logs.cn-north-1.amazonaws.com.cn", "aws-service", "", "unknown"},
	{"console.ec2.amazonaws.com", "aws-console", "", "unknown"},
	{"console.aws.amazon.com", "aws-console", "", "unknown"},
	{"signin.amazonaws.com", "aws-console", "", "unknown"},
	{"AWS Internal", "aws-service", "", "unknown"},
	{"aws.internal", "aws-service", "", "unknown"},
	{"aws-internal/3", "aws-service", "", "unknown"},
	{"aws-internal", "aws-service", "", "unknown"},
	{"aws-internal/3 aws-sdk-java/1.11.20 Linux/4.9.0 OpenJDK_64-Bit_Server_VM/25.1 java/1.8.0_1", "aws-service", "", "unknown"},
	{"[AWSCloudTrail, aws-internal/3 aws-sdk-java/1.12.1 Linux/5.4.0]", "aws-service", "", "unknown"},
	{"AWS_ATHENA, aws-sdk-java/1.11.90 Linux/4.14.2 java/1.8.0_1 vendor/Amazon.com_Inc., presto", "aws-service", "", "unknown"},
	{"AWS Redshift/Spectrum", "aws-service", "", "unknown"},
	{"Amazon CloudFront", "aws-service", "", "unknown"},
	{"AWSConfig", "aws-service", "", "unknown"},
	{"Coral/Netty99", "aws-service", "", "unknown"},
	{"S3Console/0.4", "aws-console", "", "unknown"},
	{"[S3Console/0.4, aws-internal/3 aws-sdk-java/1.12.77 Linux/5.10.1 cfg/retry-mode/standard]", "aws-console", "", "unknown"},
	{"[AWS Console S3, S3Console/0.4 cfg/retry-mode/legacy]", "aws-console", "", "unknown"},
	{"RDS Console, aws-internal/3 aws-sdk-java/1.11.9 Linux/5.4.2", "aws-console", "", "unknown"},
	{"EC2ConsoleBackend, aws-sdk-java/Linux/x.xx.fleetxen", "aws-console", "", "unknown"},
	{"EC2ConsoleFrontend, aws-internal/3 aws-sdk-java/1.11.9", "aws-console", "", "unknown"},

	// Browsers, and WinSCP.
	{`"Mozilla/5.0 (X11; Linux x86_64) Gecko/20100101`, "browser", "", "unknown"},
	{`"rclone/v1.60.1"`, "rclone", "1.60.1", "yes"},
	{"Mozilla/5.0", "browser", "", "unknown"},
	{"[Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0.0.0 Safari/537.36]", "browser", "", "unknown"},
	{"Mozilla/5.0 (compatible; ExampleBot/1.0; +http://bot.example.com) aws-cli/1.2.3", "browser", "", "unknown"},
	{"Mozilla/4.0 (Compatible; Unknown; libs3 4.1; Windows)", "libs3", "4.1", "yes"},
	{"Mozilla/4.0 (Compatible; Unknown; libs3 2.0; Linux x86_64)", "libs3", "2.0", "no"},
	{"Mozilla/4.0 (Compatible; libs3 3.9)", "libs3", "3.9", "unknown"},

	// The AWS CLI.
	{"aws-cli/1.11.107 Python/2.7.9 Linux/4.4.35 botocore/1.5.70", "aws-cli", "1.11.107", "no"},
	{"aws-cli/1.11.108 Python/2.7.9 Linux/4.4.35 botocore/1.5.71", "aws-cli", "1.11.108", "yes"},
	{"[aws-cli/2.15.40 Python/3.11.8 Linux/6.1.7 exec-env/CloudShell exe/x86_64 prompt/off command/s3.ls]", "aws-cli", "2.15.40", "yes"},
	{"aws-cli/2.0.0dev7 Python/3.7.3 Linux/4.19.7 botocore/2.0.0dev6", "aws-cli", "2.0.0dev7", "yes"},
	{"aws-cli/1.16.17 Python/2.7.1 Linux/4.4.1 botocore/1.12.16cwlogs/1.4.4", "aws-cli", "1.16.17", "yes"},
	{"aws-cli/1.15.8Python/2.7.14 Linux/4.14", "aws-cli", "", "unknown"},
	{"AWS-CLI/1.9.0", "aws-cli", "1.9.0", "no"},
	{"aws-cli/1.10.9", "aws-cli", "1.10.9", "no"},
	{"my-backup/3.0 aws-cli/1.29.4 (nested (comment) aws-cli/1.0)", "aws-cli", "1.29.4", "yes"},

	// Python.
	{"Boto3/1.4.4 Python/3.5.2 Linux/4.4.0 Botocore/1.5.71", "boto3", "1.4.4", "yes"},
	{"Boto3/1.4.4 Python/3.5.2 Linux/4.4.0 Botocore/1.5.70", "boto3", "1.4.4", "no"},
	{"Boto3/1.9.9 Python/2.7.15 Darwin/17.7.0 Botocore/1.12.9 Resource", "boto3", "1.9.9", "yes"},
	{"Boto3/1.40.2 md/Botocore#1.40.2 md/awscrt#0.27.4 ua/2.1 os/linux#6.8 md/arch#x86_64 lang/python#3.13.1 cfg/retry-mode#legacy", "boto3", "1.40.2", "yes"},
	{"Boto3/1.4.5", "boto3", "1.4.5", "unknown"},
	{"Boto3/1.4.6", "boto3", "1.4.6", "yes"},
	{"boto3/1.4.3", "boto3", "1.4.3", "no"},
	{"Botocore/1.5.70 Python/3.6.0 Linux/4.9", "botocore", "1.5.70", "no"},
	{"aiobotocore/2.5.0 md/Botocore#1.31.0 lang/python#3.11", "botocore", "1.31.0", "yes"},
	{"Boto/2.49.0 Python/2.7.16 Linux/4.19", "boto", "2.49.0", "no"},
	{"Boto/2.49.0 Python/3.7.3 Linux/4.19 gsutil/4.49 (linux)", "gsutil", "4.49", "no"},
	{"Boto/2.49.0 Python/3.7.3 Linux/4.19 gsutil/4.50 (linux) command/cp", "gsutil", "4.50", "yes"},
	{"aws-sdk-python/1.20.0", "other", "", "unknown"},

	// Java.
	{"aws-sdk-java/1.10.77 Linux/4.4 Java_HotSpot(TM)_64-Bit_Server_VM/25.66/1.8.0_66", "aws-sdk-java", "1.10.77", "no"},
	{"aws-sdk-java/1.11.0 Linux/4.4", "aws-sdk-java", "1.11.0", "unknown"},
	{"aws-sdk-java/1.11.200 Linux/4.4", "aws-sdk-java", "1.11.200", "unknown"},
	{"aws-sdk-java/1.11.201 Linux/4.4", "aws-sdk-java", "1.11.201", "yes"},
	{"aws-sdk-java/1.11.1030 Linux/4.4", "aws-sdk-java", "1.11.1030", "yes"},
	{"aws-sdk-java/2.21.9-SNAPSHOT Linux/5.10 Java/17.0.1 io/sync http/Apache", "aws-sdk-java", "2.21.9-SNAPSHOT", "yes"},
	{"aws-sdk-java/unknown-version Linux/x.xx", "aws-sdk-java", "", "unknown"},
	{"Hadoop 2.7.3, aws-sdk-java/1.7.4 Linux/4.4", "aws-sdk-java", "1.7.4", "no"},
	{"ElasticMapReduce/1.0.0 emrfs/s3n {} user:spark,groups:[spark], aws-sdk-java/1.12.31 Linux/4.14", "aws-sdk-java", "1.12.31", "yes"},
	{"example-kcl-1.0 worker/1.0.1 python/2.7 /tmp/w.py,example-kcl-1.0, aws-sdk-java/1.11.14 Mac_OS_X/10.12", "aws-sdk-java", "1.11.14", "unknown"},
	{"aws-sdk-android/2.2.10 Linux/3.4.0 Dalvik/2.1.0", "aws-sdk-android", "2.2.10", "no"},
	{"aws-sdk-android/2.3.1 Linux/3.4.0", "aws-sdk-android", "2.3.1", "unknown"},
	{"aws-sdk-android/2.4.0 Linux/3.4.0", "aws-sdk-android", "2.4.0", "yes"},
	{"aws-sdk-iOS/1.7.1 iPhone-OS/8.1 en_US", "aws-sdk-ios", "1.7.1", "no"},
	{"aws-sdk-iOS/2.36.1 iOS/18.2 en_GB", "aws-sdk-ios", "2.36.1", "yes"},
	{"JetS3t/0.9.4 (Linux/4.4; amd64; en; JVM 1.8.0_66)", "jets3t", "0.9.4", "no"},
	{"Java/1.8.0_172", "java", "", "unknown"},
	{"Java/17.0.2", "java", "17.0.2", "unknown"},
	{"Apache-HttpClient/4.5.6 (Java/1.8.0_191)", "apache-httpclient", "4.5.6", "unknown"},
	{"Jakarta Commons-HttpClient/3.1", "commons-httpclient", "3.1", "unknown"},

	// .NET and PowerShell.
	{"aws-sdk-dotnet/1.5.2.0 .NET Runtime/4.0 .NET Framework/4.0 OS/6.1.7601", "aws-sdk-dotnet", "1.5.2.0", "no"},
	{"aws-sdk-dotnet-45/2.3.9.0 .NET Runtime/4.0 .NET Framework/4.5", "aws-sdk-dotnet-45", "2.3.9.0", "no"},
	{"aws-sdk-dotnet-35/3.3.4.1 aws-sdk-dotnet-core/3.3.9.0 .NET_Runtime/3.5", "aws-sdk-dotnet-35", "3.3.4.1", "unknown"},
	{"aws-sdk-dotnet-45/3.3.5.0 aws-sdk-dotnet-core/3.3.9.0 .NET_Runtime/4.0", "aws-sdk-dotnet-45", "3.3.5.0", "yes"},
	{"aws-sdk-dotnet-45/ aws-sdk-dotnet-core/3.3.30.1 .NET_Runtime/4.0", "aws-sdk-dotnet-45", "", "unknown"},
	{"aws-sdk-dotnet-coreclr/3.7.400.1 ua/2.0 os/linux#6.1 lang/.NET_Core#8.0.4 md/aws-sdk-dotnet-core#3.7.400.1 api/S3#3.7.400.1", "aws-sdk-dotnet-coreclr", "3.7.400.1", "yes"},
	{"aws-sdk-dotnet-core/3.7.1.0 .NET_Core/6.0.1", "other", "", "unknown"},
	{"aws-sdk-unity/3.3.50.0 aws-sdk-dotnet-core/3.3.9.0", "aws-sdk-unity", "3.3.50.0", "no"},
	{"AWSPowerShell/3.1.99.0 .NET_Runtime/4.0 PowerShell/4.-1", "awspowershell", "3.1.99.0", "no"},
	{"AWSPowerShell.NetCore/3.3.0.0 .NET_Core/2.0", "awspowershell.netcore", "3.3.0.0", "yes"},
	{"AWSPowerShell.Common/4.1.300.0 .NET_Core/7.0.2 OS/Linux_5.10 exec-env/CloudShell PowerShellCore/7.-1", "awspowershell.common", "4.1.300.0", "yes"},

	// JavaScript.
	{"aws-sdk-nodejs/2.3.19 linux/v4.4.3", "aws-sdk-nodejs", "2.3.19", "no"},
	{"aws-sdk-nodejs/2.4.0 linux/v4.4.3", "aws-sdk-nodejs", "2.4.0", "yes"},
	{"aws-sdk-nodejs/2.4.11 linux/v4.4.3", "aws-sdk-nodejs", "2.4.11", "yes"},
	{"aws-sdk-nodejs/2.4.12 linux/v4.4.3", "aws-sdk-nodejs", "2.4.12", "no"},
	{"aws-sdk-nodejs/2.67.9 linux/v6.9.1 promise", "aws-sdk-nodejs", "2.67.9", "no"},
	{"aws-sdk-nodejs/2.68.0 linux/v6.9.1 promise", "aws-sdk-nodejs", "2.68.0", "yes"},
	{"aws-sdk-js/3.700.0 ua/2.1 os/linux#6.8 lang/js md/nodejs#22.11.0 api/s3#3.700.0", "aws-sdk-js", "3.700.0", "yes"},
	{"aws-sdk-nodejs-v3-@aws-sdk/client-s3/3.2.0 linux/v14.0.0", "aws-sdk-nodejs-v3-@aws-sdk/client-s3", "3.2.0", "yes"},
	{"axios/1.7.7", "axios", "1.7.7", "unknown"},
	{"node-fetch/1.0 (+https://github.com/bitinn/node-fetch)", "node-fetch", "1.0", "unknown"},

	// PHP, Ruby.
	{"aws-sdk-php/1.6.2 PHP/5.3.3 Linux/2.6", "aws-sdk-php", "1.6.2", "no"},
	{"aws-sdk-php2/2.8.31 Guzzle/3.9.3 curl/7.38.0 PHP/5.6.9", "aws-sdk-php2", "2.8.31", "no"},
	{"aws-sdk-php/3.300.0 OS/Linux#6.1 lang/php#8.3.1 GuzzleHttp/7", "aws-sdk-php", "3.300.0", "yes"},
	{"aws-sdk-ruby/1.66.0 ruby/2.1.5 x86_64-linux", "aws-sdk-ruby", "1.66.0", "no"},
	{"aws-sdk-ruby/2.1.0 ruby/2.1 x86_64-linux", "aws-sdk-ruby", "2.1.0", "no"},
	{"aws-sdk-ruby2/2.0.0.rc9 ruby/1.9.3 x86_64-linux Seahorse/0.1.0", "aws-sdk-ruby2", "2.0.0.rc9", "no"},
	{"aws-sdk-ruby2/2.2.0 ruby/2.2.3 x86_64-linux", "aws-sdk-ruby2", "2.2.0", "yes"},
	{"aws-sdk-ruby3/3.201.0 ua/2.0 api/s3#1.156.0 os/linux#6.1 lang/ruby#3.3.0", "aws-sdk-ruby3", "3.201.0", "yes"},
	{"fog/1.25.0", "fog", "1.25.0", "no"},
	{"fog/1.36.0 fog-core/1.41.0", "fog", "1.36.0", "yes"},
	{"fog-core/2.3.0", "fog-core", "2.3.0", "yes"},
	{"AWS::S3/0.6.3", "aws::s3", "0.6.3", "no"},
	{"Ruby", "ruby", "", "unknown"},

	// Go.
	{"aws-sdk-go/1.50.1 (go1.21.6; linux; amd64)", "aws-sdk-go", "1.50.1", "yes"},
	{"aws-sdk-go/1.50.1 (go1.21.6; linux; amd64", "aws-sdk-go", "1.50.1", "yes"},
	{"[APN/1.0 HashiCorp/1.0 Terraform/1.9.1 (+https://www.terraform.io) terraform-provider-aws/5.60.0 aws-sdk-go-v2/1.30.1 os/linux lang/go#1.22.5]", "aws-sdk-go-v2", "1.30.1", "yes"},
	{"aws-sdk-go/1.29.9 (go1.13; linux; amd64) APN/1.0 HashiCorp/1.0 Terraform/0.12.2 aws-sdk-go-v2/0.1.0", "aws-sdk-go", "1.29.9", "yes"},
	{"example-cni/version/v1.18.0 aws-sdk-go/1.51.0 (go1.22.3; linux; arm64)", "aws-sdk-go", "1.51.0", "yes"},
	{"MinIO (linux; amd64) minio-go/v7.0.80 example/1.0", "minio-go", "7.0.80", "yes"},
	{"MinIO (linux; amd64) minio-go/0.2.5", "minio-go", "0.2.5", "no"},
	{"MinIO (linux; x64) minio-js/8.0.7", "minio-js", "8.0.7", "yes"},
	{"MinIO (Linux; x86_64) minio-py/7.2.9", "minio-py", "7.2.9", "yes"},
	{"MinIO (amd64; amd64) minio-java/8.5.9", "minio-java", "8.5.9", "yes"},
	{"MinIO (Unix 6.1;X64) minio-dotnet/6.0.3", "minio-dotnet", "6.0.3", "yes"},
	{"MinIO (linux; aarch64) minio-rs/0.2.0", "minio-rs", "0.2.0", "yes"},
	{"rclone/v1.17", "rclone", "1.17", "no"},
	{"rclone/v1.68.2", "rclone", "1.68.2", "yes"},
	{"S3Gof3r", "s3gof3r", "", "unknown"},
	{"Go-http-client/2.0", "go-http-client", "2.0", "unknown"},

	// Everything else.
	{"aws-sdk-cpp/1.11.300 Linux/6.1 x86_64 GCC/12.2.0", "aws-sdk-cpp", "1.11.300", "yes"},
	{"aws-sdk-rust/1.3.3 os/linux lang/rust/1.79.0", "aws-sdk-rust", "1.3.3", "yes"},
	{"aws-sdk-kotlin/1.3.9 ua/2.1 api/s3#1.3.9 os/linux#6.1 lang/kotlin#2.0.20", "aws-sdk-kotlin", "1.3.9", "yes"},
	{"aws-sdk-swift/1.0.9 ua/2.1 api/s3#1.0 os/macos#15.1.0 lang/swift#6.0", "aws-sdk-swift", "1.0.9", "yes"},
	{"example-worker/1.0 rusoto/0.47.0 rust/1.60.0 linux", "rusoto", "0.47.0", "yes"},
	{"mountpoint-s3/1.10.0 mountpoint-s3-client/0.11.0 ec2/m5.large", "mountpoint-s3", "1.10.0", "yes"},
	{"mountpoint-s3-client/0.11.0", "mountpoint-s3-client", "0.11.0", "yes"},
	{"s3fs/1.95 (commit hash 1a2b3c4; OpenSSL)", "s3fs", "1.95", "yes"},
	{"s3fs/1.78", "s3fs", "1.78", "no"},
	{"Cyberduck/4.5.2 (Mac OS X/10.9.4) (i386)", "cyberduck", "4.5.2", "no"},
	{"Cyberduck/8.7.1.40770 (Windows 11/10.0) (amd64)", "cyberduck", "8.7.1.40770", "unknown"},
	{"vertica-v9.2.1-3", "vertica", "9.2.1-3", "unknown"},
	{"git-annex/10.20240430-g5b36e6b", "git-annex", "10.20240430-g5b36e6b", "unknown"},
	{"s3curl 2.0", "s3curl", "2.0", "unknown"},
	{"curl/8.5.0", "curl", "8.5.0", "unknown"},
	{"curl/7.29.0 (x86_64-redhat-linux-gnu) libcurl/7.29.0 NSS/3.44 zlib/1.2.7", "curl", "7.29.0", "unknown"},
	{"Wget/1.21.4 (linux-gnu)", "wget", "1.21.4", "unknown"},
	{"python-requests/2.32.3", "python-requests", "2.32.3", "unknown"},
	{"Python-urllib/3.12", "python-urllib", "3.12", "unknown"},
	{"PostmanRuntime/7.42.0", "postmanruntime", "7.42.0", "unknown"},
	{"duckdb/v1.3.2(linux_arm64) python/3.13", "duckdb", "1.3.2", "yes"},
	{"object_store/0.11.1", "object_store", "0.11.1", "yes"},
	{"ClickHouse/24.8.4.13", "clickhouse", "24.8.4.13", "unknown"},
	{"CRTS3NativeClient/0.1.x platform/linux", "crts3nativeclient", "0.1.x", "yes"},
	{"Python/3.11 aiohttp/3.10.5", "aiohttp", "3.10.5", "unknown"},
	{"aiohttp/3.10.5", "aiohttp", "3.10.5", "unknown"},
	{"Python/3.11 example/1.0", "other", "", "unknown"},
	{"Python/3.11", "other", "", "unknown"},
	{"APN/1.0 Veeam/1.0 Backup/12.1", "veeam", "12.1", "unknown"},
	{"APN/1.0 Veeam/1.0", "other", "", "unknown"},
	{"APN/1.0 Example/1.0 Backup/12.1", "other", "", "unknown"},
	{"S3 Browser/11.6.7 (https://s3browser.com)", "s3-browser", "11.6.7", "unknown"},
	{"S3 Example/11.6.7", "other", "", "unknown"},
	{"Helm/3.15.2", "helm", "3.15.2", "unknown"},
	{"HTTPie/3.2.2", "httpie", "3.2.2", "unknown"},

	// Names that anybody can invent, and broken ones.
	{"example-scanner/1.0", "other", "", "unknown"},
	{"example-scanner_6e2f9a34-0f54-4a83-9a63-0d8d0c4a0b7e", "other", "", "unknown"},
	{"VLC media player - version 1.0.9 (c) the team", "other", "", "unknown"},
	{"MobileSafari/605.1 CFNetwork/1410.0 Darwin/22.6.0", "other", "", "unknown"},
	{"linux64 example-toolkit dump.2.9.9 (phid=abc,libc=2.17)", "other", "", "unknown"},
	{"() { :;}; echo; curl/7.0", "other", "", "unknown"},
	{"curl/" + strings.Repeat("9", 33), "curl", "", "unknown"},
	{"aws-cli/1.\xff\xfe", "aws-cli", "", "unknown"},
	{strings.Repeat("(", 10_000), "other", "", "unknown"},
	{strings.Repeat("a/1", 10_000), "other", "", "unknown"},
	{"aws-cli", "aws-cli", "", "unknown"},
}

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
