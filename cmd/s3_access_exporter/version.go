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
	_, err := fmt.Fprintln(env.stdout, program, versionText())
	return err
}

// versionText returns version, revision and Go version.
func versionText() string {
	return fmt.Sprintf("%s, revision %s, %s", cmp.Or(version.Version, "unreleased"), version.GetRevision(), version.GoVersion)
}
