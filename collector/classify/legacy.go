package classify

import (
	"bytes"
	"fmt"
	"iter"
	"net/netip"
	"slices"
	"strings"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Feature is something that AWS has turned off or is about to. Each is a Trait too, and
// what it means is declared here alone. What a record does not show is no trait but
// undetermined, see Traits.Undetermined: it never means that a request is modern.
type Feature uint8

// The features.
const (
	// FeatureSigV2: the request is signed with Signature Version 2.
	// Undetermined: the record has no signature version.
	FeatureSigV2 Feature = iota
	// FeatureTLS10, FeatureTLS11: it came over TLS 1.0 or 1.1. AWS refuses both since
	// 2024-02-27, so they are for history and for other stores.
	// Undetermined: the record has no TLS version, and is not of plain HTTP.
	FeatureTLS10
	FeatureTLS11
	// FeaturePlainHTTP: it came without TLS. CloudTrail never shows that.
	// Undetermined: record.TransportUnknown.
	FeaturePlainHTTP
	// FeatureACLRequired: an ACL was what allowed it.
	// Undetermined: the record has no field for it.
	FeatureACLRequired
	// FeaturePathStyle: the bucket is in the path, not in the host. It is found by the Host
	// header: in it there is an endpoint of S3 and no bucket before that, or an IP address.
	// Undetermined: the record has no Host header, or one that is neither of AWS nor begins
	// with the bucket's name, as behind a store's own domain.
	FeaturePathStyle
	// FeatureSOAP: it came by the SOAP API, of which the server access log has operations of
	// their own (SOAP.*). Undetermined: CloudTrail, which does not show it.
	FeatureSOAP
	featureCount
)

var featureNames = [featureCount]string{
	FeatureSigV2:       "sigv2",
	FeatureTLS10:       "tls1.0",
	FeatureTLS11:       "tls1.1",
	FeaturePlainHTTP:   "plain_http",
	FeatureACLRequired: "acl_required",
	FeaturePathStyle:   "path_style",
	FeatureSOAP:        "soap",
}

// String returns the value of the label "feature".
func (f Feature) String() string { return featureNames[f] }

// Trait returns the trait of the requests that have the feature.
func (f Feature) Trait() Trait { return Trait(f) }

// AllFeatures returns every Feature in its order.
func AllFeatures() []Feature {
	all := make([]Feature, featureCount)
	for i := range all {
		all[i] = Feature(i)
	}
	return all
}

// Features is a set of features. The zero value is empty.
type Features uint8

// NoFeatures is a set without features that is not the zero value, where that means all.
const NoFeatures Features = 1 << 7

const _ = 7 - uint(featureCount)

// NewFeatures returns the set of some features.
func NewFeatures(features ...Feature) (set Features) {
	for _, f := range features {
		set |= 1 << f
	}
	return set
}

// Has reports whether f is in the set.
func (s Features) Has(f Feature) bool { return s&(1<<f) != 0 }

// All yields the features in the set.
func (s Features) All() iter.Seq[Feature] {
	return func(yield func(Feature) bool) {
		for f := range featureCount {
			if s.Has(f) && !yield(f) {
				return
			}
		}
	}
}

// DefaultFeatures returns the features that the exporter counts unless it is told otherwise:
// all but FeaturePathStyle. AWS has set no date for path-style requests, and where there are
// some there are many (a fifth of the requests in public logs): in one family with the others
// they would take the room of rare requests under a limit of series.
func DefaultFeatures() Features { return Features(allFeatures) &^ (1 << FeaturePathStyle) }

// OrAll returns the set, or that of all features if it is the zero value.
func (s Features) OrAll() Features {
	if s == 0 {
		return Features(allFeatures)
	}
	return s
}

// String returns the features' names with commas between them.
func (s Features) String() string {
	var names []string
	for f := range s.All() {
		names = append(names, f.String())
	}
	return strings.Join(names, ",")
}

// ParseFeature reads the name of a feature.
func ParseFeature(name string) (Feature, error) {
	i := slices.Index(featureNames[:], name)
	if i < 0 {
		return 0, fmt.Errorf("feature %q: must be one of %s", name, strings.Join(featureNames[:], ", "))
	}
	return Feature(i), nil
}

// allFeatures are the traits of all features, and those of all that may be undetermined.
const (
	allFeatures       Traits = 1<<featureCount - 1
	undeterminedShift        = traitCount
	allUndetermined          = allFeatures << undeterminedShift
)

// Features returns the features in the set.
func (s Traits) Features() Features { return Features(s & allFeatures) }

// Undetermined returns the features of which the record does not show whether the request
// has them.
func (s Traits) Undetermined() Features { return Features(s >> undeterminedShift & allFeatures) }

// FeatureTraits returns the traits of which a request with a feature has one.
func FeatureTraits() Traits { return allFeatures }

// UndeterminedTraits returns the traits of which a request has one if one of its features is
// undetermined.
func UndeterminedTraits() Traits { return allUndetermined }

// featuresOf returns which features the request has, and which are undetermined, as traits.
func featuresOf(r *record.Record, host *hostValue) Traits {
	var has, unknown Traits
	own := r.Transport != record.NoTransport // the request has a connection of its own
	switch {
	case r.Signature == record.SigV2:
		has |= 1 << FeatureSigV2
	case r.Signature == record.SignatureUnknown && own:
		unknown |= 1 << FeatureSigV2
	}
	switch r.Transport {
	case record.TLS:
		has, unknown = addTLS(has, unknown, r.TLSVersion)
	case record.PlainHTTP:
		has |= 1 << FeaturePlainHTTP
	case record.TransportUnknown:
		unknown |= 1<<FeatureTLS10 | 1<<FeatureTLS11 | 1<<FeaturePlainHTTP
	}
	switch {
	case r.ACLRequired == record.Yes:
		has |= 1 << FeatureACLRequired
	case r.ACLRequired == record.AnswerUnknown && own:
		unknown |= 1 << FeatureACLRequired
	}
	soap := bytes.HasPrefix(r.Operation, []byte("SOAP."))
	switch {
	case soap:
		has |= 1 << FeatureSOAP
	case own && r.Log != record.ServerAccess:
		unknown |= 1 << FeatureSOAP
	}
	if own && !soap && len(r.Bucket) > 0 { // of SOAP, the path names no bucket
		switch host.styleFor(r) {
		case pathStyle:
			has |= 1 << FeaturePathStyle
		case styleUnknown:
			unknown |= 1 << FeaturePathStyle
		}
	}
	return has | unknown<<undeterminedShift
}

// addTLS adds what a TLS version shows; empty or unknown text shows nothing.
func addTLS(has, unknown Traits, version []byte) (Traits, Traits) {
	switch TLSVersion(version) {
	case "TLSv1.2", "TLSv1.3": // mostly
	case "TLSv1", "TLSv1.0":
		has |= 1 << FeatureTLS10
	case "TLSv1.1":
		has |= 1 << FeatureTLS11
	default:
		unknown |= 1<<FeatureTLS10 | 1<<FeatureTLS11
	}
	return has, unknown
}

// TLSVersion returns a TLS version as logged in the one form that AWS's logs nearly always
// have: TLSv1, TLSv1.1, TLSv1.2, TLSv1.3. Any other text but its case is "".
func TLSVersion(logged []byte) string {
	switch string(logged) { // mostly
	case "TLSv1.3":
		return "TLSv1.3"
	case "TLSv1.2":
		return "TLSv1.2"
	}
	for _, known := range [...]string{"TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1", "TLSv1.0"} {
		if len(logged) == len(known) && strings.EqualFold(string(logged), known) {
			return known
		}
	}
	return ""
}

// style is how a Host header addresses a bucket.
type style uint8

const (
	styleUnknown style = iota // the host is of nobody that is known: the bucket decides, or nothing
	pathStyle                 // an endpoint alone, or an IP address: the bucket is in the path
	hostStyle                 // something stands before an endpoint of AWS's: a bucket, an access point
)

// hostValue is what a Host header shows.
type hostValue struct {
	name   string // hostName in lower case; of styleUnknown only
	region string
	style  style
}

// readHost returns what a Host header shows.
func readHost(text string) hostValue {
	v := hostValue{region: strings.Clone(hostRegion(text))} // nothing of text may stay
	host := strings.ToLower(text)
	if address, err := netip.ParseAddrPort(host); err == nil {
		host = address.Addr().String()
	}
	if _, err := netip.ParseAddr(strings.Trim(host, "[]")); err == nil || host == "" {
		if host != "" {
			v.style = pathStyle
		}
		return v
	}
	host = hostName(host)
	name, ok := cutDomain(host)
	if !ok {
		v.name = strings.Clone(host)
		return v
	}
	v.style = hostStyle
	if isBareEndpoint(strings.Split(name, ".")) {
		v.style = pathStyle
	}
	return v
}

// isBareEndpoint reports whether the parts of a host in a domain of AWS's are an endpoint of
// S3 with nothing before it: s3, s3.REGION, s3.dualstack.REGION, s3-REGION, s3-fips.REGION,
// s3-external-1, or, of an interface endpoint, bucket.vpce-ID.s3.REGION.vpce and
// vpce-ID.s3.REGION.vpce.
//
// See https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html and
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/privatelink-interface-endpoints.html.
func isBareEndpoint(parts []string) bool {
	if last := len(parts) - 1; parts[last] == "vpce" {
		if parts[0] == "bucket" {
			parts = parts[1:]
		}
		return len(parts) > 1 && strings.HasPrefix(parts[0], "vpce-") && parts[1] == "s3"
	}
	service, rest := parts[0], parts[1:]
	if len(rest) > 0 && rest[0] == "dualstack" {
		rest = rest[1:]
	}
	switch {
	case len(rest) > 1 || len(rest) == 1 && !record.IsRegion(rest[0]):
		return false
	case service == "s3", service == "s3-fips", service == "s3-external-1":
		return true
	}
	region, ok := strings.CutPrefix(service, "s3-")
	return ok && record.IsRegion(strings.TrimPrefix(region, "fips-"))
}

// styleFor returns how the host addresses a record's bucket.
func (v *hostValue) styleFor(r *record.Record) style {
	if v.style != styleUnknown || v.name == "" {
		return v.style
	}
	bucket := r.Bucket
	if len(bucket) <= len(v.name) && strings.EqualFold(v.name[:len(bucket)], string(bucket)) &&
		(len(bucket) == len(v.name) || v.name[len(bucket)] == '.') {
		return hostStyle // a bucket that has a domain's name, or a store's own domain
	}
	return styleUnknown
}
