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

// Outcome is what became of a valid CRM event.
type Outcome string

// The outcomes.
const (
	Applied Outcome = "applied"
	Ignored Outcome = "ignored" // the event is of another type than those that are applied
	Stale   Outcome = "stale"   // the event is not newer than the last one that was applied
)

// crmEvents lists the events that are applied. Each of them says what the lead is at its timestamp,
// so all are applied in the same way.
var crmEvents = []string{"lead.created", "lead.updated", "lead.status_changed"}

// maxAhead is how far the clock of a CRM may run ahead. An event from further in the future would
// make all later events stale.
const maxAhead = 24 * time.Hour

// resolveTries bounds how often a lead is looked for again after it was merged away or another
// writer was faster.
const resolveTries = 3

var errStale = errors.New("leads: stale event")

// CRM applies one event of the tenant's CRM. It checks the signature over the bytes as they came
// before it reads them. If the event has an id, the lead is the one with that id; otherwise CRM
// finds the lead by its identities, and creates it if no lead has them.
func (s *Service) CRM(ctx context.Context, tenant followup.TenantID, signature string, body []byte) (Outcome, error) {
	secrets := s.crmSecrets[tenant]
	if len(secrets) == 0 {
		return "", fault.Missing("webhook")
	}
	if !secret.Signed(secrets, signature, body) {
		return "", fault.New(fault.Unauthorized, "the signature does not fit the body")
	}
	e, err := s.readEvent(ctx, tenant, body)
	if e.unknown != nil { // before other problems: nothing may be learned about another tenant's lead
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
			continue // find the lead that has the identities by now
		}
		return "", err
	}
}

// event is a CRM event that has been checked.
type event struct {
	name  string
	at    time.Time
	named bool            // whether the event has an id, which must be one of ours
	lead  followup.LeadID // that id; empty if it cannot be one of ours
	patch patch
	found *fault.Problems // the problems found so far; empty in an event that is applied
	// unknown is the fault if the event has an id that is not a lead of the tenant.
	unknown error
}

// readEvent decodes and checks an event. For an event that is to be ignored it checks nothing but
// the name.
func (s *Service) readEvent(ctx context.Context, tenant followup.TenantID, body []byte) (event, error) {
	envelope, err := fault.Object(body)
	if err != nil {
		return event{}, err
	}
	var e event
	var problems fault.Problems
	readString(envelope, "event", &e.name, &problems)
	if problems.None() && !slices.Contains(crmEvents, e.name) {
		return e, nil // the rest of an event that is ignored is not checked
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
			if known, e.unknown = s.leadByID(ctx, tenant, e.lead); e.unknown == nil {
				shown = s.asShown(data, known)
			}
		}
		e.patch = parse(data, "data.", false, &problems)
		e.patch.references(s.tenant(tenant), "data.", &problems)
		e.patch.add(shown)
		e.patch.asOf = e.at.Add(s.now().Sub(s.real())) // in domain time, like the lead's OptOutSaidAt
		if !e.named {
			check(e.patch.apply(followup.Lead{}), "data.", &problems)
		}
	}
	e.found = &problems
	return e, problems.Err()
}

// leadNamed reads the id of a lead. As everywhere, null and "" are no id. An id that cannot be ours,
// such as a number, still names a lead, one that does not exist: id is then empty and named true.
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

// leadByID returns the lead, or a NotFound fault about data.id if it is not the tenant's.
func (s *Service) leadByID(ctx context.Context, tenant followup.TenantID, id followup.LeadID) (followup.Lead, error) {
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
	apply := s.eventEdit(e)
	id, err := s.crmTarget(ctx, tenant, e, apply)
	if err != nil {
		return err
	}
	_, err = s.write(ctx, tenant, id, apply)
	return err
}

