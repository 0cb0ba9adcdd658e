package cloudtrail

import (
	"fmt"

	"github.com/s3access/s3_access_exporter/scanner/internal/jsonscan"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

// errNotLog is the error of input that is valid JSON but no log file: a document in
// it is not an object that has a Records array. So it is with a digest file. Of bare
// events, none is one.
var errNotLog = fmt.Errorf("no Records array: %w", record.ErrNotLog)

// SyntaxError is the error of input that is not valid JSON, or that ends too early.
type SyntaxError = jsonscan.SyntaxError
