// Package proc starts what benchmarks and drills need on free loopback ports, as
// processes that end with them: Redis, the wagate binary, and helpers that are
// the starting program itself in another role (Child). A Group stops all that it
// started, last in first out; the kernel does should the program itself be
// killed.
package proc
