// Package fleet simulates the clients of a few S3 buckets, and writes the two
// request logs that AWS would write of them: server access logs and CloudTrail
// events. Beside the log objects it returns the requests that stand in them, so
// that what reads the logs can be held against the truth.
//
// The world of the simulation is in two tables: buckets.go has the buckets, what
// can be done with them and how they are logged, actors.go has who does it, with
// which client, how signed and with what success. The rest is mechanics. Each
// simulated second, actors make calls (call.go). A call waits in the log of its
// bucket and in the trail of the bucket's account and Region until that log's
// next delivery (delivery.go), which writes it as a line (accesslog.go) or an
// event (cloudtrail.go).
//
// All names, accounts and addresses are invented or reserved for documentation.
package fleet

import (
	"bytes"
	"compress/gzip"
	"math/rand/v2"
	"time"
)

// Config is the configuration of a Fleet. Its zero value is a small fleet.
type Config struct {
	// Seed chooses one of many courses of events. Fleets of the same Config that
	// deliver the same spans deliver the same bytes.
	Seed uint64
	// Rate is the mean number of requests a second; zero means 40.
	Rate int
	// ObjectRequests is the number of records that a log object holds at most;
	// zero means 200.
	ObjectRequests int
	// Lateness is how long ago the requests in late objects were logged at most,
	// the least being half of it; zero means 40 minutes.
	Lateness time.Duration
}

func (c Config) withDefaults() Config {
	if c.Rate == 0 {
		c.Rate = 40
	}
	if c.ObjectRequests == 0 {
		c.ObjectRequests = 200
	}
	if c.Lateness == 0 {
		c.Lateness = 40 * time.Minute
	}
	return c
}

// Object is one object in the log bucket as AWS delivers it: mostly a log, now
// and then something else that AWS stores beside logs.
type Object struct {
	Key  string
	Body []byte // as stored: gzipped if it is CloudTrail's
	// Late: the key has a time at least half of Config.Lateness before the
	// object's delivery.
	Late bool
}

// Unknown is the value of a number that the log does not hold.
const Unknown = -1

// Request is one record of a log. A request that stands in both logs is two
// Requests of the same RequestID. Texts are as the exporter's labels of the same
// name show them in full detail.
type Request struct {
	Log  string    // server_access or cloudtrail
	Time time.Time // to the second

	AccountID string // of the bucket's owner; empty where the log does not hold it
	Region    string // of the bucket; empty where the log does not hold it
	Bucket    string
	Operation string // the action of S3's API, or the logged name of what is none
	Key       string // decoded; empty if there is none

	Requester     string // an ARN with its session; unknown if the signature was refused
	Anonymous     bool
	SourceIP      string
	Client        string
	ClientVersion string
	Signature     string
	AuthMethod    string

	Outcome       string // success, denied or error
	Status        int    // 0 where the log does not hold it
	ErrorCode     string
	SentBytes     int64 // or Unknown
	ReceivedBytes int64 // or Unknown
	Duration      int64 // milliseconds, or Unknown
	RequestID     string

	// Features are those that AWS turns off which the request uses, by their names and with
	// commas between them; Undetermined those of which the record does not show it.
	Features, Undetermined string
}

// Fleet is a running simulation. It is for one goroutine at a time.
type Fleet struct {
	config Config
	random *rand.Rand
	logs   []*stream
	lots   []int // indices into actors, each as often as the actor's weight

	objects  []Object // of the Deliver that is running
	requests []Request
	plain    bytes.Buffer // a CloudTrail object before compression
	zip      *gzip.Writer
}

// New returns a Fleet at rest: it moves only while Deliver runs.
func New(config Config) *Fleet {
	const sequence = 1 // of the many that a seed has
	config = config.withDefaults()
	f := &Fleet{
		config: config,
		random: rand.New(rand.NewPCG(config.Seed, sequence)),
		logs:   streams(),
		zip:    gzip.NewWriter(nil),
	}
	for i := range actors {
		for range actors[i].weight {
			f.lots = append(f.lots, i)
		}
	}
	return f
}

// Deliver runs the simulation through the whole seconds from from, included, to
// to, excluded. It returns the objects that are delivered in that span, in the
// order of their delivery, and all requests that stand in them. The requests
// were made shortly before, those in late objects long before. How a span is
// cut into calls of Deliver changes nothing but the size of the portions.
func (f *Fleet) Deliver(from, to time.Time) ([]Object, []Request) {
	f.objects, f.requests = nil, nil
	now := from.UTC().Truncate(time.Second)
	if now.Before(from) {
		now = now.Add(time.Second)
	}
	for ; now.Before(to); now = now.Add(time.Second) {
		f.simulate(f.logs, now, f.config.Rate)
		for _, s := range f.logs {
			if s.isDue(now) {
				f.flush(s, now, false)
			}
		}
		f.deliverLate(now)
		f.deliverOthers(now)
	}
	return f.objects, f.requests
}

// simulate lets actors make calls that end by now, and puts them down in logs.
// Their mean number is rate.
func (f *Fleet) simulate(logs []*stream, now time.Time, rate int) {
	for n := rate/2 + f.random.IntN(rate+1); n > 0; {
		calls := f.play(&actors[f.lots[f.random.IntN(len(f.lots))]], now)
		n -= len(calls)
		for _, s := range logs {
			s.note(calls)
		}
	}
}

// deliverLate delivers, every so often, a few requests of long ago that no log
// has returned so far, as if their servers had been slow to hand them in.
func (f *Fleet) deliverLate(now time.Time) {
	const oddsAgainst, requests = 12, 20
	if f.random.IntN(oddsAgainst) != 0 {
		return
	}
	half := f.config.Lateness / 2
	then := now.Add(-half - time.Duration(f.random.Int64N(int64(half)+1))).Truncate(time.Second)
	logs := streams()
	f.simulate(logs, then, requests)
	for _, s := range logs {
		f.flush(s, then, true)
	}
}
