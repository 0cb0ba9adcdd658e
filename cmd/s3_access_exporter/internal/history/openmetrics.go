package history

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/extsort/sums"
	"github.com/s3access/s3_access_exporter/collector"
	"github.com/s3access/s3_access_exporter/collector/classify"
)

// Label is a label of the place from which series come, not of requests.
type Label struct{ Name, Value string }

// Write writes the History as OpenMetrics text, in which all series have the external
// labels too. No entries may be added afterwards.
//
// A series has a sample at each step from the start of the first step in which it
// gained something, where it is 0, and at the end of the History, as if it had been scraped
// at each. https://prometheus.io/docs/specs/om/open_metrics_spec/
func (h *History) Write(w io.Writer, external []Label) error {
	out := newWriter(w, h.cfg.Step, h.end(), external)
	if err := h.total.Each(out.add); err != nil {
		return err
	}
	return out.close()
}

// writer writes series by series as they come, for which expfmt would need a whole
// family at once.
type writer struct {
	out      *bufio.Writer
	step     int64 // in seconds
	end      int64 // when the history ends, in seconds
	external []Label

	family collector.Family
	series []byte // as in a seriesKey; nil: none yet

	// Of the series:
	labels string // as they are written; empty: not known yet
	// An info gauge's last labels, which are no part of its identity.
	verdict, support string
	next             int64 // the step of the next samples
	sums             []int64
	lines            [][]byte // the samples without their timestamp
	time             []byte   // their timestamp, and the end of the line
}

func newWriter(w io.Writer, step, end int64, external []Label) *writer {
	const buffer = 64 << 10
	return &writer{out: bufio.NewWriterSize(w, buffer), step: step, end: end, external: external}
}

// add takes what a series gained in a step. The keys come in order.
func (o *writer) add(key []byte, amounts []int64) error {
	series, step := splitKey(key)
	family := collector.Family(series[0])
	if family.Kind() == collector.KindInfo {
		return o.addInfo(family, series, step)
	}
	if !bytes.Equal(series, o.series) {
		if err := o.start(family, series, step); err != nil {
			return err
		}
		o.sums = append(o.sums[:0], make([]int64, len(amounts))...)
	}
	err := o.fill(step)
	sums.Columns{}.Merge(o.sums, amounts)
	return err
}

// addInfo takes note of a client. Nothing is written before the last of its
// verdicts is known.
func (o *writer) addInfo(family collector.Family, series []byte, step int64) error {
	client, support := cutLast(series)
	client, verdict := cutLast(client)
	if !bytes.Equal(client, o.series) {
		if err := o.start(family, client, step); err != nil {
			return err
		}
		o.verdict, o.support = verdict, support
	}
	o.verdict = classify.WorseSigV4Default(o.verdict, verdict)
	o.support = classify.WorseSupport(o.support, support)
	o.next = min(o.next, step)
	return nil
}

// cutLast cuts off the last label's value.
func cutLast(series []byte) (before []byte, value string) {
	end := len(series) - 1 // of the value
	start := bytes.LastIndexByte(series[:end], labelEnd) + 1
	return series[:start], string(series[start:end])
}

// start ends the series at hand and begins another one.
func (o *writer) start(family collector.Family, series []byte, step int64) error {
	if err := o.finish(); err != nil {
		return err
	}
	if o.series == nil || family != o.family {
		o.describe(family)
	}
	o.family, o.series = family, append(o.series[:0], series...)
	o.labels, o.next = "", step
	return nil
}

// finish writes the rest of the series at hand.
func (o *writer) finish() error {
	if o.series == nil {
		return nil
	}
	if err := o.fill(floorDiv(o.end, o.step)); err != nil || o.end%o.step == 0 {
		return err
	}
	o.render()
	return o.samples(o.end)
}

// close writes what is left, and the end.
func (o *writer) close() error {
	if err := o.finish(); err != nil {
		return err
	}
	_, _ = o.out.WriteString("# EOF\n") // Flush returns the error
	return o.out.Flush()
}

