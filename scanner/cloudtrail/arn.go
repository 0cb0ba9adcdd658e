package cloudtrail

import "bytes"

// splitARN returns the bucket and the key that an ARN of S3 names, as far as it
// names them:
//
//	arn:aws:s3:::BUCKET/KEY
//	arn:aws:s3:REGION:ACCOUNT:accesspoint/NAME/object/KEY, also of s3express and s3-object-lambda
//	arn:aws:s3express:REGION:ACCOUNT:bucket/BUCKET/KEY, or without bucket/
//	arn:aws:s3tables:REGION:ACCOUNT:bucket/BUCKET/table/ID
//	arn:aws:s3-outposts:REGION:ACCOUNT:outpost/ID/bucket/BUCKET/object/KEY
//
// See https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
// and its neighbours for S3 Express, Outposts and Tables.
func splitARN(arn []byte) (bucket, key []byte) {
	resource := arn
	var service, account []byte
	for i := range 5 {
		part, rest, found := bytes.Cut(resource, []byte(":"))
		if !found {
			return nil, nil
		}
		switch i {
		case 2:
			service = part
		case 4:
			account = part
		}
		resource = rest
	}
	switch {
	case string(service) == "s3-outposts":
		_, resource, _ = bytes.Cut(resource, []byte("/bucket/"))
		bucket, key, _ = bytes.Cut(resource, []byte("/object/"))
	case string(service) == "s3tables":
		bucket, _, _ = bytes.Cut(bytes.TrimPrefix(resource, []byte("bucket/")), []byte("/"))
	case len(account) > 0 && (string(service) == "s3" || bytes.HasPrefix(resource, []byte("accesspoint/"))):
		_, key, _ = bytes.Cut(resource, []byte("/object/"))
	default:
		if string(service) == "s3express" {
			resource = bytes.TrimPrefix(resource, []byte("bucket/"))
		}
		bucket, key, _ = bytes.Cut(resource, []byte("/"))
	}
	return bucket, key
}
