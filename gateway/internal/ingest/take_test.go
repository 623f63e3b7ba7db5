package ingest

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/gateway/internal/webhook"
	"wagate/providers"
)

// Arrivals are in one group if they share a phone, a user id or a group's conversation, directly or
// through others, and are of one tenant.
func TestByContact(t *testing.T) {
	t.Parallel()
	ofA, ofB := &followup.Channel{ID: metaSales, Tenant: tenantA}, &followup.Channel{ID: metaOther, Tenant: tenantB}
	say := func(phone, user string) *arrival {
		return &arrival{channel: ofA, event: &providers.Event{Contact: providers.Contact{Phone: phone, UserID: user}}}
	}
	changed := func(from, to providers.Contact) *arrival {
		return &arrival{channel: ofA, event: &providers.Event{Previous: from, Contact: to}}
	}
	inGroup := func(id, phone string) *arrival {
		a := say(phone, "")
		a.event.Group = id
		return a
	}
	elsewhere := say("15550100001", "US.1")
	elsewhere.channel = ofB
	for name, c := range map[string]struct {
		list []*arrival
		want []int // the sizes of the groups
	}{
		"strangers":          {[]*arrival{say("15550100001", "US.1"), say("15550100002", "US.2")}, []int{1, 1}},
		"nobody":             {[]*arrival{say("", ""), say("", "")}, []int{1, 1}},
		"phone":              {[]*arrival{say("15550100001", ""), say("15550100001", "US.1")}, []int{2}},
		"spelling":           {[]*arrival{say(longPhone, ""), say(shortPhone, "")}, []int{2}},
		"user id":            {[]*arrival{say("", "US.1"), say("15550100001", "US.1")}, []int{2}},
		"through a third":    {[]*arrival{say("", "US.1"), say("15550100001", ""), say("15550100001", "US.1")}, []int{3}},
		"through two others": {[]*arrival{say("", "US.1"), say("15550100002", ""), say("15550100001", "US.1"), say("15550100002", "US.1")}, []int{4}},
		"old phone": {[]*arrival{
			say("15550100001", ""), changed(providers.Contact{Phone: "15550100001"}, providers.Contact{Phone: "15550100002"}),
		}, []int{2}},
		"old user id": {[]*arrival{
			say("", "US.1"), changed(providers.Contact{UserID: "US.1"}, providers.Contact{UserID: "US.2"}),
		}, []int{2}},
		"group":          {[]*arrival{inGroup("g1", "15550100001"), inGroup("g1", "15550100002"), inGroup("g2", "15550100003")}, []int{2, 1}},
		"another tenant": {[]*arrival{say("15550100001", "US.1"), elsewhere}, []int{1, 1}},
	} {
		var got []int
		for _, g := range byContact(c.list) {
			got = append(got, len(g))
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: got groups of %v, want %v", name, got, c.want)
		}
	}
}

// Two contacts contradict if their phones or user ids differ, or if they have no kind of identity
// in common. A contact without an identity contradicts none.
func TestContradict(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		a, b string
		want bool
	}{
		{"15550100001/US.1", "15550100001/US.1", false},
		{longPhone, shortPhone, false},
		{"15550100001", "15550100002", true},
		{"US.1", "US.2", true},
		{"15550100001/US.1", "15550100001/US.2", true},
		{"15550100001/US.1", "15550100002/US.1", true},
		{"15550100001/US.1", "US.1", false},
		{"15550100001/US.1", "15550100001", false},
		{"15550100001", "US.1", true},
		{"", "15550100001/US.1", false},
		{"", "15550100001", false},
		{"", "US.1", false},
		{"", "", false},
	} {
		for _, pair := range [][2]string{{c.a, c.b}, {c.b, c.a}} {
			var who [2]providers.Contact
			for i, one := range pair {
				who[i].Phone, who[i].UserID = identity(one)
			}
			if got := contradict(who[0], who[1]); got != c.want {
				t.Errorf("%q and %q: got %v, want %v", pair[0], pair[1], got, c.want)
			}
		}
	}
}

// An event with more parked receipts than fit into one settlement does not leave an empty part
// before it.
func TestPartsAreNeverEmpty(t *testing.T) {
	t.Parallel()
	list := []*arrival{
		{event: &providers.Event{}, parked: make([]followup.Parked, followup.MaxItems)},
		{event: &providers.Event{}},
	}
	for i, part := range parts(list) {
		if len(part) != 1 || part[0] != list[i] {
			t.Errorf("part %d: got %d events, want event %d alone", i, len(part), i)
		}
	}
}

