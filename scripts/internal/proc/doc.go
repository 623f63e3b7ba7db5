// Package proc starts the processes that benchmarks and drills need, on free loopback ports: Redis,
// the wagate binary, and helpers that are the starting program itself in another role (Child). A
// Group stops all that it started, last in first out. If the program itself is killed, the kernel
// kills them.
package proc
