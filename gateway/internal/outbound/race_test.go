//go:build race

package outbound_test

// raceDetector says whether the tests run with the race detector.
const raceDetector = true