// The settlement of several events has the newest name that they tell.
func TestNewestNameCounts(t *testing.T) {
	t.Parallel()
	who := func(name string) providers.Contact { return providers.Contact{Phone: "15550100001", Name: name} }
	for _, c := range []struct{ first, second, want string }{
		{"Noor", "Nora", "Nora"}, {"Noor", "", "Noor"}, {"", "Nora", "Nora"},
	} {
		if got := mergeContacts(who(c.first), who(c.second)); got != who(c.want) {
			t.Errorf("%q, then %q: got %v, want %q", c.first, c.second, got, c.want)
		}
	}
}

// A status that names nobody, and carries the opaque data of another tenant's message, is relayed
// all the same: to the assistant of the channel it came on.
func TestI10NamelessStatusOfAnotherTenant(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	_, v := h.send(t, tenantB, "15550100009", other, metaOther)
	h.meta(t, messages("n-sales", status("", "wamid.x", "sent", v.Opaque)))
	if got := len(h.values(t, other)); got != 0 {
		t.Errorf("got %d relayed to the other tenant, want none", got)
	}
	h.wantConversations(t, string(followup.AccountLead(metaSales))+" wamid.x")
}

// A stranger who reacts to a message is a lead, as one who writes is.
func TestReactionCreatesLead(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	h.meta(t, messages("n-sales", replace(text("15550100001", "wamid.1", minute(-1), "x"),
		`"type":"text","text":{"body":"x"}`, `"type":"reaction","reaction":{"message_id":"wamid.0","emoji":"+"}`)))
	h.wantConversations(t, string(h.lead(t, tenantA, "15550100001").ID)+" wamid.1")
}

// A system notice that tells only who the contact was, and of somebody unknown, is relayed.
func TestI1NoticeOfAStranger(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	a := &arrival{channel: h.routes.channels[metaSales], event: &providers.Event{
		Kind: providers.KindSystem, ID: "wamid.s", Previous: providers.Contact{UserID: "US.1"}, Field: "messages", Value: []byte(`{}`),
	}}
	if err := h.take(t.Context(), providers.Meta, []*arrival{a}); err != nil {
		t.Fatal(err)
	}
	if n := h.leads(t, tenantA); n != 0 {
		t.Errorf("got %d leads, want none", n)
	}
	if ds := h.relayed(t, sales); len(ds) != 1 || !ds[0].Lead.StandIn() {
		t.Errorf("got %+v, want one delivery under a stand-in", ds)
	}
}

// A notice that arrives after a later one does not bring the identity back that the later one replaced.
func TestLateNoticeChangesNothing(t *testing.T) {
	t.Parallel()
	phones := func(from, to string) string {
		return systemNotice(`"from":"`+from+`",`, `"type":"user_changed_number","wa_id":"`+to+`"`)
	}
	users := func(from, to string) string {
		return systemNotice("", `"type":"user_changed_user_id","user_id":"`+to+`","previous_user_id":"`+from+`"`)
	}
	for _, c := range []struct {
		notice              func(from, to string) string
		first, second, last string
	}{
		{phones, "15550100001", "15550100002", "15550100003"}, {users, "US.1", "US.2", "US.3"},
	} {
		h := newHarness(t, nil)
		h.meta(t, messages("n-sales", text(c.first, "wamid.1", minute(-60), "hi")))
		h.meta(t, c.notice(c.first, c.second))
		h.meta(t, c.notice(c.second, c.last))
		h.meta(t, c.notice(c.first, c.second)) // again
		if l := h.lead(t, tenantA, c.last); l.Phone+l.UserID != c.last {
			t.Errorf("got phone %q and user id %q, want %s", l.Phone, l.UserID, c.last)
		}
	}
}

// A lead that is gone when it is to be renamed holds up nothing: settling finds out.
func TestRenameOfErasedLead(t *testing.T) {
	t.Parallel()
	s := &tappedStore{Store: memstore.New()}
	h := newHarnessOn(t, s.Store, func(p *Params) { p.Store = s })
	h.meta(t, messages("n-sales", text("15550100001", "wamid.1", minute(-60), "hi")))
	h.relayed(t, sales)
	s.lead = func(id followup.LeadID) error {
		s.lead = nil
		return s.EraseLead(context.Background(), tenantA, id, now)
	}
	h.meta(t, systemNotice(`"from":"15550100001",`, `"type":"user_changed_number","wa_id":"15550100002"`))
	h.wantConversations(t, string(h.lead(t, tenantA, "15550100002").ID)+" wamid.s")
}

