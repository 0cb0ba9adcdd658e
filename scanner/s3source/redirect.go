package s3source

import (
	"errors"
	"net/http"
	"net/url"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
)

// stayAtHost returns a client like the SDK's that follows redirects to the host that
// was asked alone. The SDK's follows any 307 and 308, so that whoever is behind the
// new address would be believed. S3 redirects where a bucket is in another Region; its
// Region is found otherwise: see findRegion.
func stayAtHost(client aws.HTTPClient) (aws.HTTPClient, error) {
	buildable, ok := client.(*awshttp.BuildableClient)
	if !ok {
		return nil, errors.New("the SDK has replaced its HTTP client")
	}
	frozen, ok := buildable.Freeze().(*http.Client)
	if !ok {
		return nil, errors.New("the SDK's HTTP client is none of net/http")
	}
	stay := *frozen
	stay.CheckRedirect = func(r *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects || !sameHost(r.URL, via[0].URL) {
			return http.ErrUseLastResponse
		}
		return frozen.CheckRedirect(r, via)
	}
	return &stay, nil
}

// maxRedirects is how many redirects of a request are followed.
const maxRedirects = 3

// sameHost reports whether two URLs lead to the same port of a host, in the same way.
func sameHost(a, b *url.URL) bool {
	return a.Scheme == b.Scheme && strings.EqualFold(a.Hostname(), b.Hostname()) && port(a) == port(b)
}

func port(u *url.URL) string {
	switch {
	case u.Port() != "":
		return u.Port()
	case u.Scheme == "https":
		return "443"
	}
	return "80"
}
