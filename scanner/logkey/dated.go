package logkey

import (
	"strings"
	"time"

	"github.com/s3access/s3_access_exporter/scanner/record"
)

// parseDated parses any name below folders of a day, or of an hour in it. The last ones
// in the key count. Times are taken as UTC, which they may not be: Firehose can be told
// another zone, and nothing in the key shows it.
//
// See https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/AWS-logs-infrastructure-V2-S3.html and
// https://docs.aws.amazon.com/firehose/latest/dev/s3-object-name.html.
func parseDated(l *layout, folder, stem string) (Key, bool) {
	if why := skipReason(folder); why != SkipUnknown {
		return foreign(folder, why), true
	}
	if strings.HasSuffix(stem, ".parquet") {
		return foreign(folder, SkipParquet), true
	}
	prefix, rest, t, ok := lastDate(folder, l.folders)
	if !ok || !endsIn(prefix, l.signs()) || hasDateBehind(rest) {
		return Key{}, false
	}
	if dot := strings.LastIndexByte(stem, '.'); dot >= 0 && skippedEndings[stem[dot:]] != "" && Unknown(stem) == SkipUnknown {
		return foreign(folder, skippedEndings[stem[dot:]]), true
	}
	k := Key{Stream: Stream{Prefix: prefix, Layout: l.Layout}, Time: t, Grain: 24 * time.Hour}
	if len(rest) >= len(l.hours) {
		if hour, err := time.Parse(l.hours, rest[:len(l.hours)]); err == nil {
			k.Time, k.Grain = t.Add(time.Duration(hour.Hour())*time.Hour), time.Hour
		}
	}
	k.AccountID, k.Region = owner(folder)
	if isOtherService(folder) {
		return foreign(folder, SkipUnknown), true
	}
	return k, true
}

// lastDate divides folder at the last folders of a day that are in it. A year may have
// something in front of it, if no folder begins with one: Firehose puts it right behind a
// prefix, which may end without a slash.
func lastDate(folder, folders string) (prefix, rest string, day time.Time, ok bool) {
	behind := -1
	for n := len(folder) - len(folders); n >= 0; n-- {
		if day, ok := dayAt(folder, n, folders); ok {
			switch {
			case n == 0 || folder[n-1] == '/':
				return folder[:n], folder[n+len(folders):], day, true
			case behind < 0:
				behind = n
			}
		}
	}
	if behind < 0 {
		return "", "", time.Time{}, false
	}
	day, _ = dayAt(folder, behind, folders)
	return folder[:behind], folder[behind+len(folders):], day, true
}

// dayAt parses the folders of a day at folder[n:].
func dayAt(folder string, n int, folders string) (day time.Time, ok bool) {
	const year = len("2006")
	if folder[n+year] != folders[year] || folders != dayFolders && n > 0 && folder[n-1] != '/' && folder[n-1] != '=' {
		return day, false
	}
	date := folder[n : n+len(folders)]
	day, err := time.Parse(folders, date)
	return day, err == nil && "2006" <= date && date < "21"
}

// signs returns what may stand in front of the date in folders of Hive's; nil: they are none.
func (l Layout) signs() []string {
	switch l {
	case Hive:
		return []string{hiveYear}
	case HiveDay:
		return []string{"dt=", "date=", "day="}
	}
	return nil
}

// hasDateBehind reports whether folders of a day that are Hive's are in what stands behind
// others.
func hasDateBehind(rest string) bool {
	for _, hive := range [...]struct {
		Layout
		folders string
	}{{Hive, hiveFolders}, {HiveDay, hiveDay}} {
		if prefix, _, _, ok := lastDate(rest, hive.folders); ok && endsIn(prefix, hive.signs()) {
			return true
		}
	}
	return false
}

// endsIn reports whether the last folder of prefix is one of signs, as far as it is there,
// or whether none is asked for.
func endsIn(prefix string, signs []string) bool {
	for _, sign := range signs {
		before, ok := strings.CutSuffix(prefix, sign)
		if ok && (before == "" || strings.HasSuffix(before, "/")) {
			return true
		}
	}
	return len(signs) == 0
}

// owner returns the account and the Region that folders name, as those of CloudWatch's
// deliveries do: AWSLogs/[aws-account-id=]ACCOUNT/SERVICE/[region=]REGION/.
func owner(folder string) (account, region string) {
	_, path, ok := strings.Cut("/"+folder, "/AWSLogs/")
	if !ok {
		return "", ""
	}
	first := true
	for part := range strings.SplitSeq(path, "/") {
		if name, value, ok := strings.Cut(part, "="); ok && (name == "aws-account-id" || name == "region") {
			part = value
		}
		switch {
		case first && isAccount(part):
			account = part
		case region == "" && record.IsRegion(part):
			region = part
		}
		first = false
	}
	return account, region
}

// isOtherService reports whether the folders are those in which another service of AWS
// delivers its logs, so that nobody need look what these are.
func isOtherService(folder string) bool {
	_, path, _ := strings.Cut("/"+folder, "/AWSLogs/")
	account, path, _ := strings.Cut(path, "/")
	service, _, _ := strings.Cut(path, "/")
	if !isAccount(account) {
		return false
	}
	switch service {
	case "vpcflowlogs", "elasticloadbalancing", "WAFLogs", "Config", "GuardDuty", "vpcdnsquerylogs", "network-firewall",
		"redshift", "S3StorageLens", "transitgatewayflowlogs":
		return true
	}
	return false
}

// parseExport parses TASK/LOGSTREAM/000000.gz, with a UUID as TASK.
func parseExport(l *layout, folder, stem string) (Key, bool) {
	number, ok := strings.CutSuffix(stem, ".gz")
	_, task, stream, ok2 := cutThree("//" + folder)
	if !ok || !ok2 || len(number) != 6 || strings.Trim(number, "0123456789") != "" || !isUUID(task) || stream == "" {
		return Key{}, false
	}
	return Key{Stream: Stream{Prefix: folder, Layout: l.Layout}, Skip: SkipExport}, true
}

func isUUID(s string) bool {
	const form = "00000000-0000-0000-0000-000000000000"
	if len(s) != len(form) {
		return false
	}
	for i := range len(s) {
		if c := s[i]; form[i] == '-' && c != '-' || form[i] == '0' && !('0' <= c && c <= '9' || 'a' <= c && c <= 'f') {
			return false
		}
	}
	return true
}
