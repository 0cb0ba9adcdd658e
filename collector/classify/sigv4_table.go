package classify

// sigv4Defaults is each client's history of its default signature version, for
// ordinary requests in the Regions that take both versions, by rising version.
// Clients that are not here give no evidence. Where AWS's own table ("Moving
// from Signature Version 2 to Signature Version 4", S3 user guide) and a
// project's source disagree, the versions between the two are unknown.
var sigv4Defaults = map[string][]since{
	// AWS's tools. The AWS CLI pins botocore: 1.11.108 has 1.5.71, whose
	// changelog reads "All S3 requests will now use SigV4 by default".
	"aws-cli":  {{"0", VerdictNo}, {"1.11.108", VerdictYes}},
	"botocore": {{"0", VerdictNo}, {"1.5.71", VerdictYes}},
	// Without botocore's version: 1.4.4 and 1.4.5 run with one of either side.
	"boto3": {{"0", VerdictNo}, {"1.4.4", VerdictUnknown}, {"1.4.6", VerdictYes}},
	"boto":  {{"0", VerdictNo}},

	// Java: by its release notes from 1.11.0, by AWS's table from 1.11.201.
	"aws-sdk-java":    {{"0", VerdictNo}, {"1.11.0", VerdictUnknown}, {"1.11.201", VerdictYes}},
	"aws-sdk-android": {{"0", VerdictNo}, {"2.2.11", VerdictUnknown}, {"2.4.0", VerdictYes}},
	"aws-sdk-ios":     {{"0", VerdictNo}, {"2.0.0", VerdictYes}},

	// .NET: by its changelog from 3.3.5.0, by AWS's table from 3.3.0.0. Version
	// 4 has no Signature Version 2, so that flavours that never had it by
	// default end there.
	"aws-sdk-dotnet-35":          {{"0", VerdictNo}, {"3.3.0.0", VerdictUnknown}, {"3.3.5.0", VerdictYes}},
	"aws-sdk-dotnet-45":          {{"0", VerdictNo}, {"3.3.0.0", VerdictUnknown}, {"3.3.5.0", VerdictYes}},
	"aws-sdk-dotnet-coreclr":     {{"0", VerdictNo}, {"3.3.0.0", VerdictUnknown}, {"3.3.5.0", VerdictYes}},
	"aws-sdk-dotnet-netstandard": {{"0", VerdictNo}, {"3.3.0.0", VerdictUnknown}, {"3.3.5.0", VerdictYes}},
	"aws-sdk-dotnet":             {{"0", VerdictNo}, {"4", VerdictYes}},
	"aws-sdk-dotnet-pcl":         {{"0", VerdictNo}},
	"aws-sdk-dotnet-xamarin":     {{"0", VerdictNo}},
	"aws-sdk-dotnet-uwp":         {{"0", VerdictNo}},
	"aws-sdk-dotnet-winrt":       {{"0", VerdictNo}},
	"aws-sdk-unity":              {{"0", VerdictNo}},
	"awspowershell":              {{"0", VerdictNo}, {"3.3.0.0", VerdictYes}},
	"awspowershell.netcore":      {{"0", VerdictNo}, {"3.3.0.0", VerdictYes}},
	"awspowershell.common":       {{"0", VerdictNo}, {"3.3.0.0", VerdictYes}},
	"aws.tools":                  {{"0", VerdictNo}, {"3.3.0.0", VerdictYes}},

	// JavaScript: 2.4.0 switched, 2.4.12 reverted, 2.68.0 switched for good.
	"aws-sdk-nodejs": {
		{"0", VerdictNo}, {"2.4.0", VerdictYes}, {"2.4.12", VerdictNo}, {"2.68.0", VerdictYes},
	},
	"aws-sdk-js": {
		{"0", VerdictNo}, {"2.4.0", VerdictYes}, {"2.4.12", VerdictNo}, {"2.68.0", VerdictYes},
	},
	"aws-sdk-nodejs-v3-@aws-sdk/client-s3":         {{"0", VerdictYes}},
	"aws-sdk-nodejs-v3-@aws-sdk/client-s3-control": {{"0", VerdictYes}},

	// PHP: versions 1 and 3 share a token.
	"aws-sdk-php":  {{"0", VerdictNo}, {"3.0.0", VerdictYes}},
	"aws-sdk-php2": {{"0", VerdictNo}},
	// Ruby: version 2 has a token of its own, but AWS's pages show it under the
	// first one too.
	"aws-sdk-ruby":  {{"0", VerdictNo}, {"2.2.0", VerdictUnknown}},
	"aws-sdk-ruby2": {{"0", VerdictNo}, {"2.2.0", VerdictYes}},
	"aws-sdk-ruby3": {{"0", VerdictYes}},

	// Never had Signature Version 2.
	"aws-sdk-go":           {{"0", VerdictYes}},
	"aws-sdk-go-v2":        {{"0", VerdictYes}},
	"aws-sdk-cpp":          {{"0", VerdictYes}},
	"aws-sdk-rust":         {{"0", VerdictYes}},
	"aws-sdk-kotlin":       {{"0", VerdictYes}},
	"aws-sdk-swift":        {{"0", VerdictYes}},
	"crts3nativeclient":    {{"0", VerdictYes}},
	"mountpoint-s3":        {{"0", VerdictYes}},
	"mountpoint-s3-client": {{"0", VerdictYes}},
	"rusoto":               {{"0", VerdictYes}},

	// Other people's clients, by their changelogs or by trying them.
	"s3fs":   {{"0", VerdictNo}, {"1.79", VerdictYes}},
	"rclone": {{"0", VerdictNo}, {"1.18", VerdictYes}},
	// 4.6 can; whether it does depends on its connection profile.
	"cyberduck": {{"0", VerdictNo}, {"4.6", VerdictUnknown}},
	"jets3t":    {{"0", VerdictNo}},
	"minio-go":  {{"0", VerdictNo}, {"1.0.0", VerdictYes}},
	"minio-js":  {{"0", VerdictUnknown}, {"8.0.7", VerdictYes}},
	// Their first commits that sign, of 2015 and in Rust of 2019, do so with Version 4,
	// and none of their sources has any other.
	"minio-py":     {{"0", VerdictYes}},
	"minio-java":   {{"0", VerdictYes}},
	"minio-dotnet": {{"0", VerdictYes}},
	"minio-rs":     {{"0", VerdictYes}},
	// Neither has had any other signature: extension httpfs, crate object_store.
	"duckdb":       {{"0", VerdictYes}},
	"object_store": {{"0", VerdictYes}},
	"gsutil":       {{"0", VerdictNo}, {"4.50", VerdictYes}},
	// 2.0 does not, 4.x (in WinSCP) does.
	"libs3":    {{"0", VerdictNo}, {"3.0", VerdictUnknown}, {"4.0", VerdictYes}},
	"fog":      {{"0", VerdictNo}, {"1.26.0", VerdictYes}},
	"fog-core": {{"0", VerdictUnknown}, {"2.3.0", VerdictYes}},
	"aws::s3":  {{"0", VerdictNo}},
}
