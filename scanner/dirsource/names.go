package dirsource

import (
	"path"
	"strings"
)

// hidden reports whether a file or directory of that name is passed over, which is listed as
// source.Object.Unfinished:
//
//   - names with a leading dot: hidden files, rsync's ".name.XXXXXX", vim's
//     ".name.swp", NFS's ".nfsXXXX", ".snapshot" directories;
//   - "lost+found", which only root may read;
//   - editors' backups, with a tilde at the end;
//   - the common ending of what is not complete yet: ".tmp".
//
// No log object of AWS has such a name. That a bucket has one, after which a folder of its
// logs is named, is nothing to be expected; see unfinished for what is.
func hidden(name string) bool {
	return strings.HasPrefix(name, ".") || strings.HasSuffix(name, "~") || name == "lost+found" || path.Ext(name) == ".tmp"
}

// unfinished reports whether a file of that name is passed over, as tools have such files
// until they are complete:
//
//   - the endings of rclone's files (".partial"), of WinSCP's (".filepart"), of the
//     browsers', and the common ones;
//   - names that end in a dot and eight hexadecimal digits, as "aws s3 cp" and
//     boto3 write them.
//
// These are names of files alone. The folders of server access logs are named after
// buckets, of which "shop.20260701" and "cdn.download" are some.
func unfinished(name string) bool {
	switch path.Ext(name) {
	case ".part", ".partial", ".filepart", ".crdownload", ".download":
		return true
	}
	return isTransfer(name)
}

// isTransfer reports whether name ends in a dot and eight hexadecimal digits.
func isTransfer(name string) bool {
	ending := path.Ext(name)
	return len(ending) == len(".01234567") && strings.Trim(ending[1:], "0123456789abcdefABCDEF") == ""
}

// possible reports whether a listing could hold that key: no element of it is
// empty or hidden, so none leads out of the directory either, and the last one is that of
// a finished file.
func possible(key string) bool {
	return possibleFolder(key) && !unfinished(key[strings.LastIndexByte(key, '/')+1:])
}

// possibleFolder reports whether a listing could come across a directory of that key, which
// has no slash at its end.
func possibleFolder(key string) bool {
	for name := range strings.SplitSeq(key, "/") {
		if name == "" || hidden(name) {
			return false
		}
	}
	return true
}
