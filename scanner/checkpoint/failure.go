package checkpoint

import "time"

// Failure is what is kept of an object that could not be read.
type Failure struct {
	Reason      string    `json:"reason"`
	Error       string    `json:"error"`
	Attempts    int       `json:"attempts"`
	Since       time.Time `json:"since"`             // of the first attempt
	NextTry     time.Time `json:"next_try,omitzero"` // zero if quarantined
	Quarantined bool      `json:"quarantined,omitempty"`

	// The object as it was listed:
	Size         int64     `json:"size"`
	LastModified time.Time `json:"last_modified"`
	ETag         string    `json:"etag,omitempty"`
}

// EachFailure calls fn with every object of the stream that could not be read, in the
// order of their keys, until fn returns an error.
func (tx *Tx) EachFailure(id StreamID, fn func(object string, f Failure) error) error {
	of := id.failures()
	return tx.table(tableFailures).each(of[:], func(key, value []byte) error {
		var f Failure
		if err := parseJSON(tableFailures, key, value, &f); err != nil {
			return err
		}
		return fn(string(key[len(of):]), f)
	})
}

// PutFailure keeps an object that could not be read.
func (tx *Tx) PutFailure(id StreamID, object string, f Failure) error {
	return tx.table(tableFailures).putJSON(failureKey(id, object), f)
}

// DeleteFailure forgets an object's failure; that there is none is no error.
func (tx *Tx) DeleteFailure(id StreamID, object string) error {
	return tx.table(tableFailures).delete(failureKey(id, object))
}

func failureKey(id StreamID, object string) []byte {
	of := id.failures()
	return append(of[:], object...)
}
