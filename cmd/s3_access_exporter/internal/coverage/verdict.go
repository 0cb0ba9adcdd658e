package coverage

import (
	"fmt"
	"slices"
	"time"
)

// Verdict is how well a bucket's requests can be seen.
type Verdict uint8

// The verdicts, from the worst to the best.
const (
	VerdictBlind       Verdict = iota // no log holds its requests
	VerdictNotArriving                // logged, but nothing came for days, or all deliveries fail
	VerdictUnknown                    // nobody may look
	VerdictPart                       // the logs that come hold some of its requests
	VerdictNotTailed                  // every request is in a log that comes, and the given locations do not read all of them
	VerdictCovered                    // every request is in a log that comes and is read
	verdictCount
)

var verdictNames = [verdictCount]string{
	VerdictBlind: "blind", VerdictNotArriving: "not_arriving", VerdictUnknown: "unknown",
	VerdictPart: "part", VerdictNotTailed: "not_tailed", VerdictCovered: "covered",
}

// String returns the verdict's name.
func (v Verdict) String() string { return verdictNames[v] }

// MarshalText implements encoding.TextMarshaler.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (v *Verdict) UnmarshalText(text []byte) error {
	i := slices.Index(verdictNames[:], string(text))
	if i < 0 {
		return fmt.Errorf("%q is no verdict", text)
	}
	*v = Verdict(i)
	return nil
}

// Patience is how long a log may bring nothing until it counts as not arriving.
// Access logs are delivered within hours, events of CloudTrail within minutes, but a
// bucket may have no requests on a weekend.
const Patience = 3 * 24 * time.Hour

// judge returns the verdict on a bucket.
func (b *Bucket) judge() Verdict {
	switch best := max(b.AccessScope(), b.Trail.Scope); {
	case best == ScopeNone:
		return VerdictBlind
	case best == ScopeUnknown:
		return VerdictUnknown
	case b.Arrives == ScopeNone:
		return VerdictNotArriving
	case b.Arrives != ScopeAll:
		return VerdictPart
	case b.Guessed:
		return VerdictUnknown
	case b.Missed:
		return VerdictNotTailed
	}
	return VerdictCovered
}

// Remarks returns what else is to be known of the bucket's logs, a line each.
func (b *Bucket) Remarks(now time.Time) []string {
	const days = int(Patience / (24 * time.Hour))
	var remarks []string
	add := func(when bool, format string, args ...any) {
		if when {
			remarks = append(remarks, fmt.Sprintf(format, args...))
		}
	}
	add(b.Access.Unknown != "", "access log unknown: %s", b.Access.Unknown)
	add(b.Deliveries.Unknown != "", "access logs by way of CloudWatch unknown: %s", b.Deliveries.Unknown)
	add(b.Trail.Unknown != "", "CloudTrail unknown: %s", b.Trail.Unknown)
	add(b.Name != "" && b.Access.Itself(b.Name), "logs into itself: each delivery makes the next one")
	add(b.Access.TargetRegion != "" && b.Access.TargetRegion != b.Region,
		"its log bucket %s is in %s: S3 delivers within a Region only", b.Access.Target, b.Access.TargetRegion)
	add(b.Access.Scope == ScopeAll && b.Access.Unseen != "", "cannot look for its access logs: %s", b.Access.Unseen)
	add(b.Access.Scope == ScopeAll && !b.Access.arrives(now),
		"logged to %s, but no access log came for %d days", b.Access.Target, days)
	for _, remark := range b.deliveryRemarks() {
		add(true, "%s", remark)
	}
	for _, trail := range b.Loops {
		add(true, "trail %s records the requests to its own log bucket: each delivery and each reading makes more", trail)
	}
	for _, trail := range b.Echoes {
		add(true, "trail %s records the exporter's own reading here: an event for each log object, at CloudTrail's price", trail)
	}
	add(b.Trail.Failure != "", "CloudTrail cannot deliver: %s", b.Trail.Failure)
	add(b.Trail.Failure == "" && b.Trail.Scope > ScopeUnknown && now.Sub(b.Trail.Newest) > Patience,
		"a trail records it and delivered nothing for %d days", days)
	add(b.Missed && len(b.Tailed) > 0 && b.Arrives > ScopeNone, "logs come that no given location reads: what is read holds %s", b.Read)
	add(b.Trail.Lake > ScopeUnknown, "in CloudTrail Lake (%s): logged, but not readable here", b.Trail.Lake)
	return remarks
}

// Summary counts buckets by verdict.
type Summary [verdictCount]int

// Summarize counts buckets.
func Summarize(buckets []Bucket) Summary {
	var s Summary
	for i := range buckets {
		s[buckets[i].Verdict]++
	}
	return s
}

// String returns the summary as one line: 412 buckets: 380 covered, 20 part, 12 blind.
func (s Summary) String() string {
	total, text := 0, ""
	for v := range s {
		total += s[v]
	}
	for v := len(s) - 1; v >= 0; v-- {
		if s[v] > 0 {
			text += fmt.Sprintf(", %d %s", s[v], Verdict(v))
		}
	}
	if total == 0 {
		return "0 buckets"
	}
	return fmt.Sprintf("%d buckets: %s", total, text[len(", "):])
}
