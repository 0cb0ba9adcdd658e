package scanner_test

import (
	"errors"

	"github.com/s3access/s3_access_exporter/scanner/checkpoint"
)

var errMortal = errors.New("killed")

// mortal is a checkpoint of a process that is killed after so many updates.
type mortal struct {
	*checkpoint.File
	left *int
}

func (s mortal) View(fn func(*checkpoint.Tx) error) error {
	if *s.left < 0 {
		return errMortal
	}
	return s.File.View(fn)
}

func (s mortal) Update(fn func(*checkpoint.Tx) error) error {
	if *s.left--; *s.left < 0 {
		return errMortal
	}
	return s.File.Update(fn)
}
