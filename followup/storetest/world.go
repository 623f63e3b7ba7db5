package storetest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"reflect"
	"testing"
	"time"

	"github.com/google/uuid"

	"wagate/followup"
	"wagate/providers"
)

// lease is the lease of every claim in the tests.
const lease = time.Minute

// interval is the wait of every step, unless a test says otherwise.
const interval = 30 * time.Minute

// world is one test's corner of a store: a tenant with an assistant on two channels and another
// assistant on a third.
type world struct {
	*testing.T
	ctx context.Context
	s   followup.Store
	now time.Time // domain time and real time, unless a test separates them

	tenant  followup.TenantID
	sales   followup.AssistantID // on main and second
	support followup.AssistantID // on other
	main    followup.ChannelID
	second  followup.ChannelID
	other   followup.ChannelID
	config  followup.ConfigID
	leads   []followup.LeadID
}

func newWorld(t *testing.T, s followup.Store) *world {
	t.Helper()
	w := &world{T: t, ctx: t.Context(), s: s, now: time.UnixMilli(time.Now().UnixMilli()).UTC()}
	w.populate()
	return w
}

// tenantNextDoor returns another tenant on the same store, with the same clock.
func (w *world) tenantNextDoor() *world {
	n := &world{T: w.T, ctx: w.ctx, s: w.s, now: w.now}
	n.populate()
	return n
}

func (w *world) populate() {
	w.tenant = followup.TenantID(uuid.NewString())
	w.sales, w.support = followup.AssistantID(uuid.NewString()), followup.AssistantID(uuid.NewString())
	w.main, w.second = followup.ChannelID(uuid.NewString()), followup.ChannelID(uuid.NewString())
	w.other = followup.ChannelID(uuid.NewString())
	w.config = followup.ConfigID(uuid.NewString())
	w.Cleanup(func() {
		for _, id := range w.leads {
			// The lead may be gone already; some tests are about that.
			_ = w.s.EraseLead(context.WithoutCancel(w.ctx), w.tenant, id, w.now)
		}
	})
}

// pass advances both clocks.
func (w *world) pass(d time.Duration) { w.now = w.now.Add(d) }

// must ends the test if a call that has to succeed returned an error.
func (w *world) must(err error, call string) {
	w.Helper()
	if err != nil {
		w.Fatalf("%s: got error %v, want none", call, err)
	}
}

// release gives a claimed step back.
func (w *world) release(run followup.RunID, token string, until time.Time) {
	w.Helper()
	w.must(w.s.ReleaseStep(w.ctx, followup.ReleaseStep{Run: run, Token: token, Until: until, Now: w.now, Real: w.now}), "ReleaseStep")
}

// is compares two values. The format what and its args say what is compared.
func (w *world) is(got, want any, what string, args ...any) {
	w.Helper()
	if !reflect.DeepEqual(got, want) {
		w.Errorf("%s: got %+v, want %+v", fmt.Sprintf(what, args...), got, want)
	}
}

// at compares instants.
func (w *world) at(got, want time.Time, what string) {
	w.Helper()
	if !got.Equal(want) {
		w.Errorf("%s: got %v, want %v (%v off)", what, got, want, got.Sub(want))
	}
}

func newPhone() string { return fmt.Sprintf("5599%09d", rand.IntN(1_000_000_000)) }

// newMobile returns a phone that has two spellings.
func newMobile() string { return fmt.Sprintf("551199%07d", rand.IntN(10_000_000)) }

func newUser() string { return "BR." + uuid.NewString() }

// lead makes a lead with a phone.
func (w *world) lead() followup.LeadID {
	w.Helper()
	return w.resolve(followup.Identity{Phone: newPhone()})
}

func (w *world) resolve(who followup.Identity) followup.LeadID {
	w.Helper()
	id, err := w.s.Resolve(w.ctx, w.tenant, who, true, w.now)
	w.must(err, "Resolve")
	w.leads = append(w.leads, id)
	return id
}

func (w *world) get(id followup.LeadID) followup.Lead {
	w.Helper()
	l, err := w.s.Lead(w.ctx, w.tenant, id)
	w.must(err, "Lead")
	return l
}

