package inbound

import (
	"testing"

	"wagate/scripts/drills/internal/drilltest"
)

// TestDrill is the drill on a small scale: Redis, two wagates and all simulators,
// three kills, the account.
func TestDrill(t *testing.T) {
	ok, err := Run(t.Context(), Params{Wagate: drilltest.Wagate(t), Size: Tiny, Out: t.Output()})
	if err != nil {
		t.Fatal(err)
	}
	if !ok {
		t.Error("the account falls short: see its figures above")
	}
}
