package s3source

import (
	"cmp"
	"context"
	"errors"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/logging"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

// defaultRegion answers for every bucket of AWS's commercial partition, and is
// what other stores call their only Region.
const defaultRegion = "us-east-1"

// regionHeader is in S3's answers about a bucket, also in refusals and
// redirects. See the API reference of HeadBucket.
const regionHeader = "x-amz-bucket-region"

// idleConnections is how many connections are kept for reuse. It limits nothing.
const idleConnections = 1024

// sessionName is how an assumed role's requests show up in logs.
const sessionName = "s3_access_exporter"

// LoadSDK reads the SDK's configuration and completes it: a Region, the role's
// credentials, connections with time limits. Config.Bucket and Config.PathStyle have no
// part in it.
func LoadSDK(ctx context.Context, c Config) (aws.Config, error) {
	c = c.withDefaults()
	sdk, err := loadSDK(ctx, c)
	if err != nil {
		return aws.Config{}, err
	}
	sdk.Credentials = newRenewable(sdk.Credentials, c)
	return sdk, nil
}

// loadSDK is LoadSDK, but for credentials that can be read anew.
func loadSDK(ctx context.Context, c Config) (aws.Config, error) {
	httpClient := awshttp.NewBuildableClient().
		WithReadTimeout(c.ReadTimeout).
		WithTransportOptions(func(t *http.Transport) {
			t.MaxIdleConns = idleConnections
			t.MaxIdleConnsPerHost = idleConnections
			t.ResponseHeaderTimeout = c.ReadTimeout
		})
	sdk, err := config.LoadDefaultConfig(ctx,
		config.WithHTTPClient(httpClient),
		config.WithRetryMode(aws.RetryModeAdaptive),
		config.WithLogger(logging.Nop{}), // what matters is returned as an error
		config.WithRegion(c.Region),
	)
	if err != nil {
		return aws.Config{}, err
	}
	if sdk.HTTPClient, err = stayAtHost(sdk.HTTPClient); err != nil {
		return aws.Config{}, err
	}
	if sdk.Region == "" {
		sdk.Region = defaultRegion
	}
	if c.RoleARN != "" {
		provider := stscreds.NewAssumeRoleProvider(sts.NewFromConfig(sdk), c.RoleARN,
			func(o *stscreds.AssumeRoleOptions) {
				o.RoleSessionName = sessionName
				o.ExternalID = optional(c.ExternalID)
			})
		sdk.Credentials = aws.NewCredentialsCache(provider)
	}
	return sdk, nil
}

// credentialsError says that there are no credentials to sign a request with.
type credentialsError struct{ err error }

func (e *credentialsError) Error() string { return "no usable credentials: " + e.err.Error() }
func (e *credentialsError) Unwrap() error { return e.err }

// newClient returns a client that signs for region with these credentials.
func (s *Source) newClient(region string, credentials aws.CredentialsProvider) *s3.Client {
	return s3.NewFromConfig(s.sdk, func(o *s3.Options) {
		o.Credentials = credentials
		o.HTTPSignerV4 = new(signer)
		o.Region = region
		o.UsePathStyle = s.config.PathStyle
		if s.config.EndpointURL != "" {
			o.BaseEndpoint = aws.String(s.config.EndpointURL)
		}
		o.APIOptions = append(o.APIOptions, s.countRequests, boundAnswers, endSlowAnswers)
	})
}

// countRequests adds a middleware that sits below the retries, next to the
// connection, and sees every answer.
func (s *Source) countRequests(stack *middleware.Stack) error {
	count := func(ctx context.Context, in middleware.DeserializeInput, next middleware.DeserializeHandler) (middleware.DeserializeOutput, middleware.Metadata, error) {
		s.config.Requests(awsmiddleware.GetOperationName(ctx))
		out, metadata, err := next.HandleDeserialize(ctx, in)
		if response, ok := out.RawResponse.(*smithyhttp.Response); ok {
			switch response.StatusCode {
			case http.StatusServiceUnavailable, http.StatusTooManyRequests: // SlowDown, and other stores' way to say it
				s.throttled.Add(1)
			}
		}
		return out, metadata, err
	}
	return stack.Deserialize.Add(middleware.DeserializeMiddlewareFunc("CountRequests", count), middleware.After)
}

// region returns the Region of the configuration, or else of the environment.
func (s *Source) region() string { return cmp.Or(s.config.Region, s.sdk.Region) }

// findRegion asks S3 for the bucket's Region. The question is not signed: the
// answer is in the header of a refusal too, and a signature for the wrong
// Region would be none.
func (s *Source) findRegion(ctx context.Context) (string, error) {
	client := s.newClient(s.sdk.Region, aws.AnonymousCredentials{})
	if client.Options().BaseEndpoint != nil {
		return s.sdk.Region, nil
	}
	out, err := client.HeadBucket(ctx, &s3.HeadBucketInput{Bucket: aws.String(s.config.Bucket)})
	if err == nil {
		return cmp.Or(aws.ToString(out.BucketRegion), s.sdk.Region), nil
	}
	if region := bucketRegion(err); region != "" {
		return region, nil
	}
	var api smithy.APIError
	if errors.As(err, &api) && api.ErrorCode() == "NotFound" {
		return "", errNoSuchBucket
	}
	return "", err
}

// bucketRegion returns the Region that an answer with an error tells, if any.
func bucketRegion(err error) string {
	var response *smithyhttp.ResponseError
	if !errors.As(err, &response) {
		return ""
	}
	return response.Response.Header.Get(regionHeader)
}
