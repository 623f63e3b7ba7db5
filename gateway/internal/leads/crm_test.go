package leads_test

import (
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/gateway/internal/backendtest"
	"wagate/gateway/internal/fault"
	"wagate/gateway/internal/leads"
)

// crm posts a signed CRM event.
func (h *house) crm(body string) (leads.Outcome, error) {
	return h.Leads.CRM(h.Ctx(), acme, backendtest.SignCRM(secret, body), []byte(body))
}

// crmEvent returns the body of a CRM event that happened some seconds after the house's start.
func crmEvent(name string, after int, data string) string {
	at := backendtest.Start.Add(time.Duration(after) * time.Second).Format(time.RFC3339)
	return fmt.Sprintf(`{"event":%q,"timestamp":%q,"data":%s}`, name, at, data)
}

// wantCRM posts a CRM event and checks its outcome.
func (h *house) wantCRM(body string, want leads.Outcome) {
	h.t.Helper()
	if got, err := h.crm(body); err != nil || got != want {
		h.t.Errorf("%s: got %q, %v, want %q", body, got, err, want)
	}
}

// find returns the lead that has the identity.
func (h *house) find(who followup.Identity) leads.View {
	h.t.Helper()
	id, err := h.Store.Resolve(h.Ctx(), acme, who, false, h.Now())
	if err != nil {
		h.t.Fatalf("resolve %v: %v", who, err)
	}
	return h.get(id)
}

// TestI10CRMIsAuthenticatedBeforeParsing: an event whose signature does not fit is refused before
// its body is parsed, and the error does not tell the right signature. A tenant that has no secret,
// and one that does not exist, are not found.
func TestI10CRMIsAuthenticatedBeforeParsing(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	body := crmEvent("lead.created", 0, `{"external_id":"e1"}`)
	tests := []struct {
		name      string
		tenant    followup.TenantID
		signature string
		body      string
		want      fault.Code
	}{
		{"no signature", acme, "", body, fault.Unauthorized},
		{"not hex", acme, "zz", body, fault.Unauthorized},
		{"another secret", acme, backendtest.SignCRM("guess", body), body, fault.Unauthorized},
		{"cut short", acme, backendtest.SignCRM(secret, body)[:32], body, fault.Unauthorized},
		{"another body", acme, backendtest.SignCRM(secret, body), body + " ", fault.Unauthorized},
		{"not JSON, unsigned", acme, "", `{`, fault.Unauthorized},
		{"not JSON, signed", acme, backendtest.SignCRM(secret, `{`), `{`, fault.Validation},
		{"not JSON, signed with the old secret", acme, backendtest.SignCRM(backendtest.OldSecret, `{`), `{`, fault.Validation},
		{"tenant without a secret", other, backendtest.SignCRM("", body), body, fault.NotFound},
		{"unknown tenant", "nobody", backendtest.SignCRM("", body), body, fault.NotFound},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := h.Leads.CRM(h.Ctx(), tt.tenant, tt.signature, []byte(tt.body))
			f, ok := errors.AsType[*fault.Error](err)
			if !ok || f.Code != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
			if tt.want == fault.Unauthorized && strings.Contains(fmt.Sprint(err), backendtest.SignCRM(secret, body)) {
				t.Errorf("got error %v, want the right signature not in it", err)
			}
		})
	}
	if page, err := h.Leads.List(h.Ctx(), acme, leads.Query{Limit: 1}); err != nil || page.Pagination.Total != 0 {
		t.Errorf("got %d leads, error %v, want none", page.Pagination.Total, err)
	}
}

// TestCRMNamesEveryProblem: a bad event is refused with every problem at once.
func TestCRMNamesEveryProblem(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, body string
		code       fault.Code
		details    []string
	}{
		{"empty object", `{}`, fault.MissingField, []string{"event: is required", "timestamp: is required", "data: is required"}},
		{"wrong types", `{"event":"lead.created","timestamp":5,"data":[]}`, fault.Validation, []string{
			"timestamp: must be a string, and not empty", "data: must be an object",
		}},
		{"wrong values", `{"event":"lead.created","timestamp":"today","data":{"phone":"1"}}`, fault.Validation, []string{
			"timestamp: is not a time as in RFC 3339", "data.phone: needs the country code with +, such as +5511912345678",
		}},
		{"zero time", `{"event":"lead.created","timestamp":"0001-01-01T00:00:00Z","data":{"external_id":"e"}}`, fault.Validation, []string{"timestamp: must be after 1970-01-01T00:00:00Z"}},
		{"too far in the future", crmEvent("lead.created", 25*3600, `{"external_id":"e"}`), fault.Validation, []string{"timestamp: is more than a day in the future"}},
		{"no identity", crmEvent("lead.created", 0, `{"name":"A"}`), fault.MissingField, []string{
			"data.phone: is required, unless user_id or external_id is given",
		}},
		{"another tenant's channel", crmEvent("lead.created", 0, `{"external_id":"e","channel_id":"`+string(alien)+`"}`), fault.Validation, []string{
			"data.channel_id: is not a channel of this tenant",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			_, err := h.crm(tt.body)
			backendtest.WantFault(t, err, tt.code, tt.details...)
		})
	}
}

