// Package figure is what benchmarks and drills end with: figures with their
// aims, and the arithmetic behind them.
package figure
