package redisstore

import (
	"strconv"
	"testing"

	"wagate/followup"
)

// TestAliasesForget checks that a forgotten lead is unknown under every name it had until the name
// is learned again. That the record had been told of the name before does not count either.
func TestAliasesForget(t *testing.T) {
	t.Parallel()
	const tenant = "t"
	var a aliases
	found := func(name string, also followup.LeadID) bool {
		_, ok := a.lookup(tenant, []string{name}, also, true, epoch)
		return ok
	}
	lead, other, merged := followup.NewLeadID(), followup.NewLeadID(), followup.NewLeadID()
	a.learn(tenant, []string{"p:1", "u:1"}, merged, lead, true, epoch)
	a.learn(tenant, []string{"p:2"}, "", other, true, epoch)
	if !found("p:1", "") || !found("u:1", merged) || !found("p:2", "") {
		t.Fatal("lookup: got an identity unknown that was just learned")
	}
	a.forget(lead)
	if found("p:1", "") || found("u:1", "") || found("u:1", merged) || !found("p:2", "") {
		t.Error("after forget: got the wrong identities forgotten, want all of the lead's and no others")
	}
	a.learn(tenant, []string{"p:1"}, "", lead, false, epoch)
	if found("p:1", "") {
		t.Error("learned again: got told of before the lead was forgotten, want it unknown whether the record was told")
	}
	a.learn(tenant, []string{"p:1"}, "", lead, true, epoch)
	if !found("p:1", "") || found("u:1", "") || found("p:1", merged) {
		t.Error("told again: got the wrong identities known, want only the one that was learned again")
	}
}

// TestAliasesForgottenIsBounded checks that forgetting ever more leads takes no more memory.
func TestAliasesForgottenIsBounded(t *testing.T) {
	t.Parallel()
	var a aliases
	for n := range maxAliases + 10 {
		a.forget(followup.LeadID(strconv.Itoa(n)))
	}
	if len(a.forgotten) > maxAliases {
		t.Errorf("forgotten leads: got %d, want at most %d", len(a.forgotten), maxAliases)
	}
}
