package storetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"wagate/followup"
	"wagate/providers"
)

func (w *world) list(f followup.LeadFilter) ([]followup.LeadID, int) {
	w.Helper()
	leads, n, err := w.s.Leads(w.ctx, w.tenant, f)
	w.must(err, "Leads")
	out := []followup.LeadID{}
	for _, l := range leads {
		out = append(out, l.ID)
	}
	return out, n
}

// leadTests: who a lead is, and how leads are listed.
func leadTests() []test {
	return []test{
		{"an old phone is written once the lead comes by it", func(w *world) {
			phone, user := newPhone(), newUser()
			lead := w.resolve(followup.Identity{UserID: user, OldPhone: phone})
			w.is(w.get(lead).Phone, "", "phone, while it is an old one")
			w.is(w.resolve(followup.Identity{Phone: phone}), lead, "by the old phone")
			w.is(w.get(lead).Phone, phone, "phone")
		}},
		{"an old phone that the lead was looked up by is written, too", func(w *world) {
			for _, with := range []bool{false, true} {
				phone, user := newPhone(), newUser()
				lead := w.resolve(followup.Identity{UserID: user, OldPhone: phone})
				got, err := w.s.Resolve(w.ctx, w.tenant, followup.Identity{Phone: phone}, false, w.now)
				w.must(err, "Resolve")
				w.is(got, lead, "looked up by the old phone")
				w.is(w.get(lead).Phone, "", "phone, while the lead was only looked up")
				who := followup.Identity{Phone: phone}
				if with {
					who.UserID = user
				}
				w.is(w.resolve(who), lead, "by the old phone")
				w.is(w.get(lead).Phone, phone, "phone, with the user id: %t", with)
			}
		}},
		{"a phone that came with another user id before is written, too", func(w *world) {
			phone, user := newPhone(), newUser()
			lead := w.resolve(followup.Identity{UserID: user})
			w.is(w.identify(lead, followup.Identity{Phone: phone, UserID: newUser()}), lead, "with the lead's id")
			w.is(w.get(lead).Phone, "", "phone, while it came with another user id")
			w.is(w.resolve(followup.Identity{Phone: phone, UserID: user}), lead, "by the phone and the lead's user id")
			w.is(w.get(lead).Phone, phone, "phone")
		}},
		{"Resolve does not create a lead unless asked to", func(w *world) {
			_, err := w.s.Resolve(w.ctx, w.tenant, followup.Identity{Phone: newPhone()}, false, w.now)
			if !errors.Is(err, followup.ErrNotFound) {
				w.Errorf("Resolve: got %v, want ErrNotFound", err)
			}
		}},
		{"Resolve creates a lead once, and lists it", func(w *world) {
			who := followup.Identity{Phone: newPhone(), UserID: newUser(), ExternalID: "crm-1"}
			lead := w.resolve(who)
			w.pass(time.Second)
			w.is(w.resolve(who), lead, "the same identities")
			l := w.get(lead)
			w.is(followup.Identity{Phone: l.Phone, UserID: l.UserID, ExternalID: l.ExternalID}, who, "identities of the record")
			w.is(l.ID, lead, "id")
			w.is(l.Tenant, w.tenant, "tenant")
			ids, n := w.list(followup.LeadFilter{Limit: 10})
			w.is(ids, []followup.LeadID{lead}, "list")
			w.is(n, 1, "total")
		}},
		{"each identity alone finds the lead", func(w *world) {
			who := followup.Identity{Phone: newPhone(), UserID: newUser(), ExternalID: "crm-1"}
			lead := w.resolve(who)
			for _, one := range []followup.Identity{{Phone: who.Phone}, {UserID: who.UserID}, {ExternalID: who.ExternalID}} {
				got, err := w.s.Resolve(w.ctx, w.tenant, one, false, w.now)
				w.must(err, "Resolve")
				w.is(got, lead, "by %+v", one)
			}
		}},
		{"a phone, a user id and an external id that look alike are not one", func(w *world) {
			same := newPhone()
			w.is(w.resolve(followup.Identity{Phone: same}) != w.resolve(followup.Identity{UserID: same}), true, "different leads")
			w.is(w.resolve(followup.Identity{Phone: same}) != w.resolve(followup.Identity{ExternalID: same}), true, "different leads")
		}},
		{"a new identity is added, the old one stays", func(w *world) {
			phone, user := newPhone(), newUser()
			lead := w.resolve(followup.Identity{UserID: user})
			w.is(w.resolve(followup.Identity{UserID: user, Phone: phone}), lead, "with the new one")
			w.is(w.resolve(followup.Identity{Phone: phone}), lead, "by the new one")
			w.is(w.get(lead).Phone, phone, "phone the record lacked")
			before := w.get(lead).Revision
			w.is(w.resolve(followup.Identity{UserID: user, Phone: phone}), lead, "with both, known already")
			w.is(w.get(lead).Revision, before, "revision after nothing was learnt")
			w.is(w.resolve(followup.Identity{UserID: user, ExternalID: "crm-1"}), lead, "with the CRM's id")
			w.is(w.get(lead).Revision > before, true, "the revision grew with the record")
			newer := newPhone()
			w.is(w.resolve(followup.Identity{UserID: user, Phone: newer}), lead, "with a second phone")
			w.is(w.get(lead).Phone, phone, "phone the record had")
			w.is(w.resolve(followup.Identity{Phone: phone}), lead, "by the old phone")
		}},
		{"an old identity finds the lead, and is not written", func(w *world) {
			old := followup.Identity{Phone: newPhone(), UserID: newUser()}
			lead := w.resolve(old)
			changed := followup.Identity{Phone: newPhone(), OldPhone: old.Phone}
			w.is(w.resolve(changed), lead, "by the old phone")
			w.is(w.resolve(followup.Identity{Phone: changed.Phone}), lead, "by the new phone")
			w.is(w.resolve(followup.Identity{UserID: newUser(), OldUserID: old.UserID}), lead, "by the old user id")
			fresh := w.resolve(followup.Identity{Phone: newPhone(), OldPhone: newPhone(), OldUserID: newUser()})
			w.is(w.get(fresh).UserID, "", "user id of the record")
		}},
		{"many at once create one lead", func(w *world) {
			who := followup.Identity{Phone: newPhone(), UserID: newUser()}
			var mu sync.Mutex
			got := map[followup.LeadID]bool{}
			var wg sync.WaitGroup
			for i := range 20 {
				one := who
				if i%3 == 1 {
					one.UserID = ""
				}
				wg.Go(func() {
					id, err := w.s.Resolve(w.ctx, w.tenant, one, true, w.now)
					if err != nil {
						w.Errorf("Resolve: got error %v, want none", err)
					}
					mu.Lock()
					defer mu.Unlock()
					got[id] = true
					w.leads = append(w.leads, id)
				})
			}
			wg.Wait()
			w.is(len(got), 1, "different leads")
		}},
		{"Settle fills in what the record lacks", func(w *world) {
			lead := w.resolve(followup.Identity{UserID: newUser()})
			settle := func(c providers.Contact) followup.Lead {
				_, err := w.s.Settle(w.ctx, followup.Settlement{
					Tenant: w.tenant, Lead: lead, Contact: c, Items: []followup.Item{w.message("hi")}, Now: w.now, Real: w.now,
				})
				w.must(err, "Settle")
				return w.get(lead)
			}
			phone := newPhone()
			before := w.get(lead).Revision
			l := settle(providers.Contact{Name: "Ana", Phone: phone})
			w.is([]string{l.Name, l.Phone}, []string{"Ana", phone}, "name and phone")
			w.is(l.Revision > before, true, "the revision grew from %d to %d", before, l.Revision)
			l = settle(providers.Contact{Name: "Other", Phone: newPhone(), UserID: newUser()})
			w.is([]string{l.Name, l.Phone}, []string{"Ana", phone}, "name and phone after others came")
		}},
		{"CreatedAt is when the lead was created", func(w *world) {
			lead := w.lead()
			w.settle(lead, w.message("hi"))
			w.at(w.get(lead).CreatedAt, w.now, "CreatedAt")
		}},
		{"CreatedAt stays, whatever comes later", func(w *world) {
			phone, user, created := newPhone(), newUser(), w.now
			lead := w.resolve(followup.Identity{Phone: phone})
			for _, later := range []func(){
				func() { w.settle(lead, w.message("hi")) },
				func() { w.resolve(followup.Identity{Phone: phone, UserID: user}) },
				func() { w.hears(lead, providers.Contact{Name: "Ana", Phone: phone}) },
			} {
				w.pass(time.Second)
				later()
				w.at(w.get(lead).CreatedAt, created, "CreatedAt")
			}
		}},
		{"leads are listed newest first, by pages", func(w *world) {
			var want []followup.LeadID
			for range 5 {
				want = append([]followup.LeadID{w.lead()}, want...)
				w.pass(time.Second)
			}
			for offset := 0; offset < 6; offset += 2 {
				got, n := w.list(followup.LeadFilter{Limit: 2, Offset: offset})
				w.is(n, 5, "total")
				w.is(got, want[offset:min(offset+2, 5)], "page")
			}
			got, n := w.list(followup.LeadFilter{Limit: 2, Offset: 9})
			w.is(len(got), 0, "beyond the end")
			w.is(n, 5, "total beyond the end")
		}},
		{"leads are listed with their windows", func(w *world) {
			lead := w.lead()
			w.settle(lead, w.message("hi"))
			leads, _, err := w.s.Leads(w.ctx, w.tenant, followup.LeadFilter{Limit: 1})
			w.must(err, "Leads")
			w.is(leads, []followup.Lead{w.get(lead)}, "list")
		}},
		{"leads are found by phone, part of the name, status", func(w *world) {
			phone := newPhone()
			ana := w.resolve(followup.Identity{Phone: phone})
			w.edit(ana, func(l *followup.Lead) { l.Name, l.StatusID = "Ana Prado", "one" })
			w.pass(time.Second)
			joana := w.lead()
			w.edit(joana, func(l *followup.Lead) { l.Name, l.StatusID = "JOANA", "two" })
			w.pass(time.Second)
			w.lead()
			for _, row := range []struct {
				f    followup.LeadFilter
				want []followup.LeadID
			}{
				{followup.LeadFilter{Phone: phone}, []followup.LeadID{ana}},
				{followup.LeadFilter{Phone: newPhone()}, []followup.LeadID{}},
				{followup.LeadFilter{Name: "ana"}, []followup.LeadID{joana, ana}},
				{followup.LeadFilter{Name: "a p"}, []followup.LeadID{ana}},
				{followup.LeadFilter{Name: "."}, []followup.LeadID{}},
				{followup.LeadFilter{StatusID: "two"}, []followup.LeadID{joana}},
				{followup.LeadFilter{StatusID: "two", Name: "prado"}, []followup.LeadID{}},
				{followup.LeadFilter{Phone: phone, StatusID: "one"}, []followup.LeadID{ana}},
				{followup.LeadFilter{Phone: phone, StatusID: "two"}, []followup.LeadID{}},
			} {
				f := row.f
				f.Limit = 10
				got, n := w.list(f)
				w.is(got, row.want, "filter %+v", row.f)
				w.is(n, len(row.want), "total of filter %+v", row.f)
			}
			got, n := w.list(followup.LeadFilter{Name: "ana", Limit: 1, Offset: 1})
			w.is(got, []followup.LeadID{ana}, "second page of a search")
			w.is(n, 2, "total of a search by pages")
		}},
		{"a status is searched among all leads, a name among the newest", func(w *world) {
			oldest := w.lead()
			w.edit(oldest, func(l *followup.Lead) { l.Name, l.StatusID = "Ana", "one" })
			w.pass(time.Second)
			var wg sync.WaitGroup
			for part := range 16 {
				wg.Go(func() {
					for i := part; i < followup.ScanLimit; i += 16 {
						_, err := w.s.Resolve(w.ctx, w.tenant, followup.Identity{ExternalID: fmt.Sprint(i)}, true, w.now)
						if err != nil {
							w.Errorf("Resolve: got error %v, want none", err)
							return
						}
					}
				})
			}
			wg.Wait()
			for _, row := range []struct {
				f    followup.LeadFilter
				want []followup.LeadID
			}{
				{followup.LeadFilter{StatusID: "one"}, []followup.LeadID{oldest}},
				{followup.LeadFilter{Name: "ana"}, []followup.LeadID{}},
				{followup.LeadFilter{Name: "ana", StatusID: "one"}, []followup.LeadID{}},
			} {
				row.f.Limit = 10
				got, n := w.list(row.f)
				w.is(got, row.want, "filter %+v", row.f)
				w.is(n, len(row.want), "total of filter %+v", row.f)
			}
		}},
	}
}

