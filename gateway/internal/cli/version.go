package cli

import (
	"context"
	"fmt"
	"runtime"
	"runtime/debug"
	"strings"
)

func (s *shell) version(_ context.Context, args []string) error {
	if _, err := s.flags("version").parse(args, 0, 0); err != nil {
		return err
	}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		info = &debug.BuildInfo{}
	}
	fmt.Fprintln(s.Stdout, describe(info))
	return nil
}

// describe returns one line about the build: version, revision, Go version and platform.
func describe(info *debug.BuildInfo) string {
	version, settings := info.Main.Version, map[string]string{}
	for _, s := range info.Settings {
		settings[s.Key] = s.Value
	}
	if version == "" {
		version = "(devel)"
	}
	facts := []string{"wagate", version}
	if revision := settings["vcs.revision"]; revision != "" {
		const enough = 12
		facts = append(facts, "revision "+revision[:min(enough, len(revision))])
	}
	if settings["vcs.modified"] == "true" {
		facts = append(facts, "modified")
	}
	facts = append(facts, runtime.Version(), runtime.GOOS+"/"+runtime.GOARCH)
	return strings.Join(facts, " ")
}
