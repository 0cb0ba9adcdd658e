package checkpoint

import (
	"errors"
	"math"
	"os"

	"golang.org/x/sys/windows"
)

// tryLockShared locks the file as bbolt does for reading. It returns false if a process
// has it for writing.
func tryLockShared(f *os.File) (bool, error) {
	// bbolt locks the last byte that a file can have.
	last := &windows.Overlapped{Offset: math.MaxUint32, OffsetHigh: math.MaxUint32}
	err := windows.LockFileEx(windows.Handle(f.Fd()), windows.LOCKFILE_FAIL_IMMEDIATELY, 0, 1, 0, last)
	if errors.Is(err, windows.ERROR_LOCK_VIOLATION) {
		return false, nil
	}
	return err == nil, err
}
