// Package load posts prepared requests to a server and measures the answers.
//
// It costs as little as it can, because it runs on the cores of what it measures. Requests are
// bytes that were made before the clock starts, connections are read and written without an HTTP
// library, and nothing is allocated on the way.
//
// In a closed loop each connection waits for its answer before the next request: this finds out how
// much a server can do. An open loop keeps to a timetable, whatever the server does. Its latency
// counts from the instant when a request was due, so that requests that had to wait behind a slow
// one are counted too.
package load
