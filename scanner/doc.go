// Package scanner tails log buckets: it lists every stream of log objects again and
// again, reads the objects that it has not seen, each exactly once, and commits them to
// a checkpoint together with what a Consumer makes of their records. Package once reads
// what lies there now, without a checkpoint.
//
// # The life of an object
//
//	listed ─▶ queued ─▶ read ─▶ held ─▶ batched ─▶ committed: it counts
//	             ▲                         └─▶ pending ─▶ quarantined
//	             └───────────────────────────────┘        gone
//
// Listed: each location has rounds, one in each Interval. A round finds new streams
// (discover.go), and lists those that are due (poll.go): from Overlap behind the
// watermark in a poll, from SweepWindow behind it in a sweep, over the whole AuditWindow
// in an audit (audit.go). A listed object is new
//
//   - if its key has a time within what a sweep lists, or, in an audit, if it was
//     modified after the audit before,
//   - and if it is not queued, and has not failed,
//   - and if the checkpoint has not marked it as seen.
//
// That is the order in which it is asked: first the queue, then the checkpoint. An
// object leaves the queue only after its commit, so whoever does not find it in the
// queue any more finds it in the checkpoint. Asked the other way round, an object whose
// commit comes between the two questions would count twice.
//
// Queued: the stream takes note that the object is in flight (stream.go), and it waits
// for a reader. From now on until it is batched, the watermark does not pass it.
//
// Read: a reader opens the object, decompresses and decodes it to its very end, and adds
// its records to a Tally; see package reader. What fails gives no records at all. What
// was read waits until the committer takes it.
//
// Held: an object that has passed over an event of CloudTrail, since another object in
// flight has that event, waits until that other one was read to its end. If the other
// one fails, so does this one, for the reason "shared"; see package dedupe.
//
// Batched: the object is finished and waits for a commit (commit.go). The watermark that
// is committed with it may be above it, but not above any object that is not finished.
//
// Committed: one transaction marks the objects of the batch as seen, moves the
// watermarks of their streams, and writes the IDs of their events and what
// Consumer.Stage makes of their Tallies. Only when it is durable, in this order: the
// Consumer exposes the Tallies, the watermarks advance in memory, the objects leave the
// queue. If it fails, the batch stays as it is and is committed again, and nothing has
// been exposed.
//
// Pending: the object could not be read. The same transaction keeps that as a Failure in
// place of a mark, so that the watermark may pass it. Rounds queue it anew by its key,
// after ever longer waits (retry.go), until it counts or is gone.
//
// Quarantined: the object cannot be read, and trying again is pointless, or was for a
// week. It is queued once more in each process.
//
// Gone: the object is not there any more. It is marked as seen, and gives nothing.
//
// When the context of Run ends, objects that are not batched are dropped, wherever they
// are: they are not marked, and the watermark is not above them, so the next Run reads
// them.
//
// # Who owns what
//
// Each location has one goroutine, tail, and within a round up to eight more, each of
// which polls one stream. Each object that is being read has one goroutine; package
// reader decides how many there are at once, for all locations together. One committer,
// in the goroutine that called Run, takes what was read: it alone marks objects, moves
// watermarks and calls the Consumer's Stage. Status and Ready may be called from any
// goroutine.
//
// Locks are held for moments, and never during calls of the store or the checkpoint.
// Where one is taken while another one is held, it is in this order: location.mu before
// stream.mu, backlog.mu before readiness.mu.
//
// # Who may use it
//
// The folder serves s3_access_exporter, and the APIs in it change with it, but for
// package record and the decoders accesslog and cloudtrail, which others may rely on.
// What nobody outside of the folder uses is below internal.
package scanner
