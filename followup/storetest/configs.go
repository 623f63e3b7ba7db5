package storetest

import (
	"errors"
	"time"

	"github.com/google/uuid"

	"wagate/followup"
)

// createConfig stores an active config of the sales assistant and makes it the config of new runs.
func (w *world) createConfig(edit func(*followup.Config)) followup.Config {
	w.Helper()
	c := followup.Config{
		ID: w.config, TenantID: w.tenant, AssistantID: w.sales, TriggerStatusIDs: []string{uuid.NewString()},
		Steps: []followup.Step{
			{Interval: "PT30M", Prompt: "ask \"kindly\" {{LEAD_NAME}} é"},
			{Interval: "P1D", TemplateName: "back", TemplateLanguage: "pt_BR", TemplateParams: []string{"{{LEAD_NAME|you}}"}},
		},
		OfficialSteps: []followup.OfficialSteps{{ChannelID: w.main, AppID: "app", Steps: []followup.Step{}}},
		IsActive:      true, CreatedAt: w.now, UpdatedAt: w.now,
	}
	edit(&c)
	w.must(w.s.CreateConfig(w.ctx, c), "CreateConfig")
	return c
}

func (w *world) update(c followup.Config, prev time.Time) ([]followup.Ended, error) {
	return w.s.UpdateConfig(w.ctx, c, prev, w.now, w.now)
}

