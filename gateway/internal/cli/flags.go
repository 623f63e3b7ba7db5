package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// flagSet is the flags of one command, with what they mean shown on -h.
type flagSet struct {
	*flag.FlagSet
	shell  *shell
	usage  string
	needed []string // names of flags
}

// flags returns an empty set for a command. usage is the command with its
// positional arguments.
func (s *shell) flags(usage string) *flagSet {
	fs := flag.NewFlagSet(usage, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	return &flagSet{FlagSet: fs, shell: s, usage: usage}
}

// parse reads the flags, wherever they stand, and returns the positional
// arguments, of which there may be from least to most.
func (fs *flagSet) parse(args []string, least, most int) ([]string, error) {
	var positional []string
	for {
		err := fs.Parse(args)
		if errors.Is(err, flag.ErrHelp) {
			fs.help()
			return nil, err
		}
		if err != nil {
			return nil, fs.wrong("%v", err)
		}
		if fs.NArg() == 0 {
			break
		}
		positional, args = append(positional, fs.Arg(0)), fs.Args()[1:]
	}
	if n := len(positional); n < least || n > most {
		return nil, fs.wrong("got %s beside the flags", count(n, "argument"))
	}
	return positional, fs.missing()
}

// neededID declares a flag without which the command makes no sense: whose ID it
// takes is its name.
func (fs *flagSet) neededID(name string) *string {
	fs.needed = append(fs.needed, name)
	return fs.String(name, "", "the "+name+"'s `ID`")
}

// given returns those of the flags of these names that were given.
//
// One that is given and empty, as of a variable that is not set, is refused: all
// would be taken where few were meant.
func (fs *flagSet) given(names ...string) (map[string]string, error) {
	given := map[string]string{}
	var err error
	fs.Visit(func(f *flag.Flag) {
		if !slices.Contains(names, f.Name) {
			return
		}
		if f.Value.String() == "" {
			err = fs.wrong("-%s is empty", f.Name)
		}
		given[f.Name] = f.Value.String()
	})
	return given, err
}

// missing returns a usage error if a flag that is needed was not given.
func (fs *flagSet) missing() error {
	var missing []string
	for _, name := range fs.needed {
		if fs.Lookup(name).Value.String() == "" {
			missing = append(missing, "-"+name)
		}
	}
	switch len(missing) {
	case 0:
		return nil
	case 1:
		return fs.wrong("%s is needed", missing[0])
	}
	return fs.wrong("%s are needed", strings.Join(missing, " and "))
}

// wrong returns a usage error with the command's usage.
func (fs *flagSet) wrong(format string, args ...any) error {
	return usageError{fmt.Sprintf(format, args...) + "\nusage: wagate " + fs.usage + " [flags], see -h"}
}

func (fs *flagSet) help() {
	fmt.Fprintf(fs.shell.Stdout, "usage: wagate %s [flags]\n\n", fs.usage)
	fs.SetOutput(fs.shell.Stdout)
	fs.PrintDefaults()
}

// env returns a variable of the environment, or the fallback if it is not set.
func (s *shell) env(name, fallback string) string {
	if value, ok := s.Lookup(name); ok && strings.TrimSpace(value) != "" {
		return value
	}
	return fallback
}

// configFlag declares -config.
func (fs *flagSet) configFlag() *string {
	return fs.String("config", fs.shell.env("WAGATE_CONFIG", ""), "the operator's `FILE` (WAGATE_CONFIG)")
}
