package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/s3access/s3_access_exporter/cmd/s3_access_exporter/internal/location"
	"github.com/s3access/s3_access_exporter/scanner/record"
)

const locationHelp = "Where logs are: s3://bucket[/prefix], or a directory that holds a copy of one. " +
	"By default those of $$" + locationsVariable + ", with commas between them, or of locations in the configuration file."

const locationsVariable = envPrefix + "_LOCATIONS"

type awsFlags struct {
	storeFlags `embed:""`
	RoleARN    string `name:"role-arn" placeholder:"ARN" help:"Role to assume for reading the log buckets."`
	ExternalID string `name:"external-id" placeholder:"ID" help:"What the role's trust policy asks for, if it does."`
}

// storeFlags say where S3 is.
type storeFlags struct {
	EndpointURL string `name:"endpoint-url" placeholder:"URL" help:"Where S3 is, if not at AWS."`
	Region      string `name:"region" placeholder:"REGION" help:"The log buckets' Region; S3 is asked for it by default."`
	PathStyle   bool   `name:"path-style" help:"Put the bucket into the path of URLs, not into the host."`
}

// Validate implements kong's validation of flags.
func (f storeFlags) Validate() error {
	if err := (location.Options{EndpointURL: f.EndpointURL}).Validate(); err != nil {
		return fmt.Errorf("--aws.endpoint-url: %w", err)
	}
	return nil
}

// Validate implements kong's validation of flags.
func (f awsFlags) Validate() error {
	if f.ExternalID != "" && f.RoleARN == "" {
		return errors.New("--aws.external-id goes with --aws.role-arn")
	}
	return f.storeFlags.Validate()
}

func (f awsFlags) options() location.Options {
	return location.Options{
		EndpointURL: f.EndpointURL, Region: f.Region, RoleARN: f.RoleARN, ExternalID: f.ExternalID, PathStyle: f.PathStyle,
	}
}

// recordForm is a flag's form of the records of server access logs; the zero value is any.
type recordForm struct{ record.Form }

// UnmarshalText implements encoding.TextUnmarshaler.
func (f *recordForm) UnmarshalText(text []byte) (err error) {
	f.Form, err = record.ParseForm(string(text))
	return err
}

// locations returns what a command is to read: what its arguments name, or else the
// environment, or else the configuration file. There is at least one. form goes for those
// that have none of their own.
func (e *environment) locations(arguments []string, aws awsFlags, form recordForm) ([]location.Location, error) {
	all, err := e.namedLocations(arguments, aws.options(), form)
	if err != nil {
		return nil, usageError{err}
	}
	if len(all) == 0 {
		return nil, usagef(`expected "<location> ...", $%s, or locations in the file of --config.file`, locationsVariable)
	}
	if err := location.CheckOverlap(all); err != nil {
		return nil, usageError{err}
	}
	return all, nil
}

func (e *environment) namedLocations(texts []string, options location.Options, form recordForm) ([]location.Location, error) {
	entries := e.configured.entries
	if variable := os.Getenv(locationsVariable); len(texts) == 0 && variable != "" {
		texts = strings.Split(variable, ",")
	}
	if len(texts) > 0 {
		entries = nil
		for _, text := range texts {
			entries = append(entries, locationEntry{location: text})
		}
	}
	var all []location.Location
	for _, entry := range entries {
		l, err := location.Parse(entry.location, entry.options(options))
		if err != nil {
			return nil, err
		}
		l.Form = cmp.Or(entry.form, form).Form
		all = append(all, l)
	}
	return all, nil
}

// configuredLocations are those of a configuration file.
type configuredLocations struct{ entries []locationEntry }

// locationEntry is one of them. What it leaves out, flags say for all.
type locationEntry struct {
	location  string
	own       location.Options
	pathStyle *bool
	form      recordForm
}

func (e *locationEntry) options(general location.Options) location.Options {
	options := location.Options{
		EndpointURL: cmp.Or(e.own.EndpointURL, general.EndpointURL),
		Region:      cmp.Or(e.own.Region, general.Region),
		RoleARN:     cmp.Or(e.own.RoleARN, general.RoleARN),
		ExternalID:  cmp.Or(e.own.ExternalID, general.ExternalID),
		Store:       e.own.Store,
		PathStyle:   general.PathStyle,
	}
	if e.own.RoleARN != "" {
		options.ExternalID = e.own.ExternalID // the general one is for another role
	}
	if e.pathStyle != nil {
		options.PathStyle = *e.pathStyle
	}
	return options
}

// parseEntries reads the list of locations in a configuration file.
func parseEntries(value any) ([]locationEntry, error) {
	list, ok := value.([]any)
	if !ok {
		return nil, errors.New("locations is no list")
	}
	var entries []locationEntry
	for i, element := range list {
		entry, err := parseEntry(element)
		if err != nil {
			return nil, fmt.Errorf("locations[%d]: %w", i, err)
		}
		entries = append(entries, entry)
	}
	return entries, nil
}

func parseEntry(value any) (locationEntry, error) {
	var entry locationEntry
	texts := map[string]*string{
		"location":     &entry.location,
		"role_arn":     &entry.own.RoleARN,
		"external_id":  &entry.own.ExternalID,
		"region":       &entry.own.Region,
		"endpoint_url": &entry.own.EndpointURL,
		"store":        &entry.own.Store,
	}
	options, ok := value.(map[string]any)
	if !ok {
		options = map[string]any{"location": value}
	}
	for _, name := range slices.Sorted(maps.Keys(options)) {
		text, isText := options[name].(string)
		truth, isTruth := options[name].(bool)
		switch to := texts[name]; {
		case name == "path_style" && isTruth:
			entry.pathStyle = &truth
		case name == "record_format" && isText:
			if err := entry.form.UnmarshalText([]byte(text)); err != nil {
				return entry, fmt.Errorf("record_format: %w", err)
			}
		case to != nil && isText && text != "":
			*to = text
		case to != nil || name == "path_style" || name == "record_format":
			return entry, fmt.Errorf("%s has no value of its kind", name)
		default:
			return entry, fmt.Errorf("%s is no option; options are location, role_arn, external_id, region, endpoint_url, path_style, store and record_format", name)
		}
	}
	if entry.location == "" {
		return entry, errors.New("location is missing")
	}
	return entry, nil
}
