package classify_test

import (
	"fmt"

	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

func ExampleClassifier() {
	c := classify.NewClassifier(classify.Config{})
	class := c.Classify(&record.Record{
		Log:        record.ServerAccess,
		Bucket:     []byte("example-bucket"),
		Operation:  []byte("REST.GET.OBJECT"),
		Key:        []byte("a.txt"),
		Requester:  []byte("arn:aws:sts::111122223333:assumed-role/backup/i-0a1b2c3d4e5f60718"),
		SourceIP:   []byte("2001:DB8::0001"),
		UserAgent:  []byte("aws-cli/1.10.67 Python/2.7.12 Linux/4.4.0 botocore/1.4.57"),
		Signature:  record.SigV2,
		AuthMethod: record.AuthHeader,
		Host:       []byte("example-bucket.s3.eu-west-1.amazonaws.com"),
		Status:     200,
	})
	for _, label := range []classify.Label{
		classify.LabelOperation, classify.LabelRegion, classify.LabelRequester, classify.LabelSourceIP,
		classify.LabelClient, classify.LabelClientVersion, classify.LabelSigV4Default, classify.LabelOutcome,
	} {
		fmt.Printf("%s=%q\n", label, class.Labels[label])
	}
	fmt.Println(class.Traits.Has(classify.TraitSigV2), class.Traits.Has(classify.TraitAnonymous))
	// Output:
	// operation="GetObject"
	// aws_region="eu-west-1"
	// requester="arn:aws:sts::111122223333:assumed-role/backup"
	// source_ip="2001:db8::1"
	// client="aws-cli"
	// client_version="1.10.67"
	// sigv4_default="no"
	// outcome="success"
	// true false
}

// How much detail label values have is for the Config to choose.
func ExampleConfig() {
	source, err := classify.ParseSourceIPMode("24,64")
	if err != nil {
		panic(err)
	}
	c := classify.NewClassifier(classify.Config{
		Requester: classify.RequesterAccount, SourceIP: source, ClientVersion: classify.VersionMinor,
	})
	class := c.Classify(&record.Record{
		Requester: []byte("arn:aws:iam::111122223333:user/backup"), SourceIP: []byte("192.0.2.10"), UserAgent: []byte("Boto3/1.26.165"),
	})
	fmt.Println(class.Labels[classify.LabelRequester], class.Labels[classify.LabelSourceIP], class.Labels[classify.LabelClientVersion])
	// Output:
	// 111122223333 192.0.2.0/24 1.26
}

func ExampleSigV4Since() {
	for _, client := range []string{"aws-cli", "boto", "aws-sdk-go"} {
		version, ok := classify.SigV4Since(client)
		fmt.Printf("%s %q %t\n", client, version, ok)
	}
	// Output:
	// aws-cli "1.11.108" true
	// boto "" false
	// aws-sdk-go "0" true
}
