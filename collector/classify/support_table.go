package classify

// lifecycleRead is the day on which the pages were read that lifecycles is of. A test fails
// when it is older than a year: then read them again.
const lifecycleRead = "2026-11-30"

// phase is a step in a client's lifecycle: from this version on, up to the next step, it is
// in this phase.
type phase struct {
	version string
	support Support
}

// lifecycles is each client's phase by its version, as on the day lifecycleRead. The source
// is AWS's page "AWS SDKs and Tools version lifecycle",
// https://docs.aws.amazon.com/sdkref/latest/guide/version-support-matrix.html, with the dates
// of AWS's announcements beside each entry. Clients that are not AWS's are not there.
var lifecycles = map[string][]phase{
	// Version 1 in maintenance since 2026-08-05, ends on 2027-07-15.
	"aws-cli":  {{"0", SupportMaintenance}, {"2", SupportCurrent}},
	"boto":     {{"0", SupportEnded}},
	"boto3":    {{"0", SupportUnknown}, {"1", SupportCurrent}},
	"botocore": {{"0", SupportUnknown}, {"1", SupportCurrent}},

	// Version 1 ended on 2025-12-31.
	"aws-sdk-java": {{"0", SupportEnded}, {"2", SupportCurrent}},
	// Version 1 ended on 2025-07-31. Version 2 has a token of its own.
	"aws-sdk-go":    {{"0", SupportEnded}},
	"aws-sdk-go-v2": {{"0", SupportUnknown}, {"1", SupportCurrent}},
	// Version 2 ended on 2025-09-08.
	"aws-sdk-nodejs":                               {{"0", SupportEnded}, {"3", SupportCurrent}},
	"aws-sdk-js":                                   {{"0", SupportEnded}, {"3", SupportCurrent}},
	"aws-sdk-nodejs-v3-@aws-sdk/client-s3":         {{"0", SupportCurrent}},
	"aws-sdk-nodejs-v3-@aws-sdk/client-s3-control": {{"0", SupportCurrent}},

	// Version 1 ended on 2021-04-01, 2 on 2021-05-01, 3 on 2026-06-01.
	"aws-sdk-dotnet":             {{"0", SupportEnded}, {"4", SupportCurrent}},
	"aws-sdk-dotnet-35":          {{"0", SupportEnded}, {"4", SupportCurrent}},
	"aws-sdk-dotnet-45":          {{"0", SupportEnded}, {"4", SupportCurrent}},
	"aws-sdk-dotnet-coreclr":     {{"0", SupportEnded}, {"4", SupportCurrent}},
	"aws-sdk-dotnet-netstandard": {{"0", SupportEnded}, {"4", SupportCurrent}},
	"aws-sdk-dotnet-pcl":         {{"0", SupportEnded}},
	"aws-sdk-dotnet-xamarin":     {{"0", SupportEnded}},
	"aws-sdk-dotnet-uwp":         {{"0", SupportEnded}},
	"aws-sdk-dotnet-winrt":       {{"0", SupportEnded}},
	// Version 4 ended on 2026-06-01.
	"awspowershell":         {{"0", SupportEnded}, {"5", SupportCurrent}},
	"awspowershell.netcore": {{"0", SupportEnded}, {"5", SupportCurrent}},
	"awspowershell.common":  {{"0", SupportEnded}, {"5", SupportCurrent}},
	"aws.tools":             {{"0", SupportEnded}, {"5", SupportCurrent}},

	"aws-sdk-php":    {{"0", SupportEnded}, {"3", SupportCurrent}},
	"aws-sdk-php2":   {{"0", SupportEnded}},
	"aws-sdk-ruby":   {{"0", SupportEnded}},
	"aws-sdk-ruby2":  {{"0", SupportEnded}},
	"aws-sdk-ruby3":  {{"0", SupportCurrent}},
	"aws-sdk-cpp":    {{"0", SupportUnknown}, {"1", SupportCurrent}},
	"aws-sdk-rust":   {{"0", SupportUnknown}, {"1", SupportCurrent}},
	"aws-sdk-kotlin": {{"0", SupportUnknown}, {"1", SupportCurrent}},
	"aws-sdk-swift":  {{"0", SupportUnknown}, {"1", SupportCurrent}},
}

// runtimes are the names by which user agents have the language that a client runs on.
var runtimes = map[string]bool{
	"python": true, "java": true, "nodejs": true, "node.js": true, "ruby": true, "php": true, "rust": true, "kotlin": true,
	"swift": true, "go": true,
}
