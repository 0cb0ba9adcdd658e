package checkpoint

import (
	"context"
	"errors"
	"fmt"

	"go.etcd.io/bbolt"
)

// VerifyJournal looks at all of a journal, changes nothing, and reports what it holds.
// Nobody is disturbed who writes meanwhile. Its errors are those of Journal.Run, or the
// store's.
func VerifyJournal(ctx context.Context, name string, objects Objects) (_ *Report, err error) {
	j := NewJournal(JournalConfig{Name: name, Objects: objects, MustExist: true})
	defer func() { err = errors.Join(err, j.Close()) }()
	if err := j.load(ctx); err != nil {
		return nil, j.named(err)
	}
	var report *Report
	err = j.local.db.View(func(bolt *bbolt.Tx) error {
		r := newReporter(bolt.Size())
		tx := &Tx{bolt: bolt}
		for id := tableMeta + 1; id < tableCount; id++ {
			err := tx.table(id).each(nil, func(key, value []byte) error {
				if !r.take(id, key, value) {
					return entryError(tableNames[id], key)
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		report = r.finish()
		shard, known, err := tx.Shard()
		if known {
			report.Shard = &shard
		}
		resharding, under, err2 := tx.Resharding()
		if under {
			report.Resharding = &resharding
		}
		moving, under, err3 := tx.Moving()
		if under {
			report.Moving = &moving
		}
		return errors.Join(err, err2, err3)
	})
	if err != nil {
		return nil, j.named(err)
	}
	report.Path = name
	report.Journal = j.describe()
	return report, nil
}

// describe returns what a journal consists of, and who has written it.
func (j *Journal) describe() string {
	text := fmt.Sprintf("journal format %d: snapshot %d and %d segments behind it", journalVersion, j.snapshot, j.at.sequence-j.snapshot)
	switch {
	case j.at.writer == writerID{}:
		return text
	case j.at.closed:
		return text + "; " + j.at.writerName() + " was the last to write, and has ended"
	}
	return text + "; " + j.at.writerName() + " was the last to write"
}
