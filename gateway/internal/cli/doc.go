// Package cli is the command line. It reads flags, the environment and the operator's file, and
// calls the functions that do the work.
//
// Its decisions:
//
//   - Exit codes: 0 for success, 1 for failure, 2 for a wrong command line.
//   - Answers go to stdout; problems and logs go to stderr.
//   - Serving, checking and the demo are functions in Program, which main provides, so this
//     package knows nothing of the wiring and its tests need no process.
//   - The operator's commands speak to the admin listener of a running service over HTTP and
//     never to Redis, so there is only one way to do things. Of the operator's file they need
//     only the two admin keys.
//   - Tokens come from the file or the environment, never from a flag, because everyone on the
//     machine can see flags.
package cli
