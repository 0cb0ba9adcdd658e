package main

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/alecthomas/kong"
)

var (
	unknownFlag = regexp.MustCompile(`^unknown flag --([^\s,]+)`)
	// flagForValue is kong's error for --flag -value.
	flagForValue   = regexp.MustCompile(`^(--\S+): expected .* but got "(-[^"]*)" \(.*\); perhaps try .*$`)
	negativeNumber = regexp.MustCompile(`^-\d+$`)
)

// withHint returns an error of the command line with what to do about it.
func withHint(app *kong.Application, err error) error {
	help := program
	if parse := new(kong.ParseError); errors.As(err, &parse) {
		if command := parse.Context.Command(); command != "" {
			help += " " + withoutArguments(command)
		}
	}
	text := err.Error()
	if found := flagForValue.FindStringSubmatch(text); found != nil {
		flag, value := found[1], found[2]
		text = fmt.Sprintf("%s: %q is taken for a flag; write %s=%s", flag, value, flag, value)
		if negativeNumber.MatchString(value) {
			text = flag + " must not be negative"
		}
	}
	if found := unknownFlag.FindStringSubmatch(text); found != nil {
		if commands := commandsWith(app, found[1]); len(commands) > 0 {
			text = found[0] + ", a flag of " + strings.Join(commands, " and ") // and not what is spelt alike
		}
	}
	return fmt.Errorf("%s (see %s --help)", text, help)
}

// withoutArguments cuts the names of arguments off: report <location>.
func withoutArguments(command string) string {
	before, _, _ := strings.Cut(command, " <")
	return before
}

// commandsWith returns the commands that have a flag.
func commandsWith(app *kong.Application, name string) []string {
	var found []string
	for _, leaf := range app.Leaves(true) {
		if slices.ContainsFunc(leaf.Flags, func(f *kong.Flag) bool { return f.Name == name }) {
			found = append(found, withoutArguments(leaf.Path()))
		}
	}
	return found
}
