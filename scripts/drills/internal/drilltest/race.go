//go:build race

package drilltest

const raceDetector = true
