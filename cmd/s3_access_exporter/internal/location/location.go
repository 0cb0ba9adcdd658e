// Package location knows where logs are: what users write for a location, and how it
// becomes a source.Location. A location that is not there takes nothing else down: its
// Source fails as long as that is so, and is asked again.
package location

import (
	"cmp"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/hostile"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// Options are how to get at a location in S3. The zero value of each means AWS's, or
// that of the SDK's environment.
type Options struct {
	EndpointURL string // http or https
	Region      string
	RoleARN     string // to assume
	ExternalID  string // for that role
	PathStyle   bool   // the bucket stands in the path of URLs, not in the host
	Store       string // the name of a store that is not AWS; see s3source.Config
}

// Validate returns what is wrong in the Options, without a secret that is in them.
func (o Options) Validate() error {
	if o.ExternalID != "" && o.RoleARN == "" {
		return errors.New("an external ID goes with the ARN of a role")
	}
	if o.EndpointURL == "" {
		return nil
	}
	u, err := url.Parse(o.EndpointURL)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return fmt.Errorf("%q is no URL such as https://s3.example.com", withoutPassword(o.EndpointURL))
	}
	return nil
}

// withoutPassword returns a text that may have been meant as a URL, without what would
// be a user and a password in it.
func withoutPassword(text string) string {
	if at := strings.LastIndexByte(text, '@'); at >= 0 {
		return "…" + text[at:]
	}
	return text
}

// Location is where logs are.
type Location struct {
	Bucket, Prefix string // in S3
	Dir            string // absolute; empty if it is in S3
	Options        Options
	Form           record.Form // of server access logs that are read; 0: all

	at string // the store, where the name alone is that of another location too; see TellApart
}

