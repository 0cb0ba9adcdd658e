package accesslog

import (
	"bytes"
	"slices"

	"github.com/s3access/s3_access_exporter/scanner/internal/access"
)

// decodeKey returns a key as S3 knows it: logged itself, or in the Decoder's
// buffer.
//
// S3 form-encodes the keys that it logs (a space is a plus sign, a plus sign is
// %2B), and for requests, whose operations begin with REST, SOAP or WEBSITE, it
// percent-encodes the outcome once more: the key `a b+c` is logged as
// a%2Bb%252Bc. For the deletions of a batch and for S3's own work (lifecycle
// rules and the like), BATCH and S3, it encodes once: a+b%2Bc. AWS documents
// none of this; see "Idiosyncrasy in key encoding" in
// https://engineeringblog.yelp.com/2025/09/s3-server-access-logs-at-scale.html.
// The records of a copy's source, REST.COPY.OBJECT_GET, are taken as encoded
// twice like those of other requests.
//
// So one logged text is different keys under different operations, which the
// text itself does not show: the key `a%2Bb` is a%25252Bb in a request's record
// and a%252Bb in a batch's. A percent sign that no two hex digits follow stands
// for itself.
func (d *Decoder) decodeKey(operation, logged []byte) []byte {
	if bytes.IndexByte(logged, '%') < 0 && bytes.IndexByte(logged, '+') < 0 {
		return logged
	}
	encoded := logged
	if !hasPrefix(operation, "BATCH.") && !access.IsOwnWork(operation) {
		d.key = unescape(d.key[:0], encoded, '+')
		encoded = d.key
	}
	d.key = unescape(d.key[:0], encoded, ' ')
	return d.key
}

// unescape appends src to dst with its percent-encoding undone, and plus for
// each plus sign. dst may be the start of src: it never overtakes.
func unescape(dst, src []byte, plus byte) []byte {
	dst = slices.Grow(dst, len(src))
	out := dst[len(dst) : len(dst)+len(src)]
	n := 0
	for i := 0; i < len(src); i++ {
		c := src[i]
		switch {
		case c == '+':
			c = plus
		case c == '%' && i+2 < len(src):
			high, ok1 := unhex(src[i+1])
			low, ok2 := unhex(src[i+2])
			if ok1 && ok2 {
				c = high<<4 | low
				i += 2
			}
		}
		out[n] = c
		n++
	}
	return dst[:len(dst)+n]
}

// unhex returns the value of a hex digit.
func unhex(c byte) (value byte, ok bool) {
	switch {
	case '0' <= c && c <= '9':
		return c - '0', true
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10, true
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10, true
	}
	return 0, false
}
