package checkpoint

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"
)

// Objects is a store of objects in which a Journal lies. All methods may be called from
// many goroutines at once, and return when their context ends. They try again what may
// pass, where that makes no difference, but not for longer than some seconds.
type Objects interface {
	// PutIfAbsent stores an object unless there is one of that key, in one step; if there
	// is, its error is fs.ErrExist. Any other error leaves open whether it was stored, and
	// it does not try again by itself.
	PutIfAbsent(ctx context.Context, key string, body io.ReadSeeker) error
	// Get returns an object, which the caller closes. Its error is fs.ErrNotExist if there
	// is none. A body that is not whole does not end in io.EOF.
	Get(ctx context.Context, key string) (io.ReadCloser, error)
	// List returns the keys that begin with prefix and sort behind after, in order, as they
	// are when it is called. Where it lacks some, or has some that are gone, as a cache
	// answers, a Journal may not get on, and loses nothing.
	List(ctx context.Context, prefix, after string) iter.Seq2[string, error]
	// Size returns how many bytes an object has, as a listing shows it. Its error is
	// fs.ErrNotExist if none does.
	Size(ctx context.Context, key string) (int64, error)
	// Delete removes an object; that there is none is no error.
	Delete(ctx context.Context, key string) error
}

// What the zero values of a JournalConfig's fields mean.
const (
	DefaultTakeover         = time.Minute
	DefaultSnapshotSegments = 1000
)

// JournalConfig describes a Journal. The zero value of a field means what its comment has
// for it, or else the constant Default with the field's name.
type JournalConfig struct {
	// Name is what the journal is called in errors: s3://bucket/prefix.
	Name string
	// Objects is where it lies; nothing else does. It is required.
	Objects Objects
	// Writer is what this process is called where others are told who counts.
	Writer string
	// Cache is the path of the local copy, which may be lost at any time; empty: it is a
	// new one in the temporary directory.
	Cache string
	// MustExist makes Run fail with ErrMissing where there is no journal.
	MustExist bool
	// Takeover is how long the journal does not move until another process counts. It should
	// be the same for all: a process waits for the longer one of its own and the active one's.
	Takeover time.Duration
	// SnapshotSegments is after how many segments there is a snapshot.
	SnapshotSegments int
	// Check looks at what there is before this process waits, or writes; nil: nothing does.
	// Its error is Run's.
	Check func(tx *Tx) error
	// Failed is called for each attempt to write that fails; nil: nobody is told.
	Failed func()
	// Logger is told what passes by itself; nil: nothing is.
	Logger *slog.Logger
	// Uptime returns the time since some moment, in which it stands still for no sleep;
	// nil: Uptime.
	Uptime func() time.Duration
}

