package logkey

import (
	"strings"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Unknown returns why an object is skipped that is none of a log by its key, and by its
// content where that was looked at: SkipRenamed if its name is that of a log object but for
// what stands behind it, or for its folders, else SkipUnknown.
//
// Such objects are not read: what somebody compresses or copies, under another key, may
// have counted under its own.
func Unknown(key string) SkipReason {
	name := key[strings.LastIndexByte(key, '/')+1:]
	if isRenamedAccess(name) || isRenamedTrail(name) {
		return SkipRenamed
	}
	return SkipUnknown
}

// isRenamedAccess reports whether a name has that of a server access log in it, with a
// unique part as AWS and Ceph make it, and anything but a digit or a letter behind that.
func isRenamedAccess(name string) bool {
	const unique = len("0123456789ABCDEF")
	for end := len(fileTime) + 1 + unique; end < len(name); end++ {
		if name[end-unique-1] != '-' || isAlphanumeric(name[end:end+1]) || !isUnique(name[end-unique:end]) {
			continue
		}
		if _, _, _, ok := cutStamp(name[:end]); ok {
			return true
		}
	}
	return false
}

func isUnique(s string) bool { return strings.ToUpper(s) == s && isAlphanumeric(s) }

// isRenamedTrail reports whether a name begins as that of a log file of CloudTrail, whatever
// stands behind the time.
func isRenamedTrail(name string) bool {
	account, rest, _ := strings.Cut(name, "_CloudTrail_")
	region, rest, _ := strings.Cut(rest, "_")
	if !isAccount(account) || !record.IsRegion(region) || len(rest) < len(trailTime) {
		return false
	}
	_, err := time.Parse(trailTime, rest[:len(trailTime)])
	return err == nil
}

// isDelivery reports whether a name is one of Firehose's, STREAM-1-2006-01-02-15-04-05-UUID,
// maybe with an ending. In folders in which no day is found, nobody looks what it holds.
func isDelivery(name string) bool {
	const uuid = len("00000000-0000-0000-0000-000000000000")
	end := strings.LastIndexByte(name, '-') + 1 + len("000000000000")
	from := end - uuid - 1 // the dash in front of it
	if from < len(fileTime) || end > len(name) || end < len(name) && name[end] != '.' || name[from] != '-' || !isUUID(name[from+1:end]) {
		return false
	}
	_, err := time.Parse(fileTime, name[from-len(fileTime):from])
	return err == nil
}
