package checkpoint_test

import (
	"errors"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
	"github.com/s3access/s3_access_exporter/scanner/checkpoint/journaltest"
)

// portal is a store in whose place a proxy answers, with HTTP 200 and a page of its own, as
// long as it is on: to all that reads objects that begin with prefix.
type portal struct {
	on     atomic.Bool
	prefix string
	page   string
}

func (p *portal) answers(key string) bool { return p.on.Load() && strings.HasPrefix(key, p.prefix) }

func (p *portal) fault(op, key string) error {
	if op == journaltest.OpGet && p.answers(key) {
		return journaltest.Instead(p.page)
	}
	return nil
}

// A page of a proxy in place of an object ends nobody, whoever reads it: it is a store that
// cannot be reached. So is an answer without a byte.
func TestJournal_OutlivesPagesInPlaceOfObjects(t *testing.T) {
	for name, page := range map[string]string{"a page": "<html>Sign in to the network</html>", "nothing": ""} {
		for _, prefix := range []string{"journal/", "snapshot/", ""} {
			t.Run(name+" in place of "+prefix, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					store := journalOf(t)
					p := &portal{prefix: prefix, page: page}
					store.SetFault(p.fault)
					p.on.Store(true)
					m := join(t, checkpoint.JournalConfig{Objects: store})
					for range 5 {
						time.Sleep(takeover)
						if s := m.journal.Status(); s.Err == nil || m.isLeading() {
							t.Fatalf("at its start, the status is %+v; it ends with %v", s, m.err)
						}
					}
					if _, err := checkpoint.VerifyJournal(t.Context(), "s3://state/exporter", store); err == nil ||
						errors.Is(err, checkpoint.ErrForeign) || errors.Is(err, checkpoint.ErrDamaged) || strings.Contains(err.Error(), "\n") {
						t.Errorf("verify: %v", err)
					}
					p.on.Store(false)
					m.lead().holds("1", "2", "3", "4", "5", "6", "7", "8")
					if s := m.journal.Status(); s.Err != nil {
						t.Error(s.Err)
					}
				})
			})
		}
	}
}

func TestJournal_StandbyOutlivesPagesInPlaceOfSegments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := new(journaltest.Fake)
		active := join(t, checkpoint.JournalConfig{Objects: store}).lead()
		active.mustPut("1")
		p := &portal{page: "<html>Sign in to the network</html>"}
		portalled := &portalStore{Fake: store, portal: p}
		standby := join(t, checkpoint.JournalConfig{Objects: portalled})
		time.Sleep(takeover)
		p.on.Store(true)
		active.mustPut("2")
		time.Sleep(5 * takeover)
		if s := standby.journal.Status(); s.Err == nil || standby.isLeading() || !active.journal.Live() {
			t.Fatalf("the status is %+v; it ends with %v", s, standby.err)
		}
		p.on.Store(false)
		time.Sleep(takeover)
		if s := standby.journal.Status(); s.Err != nil {
			t.Error(s.Err)
		}
		active.mustPut("3")
		active.end()
		standby.lead().holds("1", "2", "3")
	})
}

// Who looks at what has taken its number, and gets a page, or a part of its own segment,
// waits: it may be its own segment, of which the answer was lost.
func TestJournal_LeaderOutlivesPagesInPlaceOfItsSegment(t *testing.T) {
	for name, answer := range map[string]error{
		"a page": journaltest.Instead("<html>Sign in to the network</html>"),
		"a part": journaltest.Short(60, nil),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				store := new(journaltest.Fake)
				m := join(t, checkpoint.JournalConfig{Objects: store}).lead()
				m.mustPut("1")
				var on, lost atomic.Bool
				on.Store(true)
				store.SetFault(func(op, _ string) error {
					switch {
					case op == journaltest.OpPut && lost.CompareAndSwap(false, true):
						return journaltest.Lost(errDown)
					case op == journaltest.OpGet && on.Load():
						return answer
					}
					return nil
				})
				done := make(chan error, 1)
				go func() { done <- m.put("2") }()
				time.Sleep(3 * takeover)
				if s := m.journal.Status(); s.Err == nil || !m.isLeading() {
					t.Fatalf("the status is %+v; it ends with %v", s, m.err)
				}
				on.Store(false)
				if err := <-done; err != nil {
					t.Fatal(err)
				}
				m.mustPut("3")
				m.holds("1", "2", "3")
			})
		})
	}
}

// What is no segment, and is listed as long as it is read, is not a proxy's.
func TestJournal_EndsWhereAnotherProgramsObjectLies(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, prefix := range []string{"journal/", "snapshot/"} {
			store := journalOf(t)
			keys := store.Keys(prefix)
			key := keys[len(keys)-1]
			store.Set(key, []byte("the object of another program"))
			m := join(t, checkpoint.JournalConfig{Objects: store})
			if m.awaitEnd(); !errors.Is(m.err, checkpoint.ErrForeign) || !strings.Contains(m.err.Error(), key) {
				t.Errorf("it ends with %v", m.err)
			}
		}
	})
}
