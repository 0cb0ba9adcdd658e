package source

import "github.com/s3access/s3_access_exporter/scanner/record"

// Location is a place where logs are.
type Location struct {
	Name   string // as the user wrote it, to be shown
	Source Source
	Prefix string // of the keys that belong to the location
	// Store names the store and the bucket, however the location is written: together
	// with a key it names an object for good. The Sources of this module make it, in
	// the forms "aws/BUCKET", "HOST:PORT/BUCKET" and "file:///DIRECTORY". It is a
	// field and no method of Source because what lists and reads has no use for it.
	Store string
	// Form is that of the records of server access logs that are read; 0: all. Other logs
	// are read in any case.
	Form record.Form
}

// Leaves reports whether records of server access logs in a form are left out.
func (l Location) Leaves(f record.Form) bool { return l.Form != 0 && l.Form != f }
