package runner_test

import (
	"context"
	"fmt"
	"log/slog"
	"reflect"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/uuid"
	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/followup/runner"
	"wagate/providers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	status  = "5d2f7d5e-6f60-4e0b-9a35-0d5a7f4a1001"
	minutes = time.Minute
	hours   = time.Hour
)

// sample is the ladder of the sample config: an AI text after 30 min, another 2 h
// later, a template 1 day later.
var sample = []followup.Step{
	{Interval: "PT30M", Prompt: "ask whether there are questions"},
	{Interval: "PT2H", Prompt: "offer a call"},
	{Interval: "P1D", TemplateName: "come_back", TemplateLanguage: "pt_BR"},
}

// neighbour is a channel of another tenant.
var neighbour = followup.Channel{ID: "next-door", Tenant: "neighbour", Provider: providers.Meta}

// harness is a runner in a synctest bubble, with test doubles around it.
type harness struct {
	*testing.T
	store     *store
	sender    *sender
	writer    *writer
	templates *templates
	steps     *followup.Metrics
	registry  *prometheus.Registry
	params    runner.Params
	runner    *runner.Runner
	stopped   bool

	tenant    followup.TenantID
	assistant followup.AssistantID
	channel   followup.ChannelID
	config    followup.Config
	leads     []followup.LeadID
	began     time.Time
	// mu is held by the doubles while they write what the test reads between two calls of pass. The
	// bubble orders the test only after the doubles, not the doubles after the test.
	mu sync.Mutex
}

// play runs a test in a bubble. In the end it stops the runner, and checks that the counter of
// outcomes agrees with the timelines. The bubble fails if a goroutine is left.
func play(t *testing.T, story func(h *harness)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		h := newHarness(t)
		story(h)
		h.stop()
		h.checkCounter()
	})
}

// newHarness returns a harness of one tenant with one assistant, one channel and one active config.
// The runner is not started.
func newHarness(t *testing.T) *harness {
	h := &harness{
		T: t, store: &store{Store: memstore.New()}, writer: &writer{}, templates: &templates{},
		registry: prometheus.NewRegistry(), began: time.Now(),
		tenant: followup.TenantID(uuid.NewString()), assistant: followup.AssistantID(uuid.NewString()),
		channel: followup.ChannelID(uuid.NewString()),
	}
	h.sender = &sender{tries: 3}
	h.steps = followup.NewMetrics(h.registry)
	directory := followup.NewDirectory([]followup.Tenant{{
		ID: h.tenant, Name: "Acme",
		Assistants: []followup.Assistant{{ID: h.assistant, Name: "Sales", Instructions: "be kind"}},
		Channels:   []followup.Channel{{ID: h.channel, Tenant: h.tenant, Provider: providers.Meta, Assistant: h.assistant}},
	}, {
		ID: neighbour.Tenant, Channels: []followup.Channel{neighbour},
	}})
	h.params = runner.Params{
		Store: h.store, Sender: h.sender, Writer: h.writer, Templates: h.templates, Directory: directory,
		Now: time.Now, Real: time.Now, Speed: 1, MaxLateness: followup.DefaultMaxLateness,
		MaxSleep: 10 * time.Second, // so that simulated days need few wake-ups
		Steps:    h.steps, Registry: h.registry,
		Logger: slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError + 1})),
	}
	h.config = followup.Config{
		ID: followup.ConfigID(uuid.NewString()), TenantID: h.tenant, AssistantID: h.assistant,
		TriggerStatusIDs: []string{status}, IsActive: true, CreatedAt: time.Now(), UpdatedAt: time.Now(),
	}
	h.must(h.store.CreateConfig(t.Context(), h.config), "CreateConfig")
	return h
}

// start starts a runner with the current params.
func (h *harness) start() {
	h.runner = runner.New(h.params)
	h.runner.Start()
}

// restart starts another runner, as a new process does after the old one stopped or died.
func (h *harness) restart() {
	h.params.Registry = prometheus.NewRegistry()
	h.start()
	h.stopped = false
}

// stop stops the runner, unless it is stopped or was never started.
func (h *harness) stop() {
	if h.runner == nil || h.stopped {
		return
	}
	h.stopped = true
	h.must(h.runner.Stop(h.Context()), "Stop")
}

