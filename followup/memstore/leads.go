package memstore

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"wagate/followup"
	"wagate/providers"
)

func aliasesOf(tenant followup.TenantID, who followup.Identity) []alias {
	var out []alias
	for _, a := range []alias{
		{tenant, "phone", followup.CanonicalPhone(who.Phone)},
		{tenant, "user", who.UserID},
		{tenant, "external", who.ExternalID},
		{tenant, "phone", followup.CanonicalPhone(who.OldPhone)},
		{tenant, "user", who.OldUserID},
	} {
		if a.id != "" {
			out = append(out, a)
		}
	}
	return out
}

// Resolve implements followup.LeadStore.
func (s *Store) Resolve(ctx context.Context, tenant followup.TenantID, who followup.Identity, create bool, now time.Time) (followup.LeadID, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return "", err
	}
	defer unlock()

	var known []*lead
	var named *lead
	if who.Lead != "" {
		named = s.heir(s.leads[who.Lead])
		if named == nil || named.standIn || named.rec.Tenant != tenant {
			return "", followup.ErrNotFound
		}
		known = append(known, named)
	}
	var gone [2]bool
	if who.UserID != "" && !who.Sole {
		who.Phone, gone[0] = s.held(tenant, who.Phone, who.UserID, named, named != nil)
	}
	if who.OldUserID != "" || named != nil {
		who.OldPhone, gone[1] = s.held(tenant, who.OldPhone, who.OldUserID, named, true)
	}
	names := aliasesOf(tenant, who)
	for _, a := range names {
		given := a.kind == "phone" && (gone[0] && a.id == followup.CanonicalPhone(who.Phone) ||
			gone[1] && a.id == followup.CanonicalPhone(who.OldPhone))
		l := s.leads[s.aliases[a]]
		if l != nil && who.Sole && l != named {
			return "", followup.ErrConflict
		}
		if l != nil && !given && !slices.Contains(known, l) {
			known = append(known, l)
		}
	}
	if len(known) == 0 {
		if !create || len(names) == 0 {
			return "", followup.ErrNotFound
		}
		l := newLead(followup.Lead{ID: followup.NewLeadID(), Tenant: tenant, CreatedAt: ms(now), UpdatedAt: ms(now)})
		s.leads[l.rec.ID] = l
		known = []*lead{l}
	}
	slices.SortFunc(known, func(a, b *lead) int {
		return cmp.Or(a.rec.CreatedAt.Compare(b.rec.CreatedAt), cmp.Compare(a.rec.ID, b.rec.ID))
	})
	winner := known[0]
	for _, loser := range known[1:] {
		s.merge(winner, loser, now)
	}
	for _, a := range names {
		s.aliases[a] = winner.rec.ID
	}
	if create || len(names) > 1 || len(names) > 0 && who.Lead != "" { // a single identity that was only looked up is known already
		winner.learn(now, "", who.Phone, who.UserID, who.ExternalID)
	}
	for _, id := range standIns(names) {
		s.adopt(winner, id, now)
	}
	return winner.rec.ID, nil
}

// held applies HoldOf to a phone that comes with a user id, or that the named lead had before. It
// returns the phone, or "" if the phone is held by another lead and must be ignored; gone is true if
// the lead that the phone leads to has given it up.
func (s *Store) held(tenant followup.TenantID, phone, user string, named *lead, had bool) (is string, gone bool) {
	holder := s.leads[s.aliases[alias{tenant, "phone", followup.CanonicalPhone(phone)}]]
	other := s.leads[s.aliases[alias{tenant, "user", user}]]
	if phone == "" || holder == nil || holder == other || holder == named {
		return phone, false
	}
	var rec *followup.Lead
	if other = cmp.Or(named, other); other != nil {
		rec = &other.rec
	}
	switch followup.HoldOf(phone, user, holder.rec, rec, had) {
	case followup.GivenUp:
		return phone, true
	case followup.HeldByAnother:
		return "", false
	}
	return phone, false
}

