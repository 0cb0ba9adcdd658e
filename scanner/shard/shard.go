// Package shard shares out streams among processes that tail the same locations: each
// stream belongs to one of them, its shard, which alone polls it and reads its objects.
//
// # What stays together
//
// A stream belongs to a shard by itself, whatever it holds, but for CloudTrail. An event
// of CloudTrail that concerns two accounts is delivered to both, in the same Region, and
// must count once; what recognises it the second time is in one process. So all streams
// of CloudTrail in one Region belong to one shard: those of all accounts, in all log
// buckets. https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
// has that of sharedEventID.
//
// Where the folders of a stream of CloudTrail do not show the Region, its objects may be
// of any. That is so of trails whose folders were renamed, and of events that went through
// CloudWatch Logs or Firehose: a log group has those of all Regions, whatever Region its own
// folders name. All such streams of all buckets belong to one shard together. That a stream
// of the second kind is of CloudTrail, only its folders show before it is read: one that
// has "cloudtrail" in them, in any case, is taken for such. One that has not belongs to a
// shard by itself, as do access logs.
//
// So events count twice if they come by two ways of which the keys do not show that they
// belong together, and these belong to different shards: as files of a trail, and through
// CloudWatch Logs; or through CloudWatch Logs without "cloudtrail" in the prefix.
//
// Objects that are no logs belong to a shard as well, so that one alone counts them: by
// their folder, where they lie in folders of days; all others of a bucket together.
//
// # Which shard
//
// Rendezvous hashing: of all shards, the one of which a hash with the stream is the
// highest. So if there is one more shard, a stream stays where it is or goes to the new
// one, and if there is one less, only the streams of that one go elsewhere.
package shard

import (
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"

	"github.com/s3access/s3_access_exporter/scanner/logkey"
)

// MaxCount is how many shards there may be: each of them searches for streams by itself.
const MaxCount = 1000

// Shard is one of Count processes that share the streams. The zero value is the only one.
type Shard struct {
	Index int // from 0 on
	Count int // 0 is 1
}

// Validate returns an error unless there can be such a shard.
func (s Shard) Validate() error {
	count := s.count()
	switch {
	case count < 1:
		return errors.New("there must be at least one shard")
	case count > MaxCount:
		return fmt.Errorf("there may be at most %d shards", MaxCount)
	case s.Index < 0 || s.Index >= count:
		return fmt.Errorf("there is no shard %d: of %d, the last is %d", s.Index, count, count-1)
	}
	return nil
}

// String returns the shard as people write it: 0/1.
func (s Shard) String() string { return fmt.Sprintf("%d/%d", s.Index, s.count()) }

// Alone reports whether there is no other shard.
func (s Shard) Alone() bool { return s.count() == 1 }

func (s Shard) count() int {
	if s.Count == 0 {
		return 1
	}
	return s.Count
}

// Owns reports whether a stream of a store belongs to the shard. The zero Stream stands
// for what lies in no stream.
func (s Shard) Owns(store string, stream logkey.Stream) bool {
	return s.Alone() || Owner(store, stream, s.count()) == s.Index
}

// Owner returns the index of the shard that a stream of a store belongs to, if there are
// count of them. It is part of what checkpoints mean, so it never changes.
func Owner(store string, stream logkey.Stream, count int) int {
	text := make([]byte, 8, 256) // in front of the unit: the shard's number
	text = append(text, unit(store, stream)...)
	owner, highest := 0, uint64(0)
	for index := range count {
		binary.BigEndian.PutUint64(text, uint64(index))
		sum := sha256.Sum256(text)
		if score := binary.BigEndian.Uint64(sum[:]); score > highest {
			owner, highest = index, score
		}
	}
	return owner
}

// unit returns the name of what stays together with a stream.
func unit(store string, stream logkey.Stream) string {
	if IsCloudTrail(stream) {
		return "cloudtrail " + stream.Region()
	}
	return "stream " + store + " " + host(stream).ID()
}

// host returns the stream whose listings come across the keys of a stream, as both have the
// same folders of days, or the prefix of the one goes on as dates of the other do. Whoever
// tails the one meets the other.
func host(stream logkey.Stream) logkey.Stream {
	if before, ok := logkey.BeforeDay(stream.Prefix); ok {
		return logkey.Stream{Layout: logkey.Partitioned, Prefix: before}
	}
	const hive = "year="
	if i := strings.Index(stream.Prefix, hive+"2"); i >= 0 {
		return logkey.Stream{Layout: logkey.Hive, Prefix: stream.Prefix[:i+len(hive)]}
	}
	switch stream.Layout {
	case logkey.Dated, logkey.Foreign:
		stream.Layout = logkey.Partitioned
	case logkey.Simple, logkey.HiveDay:
		return logkey.Stream{Layout: logkey.Simple, Prefix: logkey.BeforeDate(stream.Prefix)}
	}
	return stream
}

// IsCloudTrail reports whether a stream shows that it is of CloudTrail, so that it belongs
// to a shard together with others.
func IsCloudTrail(stream logkey.Stream) bool {
	return stream.Layout == logkey.Trail || MayHoldEvents(stream) && strings.Contains(strings.ToLower(stream.Prefix), "cloudtrail")
}

// MayHoldEvents reports whether a stream may hold events of CloudTrail.
func MayHoldEvents(stream logkey.Stream) bool {
	switch stream.Layout {
	case logkey.Trail, logkey.Dated, logkey.Hive, logkey.HiveDay:
		return true
	}
	return false
}
