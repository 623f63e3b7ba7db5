package leads

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"wagate/followup"
	"wagate/gateway/internal/fault"
	"wagate/gateway/internal/view"
)

// Create creates a lead from a JSON object and returns it. If another lead has any of the
// identities, the error is a conflict that names each of them; a blank lead with agreeing
// identities is completed instead.
func (s *Service) Create(ctx context.Context, tenant followup.TenantID, body []byte) (View, error) {
	var problems fault.Problems
	members, err := fault.Members(body, "", &problems)
	if err != nil {
		return View{}, err
	}
	p := parse(members, "", true, &problems)
	if p.name.value == "" && !problems.Has("name") {
		problems.Absent("name")
	}
	p.references(s.tenant(tenant), "", &problems)
	check(p.apply(followup.Lead{}), "", &problems)
	s.opening(p, followup.Lead{}, "", &problems)
	if err := problems.Err(); err != nil {
		return View{}, err
	}
	id, err := s.newLead(ctx, tenant, p.identity())
	if err != nil {
		return View{}, err
	}
	l, err := s.write(ctx, tenant, id, func(old followup.Lead) (draft, error) {
		if !blank(old) {
			return draft{}, exists() // another writer has written the record since newLead looked
		}
		return draft{lead: p.apply(old), window: s.opening(p, old, "", &problems)}, nil
	})
	if err != nil {
		return View{}, err
	}
	return s.view(l), nil
}

// newLead returns a lead with these identities, to be written. It creates the lead, unless there is
// a blank one whose identities agree with these: an earlier creation got no further than that. Any
// other lead with one of the identities is a conflict.
func (s *Service) newLead(ctx context.Context, tenant followup.TenantID, who followup.Identity) (followup.LeadID, error) {
	for try := 1; ; try++ {
		var blanks []followup.LeadID
		if err := s.taken(ctx, tenant, who, func(l followup.Lead) bool {
			if !blank(l) || !agree(who, identityOf(l)) {
				return false
			}
			if !slices.Contains(blanks, l.ID) {
				blanks = append(blanks, l.ID)
			}
			return true
		}); err != nil {
			return "", err
		}
		is := who
		is.Sole = len(blanks) < 2 // Resolve merges several blank leads into one
		if len(blanks) == 1 {
			is.Lead = blanks[0]
		}
		id, err := s.store.Resolve(ctx, tenant, is, true, s.now())
		faster := errors.Is(err, followup.ErrConflict) || errors.Is(err, followup.ErrNotFound)
		if faster && try < resolveTries {
			continue
		}
		if err != nil {
			return "", fmt.Errorf("resolve lead: %w", err)
		}
		return id, nil
	}
}

// agree reports whether no identity that both a and b have differs between them.
func agree(a, b followup.Identity) bool {
	a.Phone, b.Phone = followup.CanonicalPhone(a.Phone), followup.CanonicalPhone(b.Phone)
	for _, k := range kinds {
		if x, y := k.of(a), k.of(b); x != "" && y != "" && x != y {
			return false
		}
	}
	return true
}

// Get returns a lead, or a NotFound fault if it is not the tenant's.
func (s *Service) Get(ctx context.Context, tenant followup.TenantID, id string) (View, error) {
	lead, err := followup.ParseLeadID(id)
	if err != nil {
		return View{}, fault.Missing("lead")
	}
	l, err := s.load(ctx, tenant, lead)
	if err != nil {
		return View{}, err
	}
	return s.view(l), nil
}

// Update changes the fields of a lead that a JSON object names, and returns the lead.
func (s *Service) Update(ctx context.Context, tenant followup.TenantID, id string, body []byte) (View, error) {
	lead, err := followup.ParseLeadID(id)
	if err != nil {
		return View{}, fault.Missing("lead")
	}
	known, err := s.load(ctx, tenant, lead)
	if err != nil {
		return View{}, err // before the body is checked: nothing may be learned about another tenant's lead
	}
	var problems fault.Problems
	members, err := fault.Members(body, "", &problems)
	if err != nil {
		return View{}, err
	}
	shown := s.asShown(members, known)
	p := parse(members, "", true, &problems)
	p.references(s.tenant(tenant), "", &problems)
	p.add(shown)
	_ = json.Unmarshal(members["updated_at"], &p.asOf) // as GET gave it; anything else is ignored
	l, err := s.write(ctx, tenant, lead, s.edit(p, "", &problems))
	if err != nil {
		return View{}, err
	}
	return s.view(l), nil
}