// Trouble with the record that is to be renamed is trouble of the webhook, unless the lead has moved.
func TestRenameTrouble(t *testing.T) {
	t.Parallel()
	real := now.Add(-48 * time.Hour)
	body := systemNotice(`"from":"15550100001",`, `"type":"user_changed_number","wa_id":"15550100002"`)
	for _, c := range []struct {
		err, want error
		puts      int
	}{
		{followup.ErrLeadMoved, nil, 1},
		{errors.New("store away"), webhook.ErrUnavailable, 1},
		{followup.ErrConflict, webhook.ErrUnavailable, renameTries},
	} {
		puts := 0
		s := &tappedStore{Store: memstore.New()}
		h := newHarnessOn(t, s.Store, func(p *Params) { p.Store, p.Real = s, func() time.Time { return real } })
		h.meta(t, messages("n-sales", text("15550100001", "wamid.1", minute(-60), "hi")))
		s.put = func(p followup.PutLead) error {
			puts++
			if !p.Now.Equal(now) || !p.Real.Equal(real) {
				t.Errorf("got put at %v, really %v, want %v and %v", p.Now, p.Real, now, real)
			}
			return c.err
		}
		if err := h.postMeta(t.Context(), body); !errors.Is(err, c.want) || puts != c.puts {
			t.Errorf("%v: got %v after %d writes, want %v after %d", c.err, err, puts, c.want, c.puts)
		}
	}
}

