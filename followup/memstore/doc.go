// Package memstore implements the store contract in memory. It is the model that the Redis
// implementation is compared against, and the fake for all tests that need a store. It keeps nothing
// beyond the process and never serves production.
//
// One mutex guards everything, so every method is atomic by construction. What exists only for the sake
// of Redis is absent: there are no partitions, no generation is counted because whatever it would void
// is voided at once, and everything is durable at once.
//
// Nothing is indexed. A claim looks at every run, and the statistics look at every lead. That is the
// point: an implementation that is obviously right is compared with one that is fast. Times are
// truncated to milliseconds, as Redis keeps them.
package memstore
