package scanner_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3access/s3_access_exporter/scanner"
	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/reshard"
	"github.com/s3access/s3_access_exporter/scanner/shard"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

var shardSeeds = flag.Int("model.shards.seeds", 12, "number of courses of events of the model test of shards")

// The same as of one process holds of shards together, each of which is killed by itself:
// every request counts exactly once, and nothing that was shown falls; also where the
// streams are shared out anew among more or fewer, and where that is killed at any step.
// Events of CloudTrail are delivered again to other accounts of their Region.
func TestScanner_ShardsExactlyOnceModel(t *testing.T) {
	for i := range uint64(*shardSeeds) {
		seed := *modelFirst + i
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(r *rig) {
				m := &shardsModel{rig: r, random: rand.New(rand.NewPCG(seed, 0)), faults: rand.New(rand.NewPCG(seed, 1)), events: make(map[string][]string)}
				m.run()
			})
		})
	}
}

// shardsModel is one course of events.
type shardsModel struct {
	*rig   // whose bucket it is; it does not run
	random *rand.Rand
	shards []*shardProcess // by index
	spare  []string        // paths of checkpoints that are not in use
	truth  []string
	events map[string][]string // IDs of those of CloudTrail by Region

	mu     sync.Mutex // the hooks run on the scanners' goroutines
	faults *rand.Rand
	faulty bool
}

// shardProcess is a shard, and what becomes of its process.
type shardProcess struct {
	*rig
	shown  map[string]int
	armed  int    // steps until it is killed; 0: it is not
	killed []byte // the checkpoint at the moment of the kill
}

func (m *shardsModel) run() {
	m.config = scanner.Config{
		Interval: 10 * time.Minute, Overlap: time.Hour, SweepWindow: 8 * time.Hour, SweepInterval: 2 * time.Hour,
		AuditInterval: 6 * time.Hour, AuditWindow: 96 * time.Hour, CommitInterval: time.Minute, CommitIdle: time.Hour, Concurrency: 3, DedupeWindow: 1000,
	}
	m.bucket.PageSize = 7
	m.bucket.SetFault(m.call)
	if m.random.IntN(2) == 0 {
		m.config.Since = 24 * time.Hour
		for range 20 {
			m.put(time.Now().Add(-48*time.Hour-time.Duration(m.random.IntN(60))*time.Hour), "before")
		}
	}
	for index, r := range m.split(1 + m.random.IntN(4)) {
		r.config.Shard.Index = index
		m.shards = append(m.shards, &shardProcess{rig: r})
	}
	m.beginAll()
	m.wait(20 * time.Minute) // what lies there at the start is known before more comes
	for range 30 {
		for range m.random.IntN(6) {
			m.arrive()
		}
		m.prepare()
		m.wait(time.Duration(m.random.IntN(90)) * time.Minute)
		m.endSome()
		if m.random.IntN(6) == 0 {
			m.reshard()
		}
	}
	m.mu.Lock()
	m.faulty = false
	m.mu.Unlock()
	m.wait(40 * time.Hour) // retries, sweeps, audits
	expectOnce(m.t, m.rigs(), m.truth...)
	if m.t.Failed() {
		for i, s := range m.shards {
			m.t.Logf("shard %d:\n%s", i, s.log.String())
		}
	}
	for _, s := range m.shards {
		s.stop()
		if _, err := checkpoint.Verify(s.path); err != nil {
			m.t.Error(err)
		}
	}
}

func (m *shardsModel) rigs() (rigs []*rig) {
	for _, s := range m.shards {
		rigs = append(rigs, s.rig)
	}
	return rigs
}

// beginAll starts all shards.
func (m *shardsModel) beginAll() {
	for _, s := range m.shards {
		m.begin(s)
	}
}

// begin starts a shard and checks that what it shows is no less than before.
func (m *shardsModel) begin(s *shardProcess) {
	s.hook = func() { m.step(s) }
	s.start()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.check(s, s.consumer.shown())
}

// put puts an object of one of some streams, which holds requests of these IDs.
func (m *shardsModel) put(at time.Time, ids ...string) {
	at = at.UTC()
	unique := fmt.Sprintf("%016X", m.random.Uint64())
	if m.random.IntN(2) == 0 {
		key := "logs" + at.Format("2006-01-02-15-04-05-") + unique
		if n := m.random.IntN(6); n > 0 {
			key = logtest.PartitionedKey(fmt.Sprintf("logs111122223333/eu-west-1/bucket-%d/", n), at, unique)
		}
		m.t.Logf("%s: %s arrives as %s", time.Now().Format(time.DateTime), ids, key)
		m.bucket.Put(key, logtest.AccessLog(at, ids...), time.Now())
		return
	}
	region := []string{"us-east-1", "eu-west-1", "ap-south-1", "sa-east-1"}[m.random.IntN(4)]
	account := []string{"111122223333", "444455556666", "777788889999"}[m.random.IntN(3)]
	for range m.random.IntN(3) { // delivered once more
		if known := m.events[region]; len(known) > 0 {
			ids = append(ids, known[m.random.IntN(len(known))])
		}
	}
	if ids[0] != "before" {
		m.events[region] = append(m.events[region], ids...)
	}
	key := logtest.TrailKey("logs/AWSLogs/"+account+"/CloudTrail/"+region+"/", account, region, at, unique)
	m.t.Logf("%s: %s arrives as %s", time.Now().Format(time.DateTime), ids, key)
	m.bucket.Put(key, logtest.Trail(at, ids...), time.Now())
}

