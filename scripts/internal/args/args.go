// Package args reads the arguments of the programs behind scripts/bench and
// scripts/drill.
package args

import (
	"flag"
	"fmt"
	"io"
)

// Parse takes flags before and after the one name among the arguments; "" if
// there is none. It writes nothing.
func Parse(fs *flag.FlagSet, args []string) (name string, err error) {
	fs.SetOutput(io.Discard)
	if err := fs.Parse(args); err != nil {
		return "", err
	}
	name = fs.Arg(0)
	if fs.NArg() > 0 {
		if err := fs.Parse(fs.Args()[1:]); err != nil {
			return "", err
		}
	}
	if fs.NArg() > 0 {
		return "", fmt.Errorf("unexpected %q", fs.Args())
	}
	return name, nil
}
