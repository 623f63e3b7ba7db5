package redisstore

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"wagate/followup"
	"wagate/providers"
)

// crowd is one person with many names, and the account of everything that goes on around the person
// at once.
type crowd struct {
	party
	second followup.ChannelID // another channel of the same assistant

	mu     sync.Mutex
	events map[string]*happened // by text
	sends  map[string]int       // calls of the provider, by run and step
	runs   map[followup.RunID]bool
	newest map[followup.ChannelID]time.Time // when the person's newest message was written
	word   time.Time                        // when the person's last word on opt-out was said
	out    bool                             // whether that word was a stop
	serial int
	past   []func() error // settles an event of the past once more

	askedFor map[followup.LeadID]bool // leads whose erasure was asked for and failed
}

// happened counts how often an event was delivered, or dropped as a dead letter: surely, or maybe
// if the answer was lost.
type happened struct{ surely, maybe int }

// mortal is a client hook for a process that dies before its n-th script.
type mortal struct{ left atomic.Int64 }

func (m *mortal) DialHook(next redis.DialHook) redis.DialHook { return next }

func (m *mortal) ProcessHook(next redis.ProcessHook) redis.ProcessHook {
	return func(ctx context.Context, cmd redis.Cmder) error {
		for n := m.left.Load(); n > 0 && cmd.Name() == "evalsha" && !m.left.CompareAndSwap(n, n-1); {
			n = m.left.Load()
		}
		if m.left.Load() == 0 {
			cmd.SetErr(errCrash)
			return errCrash
		}
		return next(ctx, cmd)
	}
}

func (m *mortal) ProcessPipelineHook(next redis.ProcessPipelineHook) redis.ProcessPipelineHook {
	return func(ctx context.Context, cmds []redis.Cmder) error {
		if m.left.Load() != 0 {
			return next(ctx, cmds)
		}
		for _, cmd := range cmds {
			cmd.SetErr(errCrash)
		}
		return errCrash
	}
}

// immortal is the number of scripts left to a process that does not die. A process with 0 left is
// dead.
const immortal = -1

// actor is a process that may die before any script and come back.
type actor struct {
	*crowd
	t    *testing.T
	s    *Store
	r    *rand.Rand
	life *mortal
}

func newCrowd() *crowd {
	c := &crowd{
		party: newParty(), events: map[string]*happened{}, sends: map[string]int{}, runs: map[followup.RunID]bool{},
		newest: map[followup.ChannelID]time.Time{}, askedFor: map[followup.LeadID]bool{},
	}
	c.second = newParty().channel
	return c
}

// The person's names: a phone in two spellings, the user ids that the person had one after the other,
// and the CRM's ids.
var (
	crowdPhones = []string{"5511912345678", "551112345678"}
	crowdUsers  = []string{"BR.user-1", "BR.user-2", "BR.user-3", "BR.user-4"}
	crowdIDs    = []string{"crm-77", "crm-78"}
)

// crowdName is a name that no random token can contain.
const crowdName = "Ana of the crowd"

// someName draws the name, or seldom the two names, that an event knows the person by.
func (a *actor) someName() followup.Identity {
	var who followup.Identity
	for range 1 + a.r.IntN(6)/5 {
		switch a.r.IntN(4) {
		case 0:
			who.Phone = crowdPhones[a.r.IntN(2)]
		case 1, 2:
			who.UserID, who.OldUserID = crowdUsers[a.r.IntN(len(crowdUsers))], who.UserID
		case 3:
			who.ExternalID = crowdIDs[a.r.IntN(2)]
		}
	}
	return who
}

// passing reports whether err is one that a caller has to expect while others change the same lead.
func passing(err error) bool {
	return errors.Is(err, followup.ErrConflict) || errors.Is(err, followup.ErrLeadMoved) || errors.Is(err, followup.ErrNotFound) ||
		errors.Is(err, followup.ErrStale)
}

// found resolves some name of the person, and does something with the lead.
func (a *actor) found(create bool, do func(followup.LeadID) error) error {
	lead, err := a.s.Resolve(context.Background(), a.tenant, a.someName(), create, epoch)
	if err != nil {
		return err
	}
	return do(lead)
}

