package cloudtrail

import "io"

const (
	minWindow = 64 << 10
	maxWindow = MaxEvent // so an event is too long if the window cannot hold it
	// padding is the number of zero bytes behind the window's last byte. A zero
	// is valid nowhere in JSON, so loops over the window stop at the end without
	// looking for it, and may load eight bytes at once.
	padding = 8
	// maxEmptyReads is the number of reads in a row that may bring nothing.
	maxEmptyReads = 100
)

// window is the part of the input that is in memory. It drops what was read
// unless that is held.
type window struct {
	src  io.Reader
	buf  []byte // buf[:end] is the window, the padding follows
	pos  int    // the next byte; at most end
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
	w.pos, w.base, w.held = 0, 0, -1
	w.setEnd(0)
}

// offset returns the place of the next byte in the input.
func (w *window) offset() int64 { return w.base + int64(w.pos) }

// hold keeps the input from the next byte on, up to maxWindow bytes. If there
// come more, the hold is lost.
func (w *window) hold() { w.held = w.pos }

// release ends a hold.
func (w *window) release() { w.held = -1 }

// holds reports whether there is a hold that was not lost.
func (w *window) holds() bool { return w.held >= 0 }

// bytes returns a part of the input that is held, by offsets, and nothing if the
// hold was lost. It is valid until the next call of more.
func (w *window) bytes(from, to int64) []byte {
	if !w.holds() {
		return nil
	}
	return w.buf[from-w.base : to-w.base : to-w.base]
}

// more reads on. It must be called only where the window has been read to its
// end, and reports whether there is another byte.
func (w *window) more() bool {
	if w.done {
		return false
	}
	w.makeRoom()
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
			return n > 0
		}
	}
	w.done, w.readErr = true, io.ErrNoProgress
	return false
}

// makeRoom drops what is not held, grows the window if all of it is held, and
// gives the hold up if the window has grown to its limit.
func (w *window) makeRoom() {
	size := len(w.buf) - padding
	if w.held == 0 && w.end == size && size < maxWindow {
		buf := make([]byte, min(2*size, maxWindow)+padding)
		copy(buf, w.buf[:w.end])
		w.buf = buf
		return
	}
	if w.held == 0 && w.end == size {
		w.held = -1
	}
	keep := w.pos
	if w.held >= 0 {
		keep = w.held
		w.held = 0
	}
	copy(w.buf, w.buf[keep:w.end])
	w.base += int64(keep)
	w.pos -= keep
	w.setEnd(w.end - keep)
}

func (w *window) setEnd(end int) {
	w.end = end
	clear(w.buf[end : end+padding])
}

// atEnd reports whether the input has been read to its end.
func (w *window) atEnd() bool { return w.pos == w.end && w.done }

// stop ends the input here.
func (w *window) stop() {
	w.done = true
	w.pos = w.end
}