// describe writes a family's metadata.
func (o *writer) describe(family collector.Family) {
	name, kind := family.String(), "counter"
	switch family.Kind() {
	case collector.KindHistogram:
		kind = "histogram"
	case collector.KindInfo:
		kind = "gauge" // an info's samples would have another name
	}
	name = strings.TrimSuffix(name, "_total")
	fmt.Fprintf(o.out, "# TYPE %s %s\n", name, kind)
	for _, unit := range []string{"bytes", "seconds"} {
		if strings.HasSuffix(name, "_"+unit) {
			fmt.Fprintf(o.out, "# UNIT %s %s\n", name, unit)
		}
	}
	fmt.Fprintf(o.out, "# HELP %s %s\n", name, escape(family.Help()))
}

// fill writes the samples up to a step, at which what was added so far is seen.
func (o *writer) fill(to int64) error {
	if o.next > to {
		return nil
	}
	o.render()
	for ; o.next <= to; o.next++ {
		if err := o.samples(o.next * o.step); err != nil {
			return err
		}
	}
	return nil
}

// samples writes the lines at a time.
func (o *writer) samples(second int64) error {
	o.time = append(strconv.AppendInt(append(o.time[:0], ' '), second, 10), '\n')
	for _, line := range o.lines {
		_, _ = o.out.Write(line) // the next error is the same
		if _, err := o.out.Write(o.time); err != nil {
			return err
		}
	}
	return nil
}

// render sets lines to what the series has now.
func (o *writer) render() {
	if o.labels == "" {
		o.labels = o.labelText()
	}
	o.lines = o.lines[:0]
	name := o.family.String()
	switch o.family.Kind() {
	case collector.KindInfo:
		o.line(name, "", "1")
	case collector.KindCounter:
		o.line(name, "", strconv.FormatInt(o.sums[0], 10))
	case collector.KindHistogram:
		bounds := o.family.Buckets()
		count := uint64(0)
		for i, bound := range bounds {
			count += uint64(o.sums[i])
			o.line(name+"_bucket", canonical(seconds(bound)), strconv.FormatUint(count, 10))
		}
		total := strconv.FormatUint(count+uint64(o.sums[len(bounds)]), 10)
		o.line(name+"_bucket", "+Inf", total)
		o.line(name+"_count", "", total)
		o.line(name+"_sum", "", strconv.FormatFloat(seconds(o.sums[len(bounds)+1]), 'g', -1, 64))
	}
}

// line adds a sample to lines.
func (o *writer) line(name, le, value string) {
	labels := o.labels
	if le != "" {
		labels += `,le="` + le + `"`
	}
	o.lines = append(o.lines, fmt.Appendf(nil, "%s{%s} %s", name, labels, value))
}

// labelText returns the labels of the series at hand. Empty ones are left out, as
// Prometheus does.
func (o *writer) labelText() string {
	values := strings.Split(string(o.series[1:]), string([]byte{labelEnd}))
	values = append(values[:len(values)-1], o.verdict, o.support) // after the last labelEnd, where nothing else stands
	var pairs []string
	for i, label := range o.family.Labels() {
		if values[i] != "" {
			pairs = append(pairs, label.String()+`="`+escape(values[i])+`"`)
		}
	}
	for _, label := range o.external {
		pairs = append(pairs, label.Name+`="`+escape(label.Value)+`"`)
	}
	return strings.Join(pairs, ",")
}

var escapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

// escape returns a text as it stands in a line.
func escape(text string) string { return escapes.Replace(text) }

func seconds(milliseconds int64) float64 {
	const perSecond = 1000
	return float64(milliseconds) / perSecond
}

// canonical returns a bound as OpenMetrics and Prometheus write it: 1.0.
func canonical(bound float64) string {
	text := strconv.FormatFloat(bound, 'g', -1, 64)
	if !strings.ContainsAny(text, ".e") {
		text += ".0"
	}
	return text
}