// asShown removes from members the texts that equal what GET shows of the lead, and returns them as
// a patch. They are not checked: a number from a provider or a name from WhatsApp need not be one
// that a caller may set, and an assistant or a channel need no longer exist. They are still written,
// because the record may have changed by then.
func (s *Service) asShown(members map[string]json.RawMessage, known followup.Lead) (shown patch) {
	b, err := json.Marshal(s.view(known))
	if err != nil { // cannot happen: the view's values came from JSON
		panic(fmt.Sprintf("leads: marshal view: %v", err))
	}
	view, err := fault.Object(b)
	if err != nil {
		panic(fmt.Sprintf("leads: read view: %v", err))
	}
	for _, f := range writable {
		var now, given *string
		if f.in != nil && json.Unmarshal(view[f.name], &now) == nil && json.Unmarshal(members[f.name], &given) == nil &&
			now != nil && given != nil && *now == *given {
			delete(members, f.name)
			*f.in(&shown) = change[string]{set: true, value: *now}
		}
	}
	shown.phone.value = strings.TrimPrefix(shown.phone.value, "+")
	return shown
}

// edit returns the edit that applies the patch. The edit fails with the problems in found and those
// that the patch makes with the record.
func (s *Service) edit(p patch, prefix string, found *fault.Problems) edit {
	return func(old followup.Lead) (draft, error) {
		problems := found.Clone()
		next := p.apply(old)
		check(next, prefix, problems)
		from := s.opening(p, old, prefix, problems)
		return draft{lead: next, window: from}, problems.Err()
	}
}

// opening returns the instant from which the patch opens the window of the lead's channel, or zero
// if the patch does not open it: it has no last_inbound_at, or not a later one. A future instant
// counts as now. For a lead without a channel a last_inbound_at is a problem, unless it equals or
// precedes the one on record: the caller may put back what it was shown, and the lead may have
// written since.
func (s *Service) opening(p patch, old followup.Lead, prefix string, problems *fault.Problems) time.Time {
	at, last := p.lastInbound.value, lastInboundOf(old)
	channel := p.apply(old).Channel
	if !p.lastInbound.set || at.Equal(last) || channel == "" && at.Before(last) {
		return time.Time{}
	}
	if channel == "" && !problems.Has(prefix+"channel_id") {
		problems.Add(prefix+"last_inbound_at", "needs a channel_id: a window belongs to a channel")
	}
	if now := s.now(); at.After(now) {
		at = now
	}
	if !at.After(old.Windows[channel].LastInbound) {
		return time.Time{}
	}
	return at
}

// Delete erases a lead and everything that is known of it.
func (s *Service) Delete(ctx context.Context, tenant followup.TenantID, id string) error {
	lead, err := followup.ParseLeadID(id)
	if err != nil {
		return fault.Missing("lead")
	}
	err = s.store.EraseLead(ctx, tenant, lead, s.now())
	if errors.Is(err, followup.ErrNotFound) || errors.Is(err, followup.ErrLeadMoved) {
		return fault.Missing("lead")
	}
	if err != nil {
		return fmt.Errorf("erase lead: %w", err)
	}
	return nil
}

// Query selects leads.
type Query struct {
	Limit, Offset int
	// Search is a whole phone or a part of a name; empty: any lead.
	Search   string
	StatusID string // a UUID; empty: any status
}

// Check adds what is wrong with the query to problems.
func (q Query) Check(problems *fault.Problems) {
	if _, problem := id(q.StatusID); problem != "" && q.StatusID != "" {
		problems.Add("status_id", "%s", problem)
	}
}

// List returns one page of the tenant's leads that match the query, newest first.
func (s *Service) List(ctx context.Context, tenant followup.TenantID, q Query) (view.Page[View], error) {
	var problems fault.Problems
	if q.Check(&problems); !problems.None() {
		return view.Page[View]{}, problems.Err()
	}
	f := followup.LeadFilter{Limit: q.Limit, Offset: q.Offset, Now: s.now()}
	f.StatusID, _ = id(q.StatusID)
	if digits, ok := asPhone(q.Search); ok {
		f.Phone = digits
	} else {
		f.Name = strings.TrimSpace(q.Search)
	}
	leads, total, err := s.store.Leads(ctx, tenant, f)
	if err != nil {
		return view.Page[View]{}, fmt.Errorf("list leads: %w", err)
	}
	views := make([]View, 0, len(leads))
	for _, l := range leads {
		views = append(views, s.view(l))
	}
	return view.NewPage(views, total, q.Limit, q.Offset), nil
}

// asPhone reports whether a search is for a phone, and returns its digits. A search is for a phone
// if it consists of digits with the usual decoration, and of too many to be a part of a name.
func asPhone(search string) (digits string, ok bool) {
	const atLeast = 7
	digits, ok = undecorated(strings.TrimSpace(search))
	return digits, ok && len(digits) >= atLeast
}

func (s *Service) tenant(id followup.TenantID) followup.Tenant {
	t, _ := s.directory.Tenant(id) // an unknown tenant owns nothing, like the zero Tenant
	return t
}
