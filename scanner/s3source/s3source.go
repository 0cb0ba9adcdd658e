// Package s3source reads the objects of a bucket of Amazon S3, or of a store
// that speaks its protocol.
//
// A Source trusts no answer to be complete because it looks so: a listing whose
// keys are out of order, outside of what was asked for, or whose pages do not
// lead on ends in an error, and a body that is not as long as listed, of another ETag,
// or does not match the checksum that S3 keeps never ends in io.EOF. Nor does it trust
// an answer to be small, to come, or to come from the store: see maxAnswer, leastBytes
// and stayAtHost.
//
// Failed requests are tried again by the SDK in its adaptive mode, as often as
// AWS_MAX_ATTEMPTS says. Credentials that are refused, be it because they were revoked
// or replaced in their file, are read anew, at most once a minute, and the request is
// sent again. Errors are put in one line; the SDK's own are below
// them, for errors.As.
package s3source

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/s3access/s3_access_exporter/scanner/source"
)

// DefaultReadTimeout is the default of Config.ReadTimeout.
const DefaultReadTimeout = time.Minute

// Config says which bucket to read and how to get at it. Credentials come from
// the SDK's default chain: environment, shared files, web identity, container,
// instance.
type Config struct {
	// Bucket is the bucket's name. It is required.
	Bucket string
	// EndpointURL is where S3 is: http or https. Empty means AWS, or what the
	// environment says (AWS_ENDPOINT_URL). STS does not use it.
	EndpointURL string
	// Store is the name of a store that is not AWS, which tells its buckets from those
	// of other stores and must not change as long as what was read is remembered.
	// Empty means the endpoint's host. See Source.Store.
	Store string
	// Region is the bucket's. Empty means that S3 is asked for it with a
	// HeadBucket before the first request; at another endpoint than AWS's, it
	// means the environment's Region or else us-east-1.
	Region string
	// RoleARN is a role to assume. Empty means none.
	RoleARN string
	// ExternalID is sent when the role is assumed, as its trust policy may demand.
	// Empty means none.
	ExternalID string
	// PathStyle puts the bucket into the path of URLs instead of the host.
	PathStyle bool
	// ReadTimeout is how long an answer, or the next bytes of one, may take;
	// 0 means DefaultReadTimeout. What is read may take any time as long as bytes come.
	ReadTimeout time.Duration
	// Requests, if not nil, is called once for each HTTP request that is sent to
	// S3, retries included, with the operation's name: ListObjectsV2, GetObject,
	// HeadBucket. It must be safe for concurrent use.
	Requests func(operation string)
}

func (c Config) withDefaults() Config {
	if c.ReadTimeout == 0 {
		c.ReadTimeout = DefaultReadTimeout
	}
	if c.Requests == nil {
		c.Requests = func(string) {}
	}
	return c
}

func (c Config) validate() error {
	if c.Bucket == "" {
		return errors.New("the bucket's name is missing")
	}
	if c.ExternalID != "" && c.RoleARN == "" {
		return errors.New("an external ID is of use only with a role to assume")
	}
	if c.EndpointURL == "" {
		return nil
	}
	u, err := url.Parse(c.EndpointURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return notAnEndpoint(c.EndpointURL)
	}
	return nil
}

// notAnEndpoint is the error of a URL that is none. Of a user and password in it
// nothing is shown.
func notAnEndpoint(text string) error {
	if at := strings.LastIndexByte(text, '@'); at >= 0 {
		text = "…" + text[at:]
	}
	return fmt.Errorf("endpoint URL %q is not of the form http(s)://host[:port]", text)
}

// Source is a bucket as a source.Source.
type Source struct {
	config      Config
	sdk         aws.Config // its Credentials are not used
	credentials *renewable
	store       string // see Store
	throttled   atomic.Int64

	mu    sync.Mutex
	ready *s3.Client // nil until the bucket's Region is known
}

// New returns a Source for the bucket of config. It reads the SDK's environment
// and files but sends nothing: see Check.
func New(ctx context.Context, config Config) (*Source, error) {
	if err := config.validate(); err != nil {
		return nil, err
	}
	config = config.withDefaults()
	sdk, err := loadSDK(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("AWS configuration: %s", oneLine(err.Error()))
	}
	s := &Source{config: config, sdk: sdk, credentials: newRenewable(sdk.Credentials, config)}
	if s.store, err = s.storeName(ctx); err != nil {
		return nil, err
	}
	return s, nil
}

// Check lists a single key of prefix, to find out early whether the bucket can
// be listed. Its error is one line that says what to look after.
func (s *Source) Check(ctx context.Context, prefix string) error {
	l := listing{source: s, prefix: prefix, maxKeys: 1}
	_, err := l.page(ctx)
	if err == nil {
		return nil
	}
	err = failure(ctx, "list", prefix, err)
	return fmt.Errorf("bucket %s: %w%s", s.config.Bucket, err, advice(err))
}

// Throttled returns how often the store has asked for fewer requests so far, also where
// the SDK has tried them again.
func (s *Source) Throttled() int64 { return s.throttled.Load() }

// client returns the client for the bucket's Region.
func (s *Source) client(ctx context.Context) (*s3.Client, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ready != nil {
		return s.ready, nil
	}
	region := s.config.Region
	if region == "" {
		var err error
		if region, err = s.findRegion(ctx); err != nil {
			return nil, err
		}
	}
	s.ready = s.newClient(region, s.credentials)
	return s.ready, nil
}

// advice says what to do about an error of Check.
func advice(err error) string {
	if region := bucketRegion(err); region != "" {
		return "; the bucket is in Region " + region
	}
	var sourceErr *source.Error
	if !errors.As(err, &sourceErr) {
		return ""
	}
	switch sourceErr.Reason {
	case source.ReasonNoSuchBucket:
		return "; check the bucket's name and the endpoint"
	case source.ReasonAccessDenied:
		return "; check that s3:ListBucket is allowed on the bucket and this prefix"
	case source.ReasonRedirect:
		return "; check the endpoint"
	case source.ReasonCredentials:
		return "; check the credentials in the environment, the profile or the role"
	case source.ReasonNetwork, source.ReasonTimeout:
		return "; check the network and the endpoint"
	}
	return ""
}
