package classify

// Clients that the rules name.
const (
	clientBoto3      = "boto3"
	clientBotocore   = "botocore"
	clientLibs3      = "libs3"
	clientBrowser    = "browser"
	clientAWSConsole = "aws-console"
	clientAWSService = "aws-service"
	clientNone       = "none"
)

// signers are the products whose code signs requests, by lower-case name. One
// of them anywhere in a user agent is the client, whatever application is
// wrapped around it; the lower rank wins, then the first in the user agent.
var signers = map[string]int{
	"aws-cli":               1,
	"gsutil":                2, // over the boto that it brings
	"awspowershell":         3,
	"awspowershell.netcore": 3,
	"awspowershell.common":  3,
	"aws.tools":             3,
	clientBoto3:             4,
	clientBotocore:          5,

	"aws-sdk-java":                         6,
	"aws-sdk-js":                           6,
	"aws-sdk-nodejs":                       6,
	"aws-sdk-nodejs-v3-@aws-sdk/client-s3": 6,
	"aws-sdk-nodejs-v3-@aws-sdk/client-s3-control": 6,
	"aws-sdk-php":                6,
	"aws-sdk-php2":               6,
	"aws-sdk-ruby":               6,
	"aws-sdk-ruby2":              6,
	"aws-sdk-ruby3":              6,
	"aws-sdk-go":                 6,
	"aws-sdk-go-v2":              6,
	"aws-sdk-cpp":                6,
	"aws-sdk-rust":               6,
	"aws-sdk-kotlin":             6,
	"aws-sdk-swift":              6,
	"aws-sdk-ios":                6,
	"aws-sdk-android":            6,
	"aws-sdk-unity":              6,
	"aws-sdk-dotnet":             6,
	"aws-sdk-dotnet-35":          6,
	"aws-sdk-dotnet-45":          6,
	"aws-sdk-dotnet-coreclr":     6,
	"aws-sdk-dotnet-netstandard": 6,
	"aws-sdk-dotnet-pcl":         6,
	"aws-sdk-dotnet-xamarin":     6,
	"aws-sdk-dotnet-uwp":         6,
	"aws-sdk-dotnet-winrt":       6,

	"rusoto":               7,
	"minio-go":             8,
	"minio-js":             8,
	"minio-py":             8,
	"minio-java":           8,
	"minio-dotnet":         8,
	"minio-rs":             8,
	"boto":                 9,
	"jets3t":               10,
	"mountpoint-s3":        11,
	"mountpoint-s3-client": 12,
}

// products are the clients that count only where a user agent begins with them,
// by lower-case name. Anybody can invent a name, so what is not on a list is other.
var products = map[string]bool{
	// Clients of S3.
	"aws::s3":           true, // the gem aws-s3
	"clickhouse":        true,
	"crts3nativeclient": true, // of the AWS Common Runtime
	"cyberduck":         true,
	"duckdb":            true,
	"fog":               true,
	"fog-core":          true,
	"git-annex":         true,
	clientLibs3:         true,
	"object_store":      true, // of Rust: Polars, DataFusion, delta-rs
	"rclone":            true,
	"s3-browser":        true,
	"s3cmd":             true,
	"s3curl":            true,
	"s3fs":              true,
	"s3gof3r":           true,
	"veeam":             true,
	"vertica":           true,

	// HTTP clients, often with presigned URLs or without credentials.
	"aiohttp":            true,
	"apache-httpclient":  true,
	"axios":              true,
	"commons-httpclient": true,
	"curl":               true,
	"dalvik":             true,
	"go-http-client":     true,
	"guzzlehttp":         true,
	"helm":               true,
	"httpie":             true,
	"java":               true,
	"java-http-client":   true,
	"libwww-perl":        true,
	"node-fetch":         true,
	"okhttp":             true,
	"postmanruntime":     true,
	"python-httpx":       true,
	"python-requests":    true,
	"python-urllib":      true,
	"python-urllib3":     true,
	"ruby":               true,
	"wget":               true,
}

// awsHeads are the names with which AWS's own services begin a user agent, up
// to the first comma.
var awsHeads = map[string]bool{
	"AWS Internal":          true,
	"aws.internal":          true,
	"AWS_ATHENA":            true,
	"AWSCloudTrail":         true,
	"AWSConfig":             true,
	"AWS Auto Scaling":      true,
	"AWS Lambda Scheduler":  true,
	"AWS Redshift/Spectrum": true,
	"Amazon CloudFront":     true,
	"CloudTrail":            true,
	"SecurityHub":           true,
	"TrustedAdvisor":        true,
}
