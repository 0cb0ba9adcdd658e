package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// configFile is the path of a YAML file with flags.
type configFile string

// BeforeResolve is called by kong for a flag that is set, and adds what is in
// the file: flags, and locations.
func (configFile) BeforeResolve(ctx *kong.Context, trace *kong.Path, locations *configuredLocations) error {
	path := ctx.FlagValue(trace.Flag).(configFile) //nolint:errcheck // it is this flag's value
	file, entries, err := loadYAML(kong.ExpandPath(string(path)))
	if err != nil {
		return fmt.Errorf("--config.file: %w", err)
	}
	locations.entries = entries
	ctx.AddResolver(file)
	return nil
}

// yamlFile resolves flags from a YAML file, whose keys are the flags' names,
// whole or nested at the dots. Of a list it holds the texts of its elements.
type yamlFile map[string][]string

// locationsKey is the one key of the file that is no flag.
const locationsKey = "locations"

func loadYAML(path string) (yamlFile, []locationEntry, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, nil, err
	}
	documents := yaml.NewDecoder(bytes.NewReader(text))
	var tree map[string]any
	if err := documents.Decode(&tree); err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := documents.Decode(new(any)); !errors.Is(err, io.EOF) {
		return nil, nil, fmt.Errorf("%s: more than one YAML document", path)
	}
	var entries []locationEntry
	if locations, ok := tree[locationsKey]; ok {
		if entries, err = parseEntries(locations); err != nil {
			return nil, nil, fmt.Errorf("%s: %w", path, err)
		}
		delete(tree, locationsKey)
	}
	file := make(yamlFile)
	if err := file.add("", tree); err != nil {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	return file, entries, nil
}

func (f yamlFile) add(name string, value any) error {
	if _, twice := f[name]; twice {
		return fmt.Errorf("%s is there twice", name)
	}
	switch value := value.(type) {
	case map[string]any:
		for key, below := range value {
			if name != "" {
				key = name + "." + key
			}
			if err := f.add(key, below); err != nil {
				return err
			}
		}
	case []any:
		texts := make([]string, len(value))
		for i, v := range value {
			texts[i] = fmt.Sprint(v)
		}
		f[name] = texts
	case nil:
		return fmt.Errorf("%s has no value", name)
	default:
		f[name] = []string{fmt.Sprint(value)}
	}
	return nil
}

// Validate implements kong.Resolver: a key that is no flag, or one that no file
// can hold, is an error.
func (f yamlFile) Validate(app *kong.Application) error {
	known := make(map[string]bool)
	collect := func(node kong.Visitable, next kong.Next) error {
		if flag, ok := node.(*kong.Flag); ok {
			known[flag.Name] = true
		}
		return next(nil)
	}
	if err := kong.Visit(app, collect); err != nil {
		return err
	}
	for _, onlyByHand := range []string{"help", "version", "config.file", "check"} {
		delete(known, onlyByHand)
	}
	for _, name := range slices.Sorted(maps.Keys(f)) {
		if !known[name] {
			return fmt.Errorf("--config.file: %s is no flag", name)
		}
	}
	return nil
}

// noSeparator is kong's mark of a repeatable flag of whose values none is a list.
const noSeparator = -1

// Resolve implements kong.Resolver. The environment goes before the file.
func (f yamlFile) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	texts, ok := f[flag.Name]
	if !ok || slices.ContainsFunc(flag.Envs, isSet) {
		return nil, nil //nolint:nilnil // kong's sign of no value
	}
	if flag.Tag.Sep != noSeparator {
		return strings.Join(texts, ","), nil
	}
	list := make([]any, len(texts))
	for i, text := range texts {
		list[i] = text
	}
	return list, nil
}

func isSet(env string) bool {
	_, ok := os.LookupEnv(env)
	return ok
}
