package collector

import (
	"bufio"
	"cmp"
	"io"
	"math/bits"
	"slices"
	"strconv"
	"strings"

	"github.com/s3access/s3_access_exporter/collector/classify"
)

// WriteText writes the families that have series as exposition text, by name, with their
// series by the values of their labels: as a prometheus.Registry gathers them and package
// expfmt writes them, but with neither's objects for each series, and without anything that
// the format does not show, which are exemplars, native buckets and times of birth.
// https://prometheus.io/docs/instrumenting/exposition_formats/#text-based-format
func (t *Totals) WriteText(w io.Writer) error {
	const buffer = 64 << 10
	out := &textWriter{Writer: bufio.NewWriterSize(w, buffer)}
	sorter := &totalsSorter{totals: t}
	for label := range out.values {
		out.values[label] = escaped(t.values[label].texts)
	}
	for _, sc := range t.schemas {
		sorted := sorter.sort(sc)
		if len(sorted) > 0 {
			out.describe(sc)
		}
		for len(sorted) > 0 {
			n := 1
			for n < len(sorted) && sorted[n].key == sorted[0].key {
				n++
			}
			out.series(sc, t.sum(sorted[:n]))
			sorted = sorted[n:]
		}
	}
	return out.Flush()
}

// sum returns what the rows of one series count together, which must not be changed.
func (t *Totals) sum(rows []sortedRow) *total {
	first := t.rows.at(int(rows[0].row))
	if len(rows) == 1 && rows[0].feature == first.labels[classify.LabelFeature] {
		return first
	}
	sum := total{totalKey: first.totalKey, durations: &durations{}}
	sum.labels[classify.LabelFeature] = rows[0].feature
	for _, of := range rows {
		row := t.rows.at(int(of.row))
		sum.client = sum.client.worse(row.client)
		sum.counts.add(&row.counts)
		if row.durations != nil {
			sum.durations.merge(row.durations)
		}
	}
	return &sum
}

// totalsSorter sorts the rows of Totals for one family after the other.
type totalsSorter struct {
	totals *Totals
	ranks  [classify.LabelCount][]uint32 // of those that were needed so far
	sorted []sortedRow
}

// sortedRow is a row with its place among the series of a family: rows of one series have
// the same.
type sortedRow struct {
	key     uint64
	row     uint32
	feature uint32 // number of the series' value of that label: a row may count under many
}

// sort returns the rows that count in a family, sorted by the series' label values. It is
// valid until the next call.
func (s *totalsSorter) sort(sc *schema) []sortedRow {
	s.sorted = s.sorted[:0]
	var labels classify.Labels // without values: a row has numbers for them
	features := &s.totals.values[classify.LabelFeature]
	for i := range s.totals.rows.held {
		sc.each(&labels, s.totals.rows.at(i).traits, s.totals.legacy, func() {
			s.sorted = append(s.sorted, sortedRow{row: uint32(i), feature: features.number(labels[classify.LabelFeature])})
		})
		labels[classify.LabelFeature] = ""
	}
	// The ranks of all values make up the key, as far as it has the bits: it is sorted by
	// those that it has, to make room, as soon as it has none for the next.
	used := 0
	for _, label := range sc.identity {
		ranks := s.of(label)
		width := bits.Len(uint(len(ranks)))
		if used+width > bits.UintSize {
			used = s.narrow()
		}
		for i := range s.sorted {
			row := &s.sorted[i]
			row.key = row.key<<width | uint64(ranks[s.value(row, label)])
		}
		used += width
	}
	s.byKey()
	return s.sorted
}

// value returns the number of the value that the series of a row has of a label.
func (s *totalsSorter) value(row *sortedRow, label classify.Label) uint32 {
	if label == classify.LabelFeature {
		return row.feature
	}
	return s.totals.rows.at(int(row.row)).labels[label]
}

func (s *totalsSorter) byKey() {
	slices.SortFunc(s.sorted, func(a, b sortedRow) int { return cmp.Compare(a.key, b.key) })
}

