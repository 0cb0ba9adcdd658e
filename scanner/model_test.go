package scanner_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3access/s3_access_exporter/scanner"
	"github.com/s3access/s3_access_exporter/scanner/internal/logtest"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

var (
	modelSeeds = flag.Int("model.seeds", 40, "number of courses of events of the model test")
	modelFirst = flag.Uint64("model.first", 1, "first seed of the model test")
)

// Whatever happens, every request counts exactly once, and nothing that was shown
// falls: objects arrive late, in the same second and out of order; events are
// delivered again; any
// call of the store fails; commits fail; and the process is killed at any step of
// listing, fetching, decoding, committing and exposing.
func TestScanner_ExactlyOnceModel(t *testing.T) {
	for i := range uint64(*modelSeeds) {
		seed := *modelFirst + i
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			inBubble(t, func(r *rig) {
				m := &model{rig: r, random: rand.New(rand.NewPCG(seed, 0)), faults: rand.New(rand.NewPCG(seed, 1))}
				m.run()
			})
		})
	}
}

// model is one course of events.
type model struct {
	*rig
	random *rand.Rand
	truth  []string // IDs of all requests that were put
	events []string // those of CloudTrail

	mu     sync.Mutex // the hooks run on the scanner's goroutines
	faults *rand.Rand
	shown  map[string]int
	faulty bool   // calls of the store fail now and then
	armed  int    // steps until the process is killed; 0: it is not
	killed []byte // the checkpoint at the moment of the kill
}

func (m *model) run() {
	m.config = scanner.Config{
		Interval: 10 * time.Minute, Overlap: time.Hour, SweepWindow: 8 * time.Hour, SweepInterval: 2 * time.Hour,
		AuditWindow: 96 * time.Hour, AuditInterval: 6 * time.Hour, CommitInterval: time.Minute, Concurrency: 3, DedupeWindow: 1000,
	}
	m.bucket.PageSize = 7
	m.bucket.SetFault(m.call)
	m.begin()
	for range 40 {
		for range m.random.IntN(6) {
			m.arrive()
		}
		m.prepare()
		m.wait(time.Duration(m.random.IntN(90)) * time.Minute)
		m.end()
	}
	m.mu.Lock()
	m.faulty = false
	m.mu.Unlock()
	m.wait(40 * time.Hour) // retries, sweeps, audits
	m.expect(m.truth...)
}

// begin starts a process and checks that what it shows is no less than before.
func (m *model) begin() {
	m.hook = m.step
	m.start()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.check(m.consumer.shown())
}

// arrive puts a new object, often late.
func (m *model) arrive() {
	n := len(m.truth)
	at := time.Now()
	switch m.random.IntN(6) {
	case 0:
		at = at.Add(-time.Duration(m.random.IntN(60)) * time.Minute)
	case 1:
		at = at.Add(-time.Duration(m.random.IntN(80)) * time.Hour)
	case 2:
		at = at.Truncate(time.Hour) // several in one second
	}
	var ids []string
	for i := range m.random.IntN(3) {
		ids = append(ids, fmt.Sprintf("R%d.%d", n, i))
	}
	m.truth = append(m.truth, ids...)
	unique := fmt.Sprintf("%016X", m.random.Uint64())
	body := logtest.AccessLog(at, ids...)
	var key string
	switch m.random.IntN(4) {
	case 0:
		key = "logs" + at.UTC().Format("2006-01-02-15-04-05-") + unique
	case 1:
		key = "logs111122223333/eu-west-1/a/" + at.UTC().Format("2006/01/02/2006-01-02-15-04-05-") + unique
	case 2:
		key = "logs111122223333/eu-west-1/b/" + at.UTC().Format("2006/01/02/2006-01-02-00-00-00-") + unique
	case 3:
		key = "logs/AWSLogs/111122223333/CloudTrail/us-east-1/" + at.UTC().Format("2006/01/02/") +
			"111122223333_CloudTrail_us-east-1_" + at.UTC().Format("20060102T1504Z_") + unique + ".json.gz"
		for range m.random.IntN(3) { // delivered once more
			if len(m.events) > 0 {
				ids = append(ids, m.events[m.random.IntN(len(m.events))])
			}
		}
		m.events = append(m.events, ids...)
		body = logtest.Trail(at, ids...)
	}
	m.t.Logf("%s: %s arrives as %s", time.Now().Format(time.DateTime), ids, key)
	m.bucket.Put(key, body, time.Now())
}

// prepare chooses what goes wrong next.
func (m *model) prepare() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.faulty = m.random.IntN(3) == 0
	if m.random.IntN(3) == 0 {
		m.armed = 1 + m.random.IntN(40)
	}
	var refuse error
	if m.random.IntN(8) == 0 {
		refuse = errors.New("no space left on device")
	}
	m.consumer.setRefuse(refuse)
}

// call is the bucket's hook.
func (m *model) call(op, _ string) error {
	m.step()
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

// step is a moment at which the process may be killed: from here on, nothing that
// it shows or writes is of consequence.
func (m *model) step() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.armed == 0 {
		return
	}
	if m.armed--; m.armed > 0 {
		return
	}
	content, err := os.ReadFile(m.path)
	if err != nil {
		m.t.Error(err)
	}
	m.killed = content
	m.t.Logf("%s: killed", time.Now().Format(time.DateTime))
	m.check(m.consumer.shown())
}

// check checks that nothing falls. It is not called once the process is killed.
func (m *model) check(shown map[string]int) {
	for id, n := range m.shown {
		if shown[id] < n {
			m.t.Errorf("%s fell from %d to %d", id, n, shown[id])
		}
	}
	m.shown = shown
}

// end ends the process, if it is to end, and begins a new one.
func (m *model) end() {
	m.mu.Lock()
	killed := m.killed
	m.killed, m.armed = nil, 0
	if killed == nil {
		m.check(m.consumer.shown())
	}
	m.mu.Unlock()
	m.consumer.setRefuse(nil)
	switch {
	case killed != nil:
		m.stop()
		if err := os.WriteFile(m.path, killed, 0o600); err != nil {
			m.t.Fatal(err)
		}
		m.begin()
	case m.random.IntN(8) == 0:
		m.stop()
		m.begin()
	}
	synctest.Wait()
}
