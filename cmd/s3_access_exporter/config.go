package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
	"go.yaml.in/yaml/v3"
)

// yamlFile resolves flags from a YAML file, whose keys are the flags' names,
// whole or nested at the dots.
type yamlFile map[string]string

// loadYAML implements kong.ConfigurationLoader.
func loadYAML(r io.Reader) (kong.Resolver, error) {
	var tree map[string]any
	if err := yaml.NewDecoder(r).Decode(&tree); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("--config.file: %s", strings.ReplaceAll(err.Error(), "\n", " "))
	}
	file := make(yamlFile)
	return file, file.add("", tree)
}

func (f yamlFile) add(name string, value any) error {
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
		f[name] = strings.Join(texts, ",")
	case nil:
		return fmt.Errorf("--config.file: %s has no value", name)
	default:
		f[name] = fmt.Sprint(value)
	}
	return nil
}

// Validate implements kong.Resolver: a key that is no flag is an error.
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
	for name := range f {
		if !known[name] {
			return fmt.Errorf("--config.file: %s is no flag", name)
		}
	}
	return nil
}

// Resolve implements kong.Resolver. The environment goes before the file.
func (f yamlFile) Resolve(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
	text, ok := f[flag.Name]
	if !ok || slices.ContainsFunc(flag.Envs, isSet) {
		return nil, nil //nolint:nilnil // kong's way to say that there is no value
	}
	return text, nil
}

func isSet(env string) bool {
	_, ok := os.LookupEnv(env)
	return ok
}
