package storetest

import (
	"errors"
	"time"

	"wagate/followup"
)

// wallTests: another tenant's ids are not found, and trying them has no effect.
func wallTests() []test {
	return []test{
		{"another tenant's lead, runs and configs are not found", func(w *world) {
			lead := w.lead()
			run := w.start(lead)
			cfg := w.createConfig(func(*followup.Config) {})
			before, wasRun := w.get(lead), w.run(run)
			x := w.tenantNextDoor()
			calls := map[string]func() error{
				"Lead":  func() error { _, err := x.s.Lead(x.ctx, x.tenant, lead); return err },
				"Runs":  func() error { _, err := x.s.Runs(x.ctx, x.tenant, lead); return err },
				"Run":   func() error { _, err := x.s.Run(x.ctx, x.tenant, run); return err },
				"Erase": func() error { return x.s.EraseLead(x.ctx, x.tenant, lead, x.now) },
				"Cancel": func() error {
					_, err := x.s.Cancel(x.ctx, x.tenant, run, x.now, x.now)
					return err
				},
				"Start": func() error {
					_, _, err := x.s.Start(x.ctx, x.tenant, lead, x.arm(), false, x.now, x.now)
					return err
				},
				"PutLead": func() error {
					p := followup.PutLead{Lead: before, StatusChanged: true, Now: x.now, Real: x.now}
					p.Lead.Tenant, p.Lead.Name = x.tenant, "taken"
					_, err := x.s.PutLead(x.ctx, p)
					return err
				},
				"Settle": func() error {
					_, err := x.s.Settle(x.ctx, followup.Settlement{
						Tenant: x.tenant, Lead: lead, Items: []followup.Item{w.message("hi")}, Now: x.now, Real: x.now,
					})
					return err
				},
				"GuardSend": func() error {
					_, err := x.s.GuardSend(x.ctx, followup.GuardSend{
						Tenant: x.tenant, Lead: lead, Channel: w.main, Assistant: w.sales, Now: x.now, Real: x.now,
					})
					return err
				},
				"Opaque": func() error {
					_, err := x.s.Opaque(x.ctx, x.tenant, w.guardSend(w.lead(), false).Attempt)
					return err
				},
				"RecordSend": func() error {
					a := w.guardSend(w.lead(), false).Attempt
					return x.s.RecordSend(x.ctx, followup.RecordSend{
						Tenant: x.tenant, Lead: a.Lead(), Channel: w.main, Attempt: a, OptOut: true, Now: x.now, Real: x.now,
					})
				},
				"Config":            func() error { _, err := x.s.Config(x.ctx, x.tenant, cfg.ID); return err },
				"ConfigByAssistant": func() error { _, err := x.s.ConfigByAssistant(x.ctx, x.tenant, w.sales); return err },
				"UpdateConfig": func() error {
					c := cfg
					c.TenantID = x.tenant
					_, err := x.s.UpdateConfig(x.ctx, c, cfg.UpdatedAt, x.now, x.now)
					return err
				},
				"DeleteConfig": func() error {
					_, err := x.s.DeleteConfig(x.ctx, x.tenant, cfg.ID, false, x.now, x.now)
					return err
				},
				"Ladder": func() error {
					w.must(w.s.SaveLadder(w.ctx, w.tenant, "ours", followup.Ladder{}), "SaveLadder")
					_, err := x.s.Ladder(x.ctx, x.tenant, "ours")
					return err
				},
			}
			for name, call := range calls {
				if err := call(); !errors.Is(err, followup.ErrNotFound) {
					w.Errorf("%s: got %v, want ErrNotFound", name, err)
				}
			}
			w.is(w.get(lead), before, "the lead after all that")
			w.is(w.run(run), wasRun, "the run after all that")
		}},
		{"the same identity is another lead", func(w *world) {
			who := followup.Identity{Phone: newPhone()}
			x := w.tenantNextDoor()
			w.is(w.resolve(who) != x.resolve(who), true, "different ids")
		}},
		{"lists are the tenant's own", func(w *world) {
			w.lead()
			w.createConfig(func(*followup.Config) {})
			x := w.tenantNextDoor()
			if _, n, err := x.s.Leads(x.ctx, x.tenant, followup.LeadFilter{Limit: 10}); n != 0 || err != nil {
				w.Errorf("Leads: got %d, %v, want 0", n, err)
			}
			if list, err := x.s.Configs(x.ctx, x.tenant); len(list) != 0 || err != nil {
				w.Errorf("Configs: got %v, %v, want none", list, err)
			}
		}},
		{"unknown ids are not found", func(w *world) {
			id := followup.NewLeadID()
			if _, err := w.s.Lead(w.ctx, w.tenant, id); !errors.Is(err, followup.ErrNotFound) {
				w.Errorf("Lead: got %v, want ErrNotFound", err)
			}
			if _, err := w.s.Runs(w.ctx, w.tenant, id); !errors.Is(err, followup.ErrNotFound) {
				w.Errorf("Runs: got %v, want ErrNotFound", err)
			}
			for _, run := range []followup.RunID{id.Run(1), w.lead().Run(7), "nonsense", ""} {
				if _, err := w.s.Run(w.ctx, w.tenant, run); !errors.Is(err, followup.ErrNotFound) {
					w.Errorf("Run(%q): got %v, want ErrNotFound", run, err)
				}
				if _, err := w.s.Cancel(w.ctx, w.tenant, run, w.now, w.now); !errors.Is(err, followup.ErrNotFound) {
					w.Errorf("Cancel(%q): got %v, want ErrNotFound", run, err)
				}
				w.release(run, "token", time.Time{})
				if _, err := w.s.FinishStep(w.ctx, followup.FinishStep{Run: run, Token: "token", Now: w.now, Real: w.now}); !errors.Is(err, followup.ErrStale) {
					w.Errorf("FinishStep(%q): got %v, want ErrStale", run, err)
				}
			}
			for _, a := range []followup.AttemptID{id.Attempt(1), w.lead().Attempt(7), "nonsense", ""} {
				if _, err := w.s.Opaque(w.ctx, w.tenant, a); !errors.Is(err, followup.ErrNotFound) {
					w.Errorf("Opaque(%q): got %v, want ErrNotFound", a, err)
				}
			}
			if _, err := w.s.DeadLetter(w.ctx, "nonsense"); !errors.Is(err, followup.ErrNotFound) {
				w.Errorf("DeadLetter: got %v, want ErrNotFound", err)
			}
		}},
	}
}