// standIns returns the ContactLead stand-ins of these identities.
func standIns(names []alias) []followup.LeadID {
	var out []followup.LeadID
	for _, a := range names {
		switch a.kind {
		case "phone":
			out = append(out, followup.ContactLead(a.tenant, followup.Identity{Phone: a.id}))
		case "user":
			out = append(out, followup.ContactLead(a.tenant, followup.Identity{UserID: a.id}))
		}
	}
	return out
}

// adopt imports what was settled under a stand-in into the lead, and makes the stand-in point to it.
func (s *Store) adopt(l *lead, id followup.LeadID, now time.Time) {
	if was := s.leads[id]; was != nil && was.movedTo == "" {
		s.merge(l, was, now)
	}
	pointer := newLead(followup.Lead{ID: id, Tenant: l.rec.Tenant})
	pointer.standIn, pointer.movedTo, pointer.until = true, l.rec.ID, now.Add(followup.PointerAge)
	s.leads[id] = pointer
}

// learn fills in what the record lacks. It ignores a phone that comes with a user id other than the
// record's: the contact may have had it before, or has not used it yet.
func (l *lead) learn(now time.Time, name, phone, user, external string) {
	if l.hasOther(user) {
		phone = ""
	}
	before := [...]string{l.rec.Name, l.rec.Phone, l.rec.UserID, l.rec.ExternalID}
	l.rec.Name = cmp.Or(l.rec.Name, name)
	l.setIdentity(cmp.Or(l.rec.Phone, phone), cmp.Or(l.rec.UserID, user))
	l.rec.ExternalID = cmp.Or(l.rec.ExternalID, external)
	if before != [...]string{l.rec.Name, l.rec.Phone, l.rec.UserID, l.rec.ExternalID} {
		l.changed(now)
	}
}

func (l *lead) hasOther(user string) bool {
	return user != "" && l.rec.UserID != "" && user != l.rec.UserID
}

// learnContact fills in what the record lacks from the contact as WhatsApp names it. Of the spellings
// of its phone, the record keeps the one heard last.
func (l *lead) learnContact(now time.Time, c providers.Contact) {
	if c.Phone != "" && c.Phone == followup.PhoneTwin(l.rec.Phone) && !l.hasOther(c.UserID) {
		l.rec.Phone = c.Phone
		l.changed(now)
	}
	l.learn(now, c.Name, c.Phone, c.UserID, "")
}

// Lead implements followup.LeadStore.
func (s *Store) Lead(ctx context.Context, tenant followup.TenantID, id followup.LeadID) (followup.Lead, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return followup.Lead{}, err
	}
	defer unlock()
	l, err := s.find(tenant, id)
	if err != nil {
		return followup.Lead{}, followup.ErrNotFound
	}
	return l.view(), nil
}

// Leads implements followup.LeadStore.
func (s *Store) Leads(ctx context.Context, tenant followup.TenantID, f followup.LeadFilter) ([]followup.Lead, int, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, 0, err
	}
	defer unlock()

	var all []*lead
	for _, l := range s.leads {
		if l.rec.Tenant == tenant && !l.standIn && !l.moved() {
			all = append(all, l)
		}
	}
	slices.SortFunc(all, func(a, b *lead) int {
		return -cmp.Or(a.rec.CreatedAt.Compare(b.rec.CreatedAt), cmp.Compare(a.rec.ID, b.rec.ID))
	})
	if f.Name != "" {
		all = page(all, followup.ScanLimit, 0)
	}
	matches := slices.DeleteFunc(all, func(l *lead) bool {
		return f.Phone != "" && s.aliases[alias{tenant, "phone", followup.CanonicalPhone(f.Phone)}] != l.rec.ID ||
			f.StatusID != "" && l.rec.StatusID != f.StatusID ||
			!strings.Contains(strings.ToLower(l.rec.Name), strings.ToLower(f.Name))
	})
	out := []followup.Lead{}
	for _, l := range page(matches, f.Limit, f.Offset) {
		out = append(out, l.view())
	}
	return out, len(matches), nil
}

