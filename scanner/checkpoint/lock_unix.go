//go:build !windows

package checkpoint

import (
	"errors"
	"os"
	"syscall"
)

// tryLockShared locks the file as bbolt does for reading. It returns false if a process
// has it for writing.
func tryLockShared(f *os.File) (bool, error) {
	err := syscall.Flock(int(f.Fd()), syscall.LOCK_SH|syscall.LOCK_NB)
	if errors.Is(err, syscall.EWOULDBLOCK) {
		return false, nil
	}
	return err == nil, err
}