// configTests: configs are kept, there is one per assistant, and every guard knows a change at
// once.
func configTests() []test {
	off := func(w *world, c followup.Config) []followup.Ended {
		prev := c.UpdatedAt
		c.IsActive, c.UpdatedAt = false, w.now
		ended, err := w.update(c, prev)
		w.must(err, "UpdateConfig")
		return ended
	}
	remove := func(w *world, c followup.Config, finish bool) []followup.Ended {
		ended, err := w.s.DeleteConfig(w.ctx, w.tenant, c.ID, finish, w.now, w.now)
		w.must(err, "DeleteConfig")
		return ended
	}
	starts := func(w *world, want bool) {
		w.Helper()
		lead := w.lead()
		run, _, err := w.s.Start(w.ctx, w.tenant, lead, w.arm(), false, w.now, w.now)
		w.must(err, "Start")
		w.is(run != "", want, "a run starts by hand")
		w.is(w.put(lead, "trigger", new(w.arm())) != "", want, "a run starts by status")
	}
	return []test{
		{"a config is stored as it was given", func(w *world) {
			want := w.createConfig(func(c *followup.Config) {
				c.RearmOnReply = true
				c.Warnings = []followup.Warning{{Field: "x", Problem: "y"}}
			})
			want.Warnings = nil
			got, err := w.s.Config(w.ctx, w.tenant, want.ID)
			w.must(err, "Config")
			w.is(len(got.Warnings), 0, "warnings, which are never stored")
			got.Warnings = nil
			w.at(got.CreatedAt, want.CreatedAt, "CreatedAt")
			w.at(got.UpdatedAt, want.UpdatedAt, "UpdatedAt")
			got.CreatedAt, got.UpdatedAt = want.CreatedAt, want.UpdatedAt
			w.is(got, want, "config")
			by, err := w.s.ConfigByAssistant(w.ctx, w.tenant, w.sales)
			w.must(err, "ConfigByAssistant")
			w.is(by.ID, want.ID, "by assistant")
		}},
		{"an assistant has one config", func(w *world) {
			c := w.createConfig(func(*followup.Config) {})
			c.ID = followup.ConfigID(uuid.NewString())
			if err := w.s.CreateConfig(w.ctx, c); !errors.Is(err, followup.ErrExists) {
				w.Errorf("second config of the assistant: got %v, want ErrExists", err)
			}
			c.AssistantID = w.support
			w.must(w.s.CreateConfig(w.ctx, c), "CreateConfig of another assistant")
			c.AssistantID = followup.AssistantID(uuid.NewString())
			if err := w.s.CreateConfig(w.ctx, c); !errors.Is(err, followup.ErrExists) {
				w.Errorf("a taken id for a third assistant: got %v, want ErrExists", err)
			}
		}},
		{"configs are listed oldest first", func(w *world) {
			first := w.createConfig(func(*followup.Config) {})
			w.pass(time.Second)
			second := w.createConfig(func(c *followup.Config) {
				c.ID, c.AssistantID = followup.ConfigID(uuid.NewString()), w.support
			})
			list, err := w.s.Configs(w.ctx, w.tenant)
			w.must(err, "Configs")
			got := []followup.ConfigID{}
			for _, c := range list {
				got = append(got, c.ID)
			}
			w.is(got, []followup.ConfigID{first.ID, second.ID}, "list")
		}},
		{"an update of an older state is refused", func(w *world) {
			c := w.createConfig(func(*followup.Config) {})
			prev := c.UpdatedAt
			w.pass(time.Second)
			c.TriggerStatusIDs, c.UpdatedAt = []string{"new"}, w.now
			_, err := w.update(c, prev)
			w.must(err, "UpdateConfig")
			if _, err = w.update(c, prev); !errors.Is(err, followup.ErrConflict) {
				w.Errorf("UpdateConfig with an old state: got %v, want ErrConflict", err)
			}
			got, err := w.s.Config(w.ctx, w.tenant, c.ID)
			w.must(err, "Config")
			w.is(got.TriggerStatusIDs, []string{"new"}, "triggers")
			c.ID = followup.ConfigID(uuid.NewString())
			if _, err = w.update(c, prev); !errors.Is(err, followup.ErrNotFound) {
				w.Errorf("UpdateConfig of an unknown id: got %v, want ErrNotFound", err)
			}
		}},
		{"an update that leaves the config active ends no run", func(w *world) {
			c := w.createConfig(func(*followup.Config) {})
			run := w.start(w.lead())
			c.Steps = c.Steps[:1]
			ended, err := w.update(c, c.UpdatedAt)
			w.must(err, "UpdateConfig")
			w.is(len(ended), 0, "ended")
			w.is(w.run(run).State, followup.RunArmed, "state")
		}},
		{"an inactive config's live runs end, and none starts", func(w *world) {
			c := w.createConfig(func(*followup.Config) {})
			armed := w.start(w.lead())
			other := w.arm()
			other.Config = followup.ConfigID(uuid.NewString())
			apart := w.startWith(w.lead(), other)
			w.pass(time.Second)
			w.is(off(w, c), []followup.Ended{{Run: armed, Step: 1, Reason: followup.ConfigOff}}, "ended")
			w.ended(armed, followup.ConfigOff)
			w.is(w.run(apart).State, followup.RunArmed, "a run of another config")
			starts(w, false)
		}},
		{"a config that is active again revives no run and starts new ones", func(w *world) {
			c := w.createConfig(func(*followup.Config) {})
			run := w.start(w.lead())
			w.pass(time.Second)
			off(w, c)
			c.UpdatedAt = w.now
			_, err := w.update(c, w.now)
			w.must(err, "UpdateConfig")
			w.ended(run, followup.ConfigOff)
			starts(w, true)
		}},
		{"deactivation stops a claimed step at the guard", func(w *world) {
			c := w.createConfig(func(*followup.Config) {})
			run := w.start(w.lead())
			step := w.due()
			off(w, c)
			w.is(w.guard(step).Refusal, followup.RefusedStale, "guard")
			w.ended(run, followup.ConfigOff)
			w.timeline(run, "1 cancelled/config_inactive")
		}},
		{"deactivation lets the result of a step in sending come in", func(w *world) {
			c := w.createConfig(func(*followup.Config) {})
			run := w.start(w.lead())
			step, a := w.sending()
			w.is(len(off(w, c)), 0, "ended")
			w.finish(w.result(step, a))
			w.ended(run, followup.ConfigOff)
			w.timeline(run, "1 sent/template")
		}},
		{"a config created inactive starts no run", func(w *world) {
			w.createConfig(func(c *followup.Config) { c.IsActive = false })
			starts(w, false)
		}},
		{"a deleted config is gone, and its runs end", func(w *world) {
			c := w.createConfig(func(*followup.Config) {})
			run := w.start(w.lead())
			w.is(remove(w, c, false), []followup.Ended{{Run: run, Step: 1, Reason: followup.ConfigGone}}, "ended")
			w.ended(run, followup.ConfigGone)
			if _, err := w.s.Config(w.ctx, w.tenant, c.ID); !errors.Is(err, followup.ErrNotFound) {
				w.Errorf("Config: got %v, want ErrNotFound", err)
			}
			if _, err := w.s.ConfigByAssistant(w.ctx, w.tenant, w.sales); !errors.Is(err, followup.ErrNotFound) {
				w.Errorf("ConfigByAssistant: got %v, want ErrNotFound", err)
			}
			if _, err := w.s.DeleteConfig(w.ctx, w.tenant, c.ID, false, w.now, w.now); !errors.Is(err, followup.ErrNotFound) {
				w.Errorf("DeleteConfig twice: got %v, want ErrNotFound", err)
			}
			starts(w, false)
			w.config = followup.ConfigID(uuid.NewString())
			w.createConfig(func(*followup.Config) {})
			starts(w, true)
		}},
		{"deleted with finish, the config's armed step still fires", func(w *world) {
			c := w.createConfig(func(*followup.Config) {})
			run := w.start(w.lead())
			w.is(len(remove(w, c, true)), 0, "ended")
			starts(w, false)
			step, a := w.sending()
			w.is(w.finish(w.result(step, a)).State, followup.RunEnded, "state")
			w.ended(run, followup.ConfigGone)
			w.timeline(run, "1 sent/template")
		}},
		{"deleted with finish, a start that starts nothing leaves the armed step alone", func(w *world) {
			c := w.createConfig(func(*followup.Config) {})
			run := w.start(w.lead())
			remove(w, c, true)
			w.config = followup.ConfigID(uuid.NewString())
			w.createConfig(func(c *followup.Config) { c.IsActive = false })
			id, ended, err := w.s.Start(w.ctx, w.tenant, run.Lead(), w.arm(), false, w.now, w.now)
			w.must(err, "Start")
			w.is(id, followup.RunID(""), "run started")
			w.is(len(ended), 0, "ended")
			w.is(w.run(run).State, followup.RunArmed, "state")
		}},
		{"ladders are kept under their hash", func(w *world) {
			l := followup.Ladder{Steps: []followup.Step{{Interval: "PT30M", Prompt: "é \"q\""}, {Interval: "P1D", TemplateName: "t"}}}
			w.must(w.s.SaveLadder(w.ctx, w.tenant, "h", l), "SaveLadder")
			w.must(w.s.SaveLadder(w.ctx, w.tenant, "h", l), "SaveLadder again")
			got, err := w.s.Ladder(w.ctx, w.tenant, "h")
			w.must(err, "Ladder")
			w.is(got, l, "ladder")
			if _, err := w.s.Ladder(w.ctx, w.tenant, "other"); !errors.Is(err, followup.ErrNotFound) {
				w.Errorf("Ladder of another hash: got %v, want ErrNotFound", err)
			}
		}},
	}
}

