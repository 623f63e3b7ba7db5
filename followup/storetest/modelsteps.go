package storetest

import (
	"fmt"
	"slices"
	"time"

	"pgregory.net/rapid"

	"wagate/followup"
)

func (m *model) claim(t *rapid.T) {
	m.tick(t)
	batches, _ := both(m, "Claim", func(_ int, s *side) ([]followup.Claimed, error) {
		b, err := s.Claim(m.ctx, followup.ClaimParams{Now: m.now, Real: m.now, Limit: 100, Lease: lease})
		mine := slices.DeleteFunc(b.Steps, func(c followup.Claimed) bool { return c.Run.Tenant != m.tenant })
		slices.SortFunc(mine, func(a, b followup.Claimed) int {
			return (s.index(a.Run.Lead)-s.index(b.Run.Lead))<<10 + a.Run.ID.N() - b.Run.ID.N()
		})
		return mine, err
	}, func(s *side, list []followup.Claimed) any {
		out := []string{}
		for _, c := range list {
			out = append(out, fmt.Sprint(s.sayRun(c.Run), c.Paused, c.Crashed, c.Lapsed, c.Attempt != "", c.Kind, c.UsedStep, s.sayLead(c.Lead)))
		}
		return out
	})
	for j, a := range batches[0] {
		b := batches[1][j]
		m.held = append(m.held, &held{
			lead: m.sides[0].index(a.Run.Lead), n: a.Run.ID.N(), step: a.Run.Step,
			tokens: [2]string{a.Token, b.Token}, attempts: [2]followup.AttemptID{a.Attempt, b.Attempt},
		})
	}
}

// climb takes a step along the usual way, which chance alone would seldom find.
func (m *model) climb(t *rapid.T) {
	if m.flip(t, "start") {
		m.start(t)
	}
	m.now = m.now.Add(interval)
	m.claim(t)
	if len(m.held) == 0 || m.rarely(t, 4, "stop before the guard") {
		return
	}
	m.guard(t)
	if m.flip(t, "finish") {
		m.finish(t)
	}
}

// hold draws a claimed step, mostly one of the latest.
func (m *model) hold(t *rapid.T) *held {
	if len(m.held) > 2 && !m.rarely(t, 5, "an old one") {
		return pick(t, m.held[len(m.held)-2:], "step")
	}
	return pick(t, m.held, "step")
}

func (m *model) guard(t *rapid.T) {
	m.tick(t)
	h := m.hold(t)
	free, marketing := m.flip(t, "free-form"), m.flip(t, "marketing")
	used := 0
	if h.step == 0 && m.flip(t, "stands in") {
		used = 2
	}
	to := m.addressee(t, h.lead)
	v, _ := both(m, "GuardStep", func(i int, s *side) (followup.Verdict, error) {
		return s.GuardStep(m.ctx, followup.GuardStep{
			Run: s.leads[h.lead].Run(h.n), Token: h.tokens[i], To: to, FreeForm: free, Marketing: marketing,
			Kind: followup.KindTemplate, UsedStep: used, Now: m.now, Real: m.now, Lease: lease,
		})
	}, (*side).sayVerdict)
	if v[0].Refusal == followup.Allowed {
		h.attempts = [2]followup.AttemptID{v[0].Attempt, v[1].Attempt}
		m.calls = append(m.calls, call{lead: h.lead, ids: h.attempts})
		m.leave(t, h, to, free, marketing)
	}
}

func (m *model) finish(t *rapid.T) {
	m.tick(t)
	h := m.hold(t)
	f := followup.FinishStep{
		Kind:    pick(t, []followup.StepKind{followup.KindTemplate, followup.KindAI, followup.KindNone}, "kind"),
		Outcome: pick(t, []followup.Outcome{followup.Sent, followup.Sent, followup.Uncertain, followup.Failed, followup.Skipped}, "outcome"),
		Next:    h.step + 1, Interval: interval, Now: m.now, Real: m.now,
	}
	f.Reason = pick(t, followup.Reasons[f.Outcome], "reason")
	if f.Outcome == followup.Sent {
		f.MessageID, f.Text = fmt.Sprintf("wamid.%d", len(m.calls)), "hello"
	}
	if m.rarely(t, 3, "last") || f.Next > 2 {
		f.Next = -1
	}
	if m.rarely(t, 6, "put off") {
		f.NotBefore = m.now.Add(24 * time.Hour)
	}
	if h.step == 0 && m.rarely(t, 6, "used") {
		f.UsedStep = 2
	}
	if m.rarely(t, 8, "ends") {
		f.EndReason = followup.Unreachable
	}
	f.CloseWindow, f.OptOut = m.rarely(t, 5, "closes"), m.rarely(t, 10, "opts out")
	blind := m.rarely(t, 8, "without the attempt")
	_, taken := both(m, "FinishStep", func(i int, s *side) (followup.Finished, error) {
		g := f
		g.Run, g.Token = s.leads[h.lead].Run(h.n), h.tokens[i]
		if !blind {
			g.Attempt = h.attempts[i]
		}
		return s.FinishStep(m.ctx, g)
	}, func(_ *side, out followup.Finished) any { return fmt.Sprint(out.State, stamp(out.Due)) })
	if taken {
		m.rules.spent[stepOf(m.sides[1].leads[h.lead].Run(h.n), h.step)] = true
	}
}

