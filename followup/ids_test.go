package followup

import "testing"

// TestStandIns checks that each conversation without a lead has an id of its own, which is always
// the same and is never a lead's.
func TestStandIns(t *testing.T) {
	t.Parallel()
	const tenant, other = TenantID("aaaaaaaa-0000-4000-8000-000000000001"), TenantID("aaaaaaaa-0000-4000-8000-000000000002")
	const channel, second = ChannelID("aaaaaaaa-0000-4000-8000-00000000c001"), ChannelID("aaaaaaaa-0000-4000-8000-00000000c002")
	seen := map[LeadID]string{}
	for name, ids := range map[string][]LeadID{
		"account":                {AccountLead(channel), AccountLead(channel)},
		"second account":         {AccountLead(second)},
		"group":                  {GroupLead(channel, "g1"), GroupLead(channel, "g1")},
		"other group":            {GroupLead(channel, "g2")},
		"group elsewhere":        {GroupLead(second, "g1")},
		"phone":                  {ContactLead(tenant, Identity{Phone: "5511912345678"}), ContactLead(tenant, Identity{OldPhone: "551112345678"})},
		"other phone":            {ContactLead(tenant, Identity{Phone: "15550100001"})},
		"phone, other tenant":    {ContactLead(other, Identity{Phone: "15550100001"})},
		"user id":                {ContactLead(tenant, Identity{UserID: "US.1"}), ContactLead(tenant, Identity{OldUserID: "US.1"})},
		"user id like the phone": {ContactLead(tenant, Identity{UserID: "15550100001"})},
	} {
		for _, id := range ids {
			if was, ok := seen[id]; ok && was != name {
				t.Errorf("%s: got the id of %s", name, was)
			}
			if id != ids[0] {
				t.Errorf("%s: got %s and %s, want one id", name, ids[0], id)
			}
			seen[id] = name
			if _, err := ParseLeadID(string(id)); err != nil || !id.StandIn() {
				t.Errorf("%s: got %s, %v, stand-in %v, want the id of a stand-in", name, id, err, id.StandIn())
			}
		}
	}
	for _, id := range []LeadID{NewLeadID(), "", "x"} {
		if id.StandIn() {
			t.Errorf("%q: got a stand-in, want none", id)
		}
	}
}

// CanonicalID lower-cases a UUID in its usual form and returns anything else unchanged.
func TestCanonicalID(t *testing.T) {
	t.Parallel()
	for s, want := range map[string]string{
		"AAAAAAAA-0000-4000-8000-00000000000F":          "aaaaaaaa-0000-4000-8000-00000000000f",
		"aaaaaaaa-0000-4000-8000-00000000000f":          "aaaaaaaa-0000-4000-8000-00000000000f",
		"{AAAAAAAA-0000-4000-8000-00000000000F}":        "{AAAAAAAA-0000-4000-8000-00000000000F}",
		"urn:uuid:AAAAAAAA-0000-4000-8000-00000000000F": "urn:uuid:AAAAAAAA-0000-4000-8000-00000000000F",
		"AAAAAAAA00004000800000000000000F":              "AAAAAAAA00004000800000000000000F",
		"PN-410":                                        "PN-410",
		"":                                              "",
	} {
		if got := CanonicalID(s); got != want {
			t.Errorf("%q: got %q, want %q", s, got, want)
		}
	}
}
