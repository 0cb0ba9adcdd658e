package fleet

import "slices"

// kind is what an actor is to AWS, and so how the logs name it.
type kind int

const (
	user       kind = iota // an IAM user
	root                   // an account's root user
	role                   // a session of an assumed role
	foreign                // a user of another account than the bucket's
	anonymous              // without credentials
	refused                // with credentials that S3 does not accept
	service                // an AWS service that acts for itself
	ownWork                // S3 itself: lifecycle rules
	originUser             // CloudFront's origin access identity
)

// identity is who makes a request.
type identity struct {
	kind    kind
	account string
	// name of the user, role, service or origin access identity.
	name string
	// session is the pattern of the names of a role's sessions: # stands for a
	// number.
	session string
	// invokedBy is the AWS service that a role asked to make the request.
	invokedBy string
}

// client is a program as it calls itself.
type client struct {
	name, version string // as the exporter's labels show it
	userAgent     string // empty if it sends none
}

// endpoint is the form in which a client addresses a bucket.
type endpoint int

const (
	regional    endpoint = iota // BUCKET.s3.REGION.amazonaws.com
	global                      // BUCKET.s3.amazonaws.com
	pathStyle                   // s3.amazonaws.com/BUCKET
	website                     // BUCKET.s3-website-REGION.amazonaws.com
	multiRegion                 // ALIAS.mrap.accesspoint.s3-global.amazonaws.com
)

// actor is somebody who uses buckets. Where a field is a list, every element is
// as likely as the others.
type actor struct {
	weight    int // the actor's share in all scripts
	identity  identity
	network   string // the pattern of its addresses, as of sessions; empty if the log shows none
	clients   []client
	signature string // SigV2, SigV4, SigV4A or none
	auth      string // AuthHeader, QueryString, HtmlForm or none
	endpoint  endpoint
	tls       string // TLS version; empty: TLSv1.3; noTLS: plain HTTP
	acl       bool   // an ACL is what allows its requests
	buckets   []*bucket
	scripts   []script
	answers   []answer
	probes    []string // raw query strings that a scanner sends
}

const noTLS = "none"

var (
	healthy  = []answer{success, success, success, success, success, success, success, success, success, success, notFound, slowDown}
	watched  = []answer{success, success, success, success, success, success, forbidden, notFound}
	visited  = []answer{success, success, success, notModified, notModified, notFound}
	scanned  = []answer{forbidden}
	rejected = []answer{badSignature, badKey, badClock}
)

var (
	browsers = []client{
		{"browser", "", "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"},
		{"browser", "", "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36"},
		{"browser", "", "Mozilla/5.0 (iPhone; CPU iPhone OS 18_7 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/26.0 Mobile/15E148 Safari/604.1"},
	}
	downloaders = []client{
		{"curl", "8.5.0", "curl/8.5.0"},
		{"wget", "1.21.4", "Wget/1.21.4"},
		{"python-requests", "2.32.3", "python-requests/2.32.3"},
		{"go-http-client", "2.0", "Go-http-client/2.0"},
	}
	scanners = []client{
		{"browser", "", `Mozilla/5.0 (compatible; "bucket" finder)"`},
		{"other", "", `() { :;}; echo; echo "found"`},
		{"other", "", `"><svg onload=alert(1)>" - - SigV2`},
		{"other", "", "bucket-finder-3f1c/0.9"},
		{"curl", "7.29.0", "curl/7.29.0"},
	}
	goSDK    = client{"aws-sdk-go-v2", "1.47.6", "aws-sdk-go-v2/1.47.6 ua/2.1 os/linux lang/go#1.26.0 md/GOOS#linux md/GOARCH#amd64 api/s3#1.114.7 m/E,Z"}
	boto3    = client{"boto3", "1.42.4", "Boto3/1.42.4 md/Botocore#1.42.4 ua/2.1 os/linux#6.8.0-1021-aws md/arch#x86_64 lang/python#3.13.9 md/pyimpl#CPython m/b,Z cfg/retry-mode#standard Botocore/1.42.4"}
	newCLI   = client{"aws-cli", "2.31.30", "aws-cli/2.31.30 md/awscrt#0.28.4 ua/2.1 os/linux#6.8.0 md/arch#x86_64 lang/python#3.13.9 md/pyimpl#CPython m/E,b cfg/retry-mode#standard md/installer#exe md/command#s3.cp"}
	javaSDK  = client{"aws-sdk-java", "2.38.7", "aws-sdk-java/2.38.7 md/io#sync md/http#Apache ua/2.1 os/Linux#6.8.0 lang/java#21.0.9 md/OpenJDK_64-Bit_Server_VM#21.0.9+10 api/S3#2.38.x m/D"}
	noneSent = client{name: "none"}
)

