// Package logkey reads the keys of log objects: which log an object is of, which
// stream it belongs to, what time it has, or why it is no log object. It knows the
// layouts in which S3 and CloudTrail deliver their logs (layouts.go), and nothing of
// what the objects hold.
//
// A stream is a run of objects whose keys sort by time (stream.go): its prefix is
// everything before the date. As a date begins with a digit, the keys of a stream with
// prefix P lie between P and P + ":", so that a listing can pass over a stream.
package logkey

import (
	"strings"
	"time"
)

// Key is what an object's key shows. It is comparable.
type Key struct {
	Stream Stream
	Time   time.Time // to the second in server access logs, to the minute in CloudTrail
	// ByEvent: the object holds requests of one day, and its key has no more than that
	// day. Time is then the day's start. Such objects of one day are delivered over many
	// hours, and in no order.
	ByEvent bool
	// Grain is how much time Time stands for: an hour or a day, of a key whose folders have
	// no more than that. 0: Time is exact.
	Grain time.Duration
	// Local: Time is that of a clock of any time zone, when the object was begun, and not
	// when it was delivered. Ceph names objects so.
	Local bool
	// AccountID, Region and Bucket are those of a Partitioned key's source bucket,
	// AccountID and Region those of a Trail's key, or of a Dated or Hive one's folders;
	// empty where the key has none.
	AccountID, Region, Bucket string
	// Skip is why the object is not read; empty for a log object. Stream and Time are
	// then set if the key stands below folders of a day.
	Skip SkipReason
}

// Parse returns what the key of an object shows.
func Parse(key string) Key {
	slash := strings.LastIndexByte(key, '/') + 1
	folder, name := key[:slash], key[slash:]
	if name == "" {
		return Key{Skip: SkipFolder}
	}
	for i := range layouts {
		if k, ok := layouts[i].read(folder, name); ok {
			return k
		}
	}
	why := skipReason(folder)
	if why == SkipUnknown {
		why = Unknown(name)
	}
	if why == SkipUnknown && isDelivery(name) {
		why = SkipRenamed
	}
	return foreign(folder, why)
}

// foreign is the Key of an object that is skipped.
func foreign(folder string, why SkipReason) Key {
	prefix, _, day, ok := lastDate(folder, dayFolders)
	if !ok {
		return Key{Skip: why}
	}
	return Key{Stream: Stream{Prefix: prefix, Layout: Foreign}, Time: day, Skip: why}
}

// Free reports whether the key shows no more of an object than when it was written: what
// it is, its content has to show.
func (k Key) Free() bool {
	return k.Skip == "" && k.Stream.free()
}

// Stray reports whether the object's folder does not show what lies there: other
// streams may share its prefix and its days, or begin with account IDs where these days
// stand.
func (k Key) Stray() bool {
	return k.Stream.Unordered() || k.Stream.line().folders != "" && k.AccountID == ""
}

// Beyond is Stream.Beyond where the key may be a stray one.
func (k Key) Beyond() string {
	switch {
	case k.Stream.Layout == Hive:
		return k.Stream.Prefix + k.Time.Format("2006/") + "month=:"
	case k.Stream.Layout == HiveDay:
		return k.Stream.Prefix + k.Time.Format("2006-") + ":"
	case k.Stray():
		return k.Stream.Prefix + k.Time.Format("2006/") + ":"
	}
	return k.Stream.Beyond(k.Time)
}

// Ahead returns a string to go on from to all keys with the same prefix that have time t
// or a later one, without passing over another stream.
func (k Key) Ahead(t time.Time) string {
	s := k.Stream
	if s.line().folders == dayFolders {
		s.Layout = Foreign // of which the folders count alone
	}
	return min(s.After(t), k.Beyond())
}
