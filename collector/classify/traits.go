package classify

import (
	"iter"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Trait is something that a request is, or has. What a trait means is declared here
// alone: metric families, reports, filters and whatever reads less than everything
// ask for traits.
type Trait uint8

// The traits. First come those of the features, see Feature.
const (
	TraitSigV2 Trait = iota // is signed with Signature Version 2
	TraitTLS10
	TraitTLS11
	TraitPlainHTTP
	TraitACLRequired
	TraitPathStyle
	TraitSOAP
	TraitAnonymous      // came without credentials
	TraitObject         // names an object's key, or is DeleteObjects
	TraitSent           // S3 sent bytes for it
	TraitReceived       // S3 received bytes with it
	TraitTimed          // its duration is in the log
	TraitOutdatedClient // its client does not sign with Signature Version 4 by default
	TraitKey            // names an object's key
	traitCount
)

// The features are the first traits.
const _ = -uint(Trait(featureCount) - TraitAnonymous)

// Traits is a set of traits, and of features that are undetermined. The zero value is empty.
type Traits uint32

// NewTraits returns the set of some traits.
func NewTraits(traits ...Trait) Traits {
	var set Traits
	for _, t := range traits {
		set |= 1 << t
	}
	return set
}

// All yields the traits in the set.
func (s Traits) All() iter.Seq[Trait] {
	return func(yield func(Trait) bool) {
		for t := range traitCount {
			if s.Has(t) && !yield(t) {
				return
			}
		}
	}
}

// Has reports whether t is in the set.
func (s Traits) Has(t Trait) bool { return s&(1<<t) != 0 }

// HasAll reports whether the set has all of some traits.
func (s Traits) HasAll(of Traits) bool { return s&of == of }

// HasAny reports whether the set has one of some traits.
func (s Traits) HasAny(of Traits) bool { return s&of != 0 }

// traitsOf returns the traits of a record, of which f has all other facts.
func traitsOf(r *record.Record, f *Facts, host *hostValue) Traits {
	set := featuresOf(r, host)
	if r.Anonymous {
		set |= 1 << TraitAnonymous
	}
	if len(r.Key) > 0 {
		set |= 1<<TraitKey | 1<<TraitObject
	} else if f.operation.bucket == "DeleteObjects" {
		set |= 1 << TraitObject
	}
	if r.SentBytes > 0 {
		set |= 1 << TraitSent
	}
	if r.ReceivedBytes > 0 {
		set |= 1 << TraitReceived
	}
	if r.Duration >= 0 {
		set |= 1 << TraitTimed
	}
	if f.client.verdict == VerdictNo {
		set |= 1 << TraitOutdatedClient
	}
	return set
}

// Needles returns texts of which a record of a log has at least one, in its bytes as
// they stand in the log, if it has the trait; none if there are no such texts. In
// CloudTrail's JSON, escapes may hide them.
func (t Trait) Needles(log record.Log) []string {
	switch {
	case t == TraitSigV2 && log == record.CloudTrail:
		// The version is read in any case. It is a whole string.
		return []string{`V2"`, `v2"`}
	case t == TraitSigV2:
		// Lines of before 2019 have no version, but maybe a query string that has one.
		return []string{"V2", "v2", "AWSAccessKeyId="}
	case t == TraitAnonymous && log == record.CloudTrail:
		return []string{`"AWSAccount"`}
	case t == TraitTLS10 && log == record.CloudTrail:
		return []string{`v1"`, `V1"`, `v1.0"`, `V1.0"`}
	case t == TraitTLS11:
		return []string{"v1.1", "V1.1"}
	case t == TraitACLRequired && log == record.CloudTrail:
		return []string{`"aclRequired"`}
	case t == TraitACLRequired:
		return []string{"Yes", "true"} // the latter in JSON
	case t == TraitSOAP:
		return []string{"SOAP."} // in CloudTrail, nothing has it
	}
	return nil
}