// say takes in an event from the person or about the person. It repeats the event until it is
// settled.
func (a *actor) say() error {
	a.mu.Lock()
	a.serial++
	text := fmt.Sprintf("secret-%d", a.serial)
	a.events[text] = &happened{}
	a.mu.Unlock()
	who, at := a.someName(), epoch.Add(-time.Duration(a.r.IntN(3600))*time.Second)
	channel := []followup.ChannelID{a.channel, a.second}[a.r.IntN(2)]
	it := followup.Item{
		DedupID: text, Channel: channel, Assistant: a.assistant, At: at,
		Relay: &followup.RelayEvent{Channel: channel, Field: "messages", Value: fmt.Appendf(nil, `{"text":%q}`, text)},
	}
	contact := providers.Contact{Name: crowdName}
	create := true
	switch a.r.IntN(6) {
	case 0: // a mere mention
		create = who.ExternalID != "" // no webhook mentions a contact by an external id alone
	case 1:
		it.OptOut, it.OptOutAt = new(a.r.IntN(2) == 0), at
	case 2:
		it.Outbound, create = true, who.ExternalID != ""
	default:
		it.Opens, it.Reply = true, true
		it.Entry = &followup.Entry{From: followup.FromLead, Text: text, At: at}
		contact.Phone, contact.UserID = who.Phone, who.UserID
	}
	it.At = at
	settled := a.settle(who, create, contact, it)
	a.mu.Lock()
	if it.Opens && at.After(a.newest[channel]) {
		a.newest[channel] = at
	}
	if it.OptOut != nil && (at.After(a.word) || at.Equal(a.word) && *it.OptOut) {
		a.word, a.out = at, *it.OptOut
	}
	a.mu.Unlock()
	for try := 0; ; try++ {
		err := settled()
		switch {
		case err == nil:
			a.mu.Lock()
			defer a.mu.Unlock()
			a.past = append(a.past, settled)
			return nil
		case errors.Is(err, errCrash):
			a.life.left.Store(immortal) // the provider sends it again
		case !passing(err):
			return err
		case try > 200:
			return fmt.Errorf("turned away 200 times: %w", err)
		}
	}
}

// again takes in an event of the past, because providers send events twice.
func (a *actor) again() error {
	a.mu.Lock()
	var settled func() error
	if n := len(a.past); n > 0 {
		settled = a.past[a.r.IntN(n)]
	}
	a.mu.Unlock()
	if settled == nil {
		return nil
	}
	return settled()
}

// settle returns a function that resolves the contact and settles the item. If no lead is found, it
// settles the item under the contact's stand-in.
func (a *actor) settle(who followup.Identity, create bool, contact providers.Contact, it followup.Item) func() error {
	return func() error {
		ctx := context.Background()
		lead, err := a.s.Resolve(ctx, a.tenant, who, create, epoch)
		nobody := errors.Is(err, followup.ErrNotFound)
		if nobody {
			lead, contact = followup.ContactLead(a.tenant, who), providers.Contact{}
		} else if err != nil {
			return err
		}
		_, err = a.s.Settle(ctx, followup.Settlement{
			Tenant: a.tenant, Lead: lead, Account: nobody, Contact: contact, Items: []followup.Item{it}, Now: epoch, Real: epoch,
		})
		return err
	}
}

func (a *actor) arm() followup.Arm {
	return followup.Arm{
		Config: "c", Assistant: a.assistant, Channel: a.channel, Ladder: "l", Interval: time.Minute, RearmOnReply: a.r.IntN(2) == 0,
	}
}

// start starts a run by hand.
func (a *actor) start() error {
	return a.found(true, func(lead followup.LeadID) error {
		run, _, err := a.s.Start(context.Background(), a.tenant, lead, a.arm(), false, epoch.Add(-time.Minute), epoch)
		a.began(run)
		return err
	})
}

// began notes a run that was started.
func (a *actor) began(run followup.RunID) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if run != "" {
		a.runs[run] = true
	}
}

// put writes the lead with some status that starts a run.
func (a *actor) put() error {
	return a.found(true, func(lead followup.LeadID) error {
		l, err := a.s.Lead(context.Background(), a.tenant, lead)
		if err != nil {
			return err
		}
		l.StatusID = fmt.Sprint("status-", a.r.IntN(3))
		run, err := a.s.PutLead(context.Background(), followup.PutLead{
			Lead: l, StatusChanged: true, Arm: new(a.arm()), Now: epoch.Add(-time.Minute), Real: epoch,
		})
		a.began(run)
		return err
	})
}

