//go:build !race

package e2e

// raceDetector says whether the tests, and so the processes, run with it.
const raceDetector = false
