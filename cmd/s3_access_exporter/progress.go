package main

import (
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/schollz/progressbar/v3"

	"github.com/s3access/s3_access_exporter/scanner/once"
)

// showProgress shows on a terminal how far a scan is, until stop is called, which
// leaves nothing of it.
func showProgress(s *screen, p *once.Progress) (stop func()) {
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
				s.show(bar.text(p))
			case <-quit:
				s.show("")
				return
			}
		}
	}()
	return func() {
		close(quit)
		<-ended
	}
}

// progressBar is a line that tells how far a scan is.
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

// text returns objects and bytes done of those listed, rate, and time left. It
// is to be asked for regularly, for the rate's sake.
func (b progressBar) text(p *once.Progress) string {
	listed, complete := p.Listed()
	done := p.Done()
	objects := fmt.Sprint(listed.Objects)
	if !complete {
		objects += " or more"
	}
	b.bar.Describe(fmt.Sprintf("%d of %s objects", done.Objects, objects))
	// A bar that is full once is so for ever, and more may be listed.
	b.bar.ChangeMax64(max(listed.Bytes, done.Bytes+1))
	if err := b.bar.Set64(done.Bytes); err != nil {
		return ""
	}
	return strings.TrimSpace(b.bar.String())
}
