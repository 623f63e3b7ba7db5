package memstore_test

import (
	"testing"

	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/followup/storetest"
)

func TestStore(t *testing.T) {
	t.Parallel()
	storetest.Run(t, func(*testing.T) followup.Store { return memstore.New() })
}

// Tests that share one store must not disturb each other, as on one Redis.
func TestStoreShared(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	storetest.Run(t, func(*testing.T) followup.Store { return s })
}

func TestBacklog(t *testing.T) {
	t.Parallel()
	storetest.Backlog(t, func(_ *testing.T, bound int) followup.Store {
		s := memstore.New()
		s.MaxBacklog = bound
		return s
	})
}

// The reference against itself shows that the model test's walks work, and that
// what they compare does not depend on ids that a store makes up.
func TestModel(t *testing.T) {
	t.Parallel()
	storetest.Model(t, func(*testing.T) followup.Store { return memstore.New() }, nil)
}
