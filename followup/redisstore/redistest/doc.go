// Package redistest starts real Redis servers for tests: single servers, servers with replicas,
// sentinels and whole clusters. It knows nothing of the store.
//
// Every server is a child of the test process and has a temporary directory of its own. It listens
// on a unix socket, or on loopback if other Redis processes must reach it, and is stopped by the
// test's cleanup. The package signals only processes that it started.
//
// If redis-server is not installed, tests are skipped with a message; with CI=true in the
// environment they fail instead.
package redistest
