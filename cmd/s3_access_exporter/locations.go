package main

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

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
	location.TellApart(all)
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
func parseEntries(n *yaml.Node) ([]locationEntry, error) {
	list, err := valueOf(locationsKey, n)
	if err != nil {
		return nil, err
	}
	if list.Kind != yaml.SequenceNode {
		return nil, fmt.Errorf("line %d: locations is no list", n.Line)
	}
	var entries []locationEntry
	for i, element := range list.Content {
		entry, err := parseEntry(fmt.Sprintf("%s[%d]", locationsKey, i), element)
		if err != nil {
			return nil, err
		}
		entries = append(entries, entry)
	}
	return entries, nil
}

// parseEntry reads one of them. name is for errors.
func parseEntry(name string, n *yaml.Node) (locationEntry, error) {
	var entry locationEntry
	value, err := valueOf(name, n)
	if err != nil {
		return entry, err
	}
	options := map[string]yaml.Node{"location": *n}
	if value.Kind == yaml.MappingNode {
		options = nil
		if err := value.Decode(&options); err != nil {
			return entry, err
		}
	}
	for _, option := range slices.Sorted(maps.Keys(options)) {
		value := options[option]
		text, err := textOf(name+": "+option, &value)
		if err != nil {
			return entry, err
		}
		if err := entry.set(option, text); err != nil {
			return entry, fmt.Errorf("line %d: %s: %w", value.Line, name, err)
		}
	}
	if entry.location == "" {
		return entry, fmt.Errorf("line %d: %s: location is missing", n.Line, name)
	}
	return entry, nil
}

// set sets an option.
func (e *locationEntry) set(option, text string) error {
	texts := map[string]*string{
		"location":     &e.location,
		"role_arn":     &e.own.RoleARN,
		"external_id":  &e.own.ExternalID,
		"region":       &e.own.Region,
		"endpoint_url": &e.own.EndpointURL,
		"store":        &e.own.Store,
	}
	truth := map[string]bool{"true": true, "false": false}
	switch to := texts[option]; {
	case to != nil && text != "":
		*to = text
	case option == "record_format":
		if err := e.form.UnmarshalText([]byte(text)); err != nil {
			return fmt.Errorf("record_format: %w", err)
		}
	case option == "path_style":
		is, ok := truth[strings.ToLower(text)]
		if !ok {
			return errors.New("path_style has no value of its kind")
		}
		e.pathStyle = &is
	case to != nil:
		return fmt.Errorf("%s has no value of its kind", option)
	default:
		return fmt.Errorf("%s is no option; options are location, role_arn, external_id, region, endpoint_url, path_style, store and record_format", option)
	}
	return nil
}
