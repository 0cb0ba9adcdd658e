package record_test

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/s3access/s3_access_exporter/scanner/accesslog"
	"github.com/s3access/s3_access_exporter/scanner/cloudtrail"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// countSigV2 counts the requests of a log object that are signed with Signature
// Version 2. It is the same for every format.
func countSigV2(d record.Decoder, object io.Reader) (n int, err error) {
	d.Reset(object)
	for d.Next() {
		if d.Record().Signature == record.SigV2 {
			n++
		}
	}
	return n, d.Err()
}

func ExampleDecoder() {
	lines := `0a1b2c3d example-bucket [14/Nov/2026:09:15:27 +0000] 192.0.2.10 arn:aws:iam::111122223333:user/backup 79A5B3C1D2E4F607 REST.GET.OBJECT a.txt "GET /a.txt HTTP/1.1" 200 - 5 5 3 2 "-" "aws-cli/1.10.1" - aG9zdA== SigV2 TLS_AES_128_GCM_SHA256 AuthHeader example-bucket.s3.eu-west-1.amazonaws.com TLSv1.3 - - -
0a1b2c3d example-bucket [14/Nov/2026:09:15:28 +0000] 192.0.2.10 arn:aws:iam::111122223333:user/backup 79A5B3C1D2E4F608 REST.GET.OBJECT b.txt "GET /b.txt HTTP/1.1" 200 - 5 5 3 2 "-" "aws-cli/2.18.0" - aG9zdA== SigV4 TLS_AES_128_GCM_SHA256 AuthHeader example-bucket.s3.eu-west-1.amazonaws.com TLSv1.3 - - -
`
	events := `{"Records": [{"eventVersion": "1.11", "eventTime": "2026-11-14T09:15:27Z", "eventSource": "s3.amazonaws.com",
		"eventName": "GetObject", "additionalEventData": {"SignatureVersion": "SigV2"}}]}`
	page := "<html>\nSign in to go on\n</html>\n"

	fmt.Println(countSigV2(accesslog.NewDecoder(nil), strings.NewReader(lines)))
	fmt.Println(countSigV2(cloudtrail.NewDecoder(nil), strings.NewReader(events)))
	_, err := countSigV2(accesslog.NewDecoder(nil), strings.NewReader(page))
	fmt.Println(errors.Is(err, record.ErrNotLog))
	// Output:
	// 1 <nil>
	// 1 <nil>
	// true
}
