// Package memstore is the store contract in memory: the model that the Redis
// implementation is compared against, and the fake for the tests of everything
// that needs a store. It keeps nothing beyond the process and never serves.
//
// One mutex guards everything, so every method is atomic by construction. Where
// the contract speaks of something that exists for Redis' sake it is simply
// absent here: there are no partitions, a generation is not counted because
// what it would void is voided at once, and everything is durable at once.
//
// Nothing is indexed. A claim looks at every live run, the statistics look at
// every lead. That is the point: what is obviously right is compared with what
// is fast. Times are cut to milliseconds, as Redis keeps them.
package memstore
