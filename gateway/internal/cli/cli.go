package cli

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"wagate/config"
)

// Program has the functions behind the commands that run something.
type Program struct {
	// Serve runs the service until ctx ends, then stops it gracefully.
	Serve func(ctx context.Context, c config.Config, log *slog.Logger) error
	// Check connects to what the configuration names, above all Redis. Its error holds every
	// problem, one per line.
	Check func(ctx context.Context, c config.Config) error
	// Demo plays the demo's story and prints it to out: until it is complete if once is set,
	// otherwise until ctx ends. Its error says how the story differed from what it should be.
	Demo func(ctx context.Context, once bool, out io.Writer, log *slog.Logger) error
}

// World is the environment of a process and its output streams.
type World struct {
	Lookup config.Lookup // looks up environment variables
	Stdout io.Writer
	Stderr io.Writer
}

// System returns the World of this process.
func System() World {
	return World{Lookup: os.LookupEnv, Stdout: os.Stdout, Stderr: os.Stderr}
}

// The exit codes.
const (
	exitOK     = 0
	exitFailed = 1
	exitUsage  = 2
)

// shell runs one command line.
type shell struct {
	Program
	World
}

// command is a command of the program: the first word after the program's name.
type command struct {
	name, args, summary string
	run                 func(*shell, context.Context, []string) error
}

func commands() []command {
	return []command{
		{"serve", "-config FILE", "run the gateway", (*shell).serve},
		{"check", "-config FILE", "validate the file, reach Redis, list every problem", (*shell).check},
		{"demo", "[-once]", "play a whole story on this machine, with simulated providers", (*shell).demo},
		{"health", "[-config FILE | -url URL]", "ask a running gateway whether it is ready", (*shell).health},
		{"runs", "list|show", "show the follow-up runs of a lead", (*shell).runs},
		{"dead", "list|show|replay|drop", "show, replay or drop dead letters: events that no assistant took", (*shell).dead},
		{"pause", "-tenant ID [-channel ID]", "stop sending for a tenant or one of its channels", (*shell).pause},
		{"resume", "-tenant ID [-channel ID]", "start sending again", (*shell).resume},
		{"pauses", "-tenant ID", "list a tenant's pauses", (*shell).pauses},
		{"version", "", "print the version and build", (*shell).version},
	}
}

// usageError reports a wrong command line.
type usageError struct{ text string }

func (e usageError) Error() string { return e.text }

// Run runs the command line args, which does not contain the program's name, and returns the exit
// code.
func Run(ctx context.Context, p Program, w World, args []string) int {
	s := &shell{Program: p, World: w}
	if len(args) == 0 {
		s.usage(w.Stderr)
		return exitUsage
	}
	if asksForHelp(args[0]) {
		s.usage(w.Stdout)
		return exitOK
	}
	for _, c := range commands() {
		if c.name == args[0] {
			return s.exit(c.run(s, ctx, args[1:]))
		}
	}
	fmt.Fprintf(w.Stderr, "wagate: unknown command %q\n\n", args[0])
	s.usage(w.Stderr)
	return exitUsage
}

func asksForHelp(arg string) bool {
	return slices.Contains([]string{"help", "-h", "-help", "--help"}, arg)
}

// sub runs a command that has subcommands.
func (s *shell) sub(ctx context.Context, name string, args []string, subs map[string]func(context.Context, []string) error) error {
	words := strings.Join(slices.Sorted(maps.Keys(subs)), "|")
	if len(args) == 0 {
		return usageError{"usage: wagate " + name + " " + words}
	}
	if asksForHelp(args[0]) {
		fmt.Fprintf(s.Stdout, "usage: wagate %s %s\n\nwagate %s COMMAND -h shows the flags of each.\n", name, words, name)
		return nil
	}
	run, ok := subs[args[0]]
	if !ok {
		return usageError{fmt.Sprintf("unknown command %q\nusage: wagate %s %s", args[0], name, words)}
	}
	return run(ctx, args[1:])
}

// exit prints the error, if there is one, and returns the exit code.
func (s *shell) exit(err error) int {
	if err == nil || errors.Is(err, flag.ErrHelp) {
		return exitOK
	}
	fmt.Fprintf(s.Stderr, "wagate: %v\n", err)
	if _, ok := errors.AsType[usageError](err); ok {
		return exitUsage
	}
	return exitFailed
}

func (s *shell) usage(w io.Writer) {
	fmt.Fprint(w, "wagate is a WhatsApp channel gateway with a follow-up engine.\n\nusage: wagate COMMAND [flags]\n\n")
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, c := range commands() {
		fmt.Fprintf(t, "  %s %s\t%s\n", c.name, c.args, c.summary)
	}
	_ = t.Flush() // a closed terminal is no reason to fail
	fmt.Fprint(w, "\nwagate COMMAND -h shows the flags of a command.\n")
}
