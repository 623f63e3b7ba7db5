// Package config turns the operator's file and the environment into one checked
// Config. It imports nothing of the project and has no state.
//
// What it decides:
//
//   - Every problem of a file is reported at once, each with its line, the path
//     of the key, what stands there and what is allowed. A file with a problem
//     gives no Config to run on.
//   - Unknown keys and keys given twice are problems: a mistyped key that is
//     silently ignored costs more than a start that is refused.
//   - ${NAME} is replaced by the variable of the environment, after the YAML was
//     parsed: what a variable holds can be no more than one value. A variable
//     that is not set is a problem. $${ writes a literal ${; every other dollar
//     sign stands for itself, so that passwords need no care.
//   - The value of a secret is in no problem and no dump. A value that cannot be
//     read is shown as it stands in the file, ${NAME} and not what it held.
//   - Values are parsed once and kept typed. API keys are kept as digests.
//
// The tree of the parsed YAML is walked by hand (node.go), instead of being
// decoded into structs by tags: a decoder stops at its first unknown key and
// knows no lines afterwards, and both are promised here.
//
// Where to look: config.go has the keys with meaning, default and bounds;
// load.go, redis.go and tenants.go read them, one section each, with the rules
// across keys beside the keys they concern.
package config
