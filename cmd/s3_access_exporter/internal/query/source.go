package query

import (
	"fmt"
	"net/netip"
	"strings"

	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Values of the label source_ip that no log has.
const (
	nowhere = "none"  // the request came from no address
	masked  = "other" // what is logged is neither an address nor a service
)

// Source is what is asked of the place that requests come from: an address, a
// network, the name of an AWS service as logged, or none. A leading ! negates it.
type Source struct {
	network netip.Prefix // of one address or more; not valid: name counts
	name    string       // as logged; empty: from no address
	negated bool
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *Source) UnmarshalText(text []byte) error {
	origin, negated := strings.CutPrefix(string(text), "!")
	*s = Source{negated: negated}
	if network, err := netip.ParsePrefix(origin); err == nil {
		s.network = unmapped(network)
		return nil
	}
	if address, ok := parseAddress(origin); ok {
		s.network = netip.PrefixFrom(address, address.BitLen())
		return nil
	}
	if origin == nowhere {
		return nil
	}
	// The collector knows the names that AWS writes in the place of an address.
	class := classify.NewClassifier(classify.Config{}).Classify(&record.Record{SourceIP: []byte(origin)})
	if origin == "" || origin == masked || class.Labels[classify.LabelSourceIP] != origin {
		return fmt.Errorf("%q is no address, network or AWS service: write 192.0.2.1, 2001:db8::/32 or athena.amazonaws.com", origin)
	}
	s.name = origin
	return nil
}

// unmapped returns the network of IPv4 that a network of IPv4-mapped addresses
// is, any other network as it is.
func unmapped(network netip.Prefix) netip.Prefix {
	const mappedBits = 96
	if network.Addr().Is4In6() && network.Bits() >= mappedBits {
		network = netip.PrefixFrom(network.Addr().Unmap(), network.Bits()-mappedBits)
	}
	return network.Masked()
}

// parseAddress reads an address. One that is IPv4 in IPv6 is IPv4.
func parseAddress(text string) (netip.Addr, bool) {
	address, err := netip.ParseAddr(text)
	return address.Unmap().WithZone(""), err == nil
}

// covers reports whether a place as logged is that of the pattern itself, negated
// or not. An address goes beside it, if it is one.
func (s *Source) covers(logged string, address netip.Addr) bool {
	if s.network.IsValid() {
		return s.network.Contains(address)
	}
	return logged == s.name
}

func (s *Source) isNegated() bool { return s.negated }