// narrow sorts by the keys so far and puts in their place how many smaller ones there are.
// It returns how many bits that takes, which leaves room for any label: there are no more
// than 1<<32 rows.
func (s *totalsSorter) narrow() (used int) {
	s.byKey()
	smaller, last := uint64(0), uint64(0)
	for i := range s.sorted {
		key := &s.sorted[i].key
		if i > 0 && *key != last {
			smaller++
		}
		last, *key = *key, smaller
	}
	return bits.Len64(smaller)
}

// of returns the ranks of a label's values.
func (s *totalsSorter) of(label classify.Label) []uint32 {
	if s.ranks[label] == nil {
		s.ranks[label] = s.totals.values[label].ranks()
	}
	return s.ranks[label]
}

// textWriter writes exposition text. An error is that of Flush.
type textWriter struct {
	*bufio.Writer
	values [classify.LabelCount][]string // escaped, by number

	// Of the series at hand. Most of it is that of the series before.
	schema *schema
	labels []byte // as they are written
	ends   []int  // of each label, in there
	total  *total
}

var textEscapes = strings.NewReplacer(`\`, `\\`, "\n", `\n`, `"`, `\"`)

// escaped returns texts as they stand in quotes.
func escaped(texts []string) []string {
	escaped := make([]string, len(texts))
	for i, text := range texts {
		escaped[i] = text
		if strings.ContainsAny(text, "\\\n\"") {
			escaped[i] = textEscapes.Replace(text)
		}
	}
	return escaped
}

var kindNames = [...]string{KindCounter: "counter", KindHistogram: "histogram", KindInfo: "gauge"}

// describe writes a family's head. No help has anything to be escaped.
func (w *textWriter) describe(sc *schema) {
	_, _ = w.WriteString("# HELP " + sc.name + " " + sc.help + "\n# TYPE " + sc.name + " " + kindNames[sc.kind] + "\n")
}

// series writes the samples of a series.
func (w *textWriter) series(sc *schema, sum *total) {
	w.begin(sc, sum)
	switch sc.kind {
	case KindCounter:
		w.sample("", float64(sum.counts.of(sc.family)))
	case KindInfo:
		w.sample("", 1, classify.LabelSigV4Default.String(), sum.client.sigv4.String(), classify.LabelSupport.String(), sum.client.support.String())
	case KindHistogram:
		const perSecond = 1000
		within := uint64(0)
		for i, bound := range classicBounds {
			within += sum.durations.classic[i]
			w.sample("_bucket", float64(within), "le", strconv.FormatFloat(float64(bound)/perSecond, 'g', -1, 64))
		}
		w.sample("_bucket", float64(sum.durations.all), "le", "+Inf")
		w.sample("_sum", float64(sum.durations.sum)/perSecond)
		w.sample("_count", float64(sum.durations.all))
	}
}

// begin begins a series.
func (w *textWriter) begin(sc *schema, sum *total) {
	same := 0
	if w.schema == sc {
		for same < len(w.ends) && w.total.labels[sc.identity[same]] == sum.labels[sc.identity[same]] {
			same++
		}
	}
	w.schema, w.total, w.ends = sc, sum, w.ends[:same]
	if w.labels = w.labels[:0]; same > 0 {
		w.labels = w.labels[:w.ends[same-1]]
	}
	for _, label := range sc.identity[same:] {
		if len(w.labels) > 0 {
			w.labels = append(w.labels, ',')
		}
		w.labels = appendPair(w.labels, label.String(), w.values[label][sum.labels[label]])
		w.ends = append(w.ends, len(w.labels))
	}
}

// sample writes one sample of the series at hand, with more labels, each name before its
// value.
func (w *textWriter) sample(suffix string, value float64, more ...string) {
	line := append(append(append(w.AvailableBuffer(), w.schema.name...), suffix...), '{')
	line = append(line, w.labels...)
	for pair := range slices.Chunk(more, 2) {
		line = appendPair(append(line, ','), pair[0], pair[1])
	}
	line = strconv.AppendFloat(append(line, "} "...), value, 'g', -1, 64)
	_, _ = w.Write(append(line, '\n'))
}

func appendPair(line []byte, name, value string) []byte {
	line = append(append(line, name...), `="`...)
	return append(append(line, value...), '"')
}
