package inflate

import (
	"bytes"
	"compress/gzip"
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// cloudTrail returns a log file of CloudTrail of about size bytes. What repeats from event to event in real files repeats
// (member names, ARNs, hosts, agents of a few programs), and what is each event's own is random.
func cloudTrail(seed uint64, size int) []byte {
	r := rand.New(rand.NewPCG(seed, 1))
	programs := make([]program, 12+r.IntN(30))
	for i := range programs {
		programs[i] = newProgram(r)
	}
	var b bytes.Buffer
	b.WriteString(`{"Records":[`)
	second := r.IntN(20000)
	for b.Len() < size {
		if b.Len() > 20 {
			b.WriteByte(',')
		}
		// some programs are far busier than others
		n := int(float64(len(programs)) * r.Float64() * r.Float64() * r.Float64())
		second += r.IntN(2)
		programs[n].event(&b, r, second)
	}
	b.WriteString(`]}`)
	return b.Bytes()
}

type program struct {
	account, role, session, key, bucket, agent, ip, prefix, region string
	operations                                                     []string
}

func newProgram(r *rand.Rand) program {
	pick := func(of ...string) string { return of[r.IntN(len(of))] }
	regions := []string{"us-east-1", "eu-west-1", "eu-central-1"}
	return program{
		account: fmt.Sprintf("%012d", r.Uint64N(1e12)),
		role:    pick("etl", "web", "ingest", "backup", "athena", "ci", "spark") + "-" + pick("prod", "dev", "stage") + fmt.Sprint("-role-", r.IntN(100)),
		session: pick("i-0", "botocore-session-1", "GitHubActions", "aws-sdk-java-") + fmt.Sprintf("%012x", r.Uint64N(1<<48)),
		key:     "ASIA" + upper(r, 16),
		bucket:  pick("data-lake", "assets", "uploads", "backups", "logs", "exports") + "-" + pick("raw", "curated", "tmp", "public") + fmt.Sprint("-", r.IntN(1000)),
		agent: pick("[aws-sdk-java/2.20.%d Linux/5.10.220-209.869.amzn2.x86_64 OpenJDK_64-Bit_Server_VM/17.0.12+7-LTS Java/17.0.12 vendor/Amazon.com_Inc. io/sync http/Apache cfg/retry-mode/legacy]",
			"[Boto3/1.34.%d md/Botocore#1.34.51 ua/2.0 os/linux#6.1.94-99.176.amzn2023.x86_64 md/arch#x86_64 lang/python#3.11.6 md/pyimpl#CPython cfg/retry-mode#legacy Botocore/1.34.51 Resource]",
			"[aws-cli/2.15.%d Python/3.11.8 Linux/6.1.94 exe/x86_64.amzn.2023 prompt/off command/s3.cp]", "[S3Console/0.4, aws-internal/3 aws-sdk-java/1.12.%d]"),
		ip:         fmt.Sprintf("10.%d.%d.%d", r.IntN(256), r.IntN(256), r.IntN(256)),
		prefix:     pick("year=2026/month=03/", "images/", "tables/orders/data/", "checkpoints/"),
		region:     regions[r.IntN(len(regions))],
		operations: [][]string{{"GetObject"}, {"GetObject", "HeadObject", "ListObjects"}, {"PutObject", "GetObject"}, {"PutObject", "UploadPart", "DeleteObject"}}[r.IntN(4)],
	}
}

func (p *program) event(b *bytes.Buffer, r *rand.Rand, second int) {
	op := p.operations[r.IntN(len(p.operations))]
	id := make([]byte, 56)
	for i := range id {
		id[i] = byte(r.Uint32())
	}
	key := fmt.Sprintf("%spart-%05d-%s.snappy.parquet", p.prefix, r.IntN(400), uuid(r))
	time := fmt.Sprintf("2026-03-04T%02d:%02d:%02dZ", second/3600%24, second/60%60, second%60)
	fmt.Fprintf(b, `{"eventVersion":"1.11","userIdentity":{"type":"AssumedRole","principalId":"AROAIDPPEZS35EXAMPLE:%s",`, p.session)
	fmt.Fprintf(b, `"arn":"arn:aws:sts::%s:assumed-role/%s/%s","accountId":"%s","accessKeyId":"%s","sessionContext":{`, p.account, p.role, p.session, p.account, p.key)
	fmt.Fprintf(b, `"sessionIssuer":{"type":"Role","principalId":"AROAIDPPEZS35EXAMPLE","arn":"arn:aws:iam::%s:role/%s","accountId":"%s","userName":"%s"},`, p.account, p.role, p.account, p.role)
	fmt.Fprintf(b, `"attributes":{"creationDate":"2026-03-04T0%d:13:57Z","mfaAuthenticated":"false"}}},"eventTime":"%s",`, r.IntN(4), time)
	fmt.Fprintf(b, `"eventSource":"s3.amazonaws.com","eventName":"%s","awsRegion":"%s","sourceIPAddress":"%s","userAgent":"%s",`, op, p.region, p.ip, fmt.Sprintf(p.agent, r.IntN(3)))
	if r.IntN(20) == 0 {
		b.WriteString(`"errorCode":"AccessDenied","errorMessage":"Access Denied",`)
	}
	fmt.Fprintf(b, `"requestParameters":{"bucketName":"%s","Host":"%s.s3.%s.amazonaws.com","key":"%s"},"responseElements":null,`, p.bucket, p.bucket, p.region, key)
	fmt.Fprintf(b, `"additionalEventData":{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":%d,"AuthenticationMethod":"AuthHeader",`, r.IntN(3)*r.IntN(100000))
	fmt.Fprintf(b, `"x-amz-id-2":"%s","bytesTransferredOut":%d},"requestID":"%s","eventID":"%s","readOnly":%t,`, base64.StdEncoding.EncodeToString(id), r.IntN(1<<20), upper(r, 16), uuid(r), op == "GetObject")
	fmt.Fprintf(b, `"resources":[{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::%s/%s"},{"accountId":"%s","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::%s"}],`, p.bucket, key, p.account, p.bucket)
	fmt.Fprintf(b, `"eventType":"AwsApiCall","managementEvent":false,"recipientAccountId":"%s","eventCategory":"Data",`, p.account)
	fmt.Fprintf(b, `"tlsDetails":{"tlsVersion":"TLSv1.3","cipherSuite":"TLS_AES_128_GCM_SHA256","clientProvidedHostHeader":"%s.s3.%s.amazonaws.com"}}`, p.bucket, p.region)
}

func upper(r *rand.Rand, n int) string {
	var b strings.Builder
	for range n {
		b.WriteByte("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"[r.IntN(36)])
	}
	return b.String()
}

func uuid(r *rand.Rand) string {
	return fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", r.Uint32(), r.IntN(1<<16), r.IntN(1<<12), r.IntN(1<<12), r.Uint64N(1<<48))
}

func gzipped(tb testing.TB, level int, plain []byte) []byte {
	tb.Helper()
	var b bytes.Buffer
	w, err := gzip.NewWriterLevel(&b, level)
	if err != nil {
		tb.Fatal(err)
	}
	_, _ = w.Write(plain)
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return b.Bytes()
}
