package collector

import (
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Merger adds up stored series of several Collectors, as when what one has counted is handed
// on to another. It is for one goroutine.
type Merger struct{ schemas []*schema }

// NewMerger returns a Merger.
func NewMerger() *Merger { return &Merger{schemas: newSchemas()} }

// Merge returns the state of a series that has counted what two stored ones of one key have
// counted together. It shows its value if one of them has. An error is a *StoredError, as
// of Collector.Load.
func (m *Merger) Merge(key, one, other []byte) ([]byte, error) {
	sc, err := schemaOf(m.schemas, key)
	if err != nil {
		return nil, err
	}
	sum, err := sc.decode(key, one)
	if err != nil {
		return nil, &StoredError{Family: sc.name, Err: err}
	}
	more, err := sc.decode(key, other)
	if err != nil {
		return nil, &StoredError{Family: sc.name, Err: err}
	}
	sum.state.add(&more.state)
	return sum.state.append(nil, sc.kind), nil
}

// add adds what another series of the same labels has counted, from its birth on.
func (s *state) add(more *state) {
	s.created = min(s.created, more.created)
	s.last = max(s.last, more.last)
	s.value = record.AddSaturating(s.value, more.value)
	s.client = s.client.worse(more.client)
	s.released = s.released || more.released
	s.exemplar.time = max(s.exemplar.time, more.exemplar.time) // more is not stored of it
	if s.duration != nil && more.duration != nil {
		s.duration.merge(more.duration)
	}
}

// schemaOf returns the schema of a stored key's family. An error is a *StoredError.
func schemaOf(schemas []*schema, key []byte) (*schema, error) {
	name, err := familyName(key)
	if err != nil {
		return nil, &StoredError{Err: err}
	}
	for _, sc := range schemas {
		if sc.name == name {
			return sc, nil
		}
	}
	return nil, &StoredError{Family: name, Err: ErrUnknownFamily}
}
