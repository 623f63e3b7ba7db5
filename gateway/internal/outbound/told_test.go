package outbound_test

import (
	"context"
	"testing"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// TestAssistantsAreToldOfParkedReceipts: a receipt that arrives before the provider's answer may
// end a run, or settle a step that was recorded as uncertain meanwhile. Told is then called at
// once, and not for any other receipt.
func TestAssistantsAreToldOfParkedReceipts(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		receipt followup.Receipt
		lost    bool // the step was recorded as uncertain during the call
		told    int
	}{
		"delivered":                 {followup.Receipt{State: providers.StatusDelivered}, false, 0},
		"opted out":                 {followup.Receipt{State: providers.StatusFailed, Kind: providers.OptedOut}, false, 1},
		"delivered, uncertain step": {followup.Receipt{State: providers.StatusDelivered}, true, 1},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(h *harness) {
				told := 0
				h.params.Told = func() { told++ }
				h.build()
				lead := h.wrote(followup.Identity{Phone: phone})
				step := h.claimDueStep(lead)
				_, err := h.store.Message(h.Context(), tenant, "wamid.1", &followup.Parked{Channel: onMeta, At: time.Now(), Receipt: c.receipt})
				h.is(err, followup.ErrNotFound, "receipt parked")
				var attempt followup.AttemptID
				h.meta.hook = func() {
					if !c.lost {
						return
					}
					_, err := h.store.FinishStep(h.Context(), followup.FinishStep{
						Run: step.Run.ID, Token: step.Token, Attempt: attempt, Kind: followup.KindAI,
						Outcome: followup.Uncertain, Reason: followup.Crash, Next: 1, Interval: time.Hour, Now: time.Now(), Real: time.Now(),
					})
					h.must(err, "FinishStep")
				}
				_, err = h.service.Send(h.Context(), onMeta, providers.NewText(providers.Contact{Phone: phone}, "hi"),
					func(ctx context.Context, _ followup.AttemptID) (followup.Verdict, error) {
						if !c.lost { // the assistant's own message, while the step waits
							return h.store.GuardSend(ctx, followup.GuardSend{
								Tenant: tenant, Lead: lead, Channel: onMeta, Assistant: assistant,
								To: providers.Contact{Phone: phone}, FreeForm: true, Now: time.Now(), Real: time.Now(),
							})
						}
						v, err := h.store.GuardStep(ctx, followup.GuardStep{
							Run: step.Run.ID, Token: step.Token, To: providers.Contact{Phone: phone}, FreeForm: true, Now: time.Now(), Real: time.Now(),
							Lease: time.Minute,
						})
						attempt = v.Attempt
						return v, err
					})
				h.must(err, "Send")
				h.is(told, c.told, "calls of Told")
			})
		})
	}
}

// claimDueStep starts a run of the lead, waits until its step is due, and claims the step.
func (h *harness) claimDueStep(lead followup.LeadID) followup.Claimed {
	h.Helper()
	_, _, err := h.store.Start(h.Context(), tenant, lead, followup.Arm{
		Config: "c", Assistant: assistant, Channel: onMeta, Ladder: "l", Interval: time.Minute,
	}, false, time.Now(), time.Now())
	h.must(err, "Start")
	time.Sleep(time.Minute)
	b, err := h.store.Claim(h.Context(), followup.ClaimParams{Now: time.Now(), Real: time.Now(), Limit: 1, Lease: time.Minute})
	h.must(err, "Claim")
	if len(b.Steps) != 1 {
		h.Fatalf("Claim: got %d steps, want 1", len(b.Steps))
	}
	return b.Steps[0]
}