// step claims what is due and sends it, as a worker that may die at any time.
func (a *actor) step() error {
	ctx := context.Background()
	b, err := a.s.Claim(ctx, followup.ClaimParams{Now: epoch, Real: epoch, Limit: 2, Lease: time.Hour})
	if err != nil {
		return err
	}
	for _, c := range b.Steps {
		v, err := a.s.GuardStep(ctx, followup.GuardStep{Run: c.Run.ID, Token: c.Token, Now: epoch, Real: epoch, Lease: time.Hour, Kind: followup.KindTemplate})
		if err != nil {
			return err
		}
		if v.Refusal != followup.Allowed {
			continue
		}
		a.mu.Lock()
		a.sends[fmt.Sprint(c.Run.ID, " ", c.Run.Step)]++
		a.mu.Unlock()
		f := sent(c, v.Attempt)
		if a.r.IntN(2) == 0 {
			f.Next, f.Interval = 1, time.Minute
		}
		f.Text = ""
		if _, err := a.s.FinishStep(ctx, f); err != nil {
			return err
		}
	}
	return nil
}

// send sends a message of the assistant's.
func (a *actor) send() error {
	return a.found(false, func(lead followup.LeadID) error {
		ctx := context.Background()
		v, err := a.s.GuardSend(ctx, followup.GuardSend{
			Tenant: a.tenant, Lead: lead, Channel: a.channel, Assistant: a.assistant, Now: epoch.Add(-time.Minute), Real: epoch,
		})
		if err != nil || v.Refusal != followup.Allowed {
			return err
		}
		return a.s.RecordSend(ctx, followup.RecordSend{
			Tenant: a.tenant, Lead: lead, Channel: a.channel, Attempt: v.Attempt, MessageID: "m-" + string(v.Attempt), Now: epoch, Real: epoch,
		})
	})
}

// deliver is the relay. The assistant takes most deliveries; some are released, and some become
// dead letters.
func (a *actor) deliver() error {
	ctx := context.Background()
	out, _, err := a.s.ClaimDeliveries(ctx, followup.ClaimDeliveries{Real: epoch.Add(time.Minute), Limit: 3, MaxEvents: 3, Lease: time.Minute})
	if err != nil {
		return err
	}
	for _, d := range out {
		f := followup.FinishDelivery{Delivery: d, Real: epoch}
		switch a.r.IntN(4) {
		case 0:
			f.Dead = "410"
		case 1:
			f.Release = true
		default:
			f.Delivered = true
		}
		err := a.s.FinishDelivery(ctx, f)
		if f.Delivered {
			a.told(d.Events, err)
		}
		if err != nil && !passing(err) {
			return err
		}
	}
	return nil
}

// replay replays some dead letter.
func (a *actor) replay() error {
	ctx := context.Background()
	letters, _, err := a.s.DeadLetters(ctx, a.tenant, 10, 0)
	if err != nil || len(letters) == 0 {
		return err
	}
	return a.s.ReplayDead(ctx, letters[a.r.IntN(len(letters))].ID, epoch)
}

// erase erases the person's lead under some name.
func (a *actor) erase() error {
	return a.found(false, func(lead followup.LeadID) error {
		err := a.s.EraseLead(context.Background(), a.tenant, lead, epoch)
		if err != nil {
			a.mu.Lock()
			defer a.mu.Unlock()
			a.askedFor[lead] = true
		}
		return err
	})
}

// walk has the process do random things. It dies now and then and comes back.
func (a *actor) walk(steps int, erases bool) {
	all := []func() error{a.say, a.say, a.say, a.again, a.start, a.put, a.step, a.step, a.send, a.deliver, a.deliver, a.replay}
	if erases {
		all = append(all, a.erase)
	}
	for range steps {
		a.life.left.Store(immortal)
		if a.r.IntN(3) == 0 {
			a.life.left.Store(1 + a.r.Int64N(12))
		}
		if err := all[a.r.IntN(len(all))](); err != nil && !passing(err) && !errors.Is(err, errCrash) {
			a.t.Errorf("a random call: got %v, want no error", err)
		}
		a.life.left.Store(immortal)
	}
}

// play has several processes walk at once, and returns another one that looks at what they left.
func (c *crowd) play(t *testing.T, connect func() redis.UniversalClient, seed uint64, erases bool) *actor {
	t.Helper()
	join := func(n uint64) *actor {
		a := &actor{c, t, nil, rand.New(rand.NewPCG(seed, n)), &mortal{}}
		a.life.left.Store(immortal)
		client := connect()
		a.s = openStore(t, Params{Client: client})
		a.s.now = func() time.Time { return epoch }
		client.AddHook(a.life)
		return a
	}
	const processes, steps = 6, 25
	var all sync.WaitGroup
	var joined []*actor
	for n := range uint64(processes) {
		a := join(n)
		joined = append(joined, a)
		all.Go(func() { a.walk(steps, erases) })
	}
	all.Wait()
	for _, a := range joined {
		_ = a.s.db.Close()
	}
	return join(processes)
}
