package main

import (
	"cmp"
	"fmt"
	"runtime/debug"

	"github.com/prometheus/common/version"
)

// versionCmd prints the version.
type versionCmd struct{}

// Run prints version, revision and Go version.
func (versionCmd) Run(env *environment) error {
	_, err := fmt.Fprintln(env.stdout, program, versionText())
	return err
}

// moduleVersion returns the version of the module from which go install has built the
// program, empty if it was built otherwise.
func moduleVersion() string {
	const development = "(devel)"
	info, ok := debug.ReadBuildInfo()
	if !ok || info.Main.Version == development {
		return ""
	}
	return info.Main.Version
}

// unreleased stands for the version of a build that has none.
const unreleased = "unreleased"

// versionText returns version, revision and Go version.
func versionText() string {
	return fmt.Sprintf("%s, revision %s, %s", cmp.Or(version.Version, unreleased), version.GetRevision(), version.GoVersion)
}
