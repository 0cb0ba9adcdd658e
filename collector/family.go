package collector

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"
)

// family is a metric family of the catalogue, made ready for use.
type family struct {
	spec
	id       familyID
	identity []Label // the labels that tell its series apart, by name
	named    bool    // one of them tells who asked
	prefix   []byte  // of the keys of its series
	desc     *prometheus.Desc
}

// newFamilies returns the families of the catalogue by their familyID.
func newFamilies() []*family {
	families := make([]*family, 0, familyCount)
	for id, spec := range catalogue {
		f := &family{spec: spec, id: familyID(id)}
		names := make([]string, 0, len(spec.labels))
		for _, label := range spec.labels {
			names = append(names, label.String())
			if spec.kind != kindInfo || label != LabelSigV4Default {
				f.identity = append(f.identity, label)
			}
			f.named = f.named || slices.Contains(whoLabels, label)
		}
		slices.SortFunc(f.identity, func(a, b Label) int { return strings.Compare(a.String(), b.String()) })
		f.prefix = keyPrefix(spec.name, f.identity)
		f.desc = prometheus.NewDesc(spec.name, spec.help, names, nil)
		families = append(families, f)
	}
	return families
}

// keyPrefix returns the start of the keys of a family's series; see series.go.
func keyPrefix(name string, identity []Label) []byte {
	names := make([]string, 0, len(identity))
	for _, label := range identity {
		names = append(names, label.String())
	}
	return binary.BigEndian.AppendUint32(appendText(nil, name), crc32.ChecksumIEEE([]byte(strings.Join(names, "\n"))))
}

// appendKey appends the key of the series with the given labels.
func (f *family) appendKey(dst []byte, labels *Labels) []byte {
	dst = append(dst, f.prefix...)
	for _, label := range f.identity {
		dst = appendText(dst, labels[label])
	}
	return dst
}

// foldLevel is how much of a label set is given up when a family has no room
// for it. Every level keeps the sums.
type foldLevel uint8

const (
	foldNothing foldLevel = iota
	foldWho               // whoLabels become other
	foldAll               // whereLabels as well: what is left has few values
	foldLevels
)

var (
	whoLabels   = []Label{LabelRequester, LabelSourceIP, LabelClient, LabelClientVersion}
	whereLabels = []Label{LabelBucket, LabelOperation, LabelAccountID, LabelRegion}
)

// room returns the number of series that a family may hold before no further
// label set of the level is let in.
func (f *family) room(level foldLevel, limit int) (most int, limited bool) {
	switch {
	case limit == 0 || level == foldAll:
		return 0, false
	case level == foldWho && f.named:
		return 2 * limit, true
	}
	return limit, true
}

// fold returns labels with the level's values given up.
func (l foldLevel) fold(labels *Labels) Labels {
	folded := *labels
	if l >= foldWho {
		for _, label := range whoLabels {
			folded[label] = other
		}
	}
	if l >= foldAll {
		for _, label := range whereLabels {
			folded[label] = other
		}
	}
	return folded
}

// verdict returns what remains of a client's verdict at the level.
func (l foldLevel) verdict(v verdict) verdict {
	if l == foldNothing {
		return v
	}
	return verdictUnknown
}

// place finds the series that an increment of labels belongs to: the label
// set's own or, over the limit, the first folded one that exists or that the
// family has room for. exists is asked for keys, held is the number of the
// family's series. It returns the series' labels and key.
func (f *family) place(
	labels *Labels, limit, held int, exists func(key []byte) bool,
) (folded Labels, key []byte, level foldLevel) {
	for level = range foldLevels {
		folded = level.fold(labels)
		key = f.appendKey(key[:0], &folded)
		most, limited := f.room(level, limit)
		if !limited || held < most || exists(key) {
			break
		}
	}
	return folded, key, level
}