// TestI10UnknownIDFromCRMIsNotFound: an event whose id is not that of a lead of the tenant is
// refused and changes nothing, whatever identities stand beside the id. An id that is null or empty
// counts as absent.
func TestI10UnknownIDFromCRMIsNotFound(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	theirs, err := h.Leads.Create(h.Ctx(), other, []byte(`{"name":"Eve","external_id":"e9"}`))
	if err != nil {
		t.Fatal(err)
	}
	ana := h.create(`{"name":"Ana","phone":"+5511912345678","external_id":"e1"}`)
	gone := h.create(`{"name":"Bo","external_id":"e2"}`)
	if err := h.Leads.Delete(h.Ctx(), acme, string(gone.ID)); err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{
		`"` + string(followup.NewLeadID()) + `"`, `"` + string(theirs.ID) + `"`, `"` + string(gone.ID) + `"`, `"crm-7"`, `7`, `{}`, `" "`,
	} {
		for _, beside := range []string{
			`"phone":"+5511912345678"`, `"external_id":"e1"`, `"external_id":"e-new","phone":"+5511900000001"`, `"name":"X"`, `"phone":"five"`,
		} {
			_, err := h.crm(crmEvent("lead.updated", 1, `{"id":`+id+`,"company":"Lima",`+beside+`}`))
			backendtest.WantFault(t, err, fault.NotFound, "data.id: is not a lead of this tenant")
		}
	}
	page, err := h.Leads.List(h.Ctx(), acme, leads.Query{Limit: 10})
	if err != nil || page.Pagination.Total != 1 || backendtest.JSON(t, page.Data[0]) != backendtest.JSON(t, ana) {
		t.Errorf("got %s, error %v, want Ana alone, unchanged", backendtest.JSON(t, page), err)
	}
	for i, id := range []string{`null`, `""`, `"` + string(ana.ID) + `"`} {
		h.wantCRM(crmEvent("lead.updated", 2+i, `{"id":`+id+`,"external_id":"e1"}`), leads.Applied)
	}
}

// TestCRMCreatesFindsAndTriggers: CRM events create a lead, find it again by an identity or by its
// id, and start a run by a change of status. Unknown members and unknown events are ignored.
func TestCRMCreatesFindsAndTriggers(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.config()
	h.wantCRM(crmEvent("lead.created", 0, `{"external_id":"e1","phone":"+5511912345678","name":"Ana","tags":[1],"status":{"id":"x"}}`), leads.Applied)
	v := h.find(followup.Identity{ExternalID: "e1"})
	if *v.Name != "Ana" || *v.Phone != "+5511912345678" {
		t.Errorf("got %s, want Ana with her phone", backendtest.JSON(t, v))
	}
	h.wantCRM(crmEvent("lead.status_changed", 1, `{"external_id":"e1","status_id":"`+quoted+`"}`), leads.Applied)
	if runs := h.live(v.ID); len(runs) != 1 {
		t.Errorf("status changed: got %d live runs, want 1", len(runs))
	}
	h.wantCRM(crmEvent("lead.updated", 2, `{"id":"`+string(v.ID)+`","company":"Lima"}`), leads.Applied)
	if got := h.get(v.ID); *got.Company != "Lima" || *got.StatusID != quoted || len(h.live(v.ID)) != 1 {
		t.Errorf("got %s, want the company, and status and run as before", backendtest.JSON(t, got))
	}
	h.wantCRM(`{"event":"lead.deleted","data":"whatever"}`, leads.Ignored)
	h.wantCRM(crmEvent("message.sent", 3, `{}`), leads.Ignored)
}

