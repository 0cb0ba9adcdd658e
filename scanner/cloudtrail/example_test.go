package cloudtrail_test

import (
	"errors"
	"fmt"
	"strings"

	"github.com/s3access/s3_access_exporter/scanner/cloudtrail"
)

const object = `{"Records": [
	{"eventVersion": "1.11", "eventTime": "2026-11-14T09:15:27Z", "eventSource": "s3.amazonaws.com", "eventName": "GetObject",
	 "awsRegion": "eu-west-1", "sourceIPAddress": "192.0.2.10", "userAgent": "[aws-cli/2.18.0]",
	 "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/backup", "accountId": "111122223333"},
	 "requestParameters": {"bucketName": "example-bucket", "key": "caf\u00e9.txt"},
	 "additionalEventData": {"SignatureVersion": "SigV4", "AuthenticationMethod": "AuthHeader", "bytesTransferredOut": 5.0}},
	{"eventVersion": "1.11", "eventTime": "2026-11-14T09:15:28Z", "eventSource": "kms.amazonaws.com", "eventName": "Decrypt"}
]}`

func ExampleDecoder() {
	d := cloudtrail.NewDecoder(strings.NewReader(object))
	for d.Next() {
		r := d.Record()
		fmt.Printf("%s s3://%s/%s by %s with %s, %s, %d bytes\n",
			r.Operation, r.Bucket, r.Key, r.Requester, r.UserAgent, r.Signature, r.SentBytes)
	}
	fmt.Println(d.Err(), d.Skipped().NotS3)
	// Output:
	// GetObject s3://example-bucket/café.txt by arn:aws:iam::111122223333:user/backup with aws-cli/2.18.0, SigV4, 5 bytes
	// <nil> 1
}

// An object that was cut off is an error, at the place where it ends.
func ExampleSyntaxError() {
	d := cloudtrail.NewDecoder(strings.NewReader(object[:600]))
	for d.Next() {
	}
	var syntax *cloudtrail.SyntaxError
	fmt.Println(errors.As(d.Err(), &syntax), d.Err())
	// Output:
	// true invalid JSON at byte 600: unexpected end
}
