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
	var tree map[string]yaml.Node
	if err := documents.Decode(&tree); err != nil && !errors.Is(err, io.EOF) {
		return nil, nil, fmt.Errorf("%s: %w", path, err)
	}
	if err := documents.Decode(new(yaml.Node)); !errors.Is(err, io.EOF) {
		return nil, nil, fmt.Errorf("%s: more than one YAML document", path)
	}
	var entries []locationEntry
	if locations, ok := tree[locationsKey]; ok {
		if entries, err = parseEntries(&locations); err != nil {
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

// add takes what stands in a map below a name, which is empty at the top.
func (f yamlFile) add(name string, below map[string]yaml.Node) error {
	for _, key := range slices.Sorted(maps.Keys(below)) {
		value := below[key]
		if name != "" {
			key = name + "." + key
		}
		if err := f.addValue(key, &value); err != nil {
			return err
		}
	}
	return nil
}

func (f yamlFile) addValue(name string, n *yaml.Node) error {
	value, err := valueOf(name, n)
	if err != nil {
		return err
	}
	if _, twice := f[name]; twice {
		return fmt.Errorf("line %d: %s is there twice", n.Line, name)
	}
	var texts []string
	switch value.Kind {
	case yaml.MappingNode:
		var below map[string]yaml.Node
		if err := value.Decode(&below); err != nil {
			return err
		}
		return f.add(name, below)
	case yaml.SequenceNode:
		for i, element := range value.Content {
			text, err := textOf(fmt.Sprintf("%s[%d]", name, i), element)
			if err != nil {
				return err
			}
			texts = append(texts, text)
		}
	default:
		text, err := textOf(name, n)
		if err != nil {
			return err
		}
		texts = []string{text}
	}
	f[name] = texts
	return nil
}

// plainTags are those of values that a file may have: YAML's own.
var plainTags = []string{"!!str", "!!int", "!!float", "!!bool", "!!timestamp", "!!null", "!!seq", "!!map"}

// valueOf returns the value that a node stands for, which may be an alias. name is for errors.
func valueOf(name string, n *yaml.Node) (*yaml.Node, error) {
	value := n
	if n.Kind == yaml.AliasNode {
		value = n.Alias
	}
	switch {
	case value != n && value.Kind == yaml.MappingNode: // and may hold itself
		return nil, fmt.Errorf("line %d: %s is an alias of a map; write the map", n.Line, name)
	case value.Style&yaml.TaggedStyle != 0 && !slices.Contains(plainTags, value.ShortTag()):
		return nil, fmt.Errorf("line %d: %s has the tag %s; write it as text", n.Line, name, value.Tag)
	}
	return value, nil
}

// textOf returns the text of a value as it is written, whatever YAML makes of it: account
// IDs begin with 0, and dates are no points in time yet. name is for errors.
func textOf(name string, n *yaml.Node) (string, error) {
	value, err := valueOf(name, n)
	switch {
	case err != nil:
		return "", err
	case value.Kind != yaml.ScalarNode:
		return "", fmt.Errorf("line %d: %s is no text", n.Line, name)
	case value.ShortTag() == "!!null":
		return "", fmt.Errorf("line %d: %s has no value", n.Line, name)
	}
	return value.Value, nil
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
