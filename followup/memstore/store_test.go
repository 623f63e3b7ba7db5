package memstore_test

import (
	"testing"

	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/followup/storetest"
)

// TestStore runs the conformance suite, each test with a store of its own.
func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) followup.Store { return memstore.New() })
}

// TestStoreShared runs the conformance suite on one store, because tests that share a store, as on
// one Redis, must not disturb each other.
func TestStoreShared(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	storetest.Run(t, func(*testing.T) followup.Store { return s })
}

// TestBacklog runs the conformance suite of the backlog's bound.
func TestBacklog(t *testing.T) {
	t.Parallel()
	storetest.Backlog(t, func(_ *testing.T, bound int) followup.Store {
		s := memstore.New()
		s.MaxBacklog = bound
		return s
	})
}

// TestModel compares the reference with itself. That shows that the model test's walks work, and
// that what they compare does not depend on ids that a store makes up.
func TestModel(t *testing.T) {
	t.Parallel()
	storetest.Model(t, func(*testing.T) followup.Store { return memstore.New() }, nil)
}
