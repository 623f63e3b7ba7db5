package cli

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
)

// flagSet is the flags of one command. -h prints what they mean.
type flagSet struct {
	*flag.FlagSet
	shell  *shell
	usage  string
	needed []string // the names of required flags
}

// flags returns an empty flag set for a command. usage is the command with its positional arguments.
func (s *shell) flags(usage string) *flagSet {
	fs := flag.NewFlagSet(usage, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	return &flagSet{FlagSet: fs, shell: s, usage: usage}
}

// parse reads the flags and returns the positional arguments, of which there must be from least to
// most. Flags may stand before, between and behind them.
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
		return nil, fs.wrong("got %s besides the flags", count(n, "argument"))
	}
	return positional, fs.missing()
}

// neededID declares a required flag that takes the ID of what the flag's name says.
func (fs *flagSet) neededID(name string) *string {
	fs.needed = append(fs.needed, name)
	return fs.String(name, "", "the "+name+"'s `ID`")
}

// given returns the values of those flags among names that were given. A flag that is given but
// empty, for instance from an unset variable, is an error: the command would otherwise apply to
// everything where only a part was meant.
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

// missing returns a usage error if a required flag was not given.
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

// wrong returns a usage error that ends with the command's usage.
func (fs *flagSet) wrong(format string, args ...any) error {
	return usageError{fmt.Sprintf(format, args...) + "\nusage: wagate " + fs.usage + " [flags], see -h"}
}

func (fs *flagSet) help() {
	fmt.Fprintf(fs.shell.Stdout, "usage: wagate %s [flags]\n\n", fs.usage)
	fs.SetOutput(fs.shell.Stdout)
	fs.PrintDefaults()
}

// env returns the value of an environment variable, or fallback if it is unset or blank.
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