// https://docs.aws.amazon.com/AmazonS3/latest/userguide/bucketnamingrules.html,
// and what was allowed before 2018.
var bucketName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{1,253}[A-Za-z0-9]$`)

// Parse reads s3://bucket[/prefix], file:///directory or a directory's path. Its error
// is one line, which names the text, but not a password that somebody has put into it.
//
// A location's name stands in labels, logs and on pages just as it is, so it has no character
// that deceives, although a prefix and a path may have some.
func Parse(text string, options Options) (Location, error) {
	l, err := parse(text, options)
	if err != nil {
		return l, err
	}
	for what, shown := range map[string]string{"location": l.Name(), "the store of location": l.Options.Store} {
		if !utf8.ValidString(shown) {
			return Location{}, fmt.Errorf("%s %q: it is not UTF-8; %s", what, shown, useALink)
		}
		if strings.ContainsFunc(shown, hostile.Deceives) {
			return Location{}, fmt.Errorf("%s %q: control characters have no place in it, nor have those that turn text around; %s", what, shown, useALink)
		}
	}
	return l, nil
}

// useALink is what to do about a location whose name cannot be shown.
const useALink = "name a shorter prefix, or a symbolic link to the directory"

func parse(text string, options Options) (Location, error) {
	if scheme, rest, isURL := strings.Cut(text, "://"); isURL {
		if host, _, _ := strings.Cut(rest, "/"); strings.Contains(host, ":") && rest != withoutPassword(rest) {
			return Location{}, fmt.Errorf("location %q: a user and a password have no place in it; see --aws.endpoint-url for another store",
				scheme+"://"+withoutPassword(rest))
		}
	}
	if rest, ok := strings.CutPrefix(text, "s3://"); ok {
		bucket, prefix, _ := strings.Cut(rest, "/")
		if !bucketName.MatchString(bucket) {
			return Location{}, fmt.Errorf("location %q: %q is no bucket's name", text, bucket)
		}
		if err := options.Validate(); err != nil {
			return Location{}, fmt.Errorf("location %q: %w", text, err)
		}
		return Location{Bucket: bucket, Prefix: prefix, Options: options}, nil
	}
	dir, isURL := strings.CutPrefix(text, "file://")
	if !isURL && strings.Contains(text, "://") || isURL && !strings.HasPrefix(dir, "/") || dir == "" {
		return Location{}, fmt.Errorf("location %q: write s3://bucket/prefix, file:///directory or ./directory", text)
	}
	if options.Store != "" {
		return Location{}, fmt.Errorf("location %q: a store has a name only where it is in S3; a directory is known by its path", text)
	}
	if isURL && filepath.VolumeName(dir[1:]) != "" { // on Windows a drive comes first
		dir = dir[1:]
	}
	dir, err := filepath.Abs(dir)
	if err != nil {
		return Location{}, fmt.Errorf("location %q: %w", text, err)
	}
	return Location{Dir: dir}, nil
}

// Name returns the location's name in metrics, in the log and on pages.
func (l Location) Name() string {
	if l.at != "" {
		return l.URL() + " at " + l.at
	}
	return l.URL()
}

// URL returns where the location is, whatever the store.
func (l Location) URL() string {
	switch {
	case l.Dir != "":
		return fileURL(l.Dir)
	case l.Prefix != "":
		return "s3://" + l.Bucket + "/" + l.Prefix
	}
	return "s3://" + l.Bucket
}

// TellApart adds the store to the names of locations that would have the same one, as buckets
// of two stores may: one would hide in metrics, in the log and on pages how the other fares.
func TellApart(all []Location) {
	named := make(map[string]int)
	for _, l := range all {
		named[l.URL()]++
	}
	for i, l := range all {
		if l.Dir == "" && named[l.URL()] > 1 {
			all[i].at = l.Options.storeName()
		}
	}
}

// storeName names the store for people: as it is configured, or else by its host.
func (o Options) storeName() string {
	if u, err := url.Parse(o.EndpointURL); o.Store == "" && err == nil && u.Host != "" {
		return hostile.Visible(u.Host)
	}
	return cmp.Or(o.Store, "AWS")
}

// fileURL names a directory, as dirsource does.
func fileURL(dir string) string { return "file://" + path.Join("/", filepath.ToSlash(dir)) }

// CheckOverlap returns an error if an object may lie in two of some locations.
func CheckOverlap(all []Location) error {
	for i, l := range all {
		for _, other := range all[:i] {
			if l.overlaps(other) {
				return overlapError(other.Name(), l.Name())
			}
		}
	}
	return nil
}

func overlapError(a, b string) error {
	return fmt.Errorf("locations %s and %s overlap: their objects would count twice", a, b)
}

// overlaps reports whether an object may lie in both locations, as far as their texts
// show it.
func (l Location) overlaps(other Location) bool {
	if l.Dir == "" || other.Dir == "" {
		return l.Dir == other.Dir && l.Bucket == other.Bucket && l.Options.EndpointURL == other.Options.EndpointURL &&
			l.Options.Store == other.Options.Store && prefixesOverlap(l.Prefix, other.Prefix)
	}
	a, b := realPath(l.Dir), realPath(other.Dir)
	return within(a, b) || within(b, a)
}

func prefixesOverlap(a, b string) bool { return strings.HasPrefix(a, b) || strings.HasPrefix(b, a) }

// realPath returns a path without symbolic links, as far as it is there, and where they lead
// if that is not there yet.
func realPath(dir string) string { return followed(dir, maxLinks) }

// maxLinks is how many symbolic links in a row are followed that lead to what is not there.
const maxLinks = 40

func followed(dir string, links int) string {
	if there, err := filepath.EvalSymlinks(dir); err == nil {
		return there
	}
	parent := filepath.Dir(dir)
	if parent == dir {
		return dir
	}
	link, err := os.Readlink(dir)
	switch {
	case err != nil || links == 0:
		return filepath.Join(followed(parent, links), filepath.Base(dir))
	case filepath.IsAbs(link):
		return followed(filepath.Clean(link), links-1)
	}
	return followed(filepath.Join(followed(parent, links-1), link), links-1)
}

func within(dir, parent string) bool {
	rel, err := filepath.Rel(parent, dir)
	return err == nil && rel != ".." && !strings.HasPrefix(rel, ".."+string(filepath.Separator))
}