func (c JournalConfig) withDefaults() JournalConfig {
	c.Takeover = cmp.Or(c.Takeover, DefaultTakeover)
	c.SnapshotSegments = cmp.Or(c.SnapshotSegments, DefaultSnapshotSegments)
	if c.Check == nil {
		c.Check = func(*Tx) error { return nil }
	}
	if c.Failed == nil {
		c.Failed = func() {}
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	if c.Uptime == nil {
		c.Uptime = Uptime
	}
	return c
}

// Errors of a Journal, beside those of a File. They come wrapped in a message of one line
// that names the journal, and the object in it.
var (
	// ErrFenced means that another process writes, and counts, in place of this one.
	ErrFenced = errors.New("another process has taken over; this one ends, and stands by once it is started again")
	// ErrUnconditional means that the store does not know conditional writes.
	ErrUnconditional = errors.New("the store ignores If-None-Match, so that two processes could write at once; choose another store, or a file")
	// ErrStandby means that this process is not the one that writes.
	ErrStandby = errors.New("standby")
	// ErrLocal means that the local copy is damaged, by which nothing is lost.
	ErrLocal = errors.New("the next start makes it anew of the journal")
	// errUnresolved means that the process ends, and that an Update may be durable or not.
	errUnresolved = errors.New("the process ends before the store has answered")
)

// Journal is a checkpoint in a store of objects, which one process at a time writes, and
// others follow.
//
// Its files: segment.go, snapshot.go and changes.go are what lies in the store, listed.go
// what is believed of it, replica.go the local copy; follow.go waits until this process may write, update.go is a
// commit, put.go makes a segment durable, and lead.go and watch.go are what else the writer
// does.
type Journal struct {
	cfg   JournalConfig
	codec codec
	id    writerID

	// write is held by whoever writes, or moves the position. It guards local, at,
	// snapshot, and predecessor; View and Size may use local within Run's lead, since it
	// stays as it is then.
	write       turn
	local       *replica
	at          position // what the local copy holds
	snapshot    uint64   // sequence of the newest snapshot, 0: there is none
	predecessor writerID // whoever has had the local copy before, and cannot be alive; 0: unknown
	opening     *segment // that this process has tried to write

	created   atomic.Bool
	active    atomic.Bool
	confirmed atomic.Int64  // uptime at which the last PUT began that has succeeded
	gaveUp    chan struct{} // closed when no Update waits for the store any more
	ended     error         // why nothing can be written any more; guarded by mu

	mu     sync.Mutex // guards all below, and ended
	status JournalStatus
	cancel context.CancelCauseFunc // of lead's context; nil while there is none
}

// turn is a lock that is held while the store is asked, which may take long.
type turn chan struct{}

func (t turn) take() { t <- struct{}{} }
func (t turn) give() { <-t }

// JournalStatus is what a Journal knows of those that use it.
type JournalStatus struct {
	// Active is whether this process is the one that writes.
	Active bool
	// Writer is what the process is called that has written last, empty if none has.
	Writer string
	// Sequence is the number of the last segment, and Moved when it was seen first.
	Sequence uint64
	Moved    time.Time
	// Err is why the store cannot be read or written now; nil if it can.
	Err error
}

// NewJournal returns a Journal. It does no I/O and starts nothing.
func NewJournal(cfg JournalConfig) *Journal {
	j := &Journal{cfg: cfg.withDefaults(), codec: newCodec(), write: make(turn, 1), gaveUp: make(chan struct{})}
	_, _ = rand.Read(j.id[:]) // it never fails
	return j
}

// Run follows the journal until this process may write, and then calls lead. It may write
// at once if there is no journal yet, or the last writer has ended in peace; or when the
// journal has not moved for Takeover, or for that of the last writer if that is longer. The context of lead ends with ctx, or when this
// process may not write any more, of which Run then returns the reason. Else it returns
// the error of lead, having left word that it has ended. It waits while the store cannot
// be reached. Run may be called once.
func (j *Journal) Run(ctx context.Context, lead func(ctx context.Context) error) error {
	err := j.follow(ctx)
	if err == nil {
		err = j.lead(ctx, lead)
	}
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		return nil // it has ended as a standby
	}
	return err
}

// named wraps an error of the journal.
func (j *Journal) named(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("checkpoint %s: %w", j.cfg.Name, err)
}

// Close forgets the local copy, or unlocks it. Run must have returned.
func (j *Journal) Close() error {
	j.write.take()
	defer j.write.give()
	if j.local == nil {
		return nil
	}
	err := j.local.close()
	j.local = nil
	return err
}

// Created reports whether there was no journal before Run has called lead.
func (j *Journal) Created() bool { return j.created.Load() }

// Live reports whether what was committed may be shown: this process writes, and nobody
// can have taken over. It is sure of that for half of Takeover after the last segment, by
// a clock that goes on while the process, or the machine, stands still.
func (j *Journal) Live() bool {
	age := j.cfg.Uptime() - time.Duration(j.confirmed.Load())
	return j.active.Load() && age < j.cfg.Takeover/2
}

// Status returns what is known now. It may be called from any goroutine.
func (j *Journal) Status() JournalStatus {
	j.mu.Lock()
	defer j.mu.Unlock()
	s := j.status
	s.Active = j.active.Load()
	return s
}

// Size returns the size of the local copy in bytes. It is for within Run's lead.
func (j *Journal) Size() (size int64) {
	// View fails only on a closed file, whose size is nobody's concern.
	_ = j.local.db.View(func(tx *bbolt.Tx) error {
		size = tx.Size()
		return nil
	})
	return size
}

// View is File.View, for within Run's lead. If the local copy is damaged, it ends the
// journal with ErrLocal.
func (j *Journal) View(fn func(*Tx) error) error {
	err := j.local.view(fn)
	if errors.Is(err, ErrLocal) {
		_ = j.end(err)
	}
	return err
}

// moved takes note of a segment that was seen.
func (j *Journal) moved(p position) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.status.Writer, j.status.Sequence, j.status.Moved, j.status.Err = p.name, p.sequence, time.Now(), nil
}

// reached takes note of whether the store can be used: err is nil if it can.
func (j *Journal) reached(err error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if err != nil && j.status.Err == nil {
		j.cfg.Logger.Error("the checkpoint cannot be reached; nothing is counted until it can", "err", j.named(err))
	}
	if err == nil && j.status.Err != nil {
		j.cfg.Logger.Info("the checkpoint can be reached again")
	}
	j.status.Err = err
}