// pauseTests: a pause by an operator reaches claims and guards.
func pauseTests() []test {
	pause := func(w *world, c followup.ChannelID, on bool) {
		w.Helper()
		w.must(w.s.Pause(w.ctx, w.tenant, c, on), "Pause")
	}
	return []test{
		{"a paused channel refuses", func(w *world) {
			w.start(w.lead())
			pause(w, w.main, true)
			c := w.due()
			w.is(c.Paused, true, "Paused")
			w.is(w.guard(c).Refusal, followup.RefusedPaused, "guard")
			w.is(w.guardSend(w.lead(), false).Refusal, followup.RefusedPaused, "GuardSend")
			pause(w, w.main, false)
			w.is(w.guard(c).Refusal, followup.Allowed, "guard after resuming")
		}},
		{"a pause is reported before a closed window and after an opt-out", func(w *world) {
			lead := w.lead()
			w.start(lead)
			pause(w, w.main, true)
			defer pause(w, w.main, false)
			c := w.due()
			free := func(g *followup.GuardStep) { g.FreeForm = true }
			w.is(w.guardWith(c, free).Refusal, followup.RefusedPaused, "guard")
			w.is(w.guardSend(lead, true).Refusal, followup.RefusedPaused, "GuardSend")
			out := w.item()
			out.OptOut = new(true)
			w.settle(lead, out)
			v, err := w.s.GuardSend(w.ctx, followup.GuardSend{
				Tenant: w.tenant, Lead: lead, Channel: w.main, Assistant: w.sales, FreeForm: true, Marketing: true,
				Now: w.now, Real: w.now,
			})
			w.must(err, "GuardSend")
			w.is(v.Refusal, followup.RefusedOptedOut, "GuardSend of marketing to a lead that opted out")
		}},
		{"a pause of another channel does not matter", func(w *world) {
			w.start(w.lead())
			pause(w, w.second, true)
			c := w.due()
			w.is(c.Paused, false, "Paused")
			w.is(w.guard(c).Refusal, followup.Allowed, "guard")
			pause(w, w.second, false)
		}},
		{"a paused tenant refuses on every channel", func(w *world) {
			w.start(w.lead())
			pause(w, "", true)
			c := w.due()
			w.is(c.Paused, true, "Paused")
			w.is(w.guard(c).Refusal, followup.RefusedPaused, "guard")
			w.is(w.guardSend(w.lead(), false).Refusal, followup.RefusedPaused, "GuardSend")
			x := w.tenantNextDoor()
			w.is(x.guardSend(x.lead(), false).Refusal, followup.Allowed, "another tenant's GuardSend")
			pause(w, "", false)
		}},
		{"pauses are listed", func(w *world) {
			list := func() []followup.ChannelID {
				p, err := w.s.Pauses(w.ctx, w.tenant)
				w.must(err, "Pauses")
				return append([]followup.ChannelID{}, p...)
			}
			w.is(list(), []followup.ChannelID{}, "nothing")
			pause(w, w.main, true)
			pause(w, w.main, true)
			pause(w, "", true)
			w.is(list(), []followup.ChannelID{"", w.main}, "both")
			pause(w, "", false)
			w.is(list(), []followup.ChannelID{w.main}, "one")
			pause(w, w.main, false)
			w.is(list(), []followup.ChannelID{}, "none")
		}},
	}
}