// edit changes a lead's record.
func (w *world) edit(lead followup.LeadID, change func(*followup.Lead)) {
	w.Helper()
	p := followup.PutLead{Lead: w.get(lead), Now: w.now, Real: w.now}
	change(&p.Lead)
	_, err := w.s.PutLead(w.ctx, p)
	w.must(err, "PutLead")
}

// putTests: how a record is written.
func putTests() []test {
	return []test{
		{"every field is kept", func(w *world) {
			lead := w.lead()
			created := w.get(lead).CreatedAt
			w.pass(time.Second)
			want := w.get(lead)
			want.Name, want.Email, want.Company, want.StatusID = "Ana \"Zé\" 😀", "a@example.com", "Acme", "s-1"
			want.ExternalID, want.Assistant, want.Channel = "crm-9", w.sales, w.main
			want.CustomFields = map[string]any{"plan": "gold", "seats": json.Number("12345678901234567"), "tags": []any{}, "extra": map[string]any{"a": nil}}
			want.OptedOut, want.CRMAt = true, w.now.Add(-time.Minute)
			_, err := w.s.PutLead(w.ctx, followup.PutLead{Lead: want, Now: w.now, Real: w.now})
			w.must(err, "PutLead")
			got := w.get(lead)
			w.at(got.CRMAt, want.CRMAt, "CRMAt")
			w.at(got.CreatedAt, created, "CreatedAt")
			w.at(got.UpdatedAt, w.now, "UpdatedAt")
			w.at(got.OptOutSaidAt, w.now, "OptOutSaidAt")
			want.OptOutSaidAt = got.OptOutSaidAt
			w.is(got.Revision > want.Revision, true, "the revision grew")
			want.CRMAt, want.CreatedAt, want.UpdatedAt, want.Revision = got.CRMAt, got.CreatedAt, got.UpdatedAt, got.Revision
			want.Windows = got.Windows
			w.is(got, want, "record")
		}},
		{"every field can be emptied", func(w *world) {
			lead := w.lead()
			w.edit(lead, func(l *followup.Lead) {
				l.Name, l.Email, l.StatusID, l.OptedOut = "Ana", "a@example.com", "s", true
				l.CustomFields, l.Assistant, l.Channel = map[string]any{"a": "b"}, w.sales, w.main
			})
			w.edit(lead, func(l *followup.Lead) {
				l.Name, l.Email, l.StatusID, l.OptedOut, l.CustomFields, l.Assistant, l.Channel = "", "", "", false, nil, "", ""
			})
			l := w.get(lead)
			got := fmt.Sprint(l.Name, l.Email, l.StatusID, l.OptedOut, len(l.CustomFields), l.Assistant, l.Channel)
			w.is(got, fmt.Sprint("", "", "", false, 0, "", ""), "fields")
		}},
		{"a write over another change is refused", func(w *world) {
			lead := w.lead()
			old := w.get(lead)
			w.edit(lead, func(l *followup.Lead) { l.Name = "first" })
			old.Name = "second"
			_, err := w.s.PutLead(w.ctx, followup.PutLead{Lead: old, StatusChanged: true, Arm: new(w.arm()), Now: w.now, Real: w.now})
			if !errors.Is(err, followup.ErrConflict) {
				w.Errorf("PutLead: got %v, want ErrConflict", err)
			}
			old.Revision = w.get(lead).Revision + 1
			if _, err = w.s.PutLead(w.ctx, followup.PutLead{Lead: old, Now: w.now, Real: w.now}); !errors.Is(err, followup.ErrConflict) {
				w.Errorf("PutLead with a future revision: got %v, want ErrConflict", err)
			}
			w.is(w.get(lead).Name, "first", "name")
			runs, err := w.s.Runs(w.ctx, w.tenant, lead)
			w.must(err, "Runs")
			w.is(len(runs), 0, "runs")
		}},
		{"an opt-out meanwhile is a change", func(w *world) {
			lead := w.lead()
			w.settle(lead, w.message("hi"))
			old := w.get(lead)
			out := w.item()
			out.OptOut = new(true)
			w.settle(lead, out)
			if _, err := w.s.PutLead(w.ctx, followup.PutLead{Lead: old, Now: w.now, Real: w.now}); !errors.Is(err, followup.ErrConflict) {
				w.Errorf("PutLead: got %v, want ErrConflict", err)
			}
		}},
		{"an opt-out or a resume is a change only if it changes something", func(w *world) {
			lead := w.lead()
			stop := func(out bool) followup.Item {
				it := w.item()
				it.OptOut = &out
				return it
			}
			for _, row := range []struct {
				out  bool
				want error
			}{{false, nil}, {true, followup.ErrConflict}, {true, nil}, {false, followup.ErrConflict}, {false, nil}} {
				w.pass(time.Second)
				p := followup.PutLead{Lead: w.get(lead), Now: w.now, Real: w.now}
				w.settle(lead, stop(row.out))
				p.Lead.OptedOut = row.out
				if _, err := w.s.PutLead(w.ctx, p); !errors.Is(err, row.want) {
					w.Errorf("PutLead around an item with OptOut %v: got %v, want %v", row.out, err, row.want)
				}
			}
		}},
		{"a message meanwhile is not a change", func(w *world) {
			lead := w.lead()
			w.settle(lead, w.message("hi"))
			old := w.get(lead)
			w.pass(time.Second)
			w.settle(lead, w.message("again"))
			_, err := w.s.PutLead(w.ctx, followup.PutLead{Lead: old, Now: w.now, Real: w.now})
			w.must(err, "PutLead")
			w.at(w.get(lead).Windows[w.main].LastInbound, w.now, "window, which PutLead does not write")
		}},
		{"what is stored is not shared with the caller", func(w *world) {
			lead := w.lead()
			fields := map[string]any{"k": "v"}
			w.edit(lead, func(l *followup.Lead) { l.CustomFields = fields })
			fields["k"] = "changed"
			l := w.get(lead)
			w.is(l.CustomFields["k"], any("v"), "after the argument changed")
			l.CustomFields["k"], l.Windows["x"] = "changed", followup.Conversation{}
			again := w.get(lead)
			w.is(again.CustomFields["k"], any("v"), "after the answer changed")
			w.is(len(again.Windows), 0, "windows after the answer changed")
			it := w.note("hi")
			w.settle(lead, it)
			copy(it.Relay.Value, strings.Repeat("x", len(it.Relay.Value)))
			w.is(w.told(w.sales), []string{"hi"}, "told after the argument changed")
		}},
	}
}
