// Package storetest is what every implementation of followup.Store must pass.
//
// Run is the conformance suite: one subtest per promise of followup/store.go,
// grouped by the invariant it protects (I2 once, I3 window, I5 nothing after a
// reply, …) or by the part of the contract. Model plays random operations on an
// implementation and on the reference (memstore) side by side and compares all
// that can be seen after each.
//
// The tests know the contract only. Every test makes its own tenants, channels
// and leads under random ids, and erases its leads when it ends, so one Redis may
// serve all of them one after the other; claims are store-wide, therefore the
// subtests do not run in parallel and pass over what belongs to other tenants.
// Time is moved in the arguments, never waited for; it begins at the wall clock
// because an implementation may let the server expire what the contract lets it
// forget.
package storetest
