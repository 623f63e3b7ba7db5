//go:build !race

package outbound_test

// raceDetector says whether the tests run with it.
const raceDetector = false
