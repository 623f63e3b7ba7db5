package storetest

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"
	"pgregory.net/rapid"

	"wagate/followup"
	"wagate/followup/memstore"
)

// Model plays random operations on a store and on the reference. It compares every answer and,
// after every operation, everything that can be read about the leads. The flags of package rapid
// set the length and the seed; a failure prints its seed. The function sound checks the store's own
// books behind the contract after every operation; it may be nil.
func Model(t *testing.T, open New, sound func(t *rapid.T)) {
	t.Helper()
	store := open(t)
	// The walk's clock is a day ahead of the store's own. What a merge brings is queued by the
	// store's own clock, and a walk takes longer in real time than its clock says, so without that
	// day it might have to wait for such events.
	began := time.UnixMilli(time.Now().Add(24 * time.Hour).UnixMilli()).UTC()
	rapid.Check(t, func(rt *rapid.T) {
		m := newModel(rt, memstore.New(), store, began)
		defer m.cleanUp()
		for _, who := range m.people {
			m.meet(followup.Identity{Phone: who.Phone}, true)
		}
		rt.Repeat(map[string]func(*rapid.T){
			"": func(t *rapid.T) {
				m.compare(t)
				if sound != nil {
					sound(t)
				}
			},
			"resolve":       m.resolve,
			"identify":      m.identify,
			"mention":       m.mention,
			"settle":        m.settle,
			"settle more":   m.settle,
			"put":           m.put,
			"start":         m.start,
			"climb":         m.climb,
			"climb more":    m.climb,
			"cancel":        m.cancel,
			"erase":         m.erase,
			"claim":         m.claim,
			"claim due":     m.claim,
			"guard":         m.guard,
			"guard more":    m.guard,
			"finish":        m.finish,
			"finish more":   m.finish,
			"release":       m.release,
			"extend":        m.extend,
			"guard send":    m.guardSend,
			"record send":   m.recordSend,
			"opaque":        m.opaque,
			"create config": m.createConfig,
			"update config": m.updateConfig,
			"delete config": m.deleteConfig,
			"pause":         m.pause,
			"deliver":       m.deliver,
			"redeem":        m.redeem,
			"wait":          m.wait,
			"wait longer":   m.wait,
		})
		m.hear(rt)
	})
}

// side is one of the two stores, with the lead ids that it gave.
type side struct {
	followup.Store
	leads []followup.LeadID
}

// index returns the number under which the model knows a lead, or -1 if it does not know it.
func (s *side) index(id followup.LeadID) int {
	for i, l := range s.leads {
		if l == id {
			return i
		}
	}
	return -1
}

// call is an attempt, with its ids on both sides.
type call struct {
	lead int
	ids  [2]followup.AttemptID
}

// held is a claimed step, with its tokens and attempts on both sides.
type held struct {
	lead, n  int
	step     int
	tokens   [2]string
	attempts [2]followup.AttemptID
}

// model is a random walk and what it remembers.
type model struct {
	t     *rapid.T
	ctx   context.Context
	sides [2]*side // the reference, the store under test
	now   time.Time

	tenant     followup.TenantID
	assistants []followup.AssistantID
	channels   []followup.ChannelID // two of the first assistant, one of the second
	configs    []followup.ConfigID  // the current one of each assistant
	people     []followup.Identity

	held     []*held
	calls    []call
	sent     []sent
	out      []delivery
	nConfigs int
	nItems   int
	receipts map[string]told // receipts of the lead's own calls, by the event's id
	rules    rules
}

// told is what a receipt said about a call.
type told struct {
	receipt *followup.Receipt
	about   *call
}

func newModel(t *rapid.T, reference, tested followup.Store, began time.Time) *model {
	m := &model{
		t: t, ctx: context.Background(), now: began, tenant: followup.TenantID(uuid.NewString()),
		sides: [2]*side{{Store: reference}, {Store: tested}}, receipts: map[string]told{}, rules: newRules(),
	}
	for range 2 {
		m.assistants = append(m.assistants, followup.AssistantID(uuid.NewString()))
		m.configs = append(m.configs, followup.ConfigID(uuid.NewString()))
	}
	for range 3 {
		m.channels = append(m.channels, followup.ChannelID(uuid.NewString()))
		m.people = append(m.people, followup.Identity{Phone: newMobile(), UserID: newUser()})
	}
	return m
}

