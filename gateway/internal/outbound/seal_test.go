package outbound_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"wagate/followup"
	"wagate/gateway/internal/outbound"
	"wagate/providers"
)

// finished posts a text with the key k and returns what was stored as its answer.
func (h *harness) finished() (answer outbound.Answer, sealed string) {
	h.Helper()
	answer = h.post(number, text(phone), "k")
	h.is(answer.Status, 200, "status")
	return answer, h.store.kept[len(h.store.kept)-1]
}

// finishes replaces the stored answer of a key, as another program or a fault may.
func (h *harness) finishes(key, answer string) {
	h.Helper()
	h.must(h.store.Store.FinishKey(h.Context(), tenant, key, []byte(answer), time.Now()), "FinishKey")
}

// TestI11StoredAnswerShowsNothing: what is stored with an idempotency key shows neither the request
// nor its answer, whatever the answer is, and the same request is still answered the same.
func TestI11StoredAnswerShowsNothing(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		to   string
		err  error
		want int
	}{
		"sent":          {to: "+55 99 00000-0021", want: 200},
		"may have left": {to: phone, err: lost, want: 500},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(h *harness) {
				h.wrote(followup.Identity{Phone: phone})
				h.meta.answers(c.err)
				h.meta.extra.Contact = providers.Contact{Phone: phone, UserID: "BR.QUIET"}
				first := h.post(number, text(c.to), "order-17")
				h.is(first.Status, c.want, "status")
				h.is(len(h.store.kept), 2, "what was stored")
				for _, kept := range h.store.kept {
					for _, secret := range []string{
						c.to, phone, "BR.QUIET", "wamid.1", "hello", "order-17", "whatsapp", "error", "status", number,
					} {
						if strings.Contains(kept, secret) {
							t.Errorf("stored: got %q in %q, want it nowhere", secret, kept)
						}
					}
				}
				h.is(h.post(number, text(c.to), "order-17"), first, "repeated")
				h.is(len(h.meta.calls()), 1, "provider calls")
			})
		})
	}
}

// TestI11StoredAnswerIsReadByItsRequestOnly: with an answer of another request under its key, a
// request reads nothing. Two requests that differ only in their Idempotency-Key have the same
// fingerprint, so neither the fingerprint nor the body is enough to read an answer.
func TestI11StoredAnswerIsReadByItsRequestOnly(t *testing.T) {
	t.Parallel()
	for name, other := range map[string]struct{ to, body, key string }{
		"another Idempotency-Key": {number, text(phone), "k2"},
		"another number":          {string(onMeta), text(phone), "k"},
		"another body":            {number, text("+" + phone), "k"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(h *harness) {
				lead := h.wrote(followup.Identity{Phone: phone})
				_, sealed := h.finished()
				time.Sleep(followup.KeyAge)
				h.opens(lead)
				h.is(h.post(other.to, other.body, other.key).Status, 200, "the other request")
				h.finishes(other.key, sealed)
				h.is(h.post(other.to, other.body, other.key).Status, 503, "the other request, repeated")
				h.is(len(h.meta.calls()), 2, "provider calls")
			})
		})
	}
}

// TestI6AnswerOfAnOlderProgramIsRepeated: an answer that a program stored before answers were sealed
// is repeated as it is.
func TestI6AnswerOfAnOlderProgramIsRepeated(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.wrote(followup.Identity{Phone: phone})
		first, _ := h.finished()
		h.finishes("k", fmt.Sprintf(`{"status":200,"body":%s}`, first.Body))
		h.is(h.post(number, text(phone), "k"), first, "repeated")
		h.is(len(h.meta.calls()), 1, "provider calls")
	})
}

// TestI6OlderProgramCannotReadASealedAnswer: a program from before answers were sealed decodes them
// as JSON. It must fail, which it answers with 503, and not read something else.
func TestI6OlderProgramCannotReadASealedAnswer(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.wrote(followup.Identity{Phone: phone})
		_, sealed := h.finished()
		var v any
		if err := json.Unmarshal([]byte(sealed), &v); err == nil {
			t.Errorf("sealed answer: got %v, want that it is no JSON", v)
		}
		h.is(sealed[0], byte(1), "first byte, which says how it is sealed")
	})
}

// TestI6UnreadableAnswerIsNotSentAgain: a stored answer that cannot be read is answered as a fault
// of ours, with Retry-After, that does not say that nothing was sent. The message is not sent again.
func TestI6UnreadableAnswerIsNotSentAgain(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.wrote(followup.Identity{Phone: phone})
		first, sealed := h.finished()
		damaged := []string{"", "of another format", `{"status":200,"bo`, "{}", "null", sealed + "\x00", strings.Repeat("\x01", 200)}
		for i := range sealed {
			damaged = append(damaged, sealed[:i], sealed[:i]+string([]byte{sealed[i] ^ 2})+sealed[i+1:])
		}
		for _, d := range damaged {
			h.finishes("k", d)
			if a := h.post(number, text(phone), "k"); a.Status != 503 || a.RetryAfter != time.Second || !strings.Contains(string(a.Body), "may have been sent") {
				t.Fatalf("with %q stored: got %d %s, Retry-After %v, want 503, that it may have been sent, and a second", d, a.Status, a.Body, a.RetryAfter)
			}
		}
		h.finishes("k", sealed)
		h.is(h.post(number, text(phone), "k"), first, "with the answer as it was")
		h.is(len(h.meta.calls()), 1, "provider calls")
	})
}