// arrive puts a new object, often late.
func (m *shardsModel) arrive() {
	at := time.Now()
	switch m.random.IntN(7) {
	case 0:
		at = at.Add(-time.Duration(m.random.IntN(60)) * time.Minute)
	case 1:
		at = at.Add(-time.Duration(m.random.IntN(80)) * time.Hour)
	case 2:
		at = at.Truncate(time.Hour) // several in one second
	}
	n := len(m.truth)
	ids := []string{fmt.Sprintf("R%d.0", n), fmt.Sprintf("R%d.1", n)}
	m.truth = append(m.truth, ids...)
	m.put(at, ids...)
}

// prepare chooses what goes wrong next.
func (m *shardsModel) prepare() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faulty = m.random.IntN(3) == 0
	for _, s := range m.shards {
		if m.random.IntN(5) == 0 {
			s.armed = 1 + m.random.IntN(40)
		}
		var refuse error
		if m.random.IntN(8) == 0 {
			refuse = errors.New("no space left on device")
		}
		s.consumer.setRefuse(refuse)
	}
}

// call is the bucket's hook.
func (m *shardsModel) call(op, _ string) error {
	for _, s := range m.shards {
		m.step(s)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.faulty || m.faults.IntN(4) > 0 {
		return nil
	}
	if op == sourcetest.OpRead {
		return sourcetest.FailAfter(int64(m.faults.IntN(300)), errors.New("connection reset"))
	}
	return errors.New("service unavailable")
}

// step is a moment at which a shard may be killed.
func (m *shardsModel) step(s *shardProcess) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if s.armed == 0 {
		return
	}
	if s.armed--; s.armed > 0 {
		return
	}
	content, err := os.ReadFile(s.path)
	if err != nil {
		m.t.Error(err)
	}
	s.killed = content
	m.t.Logf("%s: shard %d is killed", time.Now().Format(time.DateTime), s.config.Shard.Index)
	m.check(s, s.consumer.shown())
}

// check checks that nothing that a shard shows falls. m.mu is held.
func (m *shardsModel) check(s *shardProcess, shown map[string]int) {
	for id, n := range s.shown {
		if shown[id] < n {
			m.t.Errorf("%s fell from %d to %d", id, n, shown[id])
		}
	}
	s.shown = shown
}

// endSome ends the processes that are killed, and begins new ones.
func (m *shardsModel) endSome() {
	for _, s := range m.shards {
		m.end(s)
		if s.stopped == nil {
			m.begin(s)
		}
	}
	synctest.Wait()
}

// end ends a process that is killed.
func (m *shardsModel) end(s *shardProcess) {
	m.mu.Lock()
	killed := s.killed
	s.killed, s.armed = nil, 0
	if killed == nil {
		m.check(s, s.consumer.shown())
	}
	m.mu.Unlock()
	s.consumer.setRefuse(nil)
	if killed == nil {
		return
	}
	s.stop()
	if err := os.WriteFile(s.path, killed, 0o600); err != nil {
		m.t.Fatal(err)
	}
}

// reshard stops all shards, shares their streams out among others, and starts those.
func (m *shardsModel) reshard() {
	for _, s := range m.shards {
		m.end(s)
		s.stop()
		m.mu.Lock()
		m.check(s, s.consumer.shown())
		m.mu.Unlock()
	}
	from, to := len(m.shards), 1+m.random.IntN(5)
	m.t.Logf("%s: from %d shards to %d", time.Now().Format(time.DateTime), from, to)
	for index := from; index < to; index++ {
		r := &rig{t: m.t, bucket: m.bucket, config: m.config, path: filepath.Join(m.t.TempDir(), fmt.Sprint(index, ".db"))}
		if index < len(m.spare) {
			r.path = m.spare[index] // that of a shard that was dissolved
		}
		m.shards = append(m.shards, &shardProcess{rig: r})
	}
	for m.reshardOnce(to, m.random.IntN(30)) != nil {
		m.t.Logf("%s: which is killed", time.Now().Format(time.DateTime))
	}
	for index, s := range m.shards {
		s.config.Shard = shard.Shard{Index: index, Count: to}
		for len(m.spare) <= index {
			m.spare = append(m.spare, "")
		}
		m.spare[index] = s.path
	}
	m.shards = m.shards[:to]
	m.wait(time.Duration(m.random.IntN(60)) * time.Minute)
	m.beginAll()
}

// reshardOnce begins to share the streams out, and is killed at that update.
func (m *shardsModel) reshardOnce(to, kill int) error {
	var checkpoints []reshard.Checkpoint
	for _, s := range m.shards {
		state, err := checkpoint.Open(s.path)
		if err != nil {
			m.t.Fatal(err)
		}
		defer func() { _ = state.Close() }()
		checkpoints = append(checkpoints, reshard.Checkpoint{Name: s.path, State: mortal{state, &kill}})
	}
	_, err := reshard.Run(m.t.Context(), to, checkpoints, addCounts)
	if err != nil && !strings.Contains(err.Error(), errMortal.Error()) {
		m.t.Fatal(err)
	}
	return err
}

// addCounts adds up the counts of a consumer.
func addCounts(_, one, other []byte) ([]byte, error) {
	a, err := strconv.Atoi(string(one))
	b, err2 := strconv.Atoi(string(other))
	return []byte(strconv.Itoa(a + b)), errors.Join(err, err2)
}
