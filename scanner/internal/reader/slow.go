package reader

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/source"
)

// An object that takes long to come keeps no other one waiting for long. Once it is overdue,
// and others of any queue wait for its place, it gives way, in the first of these ways that
// makes room or that there is:
//
//   - It becomes one of the slow ones, who have a quarter of the places and of the memory.
//     A large object gives up its place among the large ones by that.
//   - It lends its place, as long as there is memory: two more objects may be under way, so
//     that however many are slow, they are soon all under way.
//   - It is given up, and fails with source.ReasonTimeout, if the Config has GiveWay.
//
// Whoever sends it again sends it as a slow one (Job.Slow). Those wait for a place among the
// slow ones alone, before others become slow, and then nothing takes it from them: only the
// source's own least rate ends them. So what is slow for everybody, as on a slow link, is
// read at last, some of it at the first attempt.

// What an object may take until it is overdue: all that counts is how long its bytes are
// waited for.
const (
	overdueAfter = 10 * time.Second
	// overdueRate is how many bytes a second a large object has to have on top.
	overdueRate = 512 << 10
)

// lends is for how many others an object makes room that lends its place.
const lends = 2

// slowShare is the part of the places and of the memory that slow objects have.
const slowShare = 4

// errGivenUp is why an object failed that has given way.
var errGivenUp = errors.New("its bytes come too slowly while others wait")

// place is what flow knows of an object under way; nothing of it is known elsewhere.
type place struct {
	queue     *queue
	footprint int64
	slow      bool
	lent      bool
	large     bool   // it is one of flow.large
	overdue   bool   // it is in flow.overdue
	ended     bool   // it is under way no more
	giveUp    func() // makes its reading fail; set once it is overdue
}

// lane is what the slow objects have.
type lane struct {
	objects int
	bytes   int64 // their footprints
	waiting int   // slow objects that wait to begin
}

// has reports whether the slow ones have a place for one more. f.mu is held.
func (l *lane) has(f *flow, p *place) bool {
	return l.objects < f.limit/slowShare && l.bytes+p.footprint <= f.budget/slowShare
}

// take makes an object a slow one. f.mu is held.
func (l *lane) take(p *place) {
	p.slow = true
	l.objects++
	l.bytes += p.footprint
}

// slowDown makes an overdue object a slow one if there is a place for it that nobody waits
// for. mu is held.
func (f *flow) slowDown(p *place) bool {
	if p.slow || f.slow.waiting > 0 || !f.slow.has(f, p) {
		return false
	}
	f.slow.take(p)
	if p.large {
		p.large = false
		f.large--
		f.room.Broadcast()
	}
	return true
}

// makeRoom lets overdue objects give way to one that waits, and reports whether there may be
// room by now. mu is held.
func (f *flow) makeRoom() bool {
	lend := f.many() && f.objects < f.most
	for _, p := range f.overdue {
		f.slowDown(p)
		if lend && !p.lent {
			p.lent = true
			f.lent++
			return true
		}
	}
	if !lend { // else those that are not overdue yet will be, or make room
		f.dropOne(func(*place) bool { return true })
	}
	return false
}

// dropOne gives up one of the overdue objects, if there is such a one that is not slow. It
// makes room soon. mu is held.
func (f *flow) dropOne(such func(*place) bool) {
	for _, p := range f.overdue {
		if f.giveWay && !p.slow && p.giveUp != nil && such(p) {
			p.giveUp()
			p.giveUp = nil
			return
		}
	}
}

// beginLarge waits until one more large object may be under way. The slow ones are few
// anyway.
func (f *flow) beginLarge(p *place) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for !p.slow && f.large >= f.cores {
		if !f.makeRoomForLarge() {
			f.room.Wait()
		}
	}
	if !p.slow {
		p.large = true
		f.large++
	}
}

// makeRoomForLarge is makeRoom for a large object. mu is held.
func (f *flow) makeRoomForLarge() bool {
	for _, p := range f.overdue {
		if p.large && f.slowDown(p) {
			return true
		}
	}
	f.dropOne(func(p *place) bool { return p.large })
	return false
}

// late takes note that an object is overdue.
func (f *flow) late(p *place, giveUp func()) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if p.ended || p.overdue {
		return
	}
	p.overdue, p.giveUp = true, giveUp
	f.overdue = append(f.overdue, p)
	f.room.Broadcast() // whoever waits asks it to give way
}

// leave forgets an object. mu is held.
func (f *flow) leave(p *place) {
	p.ended = true
	if p.slow {
		f.slow.objects--
		f.slow.bytes -= p.footprint
	}
	if p.lent {
		f.lent--
	}
	if p.large {
		f.large--
	}
	if p.overdue {
		f.overdue = slices.DeleteFunc(f.overdue, func(other *place) bool { return other == p })
	}
}

// stopwatch measures how long the bytes of an object are waited for, and makes it overdue.
// Its methods are called from one goroutine. That of a slow object does nothing.
//
// A store that asks for fewer requests is not slow: its client waits before it asks for the
// object again. So such a time does not count. Once bytes come, nothing excuses the object.
type stopwatch struct {
	timer   *time.Timer   // nil of a slow object
	most    time.Duration // that may pass
	left    time.Duration // 0: it has passed
	started time.Time
	cancel  context.CancelCauseFunc

	refused func() bool // the store has asked for fewer requests meanwhile
	opened  atomic.Bool // the store has answered
}

// watch returns the stopwatch of an object that has a place, and the context to read it in.
func (f *flow) watch(ctx context.Context, obj *object) (context.Context, *stopwatch) {
	ctx, cancel := context.WithCancelCause(ctx)
	w := &stopwatch{cancel: cancel, refused: func() bool { return false }}
	if obj.place.slow {
		return ctx, w
	}
	if store, asks := obj.location.Source.(throttled); asks {
		before := store.Throttled()
		w.refused = func() bool { return store.Throttled() != before }
	}
	w.most = overdueAfter + time.Duration(obj.Size/overdueRate)*time.Second
	w.left = w.most
	w.timer = time.AfterFunc(w.left, func() {
		if w.opened.Load() || !w.refused() {
			f.late(obj.place, func() { cancel(errGivenUp) })
		}
	})
	w.timer.Stop()
	return ctx, w
}

// start begins a time in which bytes are waited for; stop ends it.
func (w *stopwatch) start() {
	if w.left > 0 {
		w.started = time.Now()
		w.timer.Reset(w.left)
	}
}

func (w *stopwatch) stop() {
	if w.left <= 0 {
		return
	}
	w.left -= time.Since(w.started)
	if w.timer.Stop() {
		w.left = max(w.left, 1) // the next time makes it overdue
	}
}

// answered is stop once the store has answered.
func (w *stopwatch) answered() {
	w.stop()
	if w.opened.Store(true); w.refused() {
		w.left = w.most
	}
}

// end ends the object's context.
func (w *stopwatch) end() {
	w.stop()
	w.cancel(nil)
}

// whyFailed returns why an object failed with err: that it was given up, if it was.
func whyFailed(ctx context.Context, key string, err error) error {
	if err != nil && errors.Is(context.Cause(ctx), errGivenUp) {
		return &source.Error{Op: "read", Key: key, Reason: source.ReasonTimeout, Err: errGivenUp}
	}
	return err
}
