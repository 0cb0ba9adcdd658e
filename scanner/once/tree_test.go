package once_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/logkey"
	"github.com/s3access/s3_access_exporter/scanner/once"
	"github.com/s3access/s3_access_exporter/scanner/record"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

// tree is a random bucket whose objects hold requests of all times before their
// delivery, up to a slack.
type tree struct {
	*rand.Rand
	bucket sourcetest.Fake
	slack  time.Duration
	n      int // requests so far
}

func newTree(seed uint64) *tree {
	tr := &tree{Rand: rand.New(rand.NewPCG(seed, 0))}
	tr.slack = time.Duration(1+tr.IntN(30)) * time.Hour
	first := time.Date(2025, 12, 20, 0, 0, 0, 0, time.UTC)
	for range 150 {
		delivered := first.Add(time.Duration(tr.Int64N(int64(40 * 24 * time.Hour)))).Truncate(time.Second)
		if tr.IntN(10) == 0 {
			delivered = delivered.Truncate(24 * time.Hour)
		}
		tr.put(delivered)
	}
	return tr
}

func (tr *tree) put(delivered time.Time) {
	unique := fmt.Sprintf("%04d456789ABCDEF", tr.IntN(10000))
	account := []string{"111122223333", "202512345678", "202612345678", "999911112222"}[tr.IntN(4)]
	region := []string{"eu-west-1", "us-east-1"}[tr.IntN(2)]
	// Clocks are minutes apart.
	age := time.Duration(tr.Int64N(int64(tr.slack+5*time.Minute))) - 5*time.Minute
	switch tr.IntN(8) {
	case 7: // Ceph's: when the object was begun, by the gateway's clock
		unique := fmt.Sprintf("%010dXY%04d", tr.IntN(30), tr.IntN(10000))
		local := delivered.In(time.FixedZone("", (tr.IntN(27)-12)*3600))
		request := delivered.Add(time.Duration(tr.Int64N(int64(24 * time.Hour))))
		if tr.IntN(2) == 0 {
			tr.access("ceph/"+local.Format("2006-01-02-15-04-05-")+unique, request)
		} else {
			tr.access(tr.root()+fmt.Sprintf(parts, "somebody", "default")+local.Format("2006/01/02/2006-01-02-15-04-05-")+unique, request)
		}
	case 0:
		prefix := []string{"", "logs/", "2026-x/", "2026"}[tr.IntN(4)]
		tr.access(prefix+delivered.Format("2006-01-02-15-04-05-")+unique, delivered.Add(-age))
	case 1:
		tr.access(logtest.PartitionedKey(tr.root()+fmt.Sprintf(parts, account, region), delivered, unique), delivered.Add(-age))
	case 2: // by event: delivered any time later
		day := delivered.Truncate(24 * time.Hour)
		tr.access(logtest.PartitionedKey(tr.root()+fmt.Sprintf(parts, account, region), day, unique), day.Add(time.Duration(tr.Int64N(int64(24*time.Hour)))))
	case 3:
		tr.trail(logtest.TrailKey(tr.root()+fmt.Sprintf(trails, account, region), account, region, delivered, unique), delivered.Add(-age))
	case 4: // copied somewhere else
		tr.trail(logtest.TrailKey([]string{"", "copy/"}[tr.IntN(2)], account, region, delivered, unique), delivered.Add(-age))
	case 5:
		tr.bucket.Put(tr.root()+fmt.Sprintf(digests, account, region)+delivered.Format("2006/01/02/")+unique+".json.gz", nil, delivered)
	case 6:
		tr.bucket.Put(tr.root()+delivered.Format("2006/01/02/")+unique+".jpg", nil, delivered)
	}
}

func (tr *tree) root() string { return []string{"", "logs/"}[tr.IntN(2)] }

func (tr *tree) id() string {
	tr.n++
	return fmt.Sprint("R", tr.n)
}

func (tr *tree) access(key string, at time.Time) {
	tr.bucket.Put(key, logtest.AccessLog(at, tr.id()), at)
}

func (tr *tree) trail(key string, at time.Time) {
	tr.bucket.Put(key, logtest.Trail(at, tr.id()), at)
}

// query returns a random query, and the same of records that were found.
func (tr *tree) query() (once.Query, func(seenRecord) bool) {
	q := once.Query{Slack: tr.slack}
	instant := func() time.Time {
		at := time.Date(2025, 12, 18, 0, 0, 0, 0, time.UTC).Add(time.Duration(tr.Int64N(int64(44 * 24 * time.Hour)))).Truncate(time.Second)
		if tr.IntN(3) == 0 {
			return at.Truncate(24 * time.Hour)
		}
		return at
	}
	if tr.IntN(4) > 0 {
		q.Since = instant()
	}
	if tr.IntN(4) > 0 {
		q.Until = instant()
	}
	keep := func(logkey.Key) bool { return true }
	switch tr.IntN(4) {
	case 0:
		keep = func(k logkey.Key) bool { return k.Region == "" || k.Region == "us-east-1" }
	case 1:
		keep = func(k logkey.Key) bool { return k.AccountID == "" || k.AccountID == "202612345678" }
	case 2:
		keep = func(k logkey.Key) bool { return k.Stream.Log() == record.CloudTrail }
	}
	q.Wanted = keep
	return q, func(r seenRecord) bool {
		return !r.time.Before(q.Since) && (q.Until.IsZero() || r.time.Before(q.Until)) &&
			keep(logkey.Parse(strings.TrimPrefix(r.object, "s3://logs/")))
	}
}
