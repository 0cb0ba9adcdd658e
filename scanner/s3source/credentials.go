package s3source

import (
	"context"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/s3access/s3_access_exporter/scanner/source"
)

// How often credentials are read anew at most. A refusal of what they allow may mean
// that their session was revoked, which IAM does by a policy, but means most often that
// it was never allowed.
const (
	renewRefused = time.Minute
	renewDenied  = 15 * time.Minute
)

// renewable is a provider of credentials that can be read anew before they expire: the
// SDK keeps what it has read of files for good, and a session's until it expires, whether
// or not it was revoked. Its methods may be called from many goroutines at once.
type renewable struct {
	load func(context.Context) (aws.CredentialsProvider, error)

	mu       sync.Mutex
	provider aws.CredentialsProvider // guarded by mu
	count    int                     // of renewals; guarded by mu
	last     time.Time               // renewal, also one that failed; guarded by mu
}

// newRenewable returns a provider like the one that was loaded with config.
func newRenewable(provider aws.CredentialsProvider, config Config) *renewable {
	return &renewable{provider: provider, load: func(ctx context.Context) (aws.CredentialsProvider, error) {
		sdk, err := loadSDK(ctx, config)
		return sdk.Credentials, err
	}}
}

// Retrieve implements aws.CredentialsProvider. It marks the provider's errors as what
// they are, for the SDK gives them no type of their own.
func (r *renewable) Retrieve(ctx context.Context) (aws.Credentials, error) {
	r.mu.Lock()
	provider := r.provider
	r.mu.Unlock()
	credentials, err := provider.Retrieve(ctx)
	if err != nil {
		return credentials, &credentialsError{err}
	}
	return credentials, nil
}

// renewals returns how often the credentials were read anew.
func (r *renewable) renewals() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.count
}

// renew reads the credentials anew unless that was done within the time of every, and
// reports whether they are newer than those of the call that began after so many
// renewals.
func (r *renewable) renew(ctx context.Context, renewals int, every time.Duration) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.count > renewals {
		return true
	}
	if !r.last.IsZero() && time.Since(r.last) < every {
		return false
	}
	r.last = time.Now()
	provider, err := r.load(ctx)
	if err != nil {
		return false
	}
	r.provider = provider
	r.count++
	return true
}

// renewing calls a function that sends a request, and once more with new credentials if its
// error may be due to those that it was sent with.
func renewing[T any](ctx context.Context, s *Source, op string, call func() (T, error)) (T, error) {
	renewals := s.credentials.renewals()
	out, err := call()
	if err == nil {
		return out, nil
	}
	every := renewRefused
	switch reason(op, err) {
	case source.ReasonCredentials:
	case source.ReasonAccessDenied:
		every = renewDenied
	default:
		return out, err
	}
	if !s.credentials.renew(ctx, renewals, every) {
		return out, err
	}
	return call()
}
