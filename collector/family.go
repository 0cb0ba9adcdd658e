package collector

import (
	"slices"

	"github.com/s3access/s3_access_exporter/collector/classify"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Family is a metric family of requests.
type Family uint8

// The families that a record may count in.
const (
	FamilyRequests          Family = iota // every request
	FamilySigV2Requests                   // signed with Signature Version 2
	FamilyAnonymousRequests               // without credentials
	FamilyObjectRequests                  // that name a key, and DeleteObjects
	FamilySentBytes                       // bytes of answers
	FamilyReceivedBytes                   // bytes of requests
	FamilyClientInfo                      // clients that were seen; see KindInfo
	FamilyRequestDuration                 // durations, in milliseconds until they are shown
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
	// KindInfo is a gauge of 1 whose last label, sigv4_default, is the series'
	// value and no part of its identity: a client version has one verdict, the
	// one that WorseSigV4Default finds.
	KindInfo
)

// Amounts is what a record counts in each Family, indexed by it: its requests, 1 for
// a client, bytes, or the duration of each of its requests in milliseconds. It is
// NotCounted where the record does not count, which is another thing than a duration
// of 0.
type Amounts [familyCount]int64

// NotCounted is the amount of a family in which a record does not count.
const NotCounted = -1

// AmountsOf returns what a record counts, whose class is c and whose weight is w.
func AmountsOf(r *record.Record, c *classify.Class, w record.Weight) Amounts {
	amounts := Amounts{
		FamilyRequests:          w.Requests,
		FamilySigV2Requests:     w.Requests,
		FamilyAnonymousRequests: w.Requests,
		FamilyObjectRequests:    w.Requests,
		FamilySentBytes:         w.SentBytes,
		FamilyReceivedBytes:     w.ReceivedBytes,
		FamilyClientInfo:        1,
		FamilyRequestDuration:   r.Duration,
	}
	for family := range amounts {
		if !catalogue[family].counts(c.Traits) {
			amounts[family] = NotCounted
		}
	}
	return amounts
}
