package collector

import (
	dto "github.com/prometheus/client_model/go"

	"github.com/s3access/s3_access_exporter/collector/classify"
)

// labelPairs are the label pairs of all series as scrapes have them. A pair is there
// once for all series that have it: most values stand in many.
type labelPairs [classify.LabelCount]map[string]*labelPair

// labelPairNames are the names of the labels, for all pairs.
var labelPairNames = func() (names [classify.LabelCount]string) {
	for label := range names {
		names[label] = classify.Label(label).String()
	}
	return names
}()

type labelPair struct {
	dto   dto.LabelPair
	value string
	uses  int
}

// take returns the pairs of a key's labels.
func (p *labelPairs) take(sc *schema, key string) []*dto.LabelPair {
	taken := make([]*dto.LabelPair, 0, len(sc.identity))
	in := decoder{rest: []byte(key)}
	for _, label := range sc.identity {
		text := in.text()
		known := p[label][string(text)]
		if known == nil {
			known = p.add(label, string(text))
		}
		known.uses++
		taken = append(taken, &known.dto)
	}
	return taken
}

func (p *labelPairs) add(label classify.Label, value string) *labelPair {
	if p[label] == nil {
		p[label] = make(map[string]*labelPair)
	}
	added := &labelPair{value: value}
	added.dto.Name, added.dto.Value = &labelPairNames[label], &added.value
	p[label][value] = added
	return added
}

// release gives back what take returned.
func (p *labelPairs) release(sc *schema, taken []*dto.LabelPair) {
	for i, label := range sc.identity {
		value := taken[i].GetValue()
		if known := p[label][value]; known.uses > 1 {
			known.uses--
		} else {
			delete(p[label], value)
		}
	}
}
