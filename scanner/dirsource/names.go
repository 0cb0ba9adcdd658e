package dirsource

import (
	"path"
	"strings"
)

// hidden reports whether a file or directory of that name is passed over:
//
//   - names with a leading dot: hidden files, rsync's ".name.XXXXXX", vim's
//     ".name.swp", NFS's ".nfsXXXX", ".snapshot" directories;
//   - "lost+found", which only root may read;
//   - editors' backups, with a tilde at the end;
//   - the endings under which tools keep a file until it is complete: rclone's
//     ".partial", WinSCP's ".filepart", the browsers' and the common ones;
//   - names that end in a dot and eight hexadecimal digits, as "aws s3 cp" and
//     boto3 write them.
//
// No log object of AWS has such a name.
func hidden(name string) bool {
	switch path.Ext(name) {
	case ".tmp", ".part", ".partial", ".filepart", ".crdownload", ".download":
		return true
	}
	return strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") || name == "lost+found" || isTransfer(name)
}

// isTransfer reports whether name ends in a dot and eight hexadecimal digits.
func isTransfer(name string) bool {
	ending := path.Ext(name)
	return len(ending) == len(".01234567") && strings.Trim(ending[1:], "0123456789abcdefABCDEF") == ""
}

// possible reports whether a listing could hold that key: no element of it is
// empty or hidden, so none leads out of the directory either.
func possible(key string) bool {
	for name := range strings.SplitSeq(key, "/") {
		if name == "" || hidden(name) {
			return false
		}
	}
	return true
}