// PutLead implements followup.LeadStore.
func (s *Store) PutLead(ctx context.Context, p followup.PutLead) (followup.RunID, error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return "", err
	}
	defer unlock()
	l, err := s.find(p.Lead.Tenant, p.Lead.ID)
	if err != nil {
		return "", err
	}
	if l.rec.Revision != p.Lead.Revision {
		return "", followup.ErrConflict
	}

	t := s.begin(l, p.Now, p.Real)
	defer func() { s.reportEnded(t.ended) }()
	optsOut := p.Lead.OptedOut && !l.rec.OptedOut
	if p.Lead.OptedOut != l.rec.OptedOut {
		at := t.now
		if !p.Lead.OptedOut {
			at = at.Truncate(time.Second).Add(-followup.ResumeMargin)
		}
		l.optedAt = followup.Later(l.optedAt, at)
	}
	created := l.rec.CreatedAt
	l.setIdentity(p.Lead.Phone, p.Lead.UserID)
	l.rec = p.Lead
	l.rec.CreatedAt, l.rec.CRMAt, l.rec.Windows = created, ms(p.Lead.CRMAt), nil
	if p.Lead.CustomFields != nil {
		l.rec.CustomFields = cloneFields(p.Lead.CustomFields)
	}
	l.changed(p.Now)
	if !p.WindowFrom.IsZero() && p.Lead.Channel != "" {
		l.open(p.Lead.Channel, earlier(p.WindowFrom, p.Now), providers.Contact{})
	}
	if optsOut {
		t.endAll(followup.OptedOut)
	}
	if !p.StatusChanged {
		return "", nil
	}
	for _, r := range l.liveRuns() {
		if p.Arm != nil && r.Assistant == p.Arm.Assistant {
			t.end(r, followup.Restarted)
		} else {
			t.end(r, followup.StatusLeft)
		}
	}
	clear(l.rearms)
	if p.Arm == nil {
		return "", nil
	}
	return t.start(*p.Arm), nil
}

// EraseLead implements followup.LeadStore.
func (s *Store) EraseLead(ctx context.Context, tenant followup.TenantID, id followup.LeadID, _ time.Time) error {
	unlock, err := s.lock(ctx)
	if err != nil {
		return err
	}
	defer unlock()
	l, err := s.find(tenant, id)
	if err != nil {
		return followup.ErrNotFound
	}
	// The record may have identities that no event has linked to the lead yet.
	his := aliasesOf(tenant, followup.Identity{Phone: l.rec.Phone, UserID: l.rec.UserID, ExternalID: l.rec.ExternalID})
	gone := append([]followup.LeadID{id}, standIns(his)...)
	for a, owner := range s.aliases {
		if owner == id {
			delete(s.aliases, a)
			gone = append(gone, standIns([]alias{a})...)
		}
	}
	for letter, d := range s.dead {
		if slices.Contains(gone, d.Lead) {
			delete(s.dead, letter)
		}
	}
	for _, standIn := range gone[1:] {
		delete(s.leads, standIn)
	}
	var all []*lead // collected before the first bury: a buried lead is nobody's heir
	for _, other := range s.leads {
		if s.heir(other) == l {
			all = append(all, other)
		}
	}
	for _, one := range all {
		s.bury(one)
	}
	return nil
}

// bury replaces a lead by an empty tombstone.
func (s *Store) bury(l *lead) {
	var ended []followup.Ended
	for _, r := range l.liveRuns() {
		ended = append(ended, followup.Ended{Run: r.ID, Step: r.Step + 1, Reason: followup.Erased})
	}
	s.reportEnded(ended)
	gone := newLead(followup.Lead{ID: l.rec.ID, Tenant: l.rec.Tenant})
	gone.erased = true
	s.leads[l.rec.ID] = gone
}
