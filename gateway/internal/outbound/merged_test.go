package outbound_test

import (
	"testing"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// TestI4AnswerForLeadMergedMeanwhile merges the lead into another during the provider call. What
// the answer says of the lead is then recorded for the remaining lead.
func TestI4AnswerForLeadMergedMeanwhile(t *testing.T) {
	t.Parallel()
	for name, answer := range map[string]error{
		"window closed": &providers.Error{Kind: providers.WindowClosed, Code: 131047, Status: 400},
		"opted out":     &providers.Error{Kind: providers.OptedOut, Code: 131050, Status: 400},
		"sent":          nil,
		"window closed, by a receipt before the answer": nil,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(h *harness) {
				h.wrote(followup.Identity{Phone: phone})
				time.Sleep(time.Second)
				h.wrote(followup.Identity{UserID: "BR.77a"})
				heir := followup.LeadID("")
				h.meta.hook = func() {
					var err error
					heir, err = h.store.Store.Resolve(h.Context(), tenant, followup.Identity{Phone: phone, UserID: "BR.77a"}, true, time.Now())
					h.must(err, "Resolve")
					if name == "window closed, by a receipt before the answer" {
						_, err := h.store.Message(h.Context(), tenant, "wamid.1", &followup.Parked{Channel: onMeta, At: time.Now(), Receipt: followup.Receipt{
							State: providers.StatusFailed, Kind: providers.WindowClosed,
						}})
						h.is(err, followup.ErrNotFound, "receipt parked")
					}
				}
				h.meta.answers(answer)
				h.post(number, `{"messaging_product":"whatsapp","recipient":"BR.77a","text":{"body":"hello"}}`, "")
				l, err := h.store.Lead(h.Context(), tenant, heir)
				h.must(err, "Lead")
				switch name {
				case "opted out":
					h.is(l.OptedOut, true, "opted out")
				case "sent":
					got, err := h.store.History(h.Context(), heir, onMeta, time.Now())
					h.must(err, "History")
					h.is(len(got), 1, "history entries")
				default:
					h.is(l.WindowOpen(onMeta, time.Now()), false, "window open")
				}
			})
		})
	}
}
