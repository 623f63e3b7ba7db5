// Package e2e tests the program as it is run: it builds the binary, starts one
// or several processes on an operator's file, and holds them against the
// invariants from outside. It has no code of its own.
//
// Real are: the processes (killed with SIGKILL by their own pid), Redis (a real
// redis-server that fsyncs each write, or a three-node Cluster), and HTTP.
// Invented are the providers, the model and the assistants, each with its own
// account of what it was sent; what counts as sent is what stands there, never
// what wagate says.
//
// There is no hook in the program for these tests. A process is killed when
// something outside of it has just happened, and the simulators can hold it
// there: the model has the request and does not answer (a step is claimed, not
// guarded), the provider has the message and does not answer (guarded, result
// unknown), the provider has answered (result known, perhaps not recorded).
//
// Days pass by clock.speed, which scales domain time only. Nothing is
// concluded from having waited: what must happen is waited for, and what must
// not happen is looked for after something that comes later has happened.
package e2e
