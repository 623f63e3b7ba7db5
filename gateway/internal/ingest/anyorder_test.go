package ingest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/gateway/internal/webhook"
)

// oneContact returns all webhook bodies about one contact, by the id of the message or status in
// each. The contact is known by two spellings of a phone, by a user id alone and by both together,
// and then changes phone and user id.
func oneContact() map[string]string {
	const newPhone = "525512345678" // also spelled 5215512345678
	return map[string]string{
		"wamid.long":   messages("n-sales", text(longPhone, "wamid.long", minute(-20), "by phone")),
		"wamid.short":  messages("n-sales", text(shortPhone, "wamid.short", minute(-19), "spelled otherwise")),
		"wamid.user":   messages("n-sales", text("BR.1", "wamid.user", minute(-18), "by user id alone")),
		"wamid.both":   messages("n-sales", text(shortPhone+"/BR.1", "wamid.both", minute(-17), "by both")),
		"wamid.sphone": messages("n-sales", status(longPhone, "wamid.sphone", "sent", "")),
		"wamid.suser":  messages("n-sales", status("BR.1", "wamid.suser", "delivered", "")),
		"wamid.echo":   fieldOf("smb_message_echoes", "n-sales", echo(longPhone, "wamid.echo")),
		"wamid.s": systemNotice(fmt.Sprintf(`"from":%q,`, longPhone),
			fmt.Sprintf(`"type":"user_changed_number","wa_id":%q,"user_id":"MX.2","previous_user_id":"BR.1"`, newPhone)),
		"wamid.new":     messages("n-sales", text("MX.2", "wamid.new", minute(-5), "it is me")),
		"wamid.newtwin": messages("n-sales", text("5215512345678", "wamid.newtwin", minute(-4), "and still")),
		"wamid.snew":    messages("n-sales", status(newPhone, "wamid.snew", "read", "")),
	}
}

// wantOneContact checks that the contact is one lead with one conversation, that the assistant got
// each event once, and that the lead's run has ended with the reply.
func (h *harness) wantOneContact(t *testing.T, run followup.RunID, bodies map[string]string) {
	t.Helper()
	if n := h.leads(t, tenantA); n != 1 {
		t.Errorf("got %d leads, want 1", n)
	}
	lead := h.lead(t, tenantA, "MX.2")
	for _, name := range []string{longPhone, shortPhone, "BR.1", "525512345678", "5215512345678"} {
		if got := h.lead(t, tenantA, name).ID; got != lead.ID {
			t.Errorf("%s: got lead %s, want %s", name, got, lead.ID)
		}
	}
	if !lead.WindowOpen(metaSales, now) && !lead.Windows[metaSales].Refused {
		t.Errorf("got windows %v, want one that the messages opened", lead.Windows)
	}
	if got := h.run(t, tenantA, run); got.State != followup.RunEnded || got.Reason != followup.Replied && got.Reason != followup.Merged {
		t.Errorf("got run %s %s, want it ended by the reply or the merge", got.State, got.Reason)
	}
	var told []string
	for _, c := range h.conversations(t, sales) {
		words := strings.Fields(c)
		if words[0] != string(lead.ID) {
			t.Errorf("got a conversation of %s, want only the lead's", words[0])
		}
		told = append(told, words[1:]...)
	}
	slices.Sort(told)
	var want []string
	for id := range bodies {
		want = append(want, id)
	}
	slices.Sort(want)
	if !slices.Equal(told, want) {
		t.Errorf("relayed %q, want each of %q once", told, want)
	}
}

// shuffled returns the keys of bodies in random order.
func shuffled(bodies map[string]string, r *rand.Rand) []string {
	var ids []string
	for id := range bodies {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	r.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	return ids
}

// TestI2OneLeadInAnyOrder: the events of one contact come in any order, and some of them twice. The
// result is one lead with one conversation, and no event is lost or relayed twice.
func TestI2OneLeadInAnyOrder(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(seed, 1))
			h := newHarness(t, nil)
			bodies := oneContact()
			var run followup.RunID
			ids := shuffled(bodies, r)
			armed := r.IntN(len(ids))
			t.Logf("armed before %d of %q", armed, ids)
			for i, id := range ids {
				if i == armed {
					run = h.arm(t, tenantA, longPhone, sales, metaSales)
				}
				h.meta(t, bodies[id])
				if r.IntN(2) == 0 {
					h.meta(t, bodies[ids[r.IntN(i+1)]])
				}
			}
			if h.run(t, tenantA, run).State != followup.RunEnded {
				h.meta(t, messages("n-sales", text("MX.2", "wamid.end", minute(0), "bye")))
				bodies["wamid.end"] = ""
			}
			h.wantOneContact(t, run, bodies)
		})
	}
}

// TestI2OneLeadOnThreeReplicas: the same holds if three replicas get all the events at once, each
// in its own order. What is answered with 503 is sent again.
func TestI2OneLeadOnThreeReplicas(t *testing.T) {
	t.Parallel()
	for seed := range uint64(40) {
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) {
			t.Parallel()
			s := memstore.New()
			bodies := oneContact()
			first := newHarnessOn(t, s, nil)
			run := first.arm(t, tenantA, longPhone, sales, metaSales)
			var replicas sync.WaitGroup
			for n := range uint64(3) {
				h := newHarnessOn(t, s, nil)
				r := rand.New(rand.NewPCG(seed, n))
				replicas.Go(func() {
					for _, id := range shuffled(bodies, r) {
						body := bodies[id]
						for {
							err := h.postMeta(context.Background(), body)
							if err == nil {
								break
							}
							if !errors.Is(err, webhook.ErrUnavailable) {
								t.Errorf("%s: got %v, want nil or ErrUnavailable", id, err)
								return
							}
						}
					}
				})
			}
			replicas.Wait()
			first.wantOneContact(t, run, bodies)
		})
	}
}
