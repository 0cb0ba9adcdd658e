// Package scanner tails log buckets: it lists every stream of log objects again and
// again, reads the objects that it has not seen, each exactly once, and commits them to
// a checkpoint together with what a Consumer makes of their records. Package once reads
// what lies there now, without a checkpoint.
//
// # The life of an object
//
//	listed ─▶ queued ─▶ read ─▶ held ─▶ batched ─▶ committed: it counts
//	   │         ▲                         └─▶ pending ─▶ quarantined
//	   │         └───────────────────────────────┘        gone
//	   └─▶ passed over
//
// Listed: each location has rounds, one in each Interval and when a stream is due: when
// its next object is expected, by when those before came (arrivals.go). A round searches
// for new streams (discover.go), and lists those that are due (poll.go): from Overlap behind the
// watermark in a poll, from SweepWindow behind it in a sweep, over the whole AuditWindow
// in an audit (audit.go). A listed object is new if it is not queued and has not failed,
// if the checkpoint has no mark of it, and if its key has no time before its stream's
// beginning.
//
// The order in which that is asked is what exactly-once rests on. A listing begins to
// watch which objects leave the queue, then reads the marks of a day, and then asks for
// each object of that day first the queue, with what has left it since, and then the
// marks. An object leaves the queue only after its commit. So if its commit came before
// the marks were read, it has a mark; if it came later, the object is in the queue or was
// seen leaving it. Asked in any other order, an object whose commit comes between two
// questions would count twice.
//
// Passed over: in an audit, an object without a mark from before its stream's beginning.
// It was there before the location was read for the first time, and does not count. It
// is marked, so that once all of the AuditWindow has marks the stream may begin earlier,
// and what comes late is new.
//
// Queued: the stream takes note that the object is in flight (stream.go), and it waits
// for a reader. From now on until it is batched, the watermark does not pass it.
//
// Read: the object is fetched, decompressed and decoded to its very end, and its records
// are added to a Tally; see package reader. What fails gives no records at all. What was
// read waits until the committer takes it.
//
// Held: an object that has passed over an event of CloudTrail, since another object in
// flight has that event, waits until that other one was read to its end. If the other
// one fails, so does this one, for the reason "shared"; see package dedupe.
//
// Batched: the object is finished and waits for a commit (commit.go). The watermark that
// is committed with it may be above it, but not above any object that is not finished.
//
// Committed: one transaction marks the objects of the batch, moves the watermarks of
// their streams, and writes the IDs of their events, what Consumer.Stage makes of their
// Tallies, and what locations have sent as notes (notes.go). Only when it is durable, in
// this order: the Consumer exposes the Tallies, the watermarks advance in memory, the
// objects leave the queue. If it fails, the batch stays as it is and is committed again,
// and nothing has been exposed.
//
// Pending: the object could not be read. The same transaction keeps that as a Failure in
// place of a mark, so that the watermark may pass it. Rounds queue it anew by its key,
// after ever longer waits (retry.go), until it counts or is gone; at once if it is
// listed as another version. If it was slow, it waits for others that were (package
// reader).
//
// Quarantined: the object cannot be read, and trying again is pointless, or was for a
// week. It is queued once more in each process, and if it is another version by now, or
// gone: whether it is, listings show, and a look at each now and then (recheck.go).
//
// Gone: the object is not listed any more. It gives nothing, and is new if it comes back.
//
// An object that has a mark and is listed as another version gets a new mark, and is shown
// in a metric. What was counted stays counted. If there was nothing to count in it, as it
// was empty or no log, it is new.
//
// When the context of Run ends, objects that are not batched are dropped, wherever they
// are: they are not marked, and the watermark is not above them, so the next Run reads
// them. Marks are kept as long as any listing can come across their objects (tidy.go).
//
// # What belongs to what
//
// What was read belongs to the store, the bucket and the key (source.Location.Store), and
// is kept by stream, so that a stream's state stands alone. Of a location there is but its
// prefix: where its first start was, and when it was searched last. A stream that is found
// later begins where those prefixes began that cover it, or, where one of them was searched
// before, as far back as audits look, or did then: all that lies in it has come since.
//
// # Shards
//
// Several processes may share the streams of the same locations (Config.Shard, package
// shard): each knows only its own, as a search passes over all else (sharing.go). So
// nothing here but a search ever comes across what is another's. Package reshard moves
// streams from one checkpoint to another while no process runs.
//
// # Who owns what
//
// Each location has one goroutine, tail, and within a round up to eight more, each of
// which polls one stream. Each object that is being read has one goroutine; package
// reader decides how many there are at once, for all locations together. One committer,
// in the goroutine that called Run, takes what was read and what was noted: it alone
// writes to the checkpoint, moves watermarks and calls the Consumer's Stage. Status and
// Ready may be called from any goroutine.
//
// Locks are held for moments, and never during calls of the store or the checkpoint.
// Where one is taken while another one is held, it is in this order: location.mu before
// owners.mu and stream.mu, backlog.mu before readiness.mu.
//
// # Who may use it
//
// The folder serves s3_access_exporter, and the APIs in it change with it, but for
// package record and the decoders accesslog and cloudtrail, which others may rely on.
// What nobody outside of the folder uses is below internal.
package scanner
