package scanner

import (
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/shard"
)

// sharing knows which of what a search comes across belongs to this shard. A search passes
// over all else, so that nothing behind it sees what is not this shard's: no stream is met,
// polled or audited, no content looked at, nothing counted as skipped. It is owned by the
// goroutine of tail.
type sharing struct {
	shard  shard.Shard
	store  string
	others map[logkey.Stream]bool // that the search has found

	asked bool          // owns was, before
	last  logkey.Stream // for that one
	mine  bool          // and this was its answer
}

// begin begins a search.
func (s *sharing) begin() { s.others = make(map[logkey.Stream]bool) }

// owns reports whether an object belongs to this shard.
func (s *sharing) owns(key logkey.Key) bool {
	if s.shard.Alone() {
		return true
	}
	if !s.asked || s.last != key.Stream { // many objects of one follow each other
		s.asked, s.last, s.mine = true, key.Stream, s.shard.Owns(s.store, key.Stream)
	}
	if !s.mine && key.Skip == "" {
		s.others[key.Stream] = true
	}
	return s.mine
}

// passOther returns where a search goes on behind an object of another shard: where it
// would if it were its own, but that it does not look at what is skipped one by one.
func (l *location) passOther(name string, key logkey.Key, own checkpoint.Prefix, now time.Time) (goOn string) {
	dated := key.Stream.Layout != 0 && !key.Time.IsZero()
	if key.Skip != "" && !dated {
		return l.skips.extend(name)
	}
	l.skips.end()
	if key.Skip == "" && !key.Free() {
		return key.Beyond()
	}
	return passFree(key, own, now)
}

// showStray logs, once a stream, that it has events of CloudTrail, which its keys do not
// show: an event that is delivered again, to a stream of another shard, counts twice. It is
// called by the committer.
func (l *location) showStray(st *stream) {
	if l.cfg.Shard.Alone() || shard.IsCloudTrail(st.Stream) || l.strays[st] {
		return
	}
	l.strays[st] = true
	l.cfg.Logger.Warn("events of CloudTrail lie in a stream whose prefix does not show it: those that are delivered to other shards as well count twice",
		"location", l.Name, "stream", st.Prefix)
}
