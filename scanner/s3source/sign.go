package s3source

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// signer signs requests to S3. The SDK's signer keeps what it has derived from a secret
// until the day ends, and knows it by the ID of the access key alone. A secret that was
// changed while its ID stayed, as other stores than AWS allow, would not be used before
// midnight, so each secret has an SDK's signer of its own. Its methods may be called from
// many goroutines at once.
type signer struct {
	mu     sync.Mutex
	secret string     // guarded by mu
	sdk    *v4.Signer // of secret; guarded by mu
}

// SignHTTP implements s3.HTTPSignerV4.
func (s *signer) SignHTTP(ctx context.Context, credentials aws.Credentials, r *http.Request, payloadHash, service, region string,
	at time.Time, options ...func(*v4.SignerOptions),
) error {
	return s.of(credentials.SecretAccessKey).SignHTTP(ctx, credentials, r, payloadHash, service, region, at, options...)
}

func (s *signer) of(secret string) *v4.Signer {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.sdk == nil || s.secret != secret {
		s.secret = secret
		s.sdk = v4.NewSigner(func(o *v4.SignerOptions) {
			o.DisableURIPathEscaping = true // keys are escaped once, see S3's page on signing
		})
	}
	return s.sdk
}
