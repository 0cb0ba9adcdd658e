package fleet

import "strings"

// The accounts of the simulated companies.
const (
	shop     = "111122223333" // owns buckets
	research = "444455556666" // owns buckets
	partner  = "777788889999" // reads a bucket of research
)

// canonicalIDs are the canonical user IDs of the accounts.
var canonicalIDs = map[string]string{
	shop:     strings.Repeat("5a0ac1d2", 8),
	research: strings.Repeat("e3b70f94", 8),
	partner:  strings.Repeat("08d4c6be", 8),
}

// layout is the way in which an object's key is built.
type layout int

const (
	simple          layout = iota // PREFIX2006-01-02-15-04-05-UNIQUE
	byDelivery                    // partitioned, by the time of delivery
	byEvent                       // partitioned, by the day of the requests
	organisationLog               // CloudTrail, of an organisation's trail
	inJSON                        // server access log in JSON, below folders of hours
)

// bucket is a bucket of the fleet and how its requests are logged. All of them
// are in Regions that still accept Signature Version 2.
type bucket struct {
	name, account, region string
	layout                layout   // of its server access log
	prefix                string   // of its server access log, as configured
	keys                  []string // patterns: # stands for a number
	size                  float64  // the median of an object's bytes
}

var (
	assets = &bucket{
		name: "example-assets", account: shop, region: "us-east-1", layout: simple, prefix: "access/assets/", size: 18e3,
		keys: []string{"css/site-#.css", "js/app.#.js", "images/product #.jpg", "fonts/face-#.woff2"},
	}
	media = &bucket{
		name: "example-media", account: shop, region: "eu-west-1", layout: simple, prefix: "media", size: 900e3,
		keys: []string{"uploads/#.jpg", "videos/clip+#.mp4", "invoices/Rechnung Nr. # für Köln.pdf"},
	}
	lake = &bucket{
		name: "example-lake", account: research, region: "us-east-1", layout: byDelivery, prefix: "partitioned/", size: 4e6,
		keys: []string{"raw/dt=2026-11-20/part-#.parquet", "curated/table/part-#.orc"},
	}
	backups = &bucket{
		name: "example-backups", account: research, region: "eu-west-1", layout: byDelivery, prefix: "partitioned/", size: 60e6,
		keys: []string{"daily/host-#/etc.tar.gz", "daily/host-#/home.tar.zst", "100% full/db #.dump"},
	}
	reports = &bucket{
		name: "example-reports", account: research, region: "eu-west-1", layout: byEvent, prefix: "by-event/", size: 120e3,
		keys: []string{"2026/week-#.csv", "2026/summary \"#\".json"},
	}
	events = &bucket{
		name: "example-events", account: research, region: "us-east-1", layout: inJSON, prefix: "json/", size: 40e3,
		keys: []string{"2026/batch-#.json", "2026/a+b \"#\".json", "replay/Köln #.json"},
	}
	buckets = []*bucket{assets, media, lake, backups, reports, events}
)

// action is one request of S3's API, or a record that S3 writes besides.
type action struct {
	operation  string // as the exporter's label shows it
	logged     string // in the server access log; empty if it stands there not
	trailed    bool   // stands in CloudTrail
	method     string
	query      string // behind the key or bucket in the target
	onBucket   bool   // names no key
	status     int    // of success; 0 if there is none
	body       body
	sub        bool // a record of the request before it, whose ID it shares
	otherKey   bool // on a key of its own
	management bool // about a bucket's settings, which CloudTrail logs apart
}

// body is what a request moves.
type body int

const (
	nothing  body = iota
	download      // the object goes to the client
	upload        // the object comes from the client
	document      // S3 answers with XML
)

// script is what an actor does in one go. Its actions are on one key if
// not set otherwise.
type script []action

