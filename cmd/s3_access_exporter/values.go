package main

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/alecthomas/units"
	"github.com/prometheus/common/model"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/query"
	"github.com/s3access/s3_access_exporter/collector/classify"
)

// The values of flags that are more than a text or a number.

// instant is a flag's point in time: as in RFC 3339, a date, at whose start it is in
// UTC, or a duration back from now. The zero value is none.
type instant time.Time

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *instant) UnmarshalText(text []byte) error {
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, string(text)); err == nil {
			*m = instant(t)
			return nil
		}
	}
	var ago duration
	if err := ago.UnmarshalText(text); err != nil {
		return fmt.Errorf("%q is no time: write 2026-01-31T12:00:00Z, 2026-01-31, or a duration back from now such as 36h or 7d", text)
	}
	*m = instant(time.Now().Add(-time.Duration(ago)))
	return nil
}

// sortOrder is a flag's order of requests; empty: as they are read.
type sortOrder string

const orderTime sortOrder = "time"

// UnmarshalText implements encoding.TextUnmarshaler.
func (o *sortOrder) UnmarshalText(text []byte) error {
	if order := sortOrder(text); order != "" && order != orderTime {
		return fmt.Errorf("%q is no order: write %s", text, orderTime)
	}
	*o = sortOrder(text)
	return nil
}

// fieldList is a flag's list of fields.
type fieldList []query.Field

// UnmarshalText implements encoding.TextUnmarshaler.
func (l *fieldList) UnmarshalText(text []byte) (err error) {
	*l, err = query.ParseFields(string(text))
	return err
}

// duration is a flag's span of time, 0 or longer: 90s, 1h30m, and as in
// Prometheus 30d.
type duration time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *duration) UnmarshalText(text []byte) error {
	span, err := time.ParseDuration(string(text))
	if err != nil {
		var days model.Duration
		days, err = model.ParseDuration(string(text))
		span = time.Duration(days)
	}
	if err != nil || span < 0 {
		return fmt.Errorf("%q is no duration: write 90s, 5m, 48h or 30d", text)
	}
	*d = duration(span)
	return nil
}

// interval is a flag's span of time that cannot be 0.
type interval time.Duration

// UnmarshalText implements encoding.TextUnmarshaler.
func (i *interval) UnmarshalText(text []byte) error {
	err := (*duration)(i).UnmarshalText(text)
	if err == nil && *i == 0 {
		return errors.New("must be longer than 0")
	}
	return err
}

// since is how far back to begin: a duration, or "all", which is 0.
type since time.Duration

// String returns it as it is written.
func (s since) String() string {
	if s == 0 {
		return "all"
	}
	return short(time.Duration(s))
}

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *since) UnmarshalText(text []byte) error {
	if string(text) == "all" {
		*s = 0
		return nil
	}
	if err := (*interval)(s).UnmarshalText(text); err != nil {
		return fmt.Errorf("%q is neither a duration such as 24h nor all", text)
	}
	return nil
}

// size is a flag's number of bytes, more than 0: 512MiB, 2GiB.
type size int64

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *size) UnmarshalText(text []byte) error {
	bytes, err := units.ParseBase2Bytes(string(text))
	if err != nil || bytes <= 0 {
		return fmt.Errorf("%q is no size: write 512MiB or 2GiB", text)
	}
	*s = size(bytes)
	return nil
}

type requesterMode struct{ classify.RequesterMode }

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *requesterMode) UnmarshalText(text []byte) (err error) {
	m.RequesterMode, err = classify.ParseRequesterMode(string(text))
	return err
}

type sourceIPMode struct{ classify.SourceIPMode }

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *sourceIPMode) UnmarshalText(text []byte) (err error) {
	m.SourceIPMode, err = classify.ParseSourceIPMode(string(text))
	return err
}

type clientVersionMode struct{ classify.ClientVersionMode }

// UnmarshalText implements encoding.TextUnmarshaler.
func (m *clientVersionMode) UnmarshalText(text []byte) (err error) {
	m.ClientVersionMode, err = classify.ParseClientVersionMode(string(text))
	return err
}

// featureSet is a flag's set of features. It is never the zero value of classify.Features.
type featureSet struct{ classify.Features }

// UnmarshalText implements encoding.TextUnmarshaler.
func (s *featureSet) UnmarshalText(text []byte) error {
	switch string(text) {
	case "off":
		s.Features = classify.NoFeatures
		return nil
	case "all":
		s.Features = classify.NewFeatures(classify.AllFeatures()...)
		return nil
	}
	s.Features = 0
	for name := range strings.SplitSeq(string(text), ",") {
		f, err := classify.ParseFeature(name)
		if err != nil {
			return err
		}
		s.Features |= classify.NewFeatures(f)
	}
	return nil
}
