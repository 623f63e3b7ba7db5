// Package redistest starts real Redis servers for tests: single ones, with
// replicas, and whole clusters. It knows nothing of the store.
//
// Every server is a child of the test process with its own temporary
// directory, listens on a unix socket (or on loopback, where Redis itself must
// reach it) and is stopped by the test's cleanup. Only processes started here
// are ever signalled.
//
// Where redis-server is not installed, tests are skipped and say so; with
// CI=true in the environment they fail instead.
package redistest