// actors are all who use the fleet's buckets.
var actors = []actor{
	// The present: applications and people with current clients.
	{
		weight: 20, identity: identity{kind: role, account: shop, name: "web-shop", session: "i-0a1b2c3d4e5f#"},
		network: "198.51.100.#", clients: []client{goSDK, javaSDK}, signature: "SigV4", auth: "AuthHeader",
		buckets: []*bucket{assets, media}, scripts: []script{read, read, read, ranged, look, write, list}, answers: healthy,
	},
	{
		weight: 8, identity: identity{kind: role, account: shop, name: "thumbnailer", session: "make-thumbnails"},
		network: "2001:db8:1::#", signature: "SigV4", auth: "AuthHeader",
		clients: []client{{"aws-sdk-js", "3.937.0", "aws-sdk-js/3.937.0 ua/2.1 os/linux#5.10 lang/js md/nodejs#22.20.0 api/s3#3.937.0 exec-env/AWS_Lambda_nodejs22.x m/E"}},
		buckets: []*bucket{media}, scripts: []script{read, write, write, tag}, answers: healthy,
	},
	{
		weight: 12, identity: identity{kind: role, account: research, name: "etl", session: "job-#"},
		network: "203.0.113.#", clients: []client{boto3, javaSDK}, signature: "SigV4", auth: "AuthHeader",
		buckets: []*bucket{lake, reports, events}, scripts: []script{read, read, list, write, multipart, duplicate, purge}, answers: healthy,
	},
	{
		weight: 4, identity: identity{kind: role, account: research, name: "training", session: "node-#"},
		network: "2001:db8:2::#", signature: "SigV4", auth: "AuthHeader",
		clients: []client{
			{"mountpoint-s3", "1.20.0", "mountpoint-s3/1.20.0 ua/2.1 os/linux#6.8 md/arch#aarch64"},
			{"aws-sdk-rust", "1.3.10", "aws-sdk-rust/1.3.10 ua/2.1 api/s3/1.112.0 os/linux lang/rust/1.91.0"},
		},
		buckets: []*bucket{lake}, scripts: []script{ranged, ranged, look, list}, answers: healthy,
	},
	{
		weight: 4, identity: identity{kind: user, account: research, name: "alice"},
		network: "192.0.2.#", clients: []client{newCLI}, signature: "SigV4", auth: "AuthHeader",
		buckets: []*bucket{lake, backups, assets, events}, scripts: []script{read, write, list, locate, remove, purge}, answers: watched,
	},
	{
		weight: 3, identity: identity{kind: user, account: research, name: "offsite-sync"},
		network: "192.0.2.#", signature: "SigV4", auth: "AuthHeader",
		clients: []client{
			{"rclone", "1.71.2", "rclone/v1.71.2"},
			{"minio-go", "7.0.97", "MinIO (linux; amd64) minio-go/v7.0.97"},
		},
		buckets: []*bucket{backups}, scripts: []script{look, list, multipart, write}, answers: healthy,
	},
	{
		weight: 2, identity: identity{kind: user, account: shop, name: "bob@example.com"},
		network: "192.0.2.#", signature: "SigV4", auth: "AuthHeader",
		clients: []client{{"aws-console", "", "S3Console/0.4, aws-internal/3 aws-sdk-java/1.12.792 Linux/5.10 OpenJDK_64-Bit_Server_VM/25.472 java/1.8.0_472"}},
		buckets: []*bucket{assets, media}, scripts: []script{list, locate, remove}, answers: watched,
	},
	{
		weight: 2, identity: identity{kind: role, account: shop, name: "edge-site", session: "edge-#"},
		network: "203.0.113.#", clients: []client{javaSDK}, signature: "SigV4A", auth: "AuthHeader", endpoint: multiRegion,
		buckets: []*bucket{assets}, scripts: []script{read, look}, answers: healthy,
	},
	{
		weight: 3, identity: identity{kind: foreign, account: partner, name: "importer"},
		network: "203.0.113.#", clients: []client{boto3, newCLI}, signature: "SigV4", auth: "AuthHeader", acl: true,
		buckets: []*bucket{reports}, scripts: []script{read, list}, answers: watched,
	},

	// The past: clients that sign with version 2 by default, and those that are configured to.
	{
		weight: 3, identity: identity{kind: user, account: research, name: "nightly-backup"},
		network: "192.0.2.#", signature: "SigV2", auth: "AuthHeader", endpoint: global, tls: "TLSv1",
		clients: []client{
			{"aws-cli", "1.10.67", "aws-cli/1.10.67 Python/2.7.12 Linux/4.4.0-57-generic botocore/1.4.57"},
			{"aws-cli", "1.11.107", "aws-cli/1.11.107 Python/2.7.9 Linux/3.16.0-4-amd64 botocore/1.5.70"},
		},
		buckets: []*bucket{backups}, scripts: []script{write, list, look}, answers: healthy,
	},
	{
		weight: 2, identity: identity{kind: user, account: research, name: "sensor-import"},
		network: "198.51.100.#", signature: "SigV2", auth: "AuthHeader", endpoint: global, tls: "TLSv1.1",
		clients: []client{
			{"boto", "2.49.0", "Boto/2.49.0 Python/2.7.18 Linux/4.15.0-213-generic"},
			{"boto3", "1.4.3", "Boto3/1.4.3 Python/3.5.2 Linux/4.4.0-57-generic Botocore/1.5.0"},
			{"aws-sdk-java", "1.7.4", "Hadoop 2.7.3, aws-sdk-java/1.7.4 Linux/4.4.0 OpenJDK_64-Bit_Server_VM/25.111-b14/1.8.0_111"},
		},
		buckets: []*bucket{lake}, scripts: []script{read, write, list}, answers: healthy,
	},
	{
		weight: 2, identity: identity{kind: user, account: shop, name: "cms"},
		network: "198.51.100.#", signature: "SigV2", auth: "AuthHeader", endpoint: pathStyle,
		clients: []client{
			{"aws-sdk-nodejs", "2.45.0", "aws-sdk-nodejs/2.45.0 linux/v6.17.1"},
			{"aws-sdk-php2", "2.8.31", "aws-sdk-php2/2.8.31 Guzzle/3.9.3 curl/7.47.0 PHP/7.0.33"},
		},
		buckets: []*bucket{assets}, scripts: []script{read, write, look, remove}, answers: healthy,
	},
	{
		weight: 2, identity: identity{kind: root, account: research},
		network: "192.0.2.#", clients: []client{noneSent}, signature: "SigV2", auth: "AuthHeader", endpoint: global, acl: true,
		buckets: []*bucket{backups, events}, scripts: []script{write, list, remove, soap}, answers: healthy,
	},
	{
		weight: 2, identity: identity{kind: user, account: shop, name: "ci"},
		network: "198.51.100.#", signature: "SigV4", auth: "AuthHeader",
		clients: []client{
			{"aws-cli", "1.11.108", "aws-cli/1.11.108 Python/2.7.12 Linux/4.4.0-1128-aws botocore/1.5.71"},
			{"gsutil", "4.50", "Boto/2.49.0 Python/2.7.18 Linux/4.15.0 gsutil/4.50 (linux)"},
		},
		buckets: []*bucket{assets}, scripts: []script{write, list}, answers: healthy,
	},

	// Presigned URLs and forms: the client is the downloader's, not the signer's.
	{
		weight: 4, identity: identity{kind: user, account: shop, name: "cms"},
		network: "198.51.100.#", clients: slices.Concat(downloaders, browsers), signature: "SigV2", auth: "QueryString", endpoint: global,
		buckets: []*bucket{media}, scripts: []script{read}, answers: visited,
	},
	{
		weight: 5, identity: identity{kind: role, account: shop, name: "web-shop", session: "i-0a1b2c3d4e5f#"},
		network: "2001:db8:3::#", clients: browsers, signature: "SigV4", auth: "QueryString",
		buckets: []*bucket{media}, scripts: []script{read, ranged, write}, answers: visited,
	},
	{
		weight: 2, identity: identity{kind: user, account: shop, name: "cms"},
		network: "2001:db8:3::#", clients: browsers, signature: "SigV4", auth: "HtmlForm",
		buckets: []*bucket{media}, scripts: []script{post}, answers: healthy,
	},

	// Without credentials, or with false ones.
	{
		weight: 8, identity: identity{kind: anonymous},
		network: "203.0.113.#", clients: browsers, signature: "none", auth: "none", endpoint: website, tls: noTLS, // websites have no other
		buckets: []*bucket{assets}, scripts: []script{visit}, answers: visited,
	},
	{
		weight: 3, identity: identity{kind: anonymous},
		network: "2001:db8:4::#", clients: downloaders, signature: "none", auth: "none", endpoint: regional,
		buckets: []*bucket{assets, media}, scripts: []script{read, look}, answers: visited,
	},
	{
		weight: 3, identity: identity{kind: anonymous},
		network: "192.0.2.#", clients: scanners, signature: "none", auth: "none", endpoint: pathStyle, tls: noTLS,
		buckets: buckets, scripts: []script{read, list, look, write}, answers: scanned,
		probes: []string{`s="><script>alert("s3")</script>`, `page=../../etc/passwd&x="`, `content=<?php%20echo%20"x";?>`, "acl"},
	},
	{
		weight: 2, identity: identity{kind: refused},
		network: "192.0.2.#", clients: []client{newCLI, boto3}, signature: "SigV4", auth: "AuthHeader",
		buckets: []*bucket{backups, assets}, scripts: []script{read, list, write}, answers: rejected,
	},

	// AWS itself.
	{
		weight: 3, identity: identity{kind: originUser, account: "cloudfront", name: "CloudFront Origin Access Identity E2EXAMPLE1ABCD"},
		network: "203.0.113.#", clients: []client{{"aws-service", "", "Amazon CloudFront"}}, signature: "SigV4", auth: "AuthHeader",
		buckets: []*bucket{assets}, scripts: []script{read}, answers: visited,
	},
	{
		weight:   2,
		identity: identity{kind: role, account: research, name: "analysts", session: "carol", invokedBy: "athena.amazonaws.com"},
		network:  "203.0.113.#", signature: "SigV4", auth: "AuthHeader",
		clients: []client{{"aws-service", "", "AWS_ATHENA, aws-sdk-java/1.12.792 Linux/5.10 OpenJDK_64-Bit_Server_VM/25.472, presto"}},
		buckets: []*bucket{lake}, scripts: []script{ranged, list}, answers: healthy,
	},
	{
		weight: 1, identity: identity{kind: service, name: "delivery.logs.amazonaws.com"},
		clients: []client{noneSent}, signature: "SigV4", auth: "AuthHeader",
		buckets: []*bucket{lake}, scripts: []script{write}, answers: []answer{success},
	},
	{
		weight: 1, identity: identity{kind: service, name: "cloudtrail.amazonaws.com"},
		clients: []client{noneSent}, signature: "SigV4", auth: "AuthHeader",
		buckets: []*bucket{reports, assets}, scripts: []script{permit}, answers: []answer{success},
	},
	{
		weight: 1, identity: identity{kind: ownWork, name: "AmazonS3"},
		clients: []client{noneSent}, signature: "none", auth: "none",
		buckets: []*bucket{backups, lake}, scripts: []script{expire}, answers: []answer{success},
	},
}
