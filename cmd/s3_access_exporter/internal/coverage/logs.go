package coverage

import (
	"slices"
	"strings"
	"time"
)

// log is one of the logs of a bucket: its access log as text, a delivery of it as JSON,
// or a trail.
type log struct {
	logged           // what it holds
	arrives bool     // something of it came within Patience, and deliveries do not fail
	unseen  bool     // nobody may look whether something came: that is taken for granted
	readBy  []string // the URLs of those of the given locations that read it
}

// logsOf returns the logs of a bucket that can be read here.
func logsOf(b *Bucket, recorders []Recorder, o *Options) []log {
	var all []log
	add := func(holds logged, arrives, unseen bool, target string, mayRead func(l Location, prefix string) bool) {
		l := log{logged: holds, arrives: arrives, unseen: unseen}
		for _, location := range o.Locations {
			bucket := bucketOf(location.URL)
			prefix := strings.TrimPrefix(strings.TrimPrefix(location.URL, "s3://"+bucket), "/")
			if bucket == target && mayRead(location, prefix) {
				l.readBy = append(l.readBy, location.URL)
			}
		}
		all = append(all, l)
	}
	if a := &b.Access; a.Scope == ScopeAll {
		add(both(levelAll), a.arrives(o.Now), a.Unseen != "", a.Target, func(l Location, prefix string) bool {
			return !l.LeavesText && reads(prefix, a.stream(b))
		})
	}
	for i := range b.Deliveries.All {
		if d := &b.Deliveries.All[i]; d.readable() {
			// AWS does not document the keys, so that nobody can look for the newest.
			add(both(levelAll), true, false, d.Target, func(l Location, prefix string) bool { return !l.LeavesJSON && overlap(prefix, d.Prefix) })
		}
	}
	for i := range recorders {
		if r := &recorders[i]; slices.Contains(b.Trail.By, r.ARN) {
			add(r.Selectors.logged(b), r.arrives(o.Now), false, r.Target, func(_ Location, prefix string) bool { return r.holds(prefix, b) })
		}
	}
	return all
}

// arrives reports whether something came lately. Where nobody may look, it is taken for
// granted: the verdict then is that it is unknown, if all else is well.
func (a *AccessLog) arrives(now time.Time) bool {
	return a.Unseen != "" || now.Sub(a.Newest) <= Patience
}

// arrives reports whether something came lately, and nothing fails.
func (r *Recorder) arrives(now time.Time) bool {
	return r.Failure == "" && now.Sub(r.Delivered) <= Patience
}

// weigh takes note of how much of the bucket's requests its logs hold: together, as far
// as they arrive, and as far as they are read.
func (b *Bucket) weigh(logs []log, locations []Location) {
	arriving := slices.DeleteFunc(slices.Clone(logs), func(l log) bool { return !l.arrives })
	read, unread := together(arriving)
	b.Arrives, b.Read = read.or(unread).scope(), read.scope()
	seenRead, seenUnread := together(slices.DeleteFunc(slices.Clone(arriving), func(l log) bool { return l.unseen }))
	b.Guessed = !seenRead.or(seenUnread).holds(read.or(unread))
	if len(arriving) == 0 {
		read, unread = together(logs)
	}
	if len(locations) > 0 {
		b.Missed = !read.holds(unread)
		b.Tailed = []string{} // not nil: none of those that are given
		for _, location := range locations {
			if slices.ContainsFunc(logs, func(l log) bool { return slices.Contains(l.readBy, location.URL) }) {
				b.Tailed = append(b.Tailed, location.URL)
			}
		}
	}
}

// together returns what logs hold that a location reads, and what the others do.
func together(logs []log) (read, unread logged) {
	for _, l := range logs {
		if len(l.readBy) > 0 {
			read = read.or(l.logged)
		} else {
			unread = unread.or(l.logged)
		}
	}
	return read, unread
}

// bucketOf returns the bucket of a location, s3://bucket/prefix.
func bucketOf(location string) string {
	bucket, _, _ := strings.Cut(strings.TrimPrefix(location, "s3://"), "/")
	return bucket
}

// reads reports whether a location with that prefix reads a stream, whose keys have dates
// behind its own: all of them, as far as this century goes.
func reads(prefix, stream string) bool { return strings.HasPrefix(stream+"20", prefix) }

// overlap reports whether keys may have both prefixes.
func overlap(a, b string) bool { return strings.HasPrefix(a, b) || strings.HasPrefix(b, a) }

// holds reports whether a location with that prefix reads the trail's objects with events
// of the bucket: PREFIX/AWSLogs/[ORGANIZATION/]ACCOUNT/CloudTrail/REGION/.
func (r *Recorder) holds(prefix string, b *Bucket) bool {
	root := "AWSLogs/"
	if r.Prefix != "" {
		root = strings.TrimSuffix(r.Prefix, "/") + "/" + root
	}
	below, inside := strings.CutPrefix(prefix, root)
	if !inside {
		return strings.HasPrefix(root, prefix)
	}
	if strings.HasPrefix(below, "o-") {
		_, below, _ = strings.Cut(below, "/")
	}
	return reads(below, b.AccountID+"/CloudTrail/"+b.Region+"/")
}
