package warehouse

import (
	"context"
	"fmt"
	"io"

	"github.com/dustin/go-humanize"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/engine"
)

// Explain prints what Run would ask for and what that costs, and asks for nothing.
func (w *Warehouse) Explain(ctx context.Context, q *engine.Question, out io.Writer) error {
	f, err := w.find(ctx, q.Filter)
	if err != nil {
		return err
	}
	for _, t := range f.sorted() {
		chunks := f.chunks(t)
		for i := range chunks {
			if _, err := fmt.Fprintln(out, w.costLine(&chunks[i], i, len(chunks))); err != nil {
				return err
			}
		}
	}
	all := f.extent()
	line := fmt.Sprintf("would scan %s in %s log objects", humanize.IBytes(uint64(all.Bytes)), humanize.Comma(all.Objects))
	if w.Dialect.event == "" {
		line += ": " + Dollars(Price(all.Bytes)) + " at Athena's list price"
	}
	if _, err := fmt.Fprintln(out, line); err != nil {
		return err
	}
	if err := f.partial(); err != nil {
		return err
	}
	return w.checkCost(f)
}