// TestCRMMayPostLeadAsShown: a CRM may post a lead as the API shows it, even with values that the
// CRM could not set itself, such as an invalid phone.
func TestCRMMayPostLeadAsShown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.config()
	who := followup.Identity{Phone: "16505551234567"} // not valid in any country
	id, err := h.Store.Resolve(h.Ctx(), acme, who, true, h.Now())
	if err != nil {
		t.Fatal(err)
	}
	h.wrote(id, front, backendtest.Start.Add(-time.Hour))
	v, status := h.get(id), quoted
	v.StatusID = &status
	h.wantCRM(crmEvent("lead.status_changed", 1, backendtest.JSON(t, v)), leads.Applied)
	if got := h.get(id); got.StatusID == nil || *got.StatusID != quoted || *got.Phone != *v.Phone || len(h.live(id)) != 1 {
		t.Errorf("got %s and %d live runs, want the status and a run", backendtest.JSON(t, got), len(h.live(id)))
	}
	_, err = h.crm(crmEvent("lead.updated", 2, `{"id":"`+string(id)+`","phone":"+16505551234568"}`))
	backendtest.WantFault(t, err, fault.Validation, "data.phone: is not an international phone number, such as +5511912345678")
}

// TestI2CRMEventNotNewerIsIgnored: an event that is not newer than the lead's last CRM event
// changes nothing.
func TestI2CRMEventNotNewerIsIgnored(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.config()
	h.wantCRM(crmEvent("lead.updated", 10, `{"external_id":"e1","status_id":"`+archived+`"}`), leads.Applied)
	v := h.find(followup.Identity{ExternalID: "e1"})
	for _, after := range []int{10, 9, -3600} {
		h.wantCRM(crmEvent("lead.status_changed", after, `{"external_id":"e1","status_id":"`+quoted+`"}`), leads.Stale)
	}
	for _, want := range []leads.Outcome{leads.Applied, leads.Stale} { // the record keeps milliseconds of it
		h.wantCRM(`{"event":"lead.updated","timestamp":"2026-03-02T09:00:10.0015Z","data":{"external_id":"e1","name":"Ana"}}`, want)
	}
	if got := h.get(v.ID); *got.StatusID != archived || len(h.live(v.ID)) != 0 {
		t.Errorf("got %s, want the newer status and no run", backendtest.JSON(t, got))
	}
	h.wantCRM(crmEvent("lead.status_changed", 11, `{"external_id":"e1","status_id":"`+quoted+`"}`), leads.Applied)
	if len(h.live(v.ID)) != 1 {
		t.Errorf("after a newer event: got %d live runs, want 1", len(h.live(v.ID)))
	}
}

// TestI2SameCRMEventFiftyTimes: of fifty concurrent posts of one event one is applied, and it
// starts one run.
func TestI2SameCRMEventFiftyTimes(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.config()
	body := crmEvent("lead.created", 0, `{"external_id":"e1","phone":"+5511912345678","status_id":"`+quoted+`"}`)
	var wg sync.WaitGroup
	got := make([]leads.Outcome, 50)
	for i := range got {
		wg.Go(func() {
			var err error
			if got[i], err = h.crm(body); err != nil {
				t.Errorf("post %d: %v", i, err)
			}
		})
	}
	wg.Wait()
	applied := 0
	for _, o := range got {
		if o == leads.Applied {
			applied++
		}
	}
	all, err := h.Store.Runs(h.Ctx(), acme, h.find(followup.Identity{ExternalID: "e1"}).ID)
	if err != nil || applied != 1 || len(all) != 1 {
		t.Errorf("got %d events applied, %d runs, error %v, want 1 and 1", applied, len(all), err)
	}
}

// TestCRMFindsLeadWhoWrote: a lead that was created because an unknown contact wrote is the person
// that a CRM event names by that phone, even if the CRM has a lead of its own already: the two are
// merged. Two leads with an external_id each are not merged.
func TestCRMFindsLeadWhoWrote(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	// An unknown contact wrote, so there is a lead with a window.
	id, err := h.Store.Resolve(h.Ctx(), acme, followup.Identity{Phone: "5511912345678"}, true, h.Now())
	if err != nil {
		t.Fatal(err)
	}
	h.wrote(id, front, h.Now())

	h.wantCRM(crmEvent("lead.created", 0, `{"external_id":"e1","phone":"+5511912345678"}`), leads.Applied)
	if v := h.find(followup.Identity{ExternalID: "e1"}); v.ID != id || len(v.Windows) != 1 {
		t.Errorf("got %s, want lead %s with its window", backendtest.JSON(t, v), id)
	}

	// The CRM has a lead without a phone and then learns that it is the contact who wrote.
	h.Advance(time.Minute)
	second, err := h.Store.Resolve(h.Ctx(), acme, followup.Identity{Phone: "5511912345679"}, true, h.Now())
	if err != nil {
		t.Fatal(err)
	}
	h.wrote(second, front, h.Now())
	h.wantCRM(crmEvent("lead.created", 100, `{"external_id":"e2","name":"Bo"}`), leads.Applied)
	h.wantCRM(crmEvent("lead.updated", 101, `{"external_id":"e2","phone":"+5511912345679"}`), leads.Applied)
	v := h.find(followup.Identity{ExternalID: "e2"})
	if w := h.find(followup.Identity{Phone: "5511912345679"}); w.ID != v.ID || len(v.Windows) != 1 || *v.Name != "Bo" {
		t.Errorf("got %s and %s, want one lead named Bo with a window", backendtest.JSON(t, v), backendtest.JSON(t, w))
	}

	// Two leads with an external_id each are two people.
	_, err = h.crm(crmEvent("lead.updated", 102, `{"external_id":"e2","phone":"+5511912345678"}`))
	backendtest.WantFault(t, err, fault.AlreadyExists, "data: names two leads with an external_id each")
}

