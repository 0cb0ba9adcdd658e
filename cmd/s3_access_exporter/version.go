package main

import (
	"fmt"

	"github.com/prometheus/common/version"
)

// versionCmd prints the version.
type versionCmd struct{}

// Run prints version, revision and Go version.
func (versionCmd) Run(env *environment) error {
	_, err := fmt.Fprintln(env.stdout, version.Print(program))
	return err
}
