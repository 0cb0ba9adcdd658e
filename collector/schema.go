package collector

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
	"strings"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/s3access/s3_access_exporter/collector/classify"
)

// schema is how the series of a family are identified and described.
type schema struct {
	spec
	family   Family
	identity []classify.Label // the labels that set its series apart, by name
	named    bool             // one of them shows who asked
	prefix   []byte           // of the keys of its series, as stored
	desc     *prometheus.Desc
}

// newSchemas returns the schemas of the catalogue by their Family.
func newSchemas() []*schema {
	schemas := make([]*schema, 0, familyCount)
	for family, spec := range catalogue {
		sc := &schema{spec: spec, family: Family(family)}
		names := make([]string, 0, len(spec.labels))
		for _, label := range spec.labels {
			names = append(names, label.String())
			if spec.kind != KindInfo || label != classify.LabelSigV4Default && label != classify.LabelSupport {
				sc.identity = append(sc.identity, label)
			}
			sc.named = sc.named || slices.Contains(whoLabels, label)
		}
		slices.SortFunc(sc.identity, func(a, b classify.Label) int { return strings.Compare(a.String(), b.String()) })
		sc.prefix = keyPrefix(spec.name, sc.identity)
		sc.desc = prometheus.NewDesc(spec.name, spec.help, names, nil)
		schemas = append(schemas, sc)
	}
	return schemas
}

// keyPrefix returns the start of the stored keys of a family's series; see
// series.go.
func keyPrefix(name string, identity []classify.Label) []byte {
	names := make([]string, 0, len(identity))
	for _, label := range identity {
		names = append(names, label.String())
	}
	return binary.BigEndian.AppendUint32(appendText(nil, name), crc32.ChecksumIEEE([]byte(strings.Join(names, "\n"))))
}

// appendKey appends the key of the series with the given labels: that is what
// comes behind the prefix.
func (sc *schema) appendKey(dst []byte, labels *classify.Labels) []byte {
	for _, label := range sc.identity {
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
)

var (
	whoLabels   = []classify.Label{classify.LabelRequester, classify.LabelSourceIP, classify.LabelClient, classify.LabelClientVersion}
	whereLabels = []classify.Label{classify.LabelBucket, classify.LabelOperation, classify.LabelAccountID, classify.LabelRegion}
)

// gives reports whether the level gives up the label's value.
func (f foldLevel) gives(label classify.Label) bool {
	return f >= foldWho && slices.Contains(whoLabels, label) ||
		f >= foldAll && slices.Contains(whereLabels, label)
}

// client returns what remains of the verdicts on a client at the level.
func (f foldLevel) client(v verdicts) verdicts {
	if f == foldNothing {
		return v
	}
	return verdicts{classify.VerdictUnknown, classify.SupportUnknown}
}

// full reports whether a family that holds so many series has no room for a
// further label set of the level.
func (sc *schema) full(level foldLevel, limit, held int) bool {
	switch {
	case limit == 0 || level == foldAll:
		return false
	case level == foldWho && sc.named:
		return held >= 2*limit
	}
	return held >= limit
}

// fold finds the series that an increment of key's series belongs to when the
// family has no room for that one: the first folded one that exists or that there
// is room for. exists is asked for keys. The folded key is appended to dst.
func (sc *schema) fold(
	dst []byte, key string, limit, held int, exists func(key []byte) bool,
) (folded []byte, level foldLevel) {
	dst = append(dst, key...)
	own := dst[len(dst)-len(key):]
	for level = foldWho; ; level++ {
		folded = sc.appendFolded(dst, own, level)[len(dst):]
		if !sc.full(level, limit, held) || exists(folded) {
			return folded, level
		}
	}
}

// appendFolded appends what the level leaves of a key.
func (sc *schema) appendFolded(dst, key []byte, level foldLevel) []byte {
	in := decoder{rest: key}
	for _, label := range sc.identity {
		text := in.text()
		if level.gives(label) {
			dst = appendText(dst, classify.Other)
		} else {
			dst = appendText(dst, text)
		}
	}
	return dst
}
