// Package load posts prepared requests to a server and measures the answers.
//
// It costs as little as it can, because it runs on the cores of what it
// measures: requests are bytes that were made before the clock starts, a
// connection is written and read without an HTTP library, and nothing is
// allocated on the way.
//
// A closed loop has each connection wait for its answer before the next request:
// it finds out how much a server can do. An open loop keeps to a timetable,
// whatever the server does: latency counts from the instant a request was due,
// so that those which had to wait behind a slow one are not left out.
package load