// TestCRMDoesNotMergeByFormerExternalID: a lead had the external id of another by mistake and has
// given it up. The CRM's next event with that id and the other's phone does not merge the two.
func TestCRMDoesNotMergeByFormerExternalID(t *testing.T) {
	t.Parallel()
	for _, to := range []string{`null`, `"e2"`} {
		t.Run(to, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			ana := h.create(`{"name":"Ana","phone":"+5511912345678","external_id":"e1"}`)
			bo := h.create(`{"name":"Bo","phone":"+5511912345679"}`)
			if err := h.update(string(ana.ID), `{"external_id":`+to+`}`); err != nil {
				t.Fatalf("update: %v", err)
			}
			_, err := h.crm(crmEvent("lead.updated", 0, `{"external_id":"e1","phone":"+5511912345679","company":"B"}`))
			backendtest.WantFault(t, err, fault.AlreadyExists,
				"data.external_id: was given up by its lead, and the other identities belong to another lead")
			if *h.get(ana.ID).Name != "Ana" || *h.get(bo.ID).Name != "Bo" {
				t.Error("got the two leads merged, want them unchanged")
			}
			// An event with no other identity still finds the lead: an identity that was given up
			// keeps leading to it.
			h.wantCRM(crmEvent("lead.updated", 1, `{"external_id":"e1","company":"A"}`), leads.Applied)
			if v := h.get(ana.ID); v.Company == nil || *v.Company != "A" {
				t.Errorf("company: got %v, want A", v.Company)
			}
		})
	}
}

// TestCRMEventWhileLeadIsErased: the lead of an event's external id is erased just after the event
// has looked it up. The event is then applied to the lead of its phone.
func TestCRMEventWhileLeadIsErased(t *testing.T) {
	t.Parallel()
	first, second, late := race(t)
	gone := first.create(`{"name":"Ana","phone":"+5511912345678","external_id":"e1"}`)
	bo := first.create(`{"name":"Bo","phone":"+5511912345679"}`)
	late.when = func(who followup.Identity, _ bool) bool { return who.ExternalID == "e1" }
	late.after = func() {
		if err := first.Leads.Delete(first.Ctx(), acme, string(gone.ID)); err != nil {
			t.Errorf("delete: got error %v, want none", err)
		}
	}
	second.wantCRM(crmEvent("lead.updated", 0, `{"external_id":"e1","phone":"+5511912345679"}`), leads.Applied)
	if v := first.get(bo.ID); v.ExternalID == nil || *v.ExternalID != "e1" {
		t.Errorf("external id: got %v, want e1", v.ExternalID)
	}
}

