package scanner

import (
	"log/slog"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/reader"
	"github.com/s3access/s3_access_exporter/scanner/shard"
	"github.com/s3access/s3_access_exporter/scanner/source"
)

// What the zero values of a Config's fields mean.
const (
	DefaultInterval       = time.Minute
	DefaultOverlap        = time.Hour
	DefaultSweepWindow    = 48 * time.Hour
	DefaultSweepInterval  = time.Hour
	DefaultAuditWindow    = 720 * time.Hour
	DefaultAuditInterval  = 24 * time.Hour
	DefaultMaxObjectSize  = reader.DefaultMaxObjectSize
	DefaultCommitInterval = time.Second
	DefaultCommitIdle     = time.Minute
)

// Config is what to tail and how. The zero value of a field means what its comment
// has for it, or else the constant Default with the field's name.
type Config struct {
	Locations []source.Location
	Consumer  Consumer     // required
	Metrics   *Metrics     // required
	Logger    *slog.Logger // nil: nothing is logged
	// Checkpoint is required. It is the caller's to close, after Run has returned.
	Checkpoint Checkpoint
	// Now returns the time of the wall, which may jump; nil: time.Now.
	Now func() time.Time
	// Shard is which part of the streams is tailed; the zero value: all of them. The
	// Checkpoint must be that of the same shard, or was never used.
	Shard shard.Shard

	// Since is how far back a location starts that the checkpoint does not
	// know; 0: with the first object.
	Since time.Duration
	// Interval is the shortest time between two listings of a stream; see arrivals.
	Interval time.Duration
	// Overlap is how far behind the watermark each listing begins.
	Overlap time.Duration
	// SweepWindow is how far behind the watermark a sweep begins, a listing for
	// late objects. It is at least Overlap.
	SweepWindow time.Duration
	// SweepInterval is the time between two sweeps, and between two searches
	// for new streams.
	SweepInterval time.Duration
	// AuditWindow is how far back from now an audit lists. Seen objects are remembered
	// for that long, to the day.
	AuditWindow time.Duration
	// AuditInterval is the time between two audits.
	AuditInterval time.Duration

	// DedupeWindow is how many event IDs of CloudTrail are remembered, so that an
	// event that is delivered again does not count again; 0: none are.
	DedupeWindow int

	// MaxObjectSize is how many decompressed bytes an object may have.
	MaxObjectSize int64
	// Concurrency is how many objects are read at once; 0: as many as the cores can use,
	// and fewer if the store throttles. In any case, it is one of each location, and one that
	// is slow.
	Concurrency int
	// CommitInterval is the longest time that a read object waits for its
	// commit. It waits less once no other one comes any more.
	CommitInterval time.Duration
	// CommitPause is for how long none comes then; 0: for a part of CommitInterval. If it
	// is as long as that, commits are as few as can be.
	CommitPause time.Duration
	// CommitIdle is the longest time without a commit, to the CommitInterval: after it, one is
	// made of nothing. So a checkpoint that cannot be written shows before there is something
	// to count, unless it is a file that lacks nothing but room to grow; and that no commit has
	// succeeded for longer means that none can.
	CommitIdle time.Duration
}

func (c Config) withDefaults() Config {
	setDefault(&c.Interval, DefaultInterval)
	setDefault(&c.Overlap, DefaultOverlap)
	setDefault(&c.SweepWindow, DefaultSweepWindow)
	c.SweepWindow = max(c.SweepWindow, c.Overlap)
	setDefault(&c.SweepInterval, DefaultSweepInterval)
	setDefault(&c.AuditWindow, DefaultAuditWindow)
	setDefault(&c.AuditInterval, DefaultAuditInterval)
	setDefault(&c.CommitInterval, DefaultCommitInterval)
	setDefault(&c.CommitPause, c.CommitInterval/longPause)
	setDefault(&c.CommitIdle, DefaultCommitIdle)
	if c.Now == nil {
		c.Now = time.Now
	}
	c.Now = wall(c.Now)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

func setDefault[T comparable](field *T, value T) {
	var zero T
	if *field == zero {
		*field = value
	}
}
