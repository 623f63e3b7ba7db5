// Package figure holds what benchmarks and drills end with: figures, their aims, and the arithmetic
// behind them.
package figure