// eventEdit returns the edit that applies the event. The edit returns errStale if the lead's last
// CRM event is not older than this one.
func (s *Service) eventEdit(e event) edit {
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

// crmTarget returns the lead that an event is about. If the identities belong to several leads,
// these are merged, unless two of them have an external id or the phone or the external id is one
// that its lead gave up; then the event is a conflict. crmTarget tries apply first: for an event
// that apply refuses, no lead is created, merged or given an identity.
func (s *Service) crmTarget(ctx context.Context, tenant followup.TenantID, e event, apply edit) (followup.LeadID, error) {
	if e.named {
		_, err := s.leadByID(ctx, tenant, e.lead)
		return e.lead, err
	}
	who := e.patch.identity()
	owners := map[followup.LeadID]string{} // the external id of each lead
	of := map[string]followup.Lead{}       // the lead that each identity leads to, by field
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
			continue // the lead was merged away or erased since
		}
		if err != nil {
			return "", err
		}
		owners[id], of[k.field] = l.ExternalID, l
	}
	if withExternalID(owners) > 1 {
		return "", exists(fault.Detail{Field: "data", Problem: "names two leads with an external_id each"})
	}
	if lead, named := of["external_id"]; named && lead.ExternalID != who.ExternalID && (len(owners) > 1 || !matches(who, lead)) {
		return "", exists(fault.Detail{Field: "data.external_id", Problem: "was given up by its lead, and the other identities belong to another lead"})
	}
	if phoneOfAnother(who, of) {
		return "", exists(fault.Detail{Field: "data.phone", Problem: "belongs to another lead"})
	}
	if gaveUp(who, of) {
		return "", exists(fault.Detail{Field: "data.phone", Problem: "was given up by its lead; send the user_id of whoever has it now"})
	}
	if _, err := apply(mergedRecord(who, of)); err != nil {
		return "", err
	}
	if lead, all := leadOf(who, of); all {
		return lead, nil // without Resolve, which would write identities to the record though the event may yet be stale
	}
	id, err := s.store.Resolve(ctx, tenant, who, true, s.now())
	if err != nil {
		return "", fmt.Errorf("resolve lead: %w", err)
	}
	return id, nil
}

// mergedRecord returns the record of the lead that Resolve will make of the identities' leads.
func mergedRecord(who followup.Identity, of map[string]followup.Lead) followup.Lead {
	var owners []followup.Lead
	for field, l := range of {
		if field != "phone" || holdOf(who, of) == followup.HeldBySame {
			owners = append(owners, l)
		}
	}
	slices.SortFunc(owners, func(a, b followup.Lead) int { // the order in which Resolve merges them
		return cmp.Or(a.CreatedAt.Compare(b.CreatedAt), cmp.Compare(a.ID, b.ID))
	})
	var l followup.Lead
	for _, o := range owners {
		l = l.TakeIn(o)
	}
	return l
}

// leadOf returns the lead that all the identities lead to; all is false if there is no such lead.
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

// holdOf says what the lead that the phone leads to is to the person in who, if who also has a user
// id and that leads to another lead or to none yet.
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

// matches reports whether neither the phone nor the user id differs from the lead's.
func matches(who followup.Identity, lead followup.Lead) bool {
	who.ExternalID = ""
	return agree(who, identityOf(lead))
}

// phoneOfAnother reports whether the phone belongs to somebody else than the lead that the user id
// leads to. If there is no user id, it compares with the lead that the external id leads to: that
// lead may have given up the phone, and somebody else has it since.
func phoneOfAnother(who followup.Identity, of map[string]followup.Lead) bool {
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

// gaveUp reports whether the phone leads to a lead that has another phone by now, and no other
// identity says that this lead is meant. The event may then be about that lead or about whoever has
// the number since, and either guess could write one person's data to the other's record.
func gaveUp(who followup.Identity, of map[string]followup.Lead) bool {
	holder, held := of["phone"]
	_, named := of["external_id"]
	return held && !named && who.UserID == "" && holder.Phone != "" && !followup.SamePhone(holder.Phone, who.Phone)
}

// withExternalID counts the leads that have an external id.
func withExternalID(owners map[followup.LeadID]string) int {
	n := 0
	for _, externalID := range owners {
		if externalID != "" {
			n++
		}
	}
	return n
}
