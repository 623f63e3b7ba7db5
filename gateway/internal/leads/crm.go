package leads

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"wagate/followup"
	"wagate/gateway/internal/fault"
	"wagate/providers/secret"
)

// Outcome is what became of a CRM event that was in order.
type Outcome string

// The outcomes.
const (
	Applied Outcome = "applied"
	Ignored Outcome = "ignored" // an event nobody asked for
	Stale   Outcome = "stale"   // not newer than what was applied before
)

// crmEvents lists the events that are applied. All of them say how the lead is
// now, so there is one way to apply them.
var crmEvents = []string{"lead.created", "lead.updated", "lead.status_changed"}

// maxAhead is how far the clock of a CRM may run ahead. An event from further
// in the future would make the lead deaf to all that follow.
const maxAhead = 24 * time.Hour

// resolveTries bounds how often a lead that was merged away under us is looked
// for again.
const resolveTries = 3

var errStale = errors.New("leads: stale event")

// CRM takes in one event of the tenant's CRM: the signature over the bytes as
// they came is checked before anything is read. The lead is the one of our id,
// if there is one; else it is found by its identities, and created if nobody
// has them.
func (s *Service) CRM(ctx context.Context, tenant followup.TenantID, signature string, body []byte) (Outcome, error) {
	secrets := s.crmSecrets[tenant]
	if len(secrets) == 0 {
		return "", fault.Missing("webhook")
	}
	if !secret.Signed(secrets, signature, body) {
		return "", fault.New(fault.Unauthorized, "the signature does not fit the body")
	}
	e, err := s.readEvent(ctx, tenant, body)
	if e.unknown != nil { // a lead that is not the tenant's stays unknown, whatever is said of it
		return "", e.unknown
	}
	if err != nil {
		return "", err
	}
	if !slices.Contains(crmEvents, e.name) {
		return Ignored, nil
	}
	for try := 1; ; try++ {
		err := s.applyEvent(ctx, tenant, e)
		switch {
		case err == nil:
			return Applied, nil
		case errors.Is(err, errStale):
			return Stale, nil
		case (errors.Is(err, followup.ErrLeadMoved) || isMissing(err) && !e.named) && try < resolveTries:
			continue // he is whoever has his identities by now
		}
		return "", err
	}
}

// event is a CRM event, checked.
type event struct {
	name  string
	at    time.Time
	named bool            // by an id that is meant to be ours
	lead  followup.LeadID // that id; empty if it cannot be one of ours
	patch patch
	found *fault.Problems // empty, kept for the checks against the record
	// unknown is why there is no lead of that id; nil if there is.
	unknown error
}

func (s *Service) readEvent(ctx context.Context, tenant followup.TenantID, body []byte) (event, error) {
	envelope, err := fault.Object(body)
	if err != nil {
		return event{}, err
	}
	var e event
	var problems fault.Problems
	readString(envelope, "event", &e.name, &problems)
	if problems.None() && !slices.Contains(crmEvents, e.name) {
		return e, nil // whatever else it holds is not ours to judge
	}
	var stamp string
	if readString(envelope, "timestamp", &stamp, &problems); stamp != "" {
		var problem string
		if e.at, problem = instant(stamp); problem == "" && e.at.After(s.real().Add(maxAhead)) {
			problem = "is more than a day in the future"
		}
		if problem != "" {
			problems.Add("timestamp", "%s", problem)
		}
	}
	data, err := fault.Object(envelope["data"])
	switch {
	case len(envelope["data"]) == 0:
		problems.Absent("data")
	case err != nil:
		problems.Add("data", "must be an object")
	default:
		var shown patch
		if e.lead, e.named = leadNamed(data["id"]); e.named {
			var known followup.Lead
			if known, e.unknown = s.knows(ctx, tenant, e.lead); e.unknown == nil {
				shown = s.asShown(data, known)
			}
		}
		e.patch = parse(data, "data.", false, &problems)
		e.patch.references(s.tenant(tenant), "data.", &problems)
		e.patch.add(shown)
		e.patch.asOf = e.at.Add(s.now().Sub(s.real())) // leads say what they want in domain time
		if !e.named {
			check(e.patch.apply(followup.Lead{}), "data.", &problems)
		}
	}
	e.found = &problems
	return e, problems.Err()
}

// leadNamed reads the id of a lead; like everywhere, null and "" name nobody.
// An id that cannot be ours, such as a number, still names a lead: one that we
// do not have.
func leadNamed(raw json.RawMessage) (id followup.LeadID, named bool) {
	var s *string
	if err := json.Unmarshal(raw, &s); len(raw) == 0 || err == nil && (s == nil || *s == "") {
		return "", false
	}
	if s != nil {
		id, _ = followup.ParseLeadID(followup.CanonicalID(*s))
	}
	return id, true
}

// knows returns the lead, and a NotFound fault about data.id unless it is the tenant's.
func (s *Service) knows(ctx context.Context, tenant followup.TenantID, id followup.LeadID) (followup.Lead, error) {
	missing := fault.Missing("lead")
	missing.Details = []fault.Detail{{Field: "data.id", Problem: "is not a lead of this tenant"}}
	if id == "" {
		return followup.Lead{}, missing
	}
	l, err := s.load(ctx, tenant, id)
	if isMissing(err) {
		err = missing
	}
	return l, err
}

func readString(members map[string]json.RawMessage, name string, to *string, problems *fault.Problems) {
	raw, ok := members[name]
	if !ok {
		problems.Absent(name)
		return
	}
	if json.Unmarshal(raw, to) != nil || *to == "" {
		problems.Add(name, "must be a string, and not empty")
	}
}