// TestI10CRMEventWithFormerPhone: the CRM's event has a phone that its lead has given up. Whether
// the number is nobody's or a stranger's since, the event is refused and does not write into the
// wrong lead. With the stranger's user id it finds the stranger.
func TestI10CRMEventWithFormerPhone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const old, now = "5511912345671", "5511912345672"
	h.wantCRM(crmEvent("lead.created", 0, `{"external_id":"e1","name":"Ana","phone":"`+old+`"}`), leads.Applied)
	lead := h.resolve(followup.Identity{Phone: old, UserID: "BR.1"})
	h.resolve(followup.Identity{Phone: now, UserID: "BR.2", OldPhone: old, OldUserID: "BR.1"})
	h.learns(lead, func(l *followup.Lead) { l.Phone, l.UserID = now, "BR.2" })
	_, err := h.crm(crmEvent("lead.created", 1, `{"external_id":"e2","name":"Bo","phone":"`+old+`"}`))
	backendtest.WantFault(t, err, fault.AlreadyExists, "data.phone: was given up by its lead; send the user_id of whoever has it now")
	if got, err := h.Store.Lead(h.Ctx(), acme, lead); err != nil || got.Phone != now || got.Name != "Ana" {
		t.Errorf("record of the lead: got %s with phone %s, error %v, want Ana with %s", got.Name, got.Phone, err, now)
	}

	stranger := followup.Identity{Phone: old, UserID: "BR.3"}
	strangersLead := h.resolve(stranger)

	_, err = h.crm(crmEvent("lead.updated", 1, `{"external_id":"e1","name":"Ana Lima","phone":"`+old+`"}`))
	backendtest.WantFault(t, err, fault.AlreadyExists, "data.phone: belongs to another lead")
	got := [2]followup.LeadID{h.resolve(stranger), h.find(followup.Identity{ExternalID: "e1"}).ID}
	if want := [2]followup.LeadID{strangersLead, lead}; got != want || strangersLead == lead {
		t.Errorf("ids of the stranger and the lead: got %s, want %s, which differ", got, want)
	}
	h.wantCRM(crmEvent("lead.updated", 2, `{"external_id":"e1","name":"Ana Lima"}`), leads.Applied)
	h.wantCRM(crmEvent("lead.created", 1, `{"external_id":"e2","name":"Bo","phone":"`+old+`","user_id":"BR.3"}`), leads.Applied)
	if got := h.find(followup.Identity{ExternalID: "e2"}).ID; got != strangersLead {
		t.Errorf("lead of external id e2: got %s, want the stranger %s", got, strangersLead)
	}
}

// TestCRMEventWhileLeadMoves: the event's lead is merged into another, or erased, just after the
// event has looked it up. The event is not lost: the lead that its identity leads to then gets it.
func TestCRMEventWhileLeadMoves(t *testing.T) {
	t.Parallel()
	both := followup.Identity{Phone: "5511912345678", UserID: "BR.1"}
	for name, move := range map[string]func(*house, followup.LeadID) error{
		"merged": func(h *house, _ followup.LeadID) error {
			_, err := h.Store.Resolve(h.Ctx(), acme, both, true, h.Now())
			return err
		},
		"erased": func(h *house, lead followup.LeadID) error { return h.Leads.Delete(h.Ctx(), acme, string(lead)) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			store := memstore.New()
			first, late := houseOn(t, store), &racingRead{Store: store}
			second := houseOn(t, late)
			first.create(`{"name":"Ana","phone":"+5511912345678"}`)
			first.Advance(time.Second)
			younger, err := store.Resolve(t.Context(), acme, followup.Identity{UserID: both.UserID}, true, first.Now())
			if err != nil {
				t.Fatal(err)
			}
			late.by = func() {
				if err := move(first, younger); err != nil {
					t.Errorf("move: got error %v, want none", err)
				}
			}
			second.wantCRM(crmEvent("lead.updated", 0, `{"user_id":"BR.1","company":"Acme"}`), leads.Applied)
			if v := second.find(followup.Identity{UserID: both.UserID}); v.Company == nil || *v.Company != "Acme" {
				t.Errorf("company: got %v, want Acme", v.Company)
			}
		})
	}
}

// TestI10CRMWritesNobodyIntoLeadOfFormerExternalID: the CRM reuses an external id that a lead has
// given up, for a person with another phone or user id. The event is refused and does not change
// that lead. An event with another spelling of the lead's own phone is applied to it.
func TestI10CRMWritesNobodyIntoLeadOfFormerExternalID(t *testing.T) {
	t.Parallel()
	for _, to := range []string{`null`, `"e2"`} {
		for _, other := range []string{`"phone":"+5511912345679"`, `"user_id":"BR.2"`, `"phone":"+5511912345678","user_id":"BR.2"`} {
			t.Run(to+" "+other, func(t *testing.T) {
				t.Parallel()
				h := newHouse(t)
				id := h.create(`{"name":"Ana","phone":"+5511912345678","user_id":"BR.1","external_id":"e1"}`).ID
				if err := h.update(string(id), `{"external_id":`+to+`}`); err != nil {
					t.Fatalf("update: %v", err)
				}
				ana := backendtest.JSON(t, h.get(id))
				h.Advance(time.Minute)
				_, err := h.crm(crmEvent("lead.created", 0, `{"external_id":"e1","name":"Bo",`+other+`}`))
				backendtest.WantFault(t, err, fault.AlreadyExists,
					"data.external_id: was given up by its lead, and the other identities belong to another lead")
				if got := backendtest.JSON(t, h.get(id)); got != ana {
					t.Errorf("got  %s\nwant %s", got, ana)
				}
				h.wantCRM(crmEvent("lead.updated", 1, `{"external_id":"e1","phone":"+551112345678","company":"A"}`), leads.Applied)
			})
		}
	}
}
