package main

import (
	"cmp"
	"fmt"

	"github.com/prometheus/common/version"
)

// versionCmd prints the version.
type versionCmd struct{}

// Run prints version, revision and Go version.
func (versionCmd) Run(env *environment) error {
	_, err := fmt.Fprintf(env.stdout, "%s %s, revision %s, %s\n",
		program, cmp.Or(version.Version, "unreleased"), version.GetRevision(), version.GoVersion)
	return err
}
