package web

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/klauspost/compress/gzip"
)

const (
	// maxLive is how many answers of one share are held in memory at once.
	maxLive   = 2
	writeSize = 64 << 10
	// retryAfter is when a client that was turned away may come again, in seconds.
	retryAfter = "1"
)

// sharing is what shares have in common.
type sharing struct {
	turn  *sync.Mutex   // held while an answer is made: one at a time
	stall time.Duration // how long a client may take for the next writeSize bytes
	whole time.Duration // how long it may take for an answer
	// mayShow returns whether what was counted may be shown; nil: it always may. An answer
	// that was begun while it might is void once it may not, and made anew: the process may
	// have stood still meanwhile, and clients of a later time have joined.
	mayShow func() bool
}

func (s sharing) shows() bool { return s.mayShow == nil || s.mayShow() }

// of returns a share of a handler's answers.
func (s sharing) of(next http.Handler) *share { return &share{sharing: s, next: next} }

// share makes one answer of a handler for all clients that ask while it is being made.
// Whoever comes later gets one of its own, with whoever comes meanwhile. So memory does
// not grow with the number of clients, nor with how slowly they read: an answer is held
// compressed, once, until the last of its clients has it or gives up; and if there are
// maxLive of them, further clients are turned away, and wait for nobody.
type share struct {
	sharing
	next http.Handler
	// contentType returns how a client names the answer; nil: as next does.
	contentType func(*http.Request) string

	mu     sync.Mutex // guards all below, and the clients of answers
	making *answer    // that clients may join; nil: none
	live   int        // answers that have clients
}

// answer is what the handler has answered.
type answer struct {
	clients int
	shows   bool          // it may have what was counted
	made    chan struct{} // closed once all below is there
	status  int
	header  http.Header
	body    []byte // gzipped
	size    int    // of the body, not compressed
}

// ServeHTTP implements http.Handler.
func (s *share) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	for done := false; !done; {
		a, own := s.join(r)
		if a == nil {
			turnAway(w)
			return
		}
		// To make it takes as long as it takes. Where no deadline can be moved, the
		// server's own remains.
		_ = http.NewResponseController(w).SetWriteDeadline(time.Time{})
		done = s.serve(a, own, w, r)
	}
}

// serve sends an answer that the request has joined, and makes it first if it is the
// request's own. It returns false if the answer is void.
func (s *share) serve(a *answer, own bool, w http.ResponseWriter, r *http.Request) (done bool) {
	defer s.leave(a)
	if own {
		s.make(a, r)
	}
	select {
	case <-a.made:
		if a.shows && !s.shows() {
			return false
		}
		s.send(a, w, r)
	case <-r.Context().Done():
	}
	return true
}

// turnAway tells a client to come again.
func turnAway(w http.ResponseWriter) {
	w.Header().Set("Retry-After", retryAfter)
	http.Error(w, "too many requests at once", http.StatusServiceUnavailable)
}

// join returns the answer that a request gets, and whether that is the request's own to
// make; nil if there are too many. A request with a query shares nothing.
func (s *share) join(r *http.Request) (a *answer, own bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	plain := r.URL.RawQuery == ""
	switch {
	case plain && s.making != nil:
		s.making.clients++
		return s.making, false
	case s.live >= maxLive:
		return nil, false
	}
	a = &answer{clients: 1, shows: s.shows(), made: make(chan struct{}), header: make(http.Header)}
	s.live++
	if plain {
		s.making = a
	}
	return a, true
}

// leave takes note that a client needs the answer no more.
func (s *share) leave(a *answer) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if a.clients--; a.clients == 0 {
		s.live--
	}
}

// make makes an answer, whatever becomes of the client that asked first: others wait.
func (s *share) make(a *answer, r *http.Request) {
	defer func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.making == a {
			s.making = nil
		}
		close(a.made)
	}()
	request := r.Clone(context.WithoutCancel(r.Context()))
	request.Method = http.MethodGet
	request.Header = make(http.Header) // nothing in it may make a difference
	s.turn.Lock()
	defer s.turn.Unlock()
	var body bytes.Buffer
	recorder := &recorder{header: a.header, zip: gzipTo(&body)}
	a.status = http.StatusInternalServerError // unless the handler ends
	s.next.ServeHTTP(recorder, request)
	if recorder.zip.Close() == nil { // which cannot fail in memory
		a.status, a.size, a.body = recorder.status(), recorder.size, body.Bytes()
	}
}

func gzipTo(w io.Writer) *gzip.Writer {
	zip, _ := gzip.NewWriterLevel(w, gzip.BestSpeed) // a level that there is
	return zip
}

// recorder is a http.ResponseWriter that compresses what is written.
type recorder struct {
	header http.Header
	zip    *gzip.Writer
	size   int
	code   int
}

func (r *recorder) Header() http.Header { return r.header }

func (r *recorder) WriteHeader(code int) {
	if r.code == 0 {
		r.code = code
	}
}

func (r *recorder) Write(p []byte) (int, error) {
	r.WriteHeader(http.StatusOK)
	r.size += len(p)
	return r.zip.Write(p)
}

func (r *recorder) status() int {
	r.WriteHeader(http.StatusOK)
	return r.code
}

// send sends an answer to one client.
func (s *share) send(a *answer, w http.ResponseWriter, r *http.Request) {
	for name, values := range a.header {
		w.Header()[name] = slices.Clone(values)
	}
	if s.contentType != nil && a.status == http.StatusOK {
		w.Header().Set("Content-Type", s.contentType(r))
	}
	w.Header().Add("Vary", "Accept-Encoding")
	out := &pacedWriter{w: w, control: http.NewResponseController(w), stall: s.stall, end: time.Now().Add(s.whole)}
	if acceptsGzip(r.Header.Get("Accept-Encoding")) {
		w.Header().Set("Content-Encoding", "gzip")
		w.Header().Set("Content-Length", strconv.Itoa(len(a.body)))
		w.WriteHeader(a.status)
		_, _ = out.Write(a.body) // nobody is left to report a failure to
		return
	}
	w.Header().Set("Content-Length", strconv.Itoa(a.size))
	w.WriteHeader(a.status)
	plain, err := gzip.NewReader(bytes.NewReader(a.body))
	if err == nil {
		_, _ = plain.WriteTo(out) // as above
	}
}

// pacedWriter gives a client some time for each writeSize bytes, and some for all of
// them: a few that read now and then would else keep everybody from new answers.
type pacedWriter struct {
	w       io.Writer
	control *http.ResponseController
	stall   time.Duration
	end     time.Time
}

func (p *pacedWriter) Write(data []byte) (written int, err error) {
	for len(data) > 0 && err == nil {
		next := time.Now().Add(p.stall)
		if next.After(p.end) {
			next = p.end
		}
		_ = p.control.SetWriteDeadline(next)
		var n int
		n, err = p.w.Write(data[:min(len(data), writeSize)])
		written, data = written+n, data[n:]
	}
	return written, err
}

// acceptsGzip reports whether an Accept-Encoding names gzip (RFC 9110, section 12.5.3).
func acceptsGzip(header string) bool {
	for offer := range strings.SplitSeq(header, ",") {
		coding, parameters, _ := strings.Cut(offer, ";")
		if coding = strings.TrimSpace(coding); strings.EqualFold(coding, "gzip") || coding == "*" {
			weight, isWeight := strings.CutPrefix(strings.TrimSpace(parameters), "q=")
			q, err := strconv.ParseFloat(weight, 64)
			return !isWeight || err == nil && q > 0
		}
	}
	return false
}
