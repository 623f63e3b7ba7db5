// Package e2e tests the program as operators run it. It builds the binary, starts one or several
// processes with an operator's file, and checks the invariants from outside. It has no code of its
// own.
//
// The processes are real (and are killed with SIGKILL by their own pid), and so are Redis (a
// redis-server that fsyncs each write, or a Cluster of three nodes) and HTTP. The providers, the
// model and the assistants are simulated. Each of them keeps its own record of what it was sent.
// What counts as sent is what these records say, never what wagate says.
//
// The program has no hook for these tests. A process is killed when something outside it has just
// happened, and the simulators can hold it there: the model has the request and does not answer (a
// step is claimed, not guarded), the provider has the message and does not answer (guarded, result
// unknown), or the provider has answered (result known, perhaps not recorded).
//
// Days pass by clock.speed, which scales domain time only. No test concludes anything from having
// waited: a test waits for what must happen, and looks for what must not happen after something
// that comes later has happened.
package e2e
