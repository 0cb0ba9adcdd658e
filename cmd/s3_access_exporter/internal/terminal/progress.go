package terminal

import (
	"cmp"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"
)

// Progress is how far some work is.
type Progress struct {
	Done, Found Amount
	Complete    bool // no more will be found
	// Note stands in the place of the objects; empty: they are shown.
	Note string
}

// Amount is an amount of log objects.
type Amount struct {
	Objects int64
	Bytes   int64 // as stored
}

// ShowProgress shows on a terminal how far some work is, until stop is called, which
// leaves nothing of it. It asks for the progress from a goroutine of its own.
func ShowProgress(s *Screen, progress func() Progress) (stop func()) {
	const interval = 200 * time.Millisecond
	if _, ok := s.width(); !ok {
		return func() {}
	}
	quit, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		ticker := time.NewTicker(interval)
		defer ticker.Stop()
		bar := newProgressBar()
		for {
			select {
			case <-ticker.C:
				s.Show(bar.text(progress()))
			case <-quit:
				s.Show("")
				return
			}
		}
	}()
	return func() {
		close(quit)
		<-ended
	}
}

// progressBar is the text of that line.
type progressBar struct {
	bar *progressbar.ProgressBar
}

func newProgressBar() progressBar {
	const columns = 10
	return progressBar{progressbar.NewOptions64(1,
		progressbar.OptionSetWriter(io.Discard), // text is written by whoever asks for it
		progressbar.OptionSetTheme(progressbar.ThemeASCII),
		progressbar.OptionSetWidth(columns),
		progressbar.OptionShowBytes(true),
		progressbar.OptionShowTotalBytes(true),
		progressbar.OptionUseIECUnits(true),
		progressbar.OptionShowCount(),
		progressbar.OptionSetPredictTime(true),
	)}
}

// text returns objects and bytes done of those found, rate, and time left. It
// is to be asked for regularly, for the rate's sake.
func (b progressBar) text(p Progress) string {
	objects := fmt.Sprint(p.Found.Objects)
	if !p.Complete {
		objects += " or more"
	}
	b.bar.Describe(cmp.Or(p.Note, fmt.Sprintf("%d of %s objects", p.Done.Objects, objects)))
	// A bar that is full once is so for ever, and more may be found.
	b.bar.ChangeMax64(max(p.Found.Bytes, p.Done.Bytes+1))
	if err := b.bar.Set64(p.Done.Bytes); err != nil {
		return ""
	}
	return strings.TrimSpace(b.bar.String())
}
