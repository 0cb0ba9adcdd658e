package accesslog_test

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/s3access/s3_access_exporter/scanner/accesslog"
)

const object = `0a1b2c3d example-bucket [14/Nov/2026:09:15:27 +0000] 192.0.2.10 - 79A5B3C1D2E4F607 REST.GET.OBJECT a%252Bb.txt "GET /a%2Bb.txt HTTP/1.1" 200 - 5 5 3 2 "-" "curl/8.5.0 "quoted"" - aG9zdA== - TLS_AES_128_GCM_SHA256 - example-bucket.s3.eu-west-1.amazonaws.com TLSv1.3 - - -
this line cannot be understood
0a1b2c3d example-bucket [14/Nov/2026:09:15:28 +0000] 192.0.2.10 arn:aws:iam::111122223333:user/backup 79A5B3C1D2E4F608 REST.PUT.OBJECT b.txt "PUT /b.txt HTTP/1.1" 200 - - 700 3 2 "-" "aws-cli/1.10.1" - aG9zdA== SigV2 TLS_AES_128_GCM_SHA256 AuthHeader example-bucket.s3.eu-west-1.amazonaws.com TLSv1.3 - - -
`

func ExampleDecoder() {
	d := accesslog.NewDecoder(strings.NewReader(object))
	for d.Next() {
		r := d.Record()
		fmt.Printf("%s %s key=%q agent=%q %s anonymous=%t received=%d\n",
			r.Operation, r.SourceIP, r.Key, r.UserAgent, r.Signature, r.Anonymous, r.ReceivedBytes)
	}
	fmt.Println(d.Err(), d.Skipped().Malformed, d.Skipped().First)
	// Output:
	// REST.GET.OBJECT 192.0.2.10 key="a+b.txt" agent="curl/8.5.0 \"quoted\"" none anonymous=true received=-1
	// REST.PUT.OBJECT 192.0.2.10 key="b.txt" agent="aws-cli/1.10.1" SigV2 anonymous=false received=700
	// <nil> 1 malformed record 2 at byte 271: time
}

// What cannot be asked for need not be decoded.
func ExampleDecoder_Prefilter() {
	d := accesslog.NewDecoder(strings.NewReader(object))
	d.Prefilter(func(line []byte) bool { return bytes.Contains(line, []byte("SigV2")) })
	for d.Next() {
		fmt.Printf("%s %s\n", d.Record().Requester, d.Record().Signature)
	}
	// Output:
	// arn:aws:iam::111122223333:user/backup SigV2
}
