package jsonscan

import "io"

const (
	// MinWindow is the size of a window that has not grown.
	MinWindow = 64 << 10
	// MaxHeld is how many bytes can be held.
	MaxHeld = 1 << 20
	// Padding is the number of zero bytes behind the window's last byte. A zero
	// is valid nowhere in JSON, so loops over the window stop at the end without
	// looking for it, and may load eight bytes at once.
	Padding = 32
	// maxEmptyReads is the number of reads in a row that may bring nothing.
	maxEmptyReads = 100
)

// window is the part of the input that is in memory. It drops what was read
// unless that is held. Where in Buf the next byte stands, at most end, its user
// knows.
type window struct {
	src  io.Reader
	Buf  []byte // Buf[:End] is the window, the Padding follows
	End  int
	Base int64 // offset of Buf[0] in the input
	Held int   // Buf[Held:] must stay; -1 if nothing must

	done    bool  // src has ended or failed
	ReadErr error // src's, other than io.EOF
}

// Reset makes the window that of the beginning of src. The buffer stays.
func (w *window) Reset(src io.Reader) {
	if w.Buf == nil {
		w.Buf = make([]byte, MinWindow+Padding)
	}
	w.src, w.done, w.ReadErr = src, false, nil
	w.Base, w.Held = 0, -1
	w.setEnd(0)
}

// Offset returns the place of Buf[i] in the input.
func (w *window) Offset(i int) int64 { return w.Base + int64(i) }

// Hold keeps the input from Buf[i] on, up to MaxHeld bytes. If there come more,
// the hold is lost.
func (w *window) Hold(i int) { w.Held = i }

// Release ends a hold.
func (w *window) Release() { w.Held = -1 }

// Holds reports whether there is a hold that was not lost.
func (w *window) Holds() bool { return w.Held >= 0 }

// more reads on if i is the window's end. It reports whether there is a byte that
// was not there before, and returns where the byte that was at i is now.
func (w *window) more(i int) (next int, more bool) {
	if i < w.End || w.done {
		return i, false
	}
	i = w.makeRoom()
	for range maxEmptyReads {
		n, err := w.src.Read(w.Buf[w.End : len(w.Buf)-Padding])
		w.setEnd(w.End + n)
		if err != nil {
			w.done = true
			if err != io.EOF { // bare: a wrapped io.EOF is no clean end
				w.ReadErr = err
			}
		}
		if n > 0 || w.done {
			return i, n > 0
		}
	}
	w.done, w.ReadErr = true, io.ErrNoProgress
	return i, false
}

// makeRoom drops what is not held, grows the window if all of it is held, and
// gives the hold up if the window has grown to its limit. It returns the new end.
func (w *window) makeRoom() (end int) {
	size := len(w.Buf) - Padding
	if w.Held == 0 && w.End == size && size < MaxHeld {
		buf := make([]byte, min(2*size, MaxHeld)+Padding)
		copy(buf, w.Buf[:w.End])
		w.Buf = buf
		return w.End
	}
	if w.Held == 0 && w.End == size {
		w.Held = -1
	}
	keep := w.End
	if w.Held >= 0 {
		keep = w.Held
		w.Held = 0
	}
	copy(w.Buf, w.Buf[keep:w.End])
	w.Base += int64(keep)
	w.setEnd(w.End - keep)
	return w.End
}

func (w *window) setEnd(end int) {
	w.End = end
	clear(w.Buf[end : end+Padding])
}

// AtEnd reports whether the input has been read to its end, which is i.
func (w *window) AtEnd(i int) bool { return i == w.End && w.done }

// Stop ends the input at the window's end, which it returns.
func (w *window) Stop() (end int) {
	w.done = true
	return w.End
}
