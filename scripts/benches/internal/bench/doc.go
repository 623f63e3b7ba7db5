// Package bench is what benchmarks are made of: processes that end with the
// benchmark, sides that take turns, and figures with aims.
//
// # Only ratios
//
// The machine is small, shared with others, and client and servers are on the
// same cores: absolute figures swing by half from one minute to the next. So
// what is judged are mostly ratios. Both sides of a ratio run in one call, in
// turn, and the other way round in every second round (Rounds); their medians
// are compared, and every run is printed.
//
// # Processes
//
// What is measured runs in processes of its own (package proc): Redis as it is
// configured for production, the wagate binary, and helpers that are this
// program in another role.
package bench
