package classify

import (
	"testing"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// request returns a record of an ordinary download, changed by edit.
func request(edit ...func(*record.Record)) record.Record {
	var r record.Record
	r.Reset()
	r.Log = record.ServerAccess
	r.Time = 1795251600 // 2026-11-21 09:00:00 UTC
	r.AccountID = []byte("111122223333")
	r.Region = []byte("eu-west-1")
	r.Bucket = []byte("example-photos")
	r.Operation = []byte("REST.GET.OBJECT")
	r.Key = []byte("summer/beach.jpg")
	r.Requester = []byte("arn:aws:sts::444455556666:assumed-role/uploader/i-0a1b2c3d4e5f60718")
	r.SourceIP = []byte("192.0.2.17")
	r.UserAgent = []byte("aws-cli/1.11.90 Python/2.7.12 Linux/4.4.0 botocore/1.5.53")
	r.Signature = record.SigV4
	r.AuthMethod = record.AuthHeader
	r.Status = 200
	r.SentBytes = 1000
	r.Duration = 42
	r.RequestID = []byte("K2F4M6P8R0T2V4X6")
	for _, change := range edit {
		change(&r)
	}
	return r
}

func labelConfig(t *testing.T, requester, sourceIP, version string) Config {
	t.Helper()
	var config Config
	var err error
	if config.Requester, err = ParseRequesterMode(requester); err != nil {
		t.Fatal(err)
	}
	if config.SourceIP, err = ParseSourceIPMode(sourceIP); err != nil {
		t.Fatal(err)
	}
	if config.ClientVersion, err = ParseClientVersionMode(version); err != nil {
		t.Fatal(err)
	}
	return config
}
