// Package config turns the operator's file and the environment into one validated Config. It
// imports nothing else of the project and has no state.
//
// Decisions:
//
//   - All problems of a file are reported at once, each with its line, the path of the key, what
//     the file has and what is allowed. A file with a problem gives no Config to run on.
//   - Unknown keys and keys given twice are problems. Ignoring a mistyped key silently costs more
//     than refusing to start.
//   - ${NAME} is replaced by the environment variable after the YAML is parsed, so the content of a
//     variable can never be more than one value. A variable that is not set is a problem. $${
//     writes a literal ${. Any other dollar sign stands for itself, so that passwords need no
//     escaping.
//   - No problem and no dump contains the value of a secret. A value that cannot be read is shown
//     as the file has it, with ${NAME} rather than the variable's content.
//   - Values are parsed once and kept typed. API keys are kept as digests.
//
// The parsed YAML tree is walked by hand (node.go) rather than decoded into structs by tags. A
// decoder stops at its first unknown key and no longer knows line numbers; this package promises
// all problems with their lines.
//
// Where to look: config.go has the keys with meaning, default and bounds. load.go, redis.go and
// tenants.go read them section by section, each rule across keys next to the keys it concerns.
package config
