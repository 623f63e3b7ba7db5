//go:build !race

package drilltest

const raceDetector = false
