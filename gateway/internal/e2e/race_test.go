//go:build race

package e2e

// raceDetector reports whether the tests, and so the processes, are built with the race detector.
const raceDetector = true
