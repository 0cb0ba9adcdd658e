package main

import (
	"errors"
	"fmt"
	"time"

	"github.com/alecthomas/units"
	"github.com/prometheus/common/model"

	"github.com/s3access/s3_access_exporter/collector/classify"
)

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
