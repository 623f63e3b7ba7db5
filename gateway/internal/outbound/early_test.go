package outbound_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"wagate/followup"
	"wagate/providers"
)

// settlements notes what is settled.
type settlements struct {
	*store

	list []followup.Settlement
}

func (s *settlements) Settle(ctx context.Context, st followup.Settlement) (followup.Settled, error) {
	s.list = append(s.list, st)
	return s.store.Settle(ctx, st)
}

// A receipt that came before the provider's answer is settled now, as of when it came. Nobody need
// be told.
func TestEarlyReceiptIsSettledAsOfItsTime(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		s := &settlements{store: h.store}
		h.params.Store, h.params.Told = s, nil
		h.build()
		h.claimDueStep(h.wrote(followup.Identity{Phone: phone})) // a run that the receipt ends
		came := time.Now()
		_, err := h.store.Message(h.Context(), tenant, "wamid.1", &followup.Parked{
			Channel: onMeta, At: came, Receipt: followup.Receipt{State: providers.StatusFailed, Kind: providers.OptedOut},
		})
		h.is(errors.Is(err, followup.ErrNotFound), true, "receipt parked")
		time.Sleep(time.Minute)
		h.is(h.post(number, text(phone), "").Status, 200, "status")
		if len(s.list) != 1 || len(s.list[0].Items) != 1 {
			t.Fatalf("got settlements %+v, want one of one item", s.list)
		}
		st := s.list[0]
		h.is(st.Now.Equal(time.Now()) && st.Real.Equal(time.Now()), true, "settled now")
		h.is(st.Items[0].At.Equal(came), true, "as of when it came")
	})
}

// Failures whose status says that the server is at fault open the breaker, whatever their kind.
func TestServerErrorsOpenTheBreaker(t *testing.T) {
	t.Parallel()
	for status, open := range map[int]bool{499: false, 500: true} {
		bubble(t, func(h *harness) {
			var script []error
			for range 10 {
				script = append(script, &providers.Error{Kind: providers.Unknown, Status: status})
			}
			h.meta.answers(script...)
			lead := followup.NewLeadID()
			for range 11 {
				_, err := h.service.Send(h.Context(), onMeta, hello, h.allowAll(lead))
				h.must(err, "Send")
			}
			h.is(len(h.meta.calls()) == 10, open, "breaker open")
		})
	}
}

// A provider's error without a code of Meta's is worded with the code of its kind.
func TestCodeOfEachKind(t *testing.T) {
	t.Parallel()
	for kind, want := range map[providers.ErrorKind]string{
		providers.Throttled: "400 130429 no", providers.Transient: "503 131016 no", providers.WindowClosed: "400 131047 no",
		providers.TemplateError: "404 132001 no", providers.Undeliverable: "400 131026 no", providers.OptedOut: "400 131050 no",
		providers.Capped: "400 131049 no", providers.Operator: "403 131031 no", providers.Invalid: "400 100 no",
		providers.Unknown: "500 131000 no", "of tomorrow": "500 131000 no",
	} {
		bubble(t, func(h *harness) {
			h.wrote(followup.Identity{Phone: phone})
			h.gupshup.answers(&providers.Error{Kind: kind, Code: 1500, Detail: "no"})
			h.is(graphError(h.post(string(onGupshup), text(phone), "")), want, string(kind))
		})
	}
}

// movingStore refuses every send because the lead has moved.
type movingStore struct{ *store }

func (movingStore) GuardSend(context.Context, followup.GuardSend) (followup.Verdict, error) {
	return followup.Verdict{Refusal: followup.RefusedLeadMoved}, nil
}

// A contact that keeps being changed is answered with a wait of a second.
func TestRefusedLeadMovedMayTryAgain(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.wrote(followup.Identity{Phone: phone})
		h.api = h.apiOn(movingStore{h.store})
		a := h.post(number, text(phone), "")
		h.is(a.Status, 503, "status")
		h.is(a.RetryAfter, time.Second, "Retry-After")
		h.is(len(h.meta.calls()), 0, "provider calls")
	})
}

// awayStore cannot look up messages.
type awayStore struct{ *store }

func (awayStore) Message(context.Context, followup.TenantID, string, *followup.Parked) (followup.MessageRef, error) {
	return followup.MessageRef{}, errAway
}

// A message that quotes another is not sent with an untranslated id because that cannot be looked up.
func TestQuoteCannotBeLookedUp(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.wrote(followup.Identity{Phone: phone})
		h.api = h.apiOn(awayStore{h.store})
		body := `{"messaging_product":"whatsapp","to":"` + phone + `","text":{"body":"x"},"context":{"message_id":"wamid.q"}}`
		a := h.post(number, body, "")
		h.is(a.Status, 503, "status")
		h.is(len(h.meta.calls()), 0, "provider calls")
	})
}
