// Package storetest holds the tests that every implementation of followup.Store must pass.
//
// Run is the conformance suite: one subtest per promise of followup/store*.go, grouped by the
// invariant that the promise protects (I2 once, I3 window, I5 nothing after a reply, …) or by the
// part of the contract. Backlog tests what the contract says about a bound on what waits for an
// assistant. Model plays random operations on an implementation and on the reference (memstore) side
// by side, and after each operation compares everything that can be seen.
//
// The tests know only the contract. Every test makes its own tenants, channels and leads under
// random ids and erases its leads when it ends, so one Redis may serve all tests one after the other.
// Claims cover the whole store, so subtests do not run in parallel, and they ignore what belongs to
// other tenants. Tests move time in the arguments and never wait for it. Time begins at the wall
// clock, because an implementation may let the server expire what the contract lets it forget.
package storetest
