package scanner

import (
	"cmp"
	"maps"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/s3access/s3_access_exporter/scanner/source"
)

// keepKeys makes the Source go on with the keys that were listed before, where others lead to
// the same objects: their marks are under these. What a search found to be listed comes first,
// as that is the same for all shards, and streams next: those that have the newest requests, if
// several stand for the same objects.
func (l *location) keepKeys() {
	keeper, ok := l.Source.(source.Keeper)
	if !ok {
		return
	}
	for prefix := range strings.Lines(l.own().Kept) {
		keeper.Keep(strings.TrimSuffix(prefix, "\n"))
	}
	newest := make(map[string]time.Time)
	for _, st := range l.all() {
		newest[st.Prefix] = latest(newest[st.Prefix], st.state().Newest)
	}
	prefixes := slices.SortedFunc(maps.Keys(newest), func(a, b string) int {
		return cmp.Or(newest[b].Compare(newest[a]), cmp.Compare(a, b))
	})
	for _, prefix := range prefixes {
		keeper.Keep(prefix)
	}
}

// keptKeys returns what the next search keeps, but for what cannot be stored.
func (l *location) keptKeys() string {
	keeper, ok := l.Source.(source.Keeper)
	if !ok {
		return ""
	}
	return strings.Join(slices.DeleteFunc(keeper.Kept(), isNoLine), "\n")
}

// warnOfLinks warns where a link by which logs were listed is not followed any more, and
// another one is: nothing shows whether it leads to the same logs.
func (l *location) warnOfLinks(before, now string) {
	was, is := strings.Split(before, "\n"), strings.Split(now, "\n")
	gone := slices.DeleteFunc(slices.Clone(was), func(link string) bool { return link == "" || slices.Contains(is, link) })
	come := slices.DeleteFunc(is, func(link string) bool { return link == "" || slices.Contains(was, link) })
	if len(gone) > 0 && len(come) > 0 {
		l.cfg.Logger.Warn("a symbolic link by which logs were read is gone, and another one is followed: if it leads to the same directory, "+
			"what lies there counts again", "location", l.Name, "gone", gone[0], "followed", come[0])
	}
}

// isNoLine reports whether a name cannot be a line of what a checkpoint.Prefix keeps as text.
func isNoLine(name string) bool { return strings.Contains(name, "\n") || !utf8.ValidString(name) }