// abandon stops the runner without time for the steps in hand.
func (h *harness) abandon() {
	ctx, cancel := context.WithCancel(h.Context())
	cancel()
	h.stopped = true
	h.must(h.runner.Stop(ctx), "Stop")
}

// must fails the test at once if the call returned an error.
func (h *harness) must(err error, call string) {
	h.Helper()
	if err != nil {
		h.Fatalf("%s: got error %v, want none", call, err)
	}
}

// equal checks that got equals want; what names the value.
func (h *harness) equal(got, want any, what string) {
	h.Helper()
	if !reflect.DeepEqual(got, want) {
		h.Errorf("%s: got %+v, want %+v", what, got, want)
	}
}

// pass lets d go by, with everything that happens in it.
func (h *harness) pass(d time.Duration) {
	h.mu.Lock()   // orders what the doubles write next after what the test has read
	h.mu.Unlock() //nolint:staticcheck // SA2001: only the order matters
	time.Sleep(d)
	synctest.Wait()
}

// timeLog is the times, since the start of the test, at which something happened.
type timeLog struct {
	h  *harness
	at []time.Duration
}

// record adds the current time.
func (t *timeLog) record() {
	t.h.mu.Lock()
	defer t.h.mu.Unlock()
	t.at = append(t.at, time.Since(t.h.began))
}

// all returns the times recorded so far.
func (t *timeLog) all() []time.Duration {
	t.h.mu.Lock()
	defer t.h.mu.Unlock()
	return append([]time.Duration(nil), t.at...)
}

// until lets time go by until d after the start of the test.
func (h *harness) until(d time.Duration) { h.pass(time.Until(h.began.Add(d))) }

// lead creates a lead, which has just written if wrote is true and never wrote otherwise.
func (h *harness) lead(wrote bool) followup.LeadID {
	h.Helper()
	n := len(h.leads) + 1
	id, err := h.store.Resolve(h.Context(), h.tenant, followup.Identity{Phone: fmt.Sprintf("5599%09d", n)}, true, time.Now())
	h.must(err, "Resolve")
	h.leads = append(h.leads, id)
	if wrote {
		h.settle(id, followup.Item{Opens: true, Reply: true, Entry: &followup.Entry{From: followup.FromLead, Text: "hello", At: time.Now()}})
	}
	return id
}

// arm starts a run of the lead on a ladder of these steps.
func (h *harness) arm(lead followup.LeadID, steps ...followup.Step) followup.RunID {
	h.Helper()
	l := followup.Ladder{Steps: steps}
	h.must(h.store.SaveLadder(h.Context(), h.tenant, l.Hash(), l), "SaveLadder")
	run, ended, err := h.store.Start(h.Context(), h.tenant, lead, followup.Arm{
		Config: h.config.ID, Assistant: h.assistant, Channel: h.channel, Ladder: l.Hash(), Interval: steps[0].Wait(),
	}, false, time.Now(), time.Now())
	h.must(err, "Start")
	h.steps.Ended(ended)
	if run == "" {
		h.Fatal("Start: no run was started")
	}
	return run
}

// armOtherTenant starts a run of another tenant, whose template is due after wait. It returns a
// function that reads the run. checkCounter does not know this tenant.
func (h *harness) armOtherTenant(wait time.Duration) func() followup.Run {
	h.Helper()
	tenant := neighbour.Tenant
	id, err := h.store.Resolve(h.Context(), tenant, followup.Identity{Phone: "15550100099"}, true, time.Now())
	h.must(err, "Resolve")
	l := followup.Ladder{Steps: []followup.Step{{Interval: "PT30M", TemplateName: "t", TemplateLanguage: "pt_BR"}}}
	h.must(h.store.SaveLadder(h.Context(), tenant, l.Hash(), l), "SaveLadder")
	run, _, err := h.store.Start(h.Context(), tenant, id, followup.Arm{
		Config: followup.ConfigID(uuid.NewString()), Assistant: followup.AssistantID(uuid.NewString()),
		Channel: neighbour.ID, Ladder: l.Hash(), Interval: wait,
	}, false, time.Now(), time.Now())
	h.must(err, "Start")
	return func() followup.Run {
		h.Helper()
		r, err := h.store.Store.Run(h.Context(), tenant, run)
		h.must(err, "Run")
		return r
	}
}

