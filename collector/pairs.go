package collector

import (
	dto "github.com/prometheus/client_model/go"

	"github.com/s3access/s3_access_exporter/collector/classify"
)

// pairs are the label pairs of all series as scrapes have them. A pair is there
// once for all series that have it: most values stand in many.
type pairs [classify.LabelCount]map[string]*pair

// pairNames are the names of the labels, for all pairs.
var pairNames = func() (names [classify.LabelCount]string) {
	for label := range names {
		names[label] = classify.Label(label).String()
	}
	return names
}()

type pair struct {
	dto   dto.LabelPair
	value string
	uses  int
}

// take returns the pairs of a key's labels.
func (p *pairs) take(l *layout, key string) []*dto.LabelPair {
	taken := make([]*dto.LabelPair, 0, len(l.identity))
	in := decoder{rest: []byte(key)}
	for _, label := range l.identity {
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

func (p *pairs) add(label classify.Label, value string) *pair {
	if p[label] == nil {
		p[label] = make(map[string]*pair)
	}
	added := &pair{value: value}
	added.dto.Name, added.dto.Value = &pairNames[label], &added.value
	p[label][value] = added
	return added
}

// release gives back what take returned.
func (p *pairs) release(l *layout, taken []*dto.LabelPair) {
	for i, label := range l.identity {
		value := taken[i].GetValue()
		if known := p[label][value]; known.uses > 1 {
			known.uses--
		} else {
			delete(p[label], value)
		}
	}
}