// cleanUp erases all leads, so that the next walk finds nothing to claim.
func (m *model) cleanUp() {
	for _, s := range m.sides {
		for _, l := range s.leads {
			// The lead may be erased or merged already.
			_ = s.EraseLead(m.ctx, m.tenant, l, m.now)
		}
		for _, who := range m.people { // what waits for a contact who is no lead goes with the lead that the contact becomes
			if l, err := s.Resolve(m.ctx, m.tenant, who, true, m.now); err == nil {
				_ = s.EraseLead(m.ctx, m.tenant, l, m.now)
			}
		}
	}
}

// both makes a call on both sides and compares the answers as say describes them. It reports
// whether a side succeeded.
func both[T any](m *model, what string, do func(i int, s *side) (T, error), say func(s *side, v T) any) (out [2]T, ok bool) {
	m.t.Helper()
	var said [2]any
	for i, s := range m.sides {
		v, err := do(i, s)
		out[i] = v
		if err != nil {
			said[i] = errorName(err)
			continue
		}
		ok = true
		said[i] = say(s, v)
	}
	if !reflect.DeepEqual(said[0], said[1]) {
		m.t.Fatalf("%s:\n got %s\nwant %s", what, m.plain(said[1]), m.plain(said[0]))
	}
	return out, ok
}

// plain prints an answer with names in place of the walk's random ids, so that a repeated walk
// prints the same.
func (m *model) plain(said any) string {
	var names []string
	for i, id := range m.channels {
		names = append(names, string(id), fmt.Sprintf("channel-%d ", i))
	}
	for i, id := range m.assistants {
		names = append(names, string(id), fmt.Sprintf("assistant-%d ", i))
	}
	for i, id := range m.configs {
		names = append(names, string(id), fmt.Sprintf("config-%d ", i))
	}
	for i, p := range m.people {
		names = append(names, p.Phone, fmt.Sprintf("phone-%d ", i), p.UserID, fmt.Sprintf("user-%d ", i),
			followup.PhoneTwin(p.Phone), fmt.Sprintf("twin-%d ", i))
	}
	return strings.NewReplacer(names...).Replace(fmt.Sprintf("%+v", said))
}

// errorName returns the text of the contract's error that err is.
func errorName(err error) string {
	for _, known := range []error{
		followup.ErrNotFound, followup.ErrExists, followup.ErrConflict, followup.ErrLeadMoved, followup.ErrStale,
	} {
		if errors.Is(err, known) {
			return known.Error()
		}
	}
	return "unexpected: " + err.Error()
}

// nothing describes every answer alike, so that only errors are compared.
func nothing[T any](*side, T) any { return "ok" }

// pick draws an element of a list. If the list is empty, it skips the step.
func pick[T any](t *rapid.T, list []T, label string) T {
	if len(list) == 0 {
		t.Skip("none yet: " + label)
	}
	return list[rapid.IntRange(0, len(list)-1).Draw(t, label)]
}

func (m *model) flip(t *rapid.T, label string) bool { return rapid.Bool().Draw(t, label) }

// rarely returns true about once in n times.
func (m *model) rarely(t *rapid.T, n int, label string) bool {
	return rapid.IntRange(1, n).Draw(t, label) == n
}

func (m *model) lead(t *rapid.T) int {
	if len(m.sides[0].leads) == 0 {
		t.Skip("no lead yet")
	}
	return rapid.IntRange(0, len(m.sides[0].leads)-1).Draw(t, "lead")
}

// tick advances the clock, so that no two operations happen at the same instant: their order would
// then depend on random ids.
func (m *model) tick(t *rapid.T) {
	m.t = t
	m.now = m.now.Add(time.Millisecond)
}

func (m *model) wait(t *rapid.T) {
	m.tick(t)
	m.now = m.now.Add(pick(t, []time.Duration{
		time.Second, lease - time.Millisecond, lease, interval - time.Millisecond, interval, 2 * interval,
		12 * time.Hour, 24 * time.Hour, 24*time.Hour - time.Millisecond,
	}, "how long"))
}

// name names a run alike on both sides.
func (s *side) name(r followup.RunID) string {
	if r == "" {
		return ""
	}
	return fmt.Sprintf("lead %d run %d", s.index(r.Lead()), r.N())
}
