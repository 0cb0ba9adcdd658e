package classify

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
)

// Config chooses how much detail the label values have. Sums over a family are the
// same under every Config.
type Config struct {
	Requester     RequesterMode     // zero: RequesterRole
	SourceIP      SourceIPMode      // zero: the full address
	ClientVersion ClientVersionMode // zero: VersionFull
}

// RequesterMode is how much of the requester the label "requester" shows.
type RequesterMode uint8

// Requester modes.
const (
	RequesterRole    RequesterMode = iota // ARNs; sessions of an assumed role collapse into the role
	RequesterARN                          // ARNs as logged, with the session's name
	RequesterAccount                      // the account ID of an ARN
	RequesterOff                          // empty, but for requests that nobody is known to have sent: alerts set those apart
)

// ParseRequesterMode reads arn, role, account or off.
func ParseRequesterMode(text string) (RequesterMode, error) {
	switch text {
	case "arn":
		return RequesterARN, nil
	case "role":
		return RequesterRole, nil
	case "account":
		return RequesterAccount, nil
	case "off":
		return RequesterOff, nil
	}
	return 0, fmt.Errorf("requester label %q: must be arn, role, account or off", text)
}

// ClientVersionMode is how much of a client's version the label
// "client_version" shows. The verdict sigv4_default always comes from the whole
// version.
type ClientVersionMode uint8

// Client version modes.
const (
	VersionFull  ClientVersionMode = iota // as the client writes it
	VersionMinor                          // the first two numbers: 1.11
	VersionMajor                          // the first number: 1
	VersionOff                            // empty
)

// ParseClientVersionMode reads full, minor, major or off.
func ParseClientVersionMode(text string) (ClientVersionMode, error) {
	switch text {
	case "full":
		return VersionFull, nil
	case "minor":
		return VersionMinor, nil
	case "major":
		return VersionMajor, nil
	case "off":
		return VersionOff, nil
	}
	return 0, fmt.Errorf("client version label %q: must be full, minor, major or off", text)
}

// SourceIPMode is how much of an address the label "source_ip" shows. The
// zero value shows all of it.
type SourceIPMode struct {
	off      bool
	prefixes *[2]int // lengths for IPv4 and IPv6; nil: the full address
}

// ParseSourceIPMode reads full, off, or the prefix lengths of IPv4 and IPv6
// networks: 24,64.
func ParseSourceIPMode(text string) (SourceIPMode, error) {
	switch text {
	case "full":
		return SourceIPMode{}, nil
	case "off":
		return SourceIPMode{off: true}, nil
	}
	four, six, _ := strings.Cut(text, ",")
	bits4, err4 := parsePrefixLength(four, 32)
	bits6, err6 := parsePrefixLength(six, 128)
	if err4 != nil || err6 != nil {
		return SourceIPMode{}, fmt.Errorf(
			"source IP label %q: must be full, off, or two prefix lengths for IPv4 (0-32) and IPv6 (0-128) as in 24,64", text)
	}
	return SourceIPMode{prefixes: &[2]int{bits4, bits6}}, nil
}

func parsePrefixLength(text string, most uint64) (int, error) {
	bits, err := strconv.ParseUint(text, 10, 8)
	if err != nil {
		return 0, err
	}
	if bits > most {
		return 0, errors.New("longer than an address")
	}
	return int(bits), nil
}