// Only a system notice that the contact has another identity renames.
func TestRenamed(t *testing.T) {
	t.Parallel()
	who := func(phone, user string) providers.Contact { return providers.Contact{Phone: phone, UserID: user} }
	for name, c := range map[string]struct {
		kind    providers.Kind
		was, is providers.Contact
		want    bool
	}{
		"phone":                {providers.KindSystem, who("15550100001", ""), who("15550100002", ""), true},
		"phone, hidden now":    {providers.KindSystem, who("15550100001", ""), who("", ""), true},
		"user id":              {providers.KindSystem, who("", "US.1"), who("", "US.2"), true},
		"spelling":             {providers.KindSystem, who(longPhone, ""), who(shortPhone, ""), false},
		"no identity before":   {providers.KindSystem, who("", ""), who("15550100001", "US.1"), false},
		"not a system message": {providers.KindText, who("15550100001", "US.1"), who("15550100002", "US.2"), false},
	} {
		if got := renamed(&providers.Event{Kind: c.kind, Previous: c.was, Contact: c.is}); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

// An event that merely mentions a contact tells the name and no identity.
func TestContactOf(t *testing.T) {
	t.Parallel()
	whole := providers.Contact{Phone: "15550100001", UserID: "US.1", Name: "Noor"}
	for kind, want := range map[providers.Kind]providers.Contact{
		providers.KindText: whole, providers.KindReaction: whole, providers.KindPreference: whole, providers.KindSystem: whole,
		providers.KindStatus: {Name: "Noor"}, providers.KindEcho: {Name: "Noor"}, providers.KindHistory: {Name: "Noor"},
	} {
		if got := contactOf(&providers.Event{Kind: kind, Contact: whole}); got != want {
			t.Errorf("%s: got %+v, want %+v", kind, got, want)
		}
	}
}

// A status that names phone and user id teaches the phone of a lead known by the user id only.
func TestStatusTeachesPhone(t *testing.T) {
	t.Parallel()
	h := newHarness(t, nil)
	lead, v := h.send(t, tenantA, "US.1", sales, metaSales)
	h.meta(t, messages("n-sales", status("15550100001/US.1", "wamid.o", "sent", v.Opaque)))
	if l := h.lead(t, tenantA, "15550100001"); l.ID != lead || l.Phone != "15550100001" {
		t.Errorf("got lead %s with phone %q, want %s with the phone", l.ID, l.Phone, lead)
	}
}

// A status whose attempt cannot be read comes again: it is not relayed without what its sender wants back.
func TestI1AttemptCannotBeRead(t *testing.T) {
	t.Parallel()
	s := &tappedStore{Store: memstore.New(), opaque: func() error { return errors.New("store away") }}
	h := newHarnessOn(t, s.Store, func(p *Params) { p.Store = s })
	_, v := h.sendWith(t, "order-77", tenantA, "15550100001", sales, metaSales)
	body := messages("n-sales", status("15550100001", "wamid.o", "sent", v.Opaque))
	if err := h.postMeta(t.Context(), body); !errors.Is(err, webhook.ErrUnavailable) {
		t.Errorf("got %v, want ErrUnavailable", err)
	}
	s.opaque = nil
	h.meta(t, body)
	values := h.values(t, sales)
	if len(values) != 1 || member(t, values[0], "statuses", 0, "biz_opaque_callback_data") != "order-77" {
		t.Errorf("got %v, want one status with order-77", values)
	}
}

// A receipt of a failure is told once, though its lead has moved meanwhile and is looked for again.
func TestFailureToldOnceIfLeadMoves(t *testing.T) {
	t.Parallel()
	s := &tappedStore{Store: memstore.New()}
	settlements, told := 0, 0
	h := newHarnessOn(t, s.Store, func(p *Params) {
		p.Store = s
		p.Failed = func(followup.ChannelID, *providers.Error) { told++ }
	})
	h.meta(t, messages("n-sales", text("15550100001", "wamid.1", minute(-60), "hi")))
	s.settle = func(followup.Settlement) error {
		if settlements++; settlements == 1 {
			return followup.ErrLeadMoved
		}
		return nil
	}
	h.meta(t, messages("n-sales", replace(status("15550100001", "wamid.o", "failed", ""), `"status":"failed"`,
		`"status":"failed","errors":[{"code":131047}]`)))
	if told != 1 || settlements != 2 {
		t.Errorf("got told %d times in %d settlements, want once in 2", told, settlements)
	}
}

// No hook is required.
func TestWithoutHooks(t *testing.T) {
	t.Parallel()
	h := newHarness(t, func(p *Params) { p.RelayWake, p.NoteTemplates, p.Failed, p.Rearm = nil, nil, nil, nil })
	h.meta(t, messages("n-sales", text("15550100001", "wamid.1", minute(-1), "hi"),
		replace(status("15550100001", "wamid.o", "failed", ""), `"status":"failed"`, `"status":"failed","errors":[{"code":131047}]`)))
	h.meta(t, `{"entry":[{"id":"`+waba+`","changes":[{"field":"message_template_status_update",`+
		`"value":{"event":"PAUSED","message_template_name":"visit","message_template_language":"en"}}]}]}`)
	if got := len(h.values(t, sales)); got != 3 {
		t.Errorf("got %d relayed, want 3", got)
	}
	h.settled(t.Context(), providers.Meta, followup.Settlement{}, followup.Settled{Due: true, Rearm: []followup.AssistantID{sales}}, nil)
}

// The clocks are the computer's unless others are given.
func TestDefaultClocks(t *testing.T) {
	t.Parallel()
	h := newHarness(t, func(p *Params) { p.Now, p.Real = nil, nil })
	for name, clock := range map[string]func() time.Time{"domain": h.p.Now, "real": h.p.Real} {
		if clock == nil || time.Since(clock()) > time.Hour {
			t.Errorf("%s time: got no clock of the computer's, want one", name)
		}
	}
}

// If resolving fails the second time, the events from there on wait for the repetition, though
// leads were found for them the first time.
func TestI9SecondResolutionFails(t *testing.T) {
	t.Parallel()
	body := messages("n-sales",
		text("US.1", "wamid.1", minute(-3), "hi"), text("15550100001", "wamid.2", minute(-2), "me"),
		text("15550100001/US.1", "wamid.3", minute(-1), "both"))
	for fails := range 3 { // in the second round
		calls, settled := 0, 0
		s := &tappedStore{Store: memstore.New()}
		s.resolve = func() error {
			calls++
			if calls == 3+fails+1 {
				return errors.New("store away")
			}
			return nil
		}
		s.settle = func(st followup.Settlement) error { settled += len(st.Items); return nil }
		h := newHarnessOn(t, s.Store, func(p *Params) { p.Store = s })
		if err := h.postMeta(t.Context(), body); !errors.Is(err, webhook.ErrUnavailable) {
			t.Errorf("event %d fails: got %v, want ErrUnavailable", fails, err)
		}
		if settled != fails {
			t.Errorf("event %d fails: got %d events settled, want those before it", fails, settled)
		}
		h.meta(t, body)
		h.wantConversations(t, string(h.lead(t, tenantA, "US.1").ID)+" wamid.1 wamid.2 wamid.3")
	}
}

// A settlement is made in domain time and in real time.
func TestI12SettlementHasBothTimes(t *testing.T) {
	t.Parallel()
	real := now.Add(-48 * time.Hour)
	s := &tappedStore{Store: memstore.New()}
	s.settle = func(st followup.Settlement) error {
		if !st.Now.Equal(now) || !st.Real.Equal(real) {
			t.Errorf("got settled at %v, really %v, want %v and %v", st.Now, st.Real, now, real)
		}
		return nil
	}
	h := newHarnessOn(t, s.Store, func(p *Params) { p.Store, p.Real = s, func() time.Time { return real } })
	h.meta(t, messages("n-sales", text("15550100001", "wamid.1", minute(-1), "hi")))
}

// A body about many leads takes at most the bound of concurrent calls.
func TestLeadsInParallelAreBounded(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var now, most atomic.Int64
		in := newHarness(t, nil).Ingest
		groups := make([][]*arrival, 3*parallel)
		if err := in.each(groups, func([]*arrival) error {
			if n := now.Add(1); n > most.Load() {
				most.Store(n)
			}
			time.Sleep(time.Second) // until all that may run are running
			now.Add(-1)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		if got := most.Load(); got != parallel {
			t.Errorf("got %d at once, want %d", got, parallel)
		}
	})
}
