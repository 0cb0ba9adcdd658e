package cloudtrail

import "io"

const (
	minWindow = 64 << 10
	maxWindow = MaxEvent // so an event is too long if the window cannot hold it
	// padding is the number of zero bytes behind the window's last byte. A zero
	// is valid nowhere in JSON, so loops over the window stop at the end without
	// looking for it, and may load eight bytes at once.
	padding = 32
	// maxEmptyReads is the number of reads in a row that may bring nothing.
	maxEmptyReads = 100
)

// window is the part of the input that is in memory. It drops what was read
// unless that is held. Where in buf the next byte stands, at most end, its user
// knows.
type window struct {
	src  io.Reader
	buf  []byte // buf[:end] is the window, the padding follows
	end  int
	base int64 // offset of buf[0] in the input
	held int   // buf[held:] must stay; -1 if nothing must

	done    bool  // src has ended or failed
	readErr error // src's, other than io.EOF
}

func (w *window) reset(src io.Reader) {
	if w.buf == nil {
		w.buf = make([]byte, minWindow+padding)
	}
	w.src, w.done, w.readErr = src, false, nil
	w.base, w.held = 0, -1
	w.setEnd(0)
}

// offset returns the place of buf[i] in the input.
func (w *window) offset(i int) int64 { return w.base + int64(i) }

// hold keeps the input from buf[i] on, up to maxWindow bytes. If there come more,
// the hold is lost.
func (w *window) hold(i int) { w.held = i }

// release ends a hold.
func (w *window) release() { w.held = -1 }

// holds reports whether there is a hold that was not lost.
func (w *window) holds() bool { return w.held >= 0 }

// more reads on if i is the window's end. It reports whether there is a byte that
// was not there before, and returns where the byte that was at i is now.
func (w *window) more(i int) (next int, more bool) {
	if i < w.end || w.done {
		return i, false
	}
	i = w.makeRoom()
	for range maxEmptyReads {
		n, err := w.src.Read(w.buf[w.end : len(w.buf)-padding])
		w.setEnd(w.end + n)
		if err != nil {
			w.done = true
			if err != io.EOF { // bare: a wrapped io.EOF is no clean end
				w.readErr = err
			}
		}
		if n > 0 || w.done {
			return i, n > 0
		}
	}
	w.done, w.readErr = true, io.ErrNoProgress
	return i, false
}

// makeRoom drops what is not held, grows the window if all of it is held, and
// gives the hold up if the window has grown to its limit. It returns the new end.
func (w *window) makeRoom() (end int) {
	size := len(w.buf) - padding
	if w.held == 0 && w.end == size && size < maxWindow {
		buf := make([]byte, min(2*size, maxWindow)+padding)
		copy(buf, w.buf[:w.end])
		w.buf = buf
		return w.end
	}
	if w.held == 0 && w.end == size {
		w.held = -1
	}
	keep := w.end
	if w.held >= 0 {
		keep = w.held
		w.held = 0
	}
	copy(w.buf, w.buf[keep:w.end])
	w.base += int64(keep)
	w.setEnd(w.end - keep)
	return w.end
}

func (w *window) setEnd(end int) {
	w.end = end
	clear(w.buf[end : end+padding])
}

// atEnd reports whether the input has been read to its end, which is i.
func (w *window) atEnd(i int) bool { return i == w.end && w.done }

// stop ends the input at the window's end, which it returns.
func (w *window) stop() (end int) {
	w.done = true
	return w.end
}
