package scanner_test

import (
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3access/s3_access_exporter/scanner"
	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/source/sourcetest"
)

var (
	modelSeeds = flag.Int("model.seeds", 16, "number of courses of events of the model test")
	modelFirst = flag.Uint64("model.first", 1, "first seed of the model test")
)

// Whatever happens, every request counts exactly once, and nothing that was shown
// falls: objects arrive late, in the same second and out of order; events are
// delivered again; objects are copied onto themselves; any call of the store fails, or
// gives a part of an object; commits fail; the process is killed at any step of listing,
// fetching, decoding, committing and exposing; the location is spelled otherwise, or less
// of the bucket listed, from one process to the next; and the clock jumps. What lay there
// before the start, copied or not, never counts.
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
	random  *rand.Rand
	objects []modelObject
	truth   []string // IDs of all requests that are to count
	events  []string // those of CloudTrail

	mu     sync.Mutex // the hooks run on the scanner's goroutines
	faults *rand.Rand
	shown  map[string]int
	faulty bool          // calls of the store fail now and then
	armed  int           // steps until the process is killed; 0: it is not
	killed []byte        // the checkpoint at the moment of the kill
	jumped time.Duration // how far the wall clock is ahead

	narrow time.Time       // since when processes list less than the whole bucket; zero: they do not
	late   int             // hours that objects are late at most
	audits []time.Duration // AuditWindows, one of which is each process's
}

// modelObject is an object that was put.
type modelObject struct {
	key   string
	plain []byte // not compressed
	body  []byte // as stored
}

func (m *model) run() {
	m.config = scanner.Config{
		Interval: 10 * time.Minute, Overlap: time.Hour, SweepWindow: 8 * time.Hour, SweepInterval: 2 * time.Hour,
		AuditInterval: 6 * time.Hour, CommitInterval: time.Minute, CommitIdle: time.Hour, Concurrency: 3, DedupeWindow: 1000,
		Now: m.now,
	}
	m.late, m.audits = 80, []time.Duration{96 * time.Hour}
	if m.random.IntN(2) == 0 {
		// What is older than the shortest one is not looked for, so nothing may be so
		// late: sweeps find it.
		m.late, m.audits = 8, []time.Duration{30 * time.Hour, 60 * time.Hour}
	}
	m.bucket.PageSize = 7
	m.bucket.SetFault(m.call)
	if m.random.IntN(2) == 0 {
		m.config.Since = 24 * time.Hour
		for range 20 {
			at := time.Now().Add(-48*time.Hour - time.Duration(m.random.IntN(60))*time.Hour)
			key := m.key(at)
			m.put(key, bodyOf(key, at, "before"), m.random.IntN(2) == 0)
		}
	}
	m.begin()
	m.wait(20 * time.Minute) // what lies there at the start is known before more comes
	for range 40 {
		for range m.random.IntN(6) {
			m.arrive()
		}
		m.copy()
		m.prepare()
		m.wait(time.Duration(m.random.IntN(90)) * time.Minute)
		m.end()
	}
	m.mu.Lock()
	m.faulty, m.jumped = false, 0
	m.mu.Unlock()
	m.stop()
	m.prefix = ""
	m.begin()
	m.wait(40 * time.Hour) // retries, sweeps, audits
	m.expect(m.truth...)
	if m.t.Failed() {
		m.t.Log(m.log.String())
	}
	m.stop()
	if _, err := checkpoint.Verify(m.path); err != nil {
		m.t.Error(err)
	}
}

// now is the wall clock.
func (m *model) now() time.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return jumped(m.t, m.jumped)
}

// begin starts a process and checks that what it shows is no less than before.
func (m *model) begin() {
	if whole := strings.HasPrefix("logs", m.prefix); whole { // all keys begin like that
		m.narrow = time.Time{}
	} else if m.narrow.IsZero() {
		m.narrow = time.Now()
	}
	m.hook = m.step
	m.config.AuditWindow = m.audits[m.random.IntN(len(m.audits))]
	m.start()
	m.mu.Lock()
	defer m.mu.Unlock()
	m.check(m.consumer.shown())
}

// arrive puts a new object, often late.
func (m *model) arrive() {
	n := len(m.truth)
	at := time.Now()
	switch m.random.IntN(7) {
	case 0:
		at = at.Add(-time.Duration(m.random.IntN(60)) * time.Minute)
	case 1:
		at = at.Add(-time.Duration(m.random.IntN(m.late)) * time.Hour)
	case 2:
		at = at.Truncate(time.Hour) // several in one second
	case 3:
		if m.random.IntN(4) == 0 {
			at = at.AddDate(m.random.IntN(60), 0, 0)
		}
	}
	var ids []string
	for i := range m.random.IntN(3) {
		ids = append(ids, fmt.Sprintf("R%d.%d", n, i))
	}
	m.truth = append(m.truth, ids...)
	key := m.key(at)
	if !strings.HasSuffix(key, ".json.gz") {
		m.t.Logf("%s: %s arrives as %s", time.Now().Format(time.DateTime), ids, key)
		m.put(key, bodyOf(key, at, ids...), m.random.IntN(3) == 0)
		return
	}
	for range m.random.IntN(3) { // delivered once more
		if len(m.events) > 0 {
			ids = append(ids, m.events[m.random.IntN(len(m.events))])
		}
	}
	m.events = append(m.events, ids...)
	m.t.Logf("%s: %s arrives as %s", time.Now().Format(time.DateTime), ids, key)
	m.put(key, bodyOf(key, at, ids...), true)
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
	m.jump()
}

// jump lets the clock jump, or be right again. It is not wrong for longer than what an
// audit makes up for. m.mu is held.
func (m *model) jump() {
	switch {
	case m.jumped != 0 && m.random.IntN(3) == 0:
		m.jumped = 0
	case m.jumped == 0 && m.random.IntN(12) == 0:
		m.jumped = time.Duration(m.random.IntN(60*24)) * time.Hour
		if m.config.Since == 0 && m.random.IntN(2) == 0 { // else what came before the start is in doubt
			m.jumped = -m.jumped
		}
		m.t.Logf("%s: the clock jumps by %v", time.Now().Format(time.DateTime), m.jumped)
	}
}

// respell names the location in another way, which may list less of the bucket.
func (m *model) respell() {
	prefixes := []string{"", "l", "logs", "logs1", "logs/AWSLogs/", "logs2026-0"}
	m.prefix = prefixes[m.random.IntN(len(prefixes))]
	m.t.Logf("%s: the location is s3://logs/%s", time.Now().Format(time.DateTime), m.prefix)
}

// call is the bucket's hook.
func (m *model) call(op, _ string) error {
	m.step()
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.faulty || m.faults.IntN(4) > 0 {
		return nil
	}
	if op == sourcetest.OpRead && m.faults.IntN(2) == 0 {
		return sourcetest.Short(int64(m.faults.IntN(300)))
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
	if m.random.IntN(3) == 0 {
		m.respell() // for the next process
	}
	// What comes late, and then is not listed for long, is older than audits look.
	widen := !m.narrow.IsZero() && time.Since(m.narrow) > 6*time.Hour
	if widen {
		m.prefix = ""
	}
	switch {
	case killed != nil:
		m.stop()
		if err := os.WriteFile(m.path, killed, 0o600); err != nil {
			m.t.Fatal(err)
		}
		m.begin()
	case widen || m.random.IntN(8) == 0:
		m.stop()
		m.begin()
	}
	synctest.Wait()
}
