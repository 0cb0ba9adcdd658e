package collector

// sigv4Defaults is each client's history of its default signature version, for
// ordinary requests in the Regions that take both versions, by rising version.
// Clients that are not here give no evidence. Where AWS's own table ("Moving
// from Signature Version 2 to Signature Version 4", S3 user guide) and a
// project's source disagree, the versions between the two are unknown.
var sigv4Defaults = map[string][]since{
	// AWS's tools. The AWS CLI pins botocore: 1.11.108 has 1.5.71, whose
	// changelog says "All S3 requests will now use SigV4 by default".
	"aws-cli":  {{"0", verdictNo}, {"1.11.108", verdictYes}},
	"botocore": {{"0", verdictNo}, {"1.5.71", verdictYes}},
	// Without botocore's version: 1.4.4 and 1.4.5 run with one of either side.
	"boto3": {{"0", verdictNo}, {"1.4.4", verdictUnknown}, {"1.4.6", verdictYes}},
	"boto":  {{"0", verdictNo}},

	// Java: by its release notes from 1.11.0, by AWS's table from 1.11.201.
	"aws-sdk-java":    {{"0", verdictNo}, {"1.11.0", verdictUnknown}, {"1.11.201", verdictYes}},
	"aws-sdk-android": {{"0", verdictNo}, {"2.2.11", verdictUnknown}, {"2.4.0", verdictYes}},
	"aws-sdk-ios":     {{"0", verdictNo}, {"2.0.0", verdictYes}},

	// .NET: by its changelog from 3.3.5.0, by AWS's table from 3.3.0.0. Version
	// 4 has no Signature Version 2, so that flavours that never had it by
	// default end there.
	"aws-sdk-dotnet-35":          {{"0", verdictNo}, {"3.3.0.0", verdictUnknown}, {"3.3.5.0", verdictYes}},
	"aws-sdk-dotnet-45":          {{"0", verdictNo}, {"3.3.0.0", verdictUnknown}, {"3.3.5.0", verdictYes}},
	"aws-sdk-dotnet-coreclr":     {{"0", verdictNo}, {"3.3.0.0", verdictUnknown}, {"3.3.5.0", verdictYes}},
	"aws-sdk-dotnet-netstandard": {{"0", verdictNo}, {"3.3.0.0", verdictUnknown}, {"3.3.5.0", verdictYes}},
	"aws-sdk-dotnet":             {{"0", verdictNo}, {"4", verdictYes}},
	"aws-sdk-dotnet-pcl":         {{"0", verdictNo}},
	"aws-sdk-dotnet-xamarin":     {{"0", verdictNo}},
	"aws-sdk-dotnet-uwp":         {{"0", verdictNo}},
	"aws-sdk-dotnet-winrt":       {{"0", verdictNo}},
	"aws-sdk-unity":              {{"0", verdictNo}},
	"awspowershell":              {{"0", verdictNo}, {"3.3.0.0", verdictYes}},
	"awspowershell.netcore":      {{"0", verdictNo}, {"3.3.0.0", verdictYes}},
	"awspowershell.common":       {{"0", verdictNo}, {"3.3.0.0", verdictYes}},
	"aws.tools":                  {{"0", verdictNo}, {"3.3.0.0", verdictYes}},

	// JavaScript: 2.4.0 switched, 2.4.12 reverted, 2.68.0 switched for good.
	"aws-sdk-nodejs": {
		{"0", verdictNo}, {"2.4.0", verdictYes}, {"2.4.12", verdictNo}, {"2.68.0", verdictYes},
	},
	"aws-sdk-js": {
		{"0", verdictNo}, {"2.4.0", verdictYes}, {"2.4.12", verdictNo}, {"2.68.0", verdictYes},
	},
	"aws-sdk-nodejs-v3-@aws-sdk/client-s3":         {{"0", verdictYes}},
	"aws-sdk-nodejs-v3-@aws-sdk/client-s3-control": {{"0", verdictYes}},

	// PHP: versions 1 and 3 share a token.
	"aws-sdk-php":  {{"0", verdictNo}, {"3.0.0", verdictYes}},
	"aws-sdk-php2": {{"0", verdictNo}},
	// Ruby: version 2 has a token of its own, but AWS's pages show it under the
	// first one too.
	"aws-sdk-ruby":  {{"0", verdictNo}, {"2.2.0", verdictUnknown}},
	"aws-sdk-ruby2": {{"0", verdictNo}, {"2.2.0", verdictYes}},
	"aws-sdk-ruby3": {{"0", verdictYes}},

	// Never had Signature Version 2.
	"aws-sdk-go":           {{"0", verdictYes}},
	"aws-sdk-go-v2":        {{"0", verdictYes}},
	"aws-sdk-cpp":          {{"0", verdictYes}},
	"aws-sdk-rust":         {{"0", verdictYes}},
	"aws-sdk-kotlin":       {{"0", verdictYes}},
	"aws-sdk-swift":        {{"0", verdictYes}},
	"aws-crt":              {{"0", verdictYes}},
	"mountpoint-s3":        {{"0", verdictYes}},
	"mountpoint-s3-client": {{"0", verdictYes}},
	"rusoto":               {{"0", verdictYes}},

	// Other people's clients, by their changelogs or by trying them.
	"s3fs":   {{"0", verdictNo}, {"1.79", verdictYes}},
	"rclone": {{"0", verdictNo}, {"1.18", verdictYes}},
	// 4.6 can; whether it does is for its connection profile to say.
	"cyberduck": {{"0", verdictNo}, {"4.6", verdictUnknown}},
	"jets3t":    {{"0", verdictNo}},
	"minio-go":  {{"0", verdictNo}, {"1.0.0", verdictYes}},
	"minio-js":  {{"0", verdictUnknown}, {"8.0.7", verdictYes}},
	"gsutil":    {{"0", verdictNo}, {"4.50", verdictYes}},
	// 2.0 does not, 4.x (in WinSCP) does.
	"libs3":    {{"0", verdictNo}, {"3.0", verdictUnknown}, {"4.0", verdictYes}},
	"fog":      {{"0", verdictNo}, {"1.26.0", verdictYes}},
	"fog-core": {{"0", verdictUnknown}, {"2.3.0", verdictYes}},
	"aws::s3":  {{"0", verdictNo}},
}
