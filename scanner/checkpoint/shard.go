package checkpoint

import (
	"errors"
	"fmt"
)

// Errors of CheckShard. They come wrapped in a message that names the shards.
var (
	// ErrOtherShard means that a checkpoint has the streams of another shard, or that
	// there are as many shards as there are not any more.
	ErrOtherShard = errors.New("of another shard")
	// ErrResharding means that the streams are being shared out anew, and that this is
	// not complete.
	ErrResharding = errors.New("being shared out anew")
)

// Shard is which part of the streams a checkpoint is for. One whose Index is not less than
// Count has handed all of its streams and series on to others, and is empty.
type Shard struct {
	Index int `json:"index"` // from 0 on
	Count int `json:"count"` // at least 1
	// Set names those checkpoints that were shared out together; empty: they never were.
	Set string `json:"set,omitempty"`
}

// String returns the shard as people write it: 0/1.
func (s Shard) String() string { return fmt.Sprintf("%d/%d", s.Index, s.Count) }

var shardKey = []byte("shard")

// Shard returns which part of the streams the checkpoint is for. One that was never used
// does not know that yet. One of before there were shards is for all.
func (tx *Tx) Shard() (s Shard, known bool, err error) {
	known, err = tx.table(tableMeta).getJSON(shardKey, &s)
	if err != nil || known {
		return s, known, err
	}
	if tx.unused() {
		return Shard{}, false, nil
	}
	return Shard{Index: 0, Count: 1}, true, nil
}

// PutShard stores which part of the streams the checkpoint is for.
func (tx *Tx) PutShard(s Shard) error { return tx.table(tableMeta).putJSON(shardKey, s) }

// CheckShard returns an error unless the checkpoint is for a shard, or was never used.
// noted is whether PutShard has said so.
func (tx *Tx) CheckShard(index, count int) (noted bool, err error) {
	if r, under, err := tx.Resharding(); err != nil || under {
		return false, errors.Join(err, r.refuse())
	}
	if m, under, err := tx.Moving(); err != nil || under {
		return false, errors.Join(err, m.refuse())
	}
	s, known, err := tx.Shard()
	if err == nil && known {
		err = s.refuse(index, count)
	}
	return tx.table(tableMeta).bucket.Get(shardKey) != nil, err
}

// CheckShard is Tx.CheckShard.
func (r *Report) CheckShard(index, count int) error {
	switch {
	case r.Resharding != nil:
		return r.Resharding.refuse()
	case r.Moving != nil:
		return r.Moving.refuse()
	case r.Shard != nil:
		return r.Shard.refuse(index, count)
	case r.Series == 0 && len(r.Stores) == 0:
		return nil
	}
	return Shard{Index: 0, Count: 1}.refuse(index, count)
}

// refuse returns an error unless the shard is that one.
func (s Shard) refuse(index, count int) error {
	if s.Index == index && s.Count == count {
		return nil
	}
	return fmt.Errorf("%w: it is of %s, and this is %d/%d", ErrOtherShard, s, index, count)
}

// unused reports whether nothing was ever kept in the checkpoint.
func (tx *Tx) unused() bool {
	for id := tableMeta + 1; id < tableCount; id++ {
		if first, _ := tx.table(id).bucket.Cursor().First(); first != nil {
			return false
		}
	}
	return true
}

// Resharding is kept in a checkpoint whose streams are being shared out anew, as long as
// that is not complete. Package reshard has the meaning of its fields.
type Resharding struct {
	Set     string `json:"set"` // what Shard.Set will be
	From    int    `json:"from"`
	To      int    `json:"to"`
	Index   int    `json:"index"` // of the checkpoint, before and after
	Decided bool   `json:"decided,omitempty"`
	// Merged is how far the series of other checkpoints were taken, by their Index.
	Merged map[int]Merged `json:"merged,omitempty"`
	// Prefixes are what will be kept of prefixes.
	Prefixes []StoredPrefix `json:"prefixes,omitempty"`
}

// refuse returns why a checkpoint cannot be used; nil if nothing is under way.
func (r Resharding) refuse() error {
	if r.Set == "" {
		return nil
	}
	return fmt.Errorf("%w, from %d shards to %d, which is not complete", ErrResharding, r.From, r.To)
}

// Merged is how far the series of a checkpoint were taken.
type Merged struct {
	Last []byte `json:"last,omitempty"` // key
	Done bool   `json:"done,omitempty"`
}

// StoredPrefix is a prefix with what is kept of it.
type StoredPrefix struct {
	Store  string `json:"store"`
	Prefix string `json:"prefix"`
	Kept   Prefix `json:"kept"`
}

var reshardingKey = []byte("resharding")

// Resharding returns how far the checkpoint's streams are shared out anew, or false if they
// are not.
func (tx *Tx) Resharding() (r Resharding, under bool, err error) {
	under, err = tx.table(tableMeta).getJSON(reshardingKey, &r)
	return r, under, err
}

// PutResharding stores how far the checkpoint's streams are shared out anew.
func (tx *Tx) PutResharding(r Resharding) error {
	return tx.table(tableMeta).putJSON(reshardingKey, r)
}

// DeleteResharding takes note that the checkpoint's streams are not being shared out.
func (tx *Tx) DeleteResharding() error { return tx.table(tableMeta).delete(reshardingKey) }