var (
	read      = script{{operation: "GetObject", logged: "REST.GET.OBJECT", trailed: true, method: "GET", status: 200, body: download}}
	ranged    = script{{operation: "GetObject", logged: "REST.GET.OBJECT", trailed: true, method: "GET", status: 206, body: download}}
	visit     = script{{operation: "GetObject", logged: "WEBSITE.GET.OBJECT", trailed: true, method: "GET", status: 200, body: download}}
	look      = script{{operation: "HeadObject", logged: "REST.HEAD.OBJECT", trailed: true, method: "HEAD", status: 200}}
	write     = script{{operation: "PutObject", logged: "REST.PUT.OBJECT", trailed: true, method: "PUT", status: 200, body: upload}}
	tag       = script{{operation: "PutObjectTagging", logged: "REST.PUT.OBJECT_TAGGING", trailed: true, method: "PUT", query: "tagging", status: 200}}
	remove    = script{{operation: "DeleteObject", logged: "REST.DELETE.OBJECT", trailed: true, method: "DELETE", status: 204}}
	soap      = script{{operation: "GetObject", logged: "SOAP.GET.OBJECT", method: "GET", status: 200, body: download}}
	post      = script{{operation: "PostObject", logged: "REST.POST.OBJECT", trailed: true, method: "POST", status: 204, body: upload}}
	list      = script{{operation: "ListObjects", logged: "REST.GET.BUCKET", trailed: true, method: "GET", query: "list-type=2", onBucket: true, status: 200, body: document}}
	locate    = script{{operation: "GetBucketLocation", logged: "REST.GET.LOCATION", trailed: true, method: "GET", query: "location", onBucket: true, management: true, status: 200, body: document}}
	permit    = script{{operation: "GetBucketAcl", trailed: true, onBucket: true, management: true, status: 200, body: document}}
	expire    = script{{operation: "S3.EXPIRE.OBJECT", logged: "S3.EXPIRE.OBJECT"}}
	duplicate = script{
		{operation: "CopyObject", logged: "REST.COPY.OBJECT", trailed: true, method: "PUT", status: 200, body: document},
		{operation: "REST.COPY.OBJECT_GET", logged: "REST.COPY.OBJECT_GET", status: 200, sub: true},
	}
	purge = script{
		{operation: "DeleteObjects", logged: "REST.POST.MULTI_OBJECT_DELETE", trailed: true, method: "POST", query: "delete", onBucket: true, status: 200, body: document},
		batchDelete, batchDelete, batchDelete,
	}
	batchDelete = action{operation: "DeleteObject", logged: "BATCH.DELETE.OBJECT", status: 204, sub: true, otherKey: true}
	multipart   = script{
		{operation: "CreateMultipartUpload", logged: "REST.POST.UPLOADS", trailed: true, method: "POST", query: "uploads", status: 200, body: document},
		uploadPart, uploadPart, uploadPart,
		{operation: "CompleteMultipartUpload", logged: "REST.POST.UPLOAD", trailed: true, method: "POST", query: "uploadId=EXAMPLE", status: 200, body: document},
	}
	uploadPart = action{operation: "UploadPart", logged: "REST.PUT.PART", trailed: true, method: "PUT", query: "partNumber=1&uploadId=EXAMPLE", status: 200, body: upload}
)

// answer is how S3 answers, if not with the action's own success.
type answer struct {
	status  int
	code    string // S3's error code; empty if there is none
	message string // CloudTrail's, for the code
	reads   bool   // for requests that read an object only
}

var (
	success      = answer{}
	notModified  = answer{status: 304, reads: true}
	notFound     = answer{status: 404, code: "NoSuchKey", message: "The specified key does not exist.", reads: true}
	slowDown     = answer{status: 503, code: "SlowDown", message: "Please reduce your request rate."}
	forbidden    = answer{status: 403, code: "AccessDenied", message: "Access Denied"}
	badSignature = answer{status: 403, code: "SignatureDoesNotMatch"}
	badKey       = answer{status: 403, code: "InvalidAccessKeyId"}
	badClock     = answer{status: 403, code: "RequestTimeTooSkewed"}
)
