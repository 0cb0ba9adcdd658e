package source

import "context"

// PageSize is how many keys S3 lists at most in one request, which it bills as one.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
const PageSize = 1000

// Walk lists the objects below prefix that sort after from, and calls visit with
// each until visit returns false. Where visit returns a string to go on from,
// the keys up to it are passed over: what the page at hand has of them for free,
// the rest by a new request. So the number of requests depends on how many runs
// of keys there are, not on how many keys.
func Walk(ctx context.Context, src Source, prefix, from string, visit func(Object) (goOn string, more bool)) error {
	for {
		again, n := false, 0
		for obj, err := range src.List(ctx, prefix, from) {
			if err != nil {
				return err
			}
			if obj.Key > from {
				goOn, more := visit(obj)
				if !more {
					return nil
				}
				from = max(from, goOn)
			}
			if n++; from > obj.Key && n%PageSize == 0 {
				again = true
				break
			}
		}
		if !again {
			return nil
		}
	}
}