// contact returns the contact in the lead's record; it is zero if the lead is gone.
func (w *world) contact(lead followup.LeadID) providers.Contact {
	w.Helper()
	l, err := w.s.Lead(w.ctx, w.tenant, lead)
	if !errors.Is(err, followup.ErrNotFound) {
		w.must(err, "Lead")
	}
	return l.Contact()
}

// settle settles items and ends the test if that fails.
func (w *world) settle(lead followup.LeadID, items ...followup.Item) followup.Settled {
	w.Helper()
	out, err := w.s.Settle(w.ctx, followup.Settlement{
		Tenant: w.tenant, Lead: lead, Items: items, Now: w.now, Real: w.now,
	})
	w.must(err, "Settle")
	return out
}

// item returns an event on the main channel that has no effect and was never seen before.
func (w *world) item() followup.Item {
	return followup.Item{DedupID: uuid.NewString(), Channel: w.main, Assistant: w.sales, At: w.now}
}

// message returns a message that the lead writes now, relayed as {"say": text}.
func (w *world) message(text string) followup.Item {
	it := w.item()
	it.Opens, it.Reply = true, true
	it.Entry = &followup.Entry{From: followup.FromLead, Text: text, At: w.now}
	it.Relay = w.event(text)
	return it
}

func (w *world) event(text string) *followup.RelayEvent {
	v, err := json.Marshal(map[string]string{"say": text})
	w.must(err, "marshal")
	return &followup.RelayEvent{Channel: w.main, Account: "acct", Field: "messages", Value: v}
}

// opening returns an event that opens the main channel's window without being a reply.
func (w *world) opening() followup.Item {
	it := w.item()
	it.Opens = true
	return it
}

// echo returns a message of the business from elsewhere.
func (w *world) echo() followup.Item {
	it := w.item()
	it.Outbound = true
	return it
}

func (w *world) receipt(a followup.AttemptID, state providers.StatusState, kind providers.ErrorKind) followup.Item {
	it := w.item()
	it.Receipt = &followup.Receipt{Attempt: a, State: state, Kind: kind}
	return it
}

func (w *world) arm() followup.Arm {
	return followup.Arm{
		Config: w.config, Assistant: w.sales, Channel: w.main, Ladder: "ladder", Interval: interval,
	}
}

// start starts a run of the sales assistant on the main channel.
func (w *world) start(lead followup.LeadID) followup.RunID {
	w.Helper()
	return w.startWith(lead, w.arm())
}

func (w *world) startWith(lead followup.LeadID, a followup.Arm) followup.RunID {
	w.Helper()
	id, _, err := w.s.Start(w.ctx, w.tenant, lead, a, false, w.now, w.now)
	w.must(err, "Start")
	if id == "" {
		w.Fatal("Start: got no run, want one")
	}
	return id
}

func (w *world) run(id followup.RunID) followup.Run {
	w.Helper()
	r, err := w.s.Run(w.ctx, w.tenant, id)
	w.must(err, "Run")
	return r
}

// guardSend asks the guard to allow an API message of the sales assistant on the main channel.
func (w *world) guardSend(lead followup.LeadID, freeForm bool) followup.Verdict {
	w.Helper()
	v, err := w.s.GuardSend(w.ctx, followup.GuardSend{
		Tenant: w.tenant, Lead: lead, Channel: w.main, Assistant: w.sales,
		To: w.contact(lead), FreeForm: freeForm, Now: w.now, Real: w.now,
	})
	w.must(err, "GuardSend")
	return v
}

func (w *world) recordSend(lead followup.LeadID, a followup.AttemptID, edit func(*followup.RecordSend)) {
	w.Helper()
	r := followup.RecordSend{
		Tenant: w.tenant, Lead: lead, Channel: w.main, Attempt: a, MessageID: "wamid." + uuid.NewString(),
		Now: w.now, Real: w.now,
	}
	edit(&r)
	w.must(w.s.RecordSend(w.ctx, r), "RecordSend")
}