// armAndStart arms the steps for a lead who has just written, and starts the runner.
func (h *harness) armAndStart(steps ...followup.Step) followup.RunID {
	h.Helper()
	run := h.arm(h.lead(true), steps...)
	h.start()
	return run
}

// settle settles one item of a lead, as a webhook does. Hooks may call it on another goroutine.
func (h *harness) settle(lead followup.LeadID, item followup.Item) {
	item.Channel, item.Assistant, item.At = h.channel, h.assistant, time.Now()
	s, err := h.store.Settle(h.Context(), followup.Settlement{
		Tenant: h.tenant, Lead: lead, Items: []followup.Item{item}, Now: time.Now(), Real: time.Now(),
	})
	if err != nil {
		h.Errorf("Settle: got error %v, want none", err)
	}
	h.steps.Ended(s.Ended)
}

// reply settles a message of the lead.
func (h *harness) reply(lead followup.LeadID) {
	h.settle(lead, followup.Item{Opens: true, Reply: true})
}

// echo settles a message that the business sent from elsewhere.
func (h *harness) echo(lead followup.LeadID) { h.settle(lead, followup.Item{Outbound: true}) }

// run reads a run.
func (h *harness) run(id followup.RunID) followup.Run {
	h.Helper()
	r, err := h.store.Store.Run(h.Context(), h.tenant, id)
	h.must(err, "Run")
	return r
}

// timeline describes a run: "step kind outcome/reason" of each step that ended, then
// the run's state and reason.
func (h *harness) timeline(id followup.RunID) []string {
	h.Helper()
	r := h.run(id)
	var out []string
	for _, m := range r.Timeline {
		if m.Outcome == "" {
			continue
		}
		line := fmt.Sprintf("%d %s %s/%s", m.Step, m.Kind, m.Outcome, m.Reason)
		if m.Settled != "" {
			line += " settled " + string(m.Settled)
		}
		out = append(out, line)
	}
	end := string(r.State)
	if r.Reason != "" {
		end += " " + string(r.Reason)
	}
	return append(out, end)
}

// wantTimeline checks a run's timeline.
func (h *harness) wantTimeline(id followup.RunID, want ...string) {
	h.Helper()
	h.equal(h.timeline(id), want, "timeline")
}

// wantSent checks what the provider accepted: how long after the start of the test, and what.
func (h *harness) wantSent(want ...string) {
	h.Helper()
	var got []string
	for _, c := range h.sender.log() {
		if c.accepted {
			got = append(got, fmt.Sprintf("%v %s", c.at.Sub(h.began).Truncate(time.Millisecond), c.what))
		}
	}
	h.equal(got, want, "sent")
}

// checkCounter checks that the counter of outcomes agrees with all timelines of the test's tenant.
func (h *harness) checkCounter() {
	h.Helper()
	want := map[string]float64{}
	for _, lead := range h.leads {
		runs, err := h.store.Runs(h.Context(), h.tenant, lead)
		h.must(err, "Runs")
		for _, r := range runs {
			for _, m := range r.Timeline {
				if m.Outcome != "" {
					want[fmt.Sprintf("%s %s %s", m.Kind, m.Outcome, m.Reason)]++
				}
			}
		}
	}
	h.equal(h.counted(), want, "wagate_followup_steps_total")
}

// counted returns the counter of outcomes by "kind outcome reason", without zeros.
func (h *harness) counted() map[string]float64 {
	h.Helper()
	families, err := h.registry.Gather()
	h.must(err, "Gather")
	got := map[string]float64{}
	for _, f := range families {
		if f.GetName() != "wagate_followup_steps_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			label := map[string]string{}
			for _, l := range m.GetLabel() {
				label[l.GetName()] = l.GetValue()
			}
			if v := m.GetCounter().GetValue(); v != 0 {
				got[fmt.Sprintf("%s %s %s", label["kind"], label["outcome"], label["reason"])] = v
			}
		}
	}
	return got
}
