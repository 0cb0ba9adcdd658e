package collector

import (
	"iter"
	"slices"

	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Family is a metric family of requests.
type Family uint8

// The families that a record may count in.
const (
	FamilyRequests           Family = iota // every request
	FamilySigV2Requests                    // signed with Signature Version 2
	FamilyAnonymousRequests                // without credentials
	FamilyObjectRequests                   // that name a key, and DeleteObjects
	FamilySentBytes                        // bytes of answers
	FamilyReceivedBytes                    // bytes of requests
	FamilyClientInfo                       // clients that were seen; see KindInfo
	FamilyLegacyRequests                   // that use a feature that AWS turns off, once for each
	FamilyLegacyUndetermined               // of which the log does not show whether they do
	FamilyRequestDuration                  // durations, in milliseconds until they are shown
	familyCount
)

// Families lists every Family in the order of its values.
func Families() []Family {
	families := make([]Family, familyCount)
	for i := range families {
		families[i] = Family(i)
	}
	return families
}

// String returns the family's name in the exposition.
func (f Family) String() string { return catalogue[f].name }

// Help returns the sentence that explains the family.
func (f Family) Help() string { return catalogue[f].help }

// Kind returns what the family's series hold.
func (f Family) Kind() Kind { return catalogue[f].kind }

// Labels returns the family's labels in the order in which they are documented.
// The slice is the caller's.
func (f Family) Labels() []classify.Label { return slices.Clone(catalogue[f].labels) }

// Traits returns the traits of the requests that count in the family: each has one of
// them. Empty: every request counts.
func (f Family) Traits() classify.Traits { return catalogue[f].traits }

// Buckets returns the upper bounds of a histogram's classic buckets in
// milliseconds, by size, without the one that takes all; nil for other kinds.
// The slice is the caller's.
func (f Family) Buckets() []int64 {
	if f.Kind() != KindHistogram {
		return nil
	}
	return slices.Clone(classicBounds[:])
}

// Kind is what a family's series hold.
type Kind uint8

// Kinds of families.
const (
	KindCounter Kind = iota
	KindHistogram
	// KindInfo is a gauge of 1 whose last labels, sigv4_default and support, are the
	// series' value and no part of its identity: a client version has one of each, those
	// that WorseSigV4Default and WorseSupport find.
	KindInfo
)

// Increment is what a record counts in one series.
type Increment struct {
	Family Family
	// Labels are the series' labels, of those that the Family has. They are valid until the
	// next Increment.
	Labels *classify.Labels
	// Amount is the record's requests, 1 for a client, bytes, or the duration of each of its
	// requests in milliseconds.
	Amount int64
}

// Increments yields what a record counts, whose class is c and whose weight is w, in the
// order of families. Of features that AWS turns off, only the chosen ones count; the zero
// value is all.
func Increments(r *record.Record, c *classify.Class, w record.Weight, chosen classify.Features) iter.Seq[Increment] {
	amounts := [familyCount]int64{
		FamilyRequests:           w.Requests,
		FamilySigV2Requests:      w.Requests,
		FamilyAnonymousRequests:  w.Requests,
		FamilyObjectRequests:     w.Requests,
		FamilySentBytes:          w.SentBytes,
		FamilyReceivedBytes:      w.ReceivedBytes,
		FamilyClientInfo:         1,
		FamilyLegacyRequests:     w.Requests,
		FamilyLegacyUndetermined: w.Requests,
		FamilyRequestDuration:    r.Duration,
	}
	return func(yield func(Increment) bool) {
		labels, more := c.Labels, true
		for family := range amounts {
			catalogue[family].each(&labels, c.Traits, chosen.OrAll(), func() {
				more = more && yield(Increment{Family: Family(family), Labels: &labels, Amount: amounts[family]})
			})
			if !more {
				return
			}
		}
	}
}
