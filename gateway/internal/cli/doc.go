// Package cli is the command line: it reads flags, the environment and the
// operator's file, and calls what does the work.
//
// What it decides:
//
//   - Exit codes: 0 done, 1 it went wrong, 2 the command line makes no sense.
//   - Answers go to stdout; problems and logs to stderr.
//   - Serving, checking and the demo are functions in Program, given by main, so
//     that this package knows no wiring and tests need no process.
//   - The operator's commands speak to the admin listener of a running service
//     over HTTP and never to Redis: there is one way to do things, and what they
//     need of the operator's file is the two admin keys only.
//   - Tokens come from the file or the environment, never from a flag: flags are
//     seen by everyone on the machine.
package cli