func (s *Service) applyEvent(ctx context.Context, tenant followup.TenantID, e event) error {
	apply := s.tell(e)
	id, err := s.crmTarget(ctx, tenant, e, apply)
	if err != nil {
		return err
	}
	_, err = s.write(ctx, tenant, id, apply)
	return err
}

// tell returns the edit that applies the event, unless the lead knows something newer.
func (s *Service) tell(e event) edit {
	apply := s.edit(e.patch, "data.", e.found)
	return func(old followup.Lead) (draft, error) {
		if !e.at.After(old.CRMAt) {
			return draft{}, errStale
		}
		d, err := apply(old)
		d.lead.CRMAt = e.at
		return d, err
	}
}

// crmTarget finds the lead that an event is about. Identities of several leads
// make these one, as long as the CRM does not know two of them by ids of its
// own, and neither phone nor external id is one that its lead gave up. What apply would
// refuse makes and names nobody.
func (s *Service) crmTarget(ctx context.Context, tenant followup.TenantID, e event, apply edit) (followup.LeadID, error) {
	if e.named {
		_, err := s.knows(ctx, tenant, e.lead)
		return e.lead, err
	}
	who := e.patch.identity()
	owners := map[followup.LeadID]string{} // lead to its external id
	of := map[string]followup.Lead{}
	for _, k := range kinds {
		v := k.of(who)
		if v == "" {
			continue
		}
		id, ok, err := s.owner(ctx, tenant, k.with(followup.Identity{}, v))
		if err != nil {
			return "", err
		}
		if !ok {
			continue
		}
		l, err := s.load(ctx, tenant, id)
		if isMissing(err) {
			continue // moved or erased since
		}
		if err != nil {
			return "", err
		}
		owners[id], of[k.field] = l.ExternalID, l
	}
	if known(owners) > 1 {
		return "", exists(fault.Detail{Field: "data", Problem: "names two leads with an external_id each"})
	}
	if lead, named := of["external_id"]; named && lead.ExternalID != who.ExternalID && (len(owners) > 1 || !matches(who, lead)) {
		return "", exists(fault.Detail{Field: "data.external_id", Problem: "is one that its lead gave up; the other identities are of another"})
	}
	if strangers(who, of) {
		return "", exists(fault.Detail{Field: "data.phone", Problem: "belongs to another lead"})
	}
	if gaveUp(who, of) {
		return "", exists(fault.Detail{Field: "data.phone", Problem: "is one that its lead gave up; who has it now shows by a user_id"})
	}
	if _, err := apply(become(who, of)); err != nil {
		return "", err
	}
	if lead, all := leadOf(who, of); all {
		return lead, nil // Resolve would have the record learn what the event may yet be too old to tell
	}
	id, err := s.store.Resolve(ctx, tenant, who, true, s.now())
	if err != nil {
		return "", fmt.Errorf("resolve lead: %w", err)
	}
	return id, nil
}

// become returns what is known of the lead that Resolve will make of the owners.
func become(who followup.Identity, of map[string]followup.Lead) followup.Lead {
	var owners []followup.Lead
	for field, l := range of {
		if field != "phone" || holdOf(who, of) == followup.HeldBySame {
			owners = append(owners, l)
		}
	}
	slices.SortFunc(owners, func(a, b followup.Lead) int { // as Resolve takes them in
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	var l followup.Lead
	for _, o := range owners {
		l = l.TakeIn(o)
	}
	return l
}

// leadOf returns the lead whose all identities are already; all is false if they are not.
func leadOf(who followup.Identity, of map[string]followup.Lead) (id followup.LeadID, all bool) {
	for _, k := range kinds {
		if k.of(who) == "" {
			continue
		}
		l, owned := of[k.field]
		if !owned || id != "" && l.ID != id {
			return "", false
		}
		id = l.ID
	}
	return id, true
}

// holdOf tells whose the phone is if a user id comes with it that leads elsewhere, or nowhere yet.
func holdOf(who followup.Identity, of map[string]followup.Lead) followup.Hold {
	holder, held := of["phone"]
	lead, known := of["user_id"]
	switch {
	case !held || who.UserID == "" || holder.ID == lead.ID:
		return followup.HeldBySame
	case known:
		return followup.HoldOf(who.Phone, who.UserID, holder, &lead, false)
	}
	return followup.HoldOf(who.Phone, who.UserID, holder, nil, false)
}

// matches reports whether neither the phone nor the user id is another than the lead's.
func matches(who followup.Identity, lead followup.Lead) bool {
	who.ExternalID = ""
	return agree(who, identityOf(lead))
}

// strangers reports whether the phone is of somebody else than the lead that the user id leads
// to; without one, than the lead that the CRM knows by its id: of whom has it since that lead
// gave it up.
func strangers(who followup.Identity, of map[string]followup.Lead) bool {
	holder, held := of["phone"]
	lead, named := of["external_id"]
	switch {
	case !held || holder.ID == lead.ID:
		return false
	case who.UserID != "":
		return holdOf(who, of) == followup.HeldByAnother
	}
	return named && followup.HoldOf(who.Phone, "", holder, &lead, true) == followup.HeldByAnother
}

// gaveUp reports whether the phone leads to somebody who has another one now, and nothing
// else says that he is meant: what is for whoever has the number would go to him, or the
// other way round.
func gaveUp(who followup.Identity, of map[string]followup.Lead) bool {
	holder, held := of["phone"]
	_, named := of["external_id"]
	return held && !named && who.UserID == "" && holder.Phone != "" && !followup.SamePhone(holder.Phone, who.Phone)
}

// known counts the leads that the CRM knows by an id of its own.
func known(owners map[followup.LeadID]string) int {
	n := 0
	for _, externalID := range owners {
		if externalID != "" {
			n++
		}
	}
	return n
}
