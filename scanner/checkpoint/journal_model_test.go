package checkpoint_test

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/checkpoint/journaltest"
)

var (
	journalSeeds = flag.Int("journal.seeds", 30, "number of courses of events of the journal's model test")
	journalFirst = flag.Uint64("journal.first", 1, "first seed of the journal's model test")
)

// Whatever the store does, whose listings may lack keys, and in whose place a proxy may
// answer, and however processes come, stand still and go: what Update
// said is committed stays, in the order of the commits; what it said is void never shows;
// and no two processes show counters at once.
func TestJournal_Model(t *testing.T) {
	for i := range uint64(*journalSeeds) {
		seed := *journalFirst + i
		t.Run(fmt.Sprint("seed ", seed), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := &journalModel{t: t, random: rand.New(rand.NewPCG(seed, 0)), faults: rand.New(rand.NewPCG(seed, 1)), void: make(map[string]bool)}
				m.run()
			})
		})
	}
}

type journalModel struct {
	t      *testing.T
	random *rand.Rand
	store  journaltest.Fake

	mu        sync.Mutex
	faults    *rand.Rand
	faulty    bool
	lying     bool // listings lack all there is, for longer than a takeover
	n         int
	committed []string
	void      map[string]bool
}

// modelMember is a process, which may stand still.
type modelMember struct {
	*member
	done chan struct{}
}

func (m *journalModel) run() {
	m.store.SetFault(m.fault)
	var members []*modelMember
	for range 60 {
		m.mu.Lock()
		m.faulty = m.random.IntN(3) > 0
		if m.random.IntN(4) == 0 {
			m.lying = !m.lying
		}
		m.mu.Unlock()
		if len(members) < 3 && m.random.IntN(3) == 0 {
			members = append(members, m.join())
		}
		time.Sleep(time.Duration(m.random.IntN(40)) * time.Second)
		for i := 0; i < len(members); i++ {
			p := members[i]
			switch m.random.IntN(8) {
			case 0:
				p.end()
			default:
			}
			if p.hasEnded() {
				<-p.done
				p.end()
				if errors.Is(p.err, checkpoint.ErrDamaged) || errors.Is(p.err, checkpoint.ErrForeign) {
					m.t.Errorf("nothing is damaged, and one ends with %v", p.err)
				}
				members = append(members[:i], members[i+1:]...)
				i--
			}
		}
		m.checkLive(members)
	}
	m.mu.Lock()
	m.faulty, m.lying = false, false
	m.mu.Unlock()
	for _, p := range members {
		p.end()
		<-p.done
	}
	last := join(m.t, checkpoint.JournalConfig{Objects: &m.store}).lead()
	m.check(last)
	if _, err := checkpoint.VerifyJournal(m.t.Context(), "s3://state/exporter", &m.store); err != nil {
		m.t.Error(err)
	}
}

// join starts a process that commits again and again.
func (m *journalModel) join() *modelMember {
	cfg := checkpoint.JournalConfig{Objects: &m.store, SnapshotSegments: 5 + m.random.IntN(20)}
	p := &modelMember{member: join(m.t, cfg), done: make(chan struct{})}
	pause := time.Duration(m.random.IntN(20000)) * time.Millisecond
	go func() {
		defer close(p.done)
		select {
		case <-p.leads:
		case <-p.ended:
			return
		}
		m.check(p.member)
		for !p.hasEnded() {
			m.mu.Lock()
			m.n++
			key := fmt.Sprintf("%06d", m.n)
			m.mu.Unlock()
			err := p.put(key)
			m.mu.Lock()
			switch {
			case err == nil:
				m.committed = append(m.committed, key)
			case errors.Is(err, checkpoint.ErrFenced), errors.Is(err, checkpoint.ErrStandby):
				m.void[key] = true
			}
			m.mu.Unlock()
			if err != nil {
				return
			}
			time.Sleep(pause)
		}
	}()
	return p
}

func (p *modelMember) hasEnded() bool {
	select {
	case <-p.ended:
		return true
	default:
		return false
	}
}

// check checks what a process holds that begins to lead.
func (m *journalModel) check(p *member) {
	text, err := content(p.journal)
	if err != nil {
		m.t.Error(err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, key := range m.committed {
		if !strings.Contains(text, key) {
			m.t.Errorf("%s is lost", key)
		}
	}
	for key := range m.void {
		if strings.Contains(text, key) {
			m.t.Errorf("%s was void, and is there", key)
		}
	}
}

// checkLive checks that one process at most shows counters.
func (m *journalModel) checkLive(members []*modelMember) {
	live := 0
	for _, p := range members {
		if p.journal.Live() {
			live++
		}
	}
	if live > 1 {
		m.t.Errorf("%d processes show counters", live)
	}
}

// lackOf is of how many keys a listing may lack one, if it does not lack all.
const lackOf = 4

// fault is what the store does.
func (m *journalModel) fault(op, _ string) error {
	m.mu.Lock()
	if m.lying && op == journaltest.OpList {
		m.mu.Unlock()
		return journaltest.Lacking(func(string) bool { return true })
	}
	if !m.faulty {
		m.mu.Unlock()
		return nil
	}
	kind, wait := m.faults.IntN(14), time.Duration(m.faults.IntN(20000))*time.Millisecond
	short, salt := m.faults.IntN(200), m.faults.IntN(2*lackOf)
	m.mu.Unlock()
	switch {
	case kind == 0:
		return errDown
	case kind == 1:
		return journaltest.Lost(errDown)
	case kind == 2 && op == journaltest.OpGet:
		return journaltest.Short(short, errDown)
	case kind == 5 && op == journaltest.OpGet:
		return journaltest.Instead("<html>")
	case kind <= 6 && op == journaltest.OpList:
		return journaltest.Lacking(func(key string) bool {
			return salt >= lackOf || (int(key[len(key)-1])+salt)%lackOf == 0
		})
	case kind == 3:
		time.Sleep(wait)
		return errDown
	case kind == 4:
		time.Sleep(wait)
		return journaltest.Lost(context.DeadlineExceeded)
	}
	return nil
}