func (m *model) extend(t *rapid.T) {
	m.tick(t)
	h := m.hold(t)
	longer := pick(t, []time.Duration{time.Second, lease, 3 * lease}, "by")
	both(m, "ExtendStep", func(i int, s *side) (bool, error) {
		return true, s.ExtendStep(m.ctx, s.leads[h.lead].Run(h.n), h.tokens[i], m.now, longer)
	}, nothing)
}

func (m *model) release(t *rapid.T) {
	m.tick(t)
	h := m.hold(t)
	var until time.Time
	if m.flip(t, "later") {
		until = m.now.Add(time.Minute)
	}
	both(m, "ReleaseStep", func(i int, s *side) (bool, error) {
		return true, s.ReleaseStep(m.ctx, followup.ReleaseStep{
			Run: s.leads[h.lead].Run(h.n), Token: h.tokens[i], Until: until, Now: m.now, Real: m.now,
		})
	}, nothing)
}

func (m *model) guardSend(t *rapid.T) {
	m.tick(t)
	k, c := m.lead(t), rapid.IntRange(0, 2).Draw(t, "channel")
	free, marketing := m.flip(t, "free-form"), m.flip(t, "marketing")
	opaque := pick(t, []string{"", "", "mine", "{\"é\":1}"}, "opaque")
	var previous call
	if n := len(m.sent); n > 0 && m.sent[n-1].lead == k && m.sent[n-1].channel == m.channels[c] && m.flip(t, "a retry") {
		previous = m.sent[n-1].call
	}
	to := m.addressee(t, k)
	v, _ := both(m, "GuardSend", func(i int, s *side) (followup.Verdict, error) {
		return s.GuardSend(m.ctx, followup.GuardSend{
			Tenant: m.tenant, Lead: s.leads[k], Channel: m.channels[c], Assistant: m.assistants[c/2],
			To: to, FreeForm: free, Marketing: marketing, Opaque: opaque, Previous: previous.ids[i], Now: m.now, Real: m.now,
		})
	}, (*side).sayVerdict)
	if v[0].Attempt != "" {
		m.calls = append(m.calls, call{lead: k, ids: [2]followup.AttemptID{v[0].Attempt, v[1].Attempt}})
		m.sent = append(m.sent, sent{call: m.calls[len(m.calls)-1], channel: m.channels[c]})
	}
}

// opaque reads the opaque data of an attempt, whatever became of the attempt.
func (m *model) opaque(t *rapid.T) {
	m.tick(t)
	if len(m.calls) == 0 {
		t.Skip("nothing was sent")
	}
	c := pick(t, m.calls, "attempt")
	both(m, "Opaque", func(i int, s *side) (string, error) {
		return s.Opaque(m.ctx, m.tenant, c.ids[i])
	}, func(_ *side, opaque string) any { return opaque })
}

// sent is an API message that the guard has allowed and that is not recorded yet.
type sent struct {
	call
	channel followup.ChannelID
}

func (m *model) recordSend(t *rapid.T) {
	m.tick(t)
	c := pick(t, m.sent, "message")
	r := followup.RecordSend{
		Tenant: m.tenant, Channel: c.channel, MessageID: "wamid.api", Now: m.now, Real: m.now,
		CloseWindow: m.rarely(t, 4, "closes"), OptOut: m.rarely(t, 10, "opts out"),
	}
	if m.flip(t, "sent") {
		r.Entry = &followup.Entry{From: followup.FromBusiness, Text: "api", At: m.now}
	}
	both(m, "RecordSend", func(i int, s *side) (bool, error) {
		one := r
		one.Lead, one.Attempt = s.leads[c.lead], c.ids[i]
		return true, s.RecordSend(m.ctx, one)
	}, nothing)
}
