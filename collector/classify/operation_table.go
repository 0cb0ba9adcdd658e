package classify

// actions maps operations as logged to the names of S3's API today. An entry
// with one name serves buckets and objects alike.
//
// The server access log's operations are in the user guide only by pattern
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/LogFormat.html), so the
// table holds those that logs show. CloudTrail's events have the names of the
// API, save the ones at the end
// (https://docs.aws.amazon.com/AmazonS3/latest/userguide/cloudtrail-logging-s3-info.html).
//
// Missing on purpose, so that they keep their logged name: sub-records that are
// no request of their own (REST.COPY.OBJECT_GET, REST.COPY.PART_GET) and S3's
// own work (S3.EXPIRE.OBJECT).
var actions = map[string]action{
	// Objects.
	"REST.GET.OBJECT":               {bucket: "GetObject"},
	"REST.HEAD.OBJECT":              {bucket: "HeadObject"},
	"REST.PUT.OBJECT":               {bucket: "PutObject"},
	"REST.POST.OBJECT":              {bucket: "PostObject"},
	"REST.DELETE.OBJECT":            {bucket: "DeleteObject"},
	"REST.COPY.OBJECT":              {bucket: "CopyObject"},
	"REST.POST.MULTI_OBJECT_DELETE": {bucket: "DeleteObjects"},
	"REST.POST.DELETE_MULTI_OBJECT": {bucket: "DeleteObjects"}, // Ceph
	"REST.OPTIONS.PREFLIGHT":        {bucket: "PreflightRequest"},
	"REST.POST.RESTORE":             {bucket: "RestoreObject"},
	"REST.POST.OBJECT_RESTORE":      {bucket: "RestoreObject"},
	"REST.SELECT.CONTENT":           {bucket: "SelectObjectContent"},
	"REST.SELECT.OBJECT_CONTENT":    {bucket: "SelectObjectContent"},
	"REST.GET.OBJECT_ATTRIBUTES":    {bucket: "GetObjectAttributes"},
	"REST.GET.ATTRIBUTES":           {bucket: "GetObjectAttributes"},
	"REST.GET.TORRENT":              {bucket: "GetObjectTorrent"},
	"REST.GET.OBJECT_TORRENT":       {bucket: "GetObjectTorrent"},
	"WEBSITE.GET.OBJECT":            {bucket: "GetObject"},
	"WEBSITE.HEAD.OBJECT":           {bucket: "HeadObject"},
	"BATCH.DELETE.OBJECT":           {bucket: "DeleteObject"},

	// Multipart uploads.
	"REST.POST.UPLOADS":  {bucket: "CreateMultipartUpload"},
	"REST.PUT.PART":      {bucket: "UploadPart"},
	"REST.COPY.PART":     {bucket: "UploadPartCopy"},
	"REST.POST.UPLOAD":   {bucket: "CompleteMultipartUpload"},
	"REST.DELETE.UPLOAD": {bucket: "AbortMultipartUpload"},
	"REST.GET.UPLOAD":    {bucket: "ListParts"},
	"REST.GET.UPLOADS":   {bucket: "ListMultipartUploads"},

	// What buckets and objects both have.
	"REST.GET.ACL":               {"GetBucketAcl", "GetObjectAcl"},
	"REST.PUT.ACL":               {"PutBucketAcl", "PutObjectAcl"},
	"REST.GET.TAGGING":           {"GetBucketTagging", "GetObjectTagging"},
	"REST.PUT.TAGGING":           {"PutBucketTagging", "PutObjectTagging"},
	"REST.DELETE.TAGGING":        {"DeleteBucketTagging", "DeleteObjectTagging"},
	"REST.GET.OBJECT_TAGGING":    {bucket: "GetObjectTagging"},
	"REST.PUT.OBJECT_TAGGING":    {bucket: "PutObjectTagging"},
	"REST.DELETE.OBJECT_TAGGING": {bucket: "DeleteObjectTagging"},

	// Object Lock.
	"REST.GET.OBJECT_LOCK_CONFIGURATION": {bucket: "GetObjectLockConfiguration"},
	"REST.PUT.OBJECT_LOCK_CONFIGURATION": {bucket: "PutObjectLockConfiguration"},
	"REST.GET.LEGAL_HOLD":                {bucket: "GetObjectLegalHold"},
	"REST.PUT.LEGAL_HOLD":                {bucket: "PutObjectLegalHold"},
	"REST.GET.OBJECT_LEGAL_HOLD":         {bucket: "GetObjectLegalHold"},
	"REST.PUT.OBJECT_LEGAL_HOLD":         {bucket: "PutObjectLegalHold"},
	"REST.GET.OBJECT_LOCK_LEGALHOLD":     {bucket: "GetObjectLegalHold"},
	"REST.PUT.OBJECT_LOCK_LEGALHOLD":     {bucket: "PutObjectLegalHold"},
	"REST.GET.RETENTION":                 {bucket: "GetObjectRetention"},
	"REST.PUT.RETENTION":                 {bucket: "PutObjectRetention"},
	"REST.GET.OBJECT_RETENTION":          {bucket: "GetObjectRetention"},
	"REST.PUT.OBJECT_RETENTION":          {bucket: "PutObjectRetention"},
	"REST.GET.OBJECT_LOCK_RETENTION":     {bucket: "GetObjectRetention"},
	"REST.PUT.OBJECT_LOCK_RETENTION":     {bucket: "PutObjectRetention"},

	// Buckets.
	"REST.GET.SERVICE":        {bucket: "ListBuckets"},
	"REST.GET.BUCKET":         {bucket: "ListObjects"},
	"REST.GET.BUCKETVERSIONS": {bucket: "ListObjectVersions"},
	"REST.HEAD.BUCKET":        {bucket: "HeadBucket"},
	"REST.PUT.BUCKET":         {bucket: "CreateBucket"},
	"REST.DELETE.BUCKET":      {bucket: "DeleteBucket"},
	"REST.GET.LOCATION":       {bucket: "GetBucketLocation"},

	// A bucket's configuration.
	"REST.GET.ACCELERATE":             {bucket: "GetBucketAccelerateConfiguration"},
	"REST.PUT.ACCELERATE":             {bucket: "PutBucketAccelerateConfiguration"},
	"REST.GET.ANALYTICS":              {bucket: "GetBucketAnalyticsConfiguration"},
	"REST.PUT.ANALYTICS":              {bucket: "PutBucketAnalyticsConfiguration"},
	"REST.DELETE.ANALYTICS":           {bucket: "DeleteBucketAnalyticsConfiguration"},
	"REST.GET.BUCKETPOLICY":           {bucket: "GetBucketPolicy"},
	"REST.PUT.BUCKETPOLICY":           {bucket: "PutBucketPolicy"},
	"REST.DELETE.BUCKETPOLICY":        {bucket: "DeleteBucketPolicy"},
	"REST.GET.POLICY_STATUS":          {bucket: "GetBucketPolicyStatus"},
	"REST.GET.CORS":                   {bucket: "GetBucketCors"},
	"REST.PUT.CORS":                   {bucket: "PutBucketCors"},
	"REST.DELETE.CORS":                {bucket: "DeleteBucketCors"},
	"REST.GET.ENCRYPTION":             {bucket: "GetBucketEncryption"},
	"REST.PUT.ENCRYPTION":             {bucket: "PutBucketEncryption"},
	"REST.DELETE.ENCRYPTION":          {bucket: "DeleteBucketEncryption"},
	"REST.GET.INTELLIGENT_TIERING":    {bucket: "GetBucketIntelligentTieringConfiguration"},
	"REST.PUT.INTELLIGENT_TIERING":    {bucket: "PutBucketIntelligentTieringConfiguration"},
	"REST.DELETE.INTELLIGENT_TIERING": {bucket: "DeleteBucketIntelligentTieringConfiguration"},
	"REST.GET.INVENTORY":              {bucket: "GetBucketInventoryConfiguration"},
	"REST.PUT.INVENTORY":              {bucket: "PutBucketInventoryConfiguration"},
	"REST.DELETE.INVENTORY":           {bucket: "DeleteBucketInventoryConfiguration"},
	"REST.GET.LIFECYCLE":              {bucket: "GetBucketLifecycleConfiguration"},
	"REST.PUT.LIFECYCLE":              {bucket: "PutBucketLifecycleConfiguration"},
	"REST.DELETE.LIFECYCLE":           {bucket: "DeleteBucketLifecycle"},
	"REST.GET.LOGGING_STATUS":         {bucket: "GetBucketLogging"},
	"REST.PUT.LOGGING_STATUS":         {bucket: "PutBucketLogging"},
	"REST.GET.METRICS":                {bucket: "GetBucketMetricsConfiguration"},
	"REST.PUT.METRICS":                {bucket: "PutBucketMetricsConfiguration"},
	"REST.DELETE.METRICS":             {bucket: "DeleteBucketMetricsConfiguration"},
	"REST.GET.NOTIFICATION":           {bucket: "GetBucketNotificationConfiguration"},
	"REST.PUT.NOTIFICATION":           {bucket: "PutBucketNotificationConfiguration"},
	"REST.GET.OWNERSHIP_CONTROLS":     {bucket: "GetBucketOwnershipControls"},
	"REST.PUT.OWNERSHIP_CONTROLS":     {bucket: "PutBucketOwnershipControls"},
	"REST.DELETE.OWNERSHIP_CONTROLS":  {bucket: "DeleteBucketOwnershipControls"},
	"REST.GET.PUBLIC_ACCESS_BLOCK":    {bucket: "GetPublicAccessBlock"},
	"REST.PUT.PUBLIC_ACCESS_BLOCK":    {bucket: "PutPublicAccessBlock"},
	"REST.DELETE.PUBLIC_ACCESS_BLOCK": {bucket: "DeletePublicAccessBlock"},
	"REST.GET.REPLICATION":            {bucket: "GetBucketReplication"},
	"REST.PUT.REPLICATION":            {bucket: "PutBucketReplication"},
	"REST.DELETE.REPLICATION":         {bucket: "DeleteBucketReplication"},
	"REST.GET.REQUEST_PAYMENT":        {bucket: "GetBucketRequestPayment"},
	"REST.PUT.REQUEST_PAYMENT":        {bucket: "PutBucketRequestPayment"},
	"REST.GET.VERSIONING":             {bucket: "GetBucketVersioning"},
	"REST.PUT.VERSIONING":             {bucket: "PutBucketVersioning"},
	"REST.GET.WEBSITE":                {bucket: "GetBucketWebsite"},
	"REST.PUT.WEBSITE":                {bucket: "PutBucketWebsite"},
	"REST.DELETE.WEBSITE":             {bucket: "DeleteBucketWebsite"},

	// SOAP's own names. SOAP.VERB.RESOURCE is looked up as REST.VERB.RESOURCE.
	"SOAP.ListAllMyBuckets":             {bucket: "ListBuckets"},
	"SOAP.CreateBucket":                 {bucket: "CreateBucket"},
	"SOAP.DeleteBucket":                 {bucket: "DeleteBucket"},
	"SOAP.ListBucket":                   {bucket: "ListObjects"},
	"SOAP.GetObject":                    {bucket: "GetObject"},
	"SOAP.GetObjectExtended":            {bucket: "GetObject"},
	"SOAP.PutObject":                    {bucket: "PutObject"},
	"SOAP.PutObjectInline":              {bucket: "PutObject"},
	"SOAP.CopyObject":                   {bucket: "CopyObject"},
	"SOAP.DeleteObject":                 {bucket: "DeleteObject"},
	"SOAP.GetBucketAccessControlPolicy": {bucket: "GetBucketAcl"},
	"SOAP.SetBucketAccessControlPolicy": {bucket: "PutBucketAcl"},
	"SOAP.GetObjectAccessControlPolicy": {bucket: "GetObjectAcl"},
	"SOAP.SetObjectAccessControlPolicy": {bucket: "PutObjectAcl"},
	"SOAP.GetBucketLoggingStatus":       {bucket: "GetBucketLogging"},
	"SOAP.SetBucketLoggingStatus":       {bucket: "PutBucketLogging"},

	// CloudTrail's names that differ from the API's, and ListObjects' second version, for which the
	// server access log has the same name as for the first.
	"ListObjectsV2":                    {bucket: "ListObjects"},
	"GetAccelerateConfiguration":       {bucket: "GetBucketAccelerateConfiguration"},
	"PutAccelerateConfiguration":       {bucket: "PutBucketAccelerateConfiguration"},
	"GetBucketLifecycle":               {bucket: "GetBucketLifecycleConfiguration"},
	"PutBucketLifecycle":               {bucket: "PutBucketLifecycleConfiguration"},
	"GetBucketNotification":            {bucket: "GetBucketNotificationConfiguration"},
	"PutBucketNotification":            {bucket: "PutBucketNotificationConfiguration"},
	"GetBucketObjectLockConfiguration": {bucket: "GetObjectLockConfiguration"},
	"PutBucketObjectLockConfiguration": {bucket: "PutObjectLockConfiguration"},
	"GetBucketPublicAccessBlock":       {bucket: "GetPublicAccessBlock"},
	"PutBucketPublicAccessBlock":       {bucket: "PutPublicAccessBlock"},
	"DeleteBucketPublicAccessBlock":    {bucket: "DeletePublicAccessBlock"},
}
