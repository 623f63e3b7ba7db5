// Package bench holds what benchmarks are made of: processes that end with the benchmark, sides
// that take turns, and figures with aims.
//
// # Only ratios
//
// The machine is small and shared with others, and client and servers run on the same cores, so
// absolute figures vary by half from one minute to the next. Most figures that are judged are
// therefore ratios. Both sides of a ratio run in one call, in turn, and in reverse order in every
// second round (Rounds). Their medians are compared, and every run is printed.
//
// # Processes
//
// What is measured runs in processes of its own (package proc): Redis as it is configured for
// production, the wagate binary, and helpers that are this program in another role.
package bench
