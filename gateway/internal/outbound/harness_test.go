package outbound_test

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/goleak"

	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/gateway/internal/outbound"
	"wagate/providers"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const (
	tenant    followup.TenantID    = "7b1d6f2e-51d5-4b0e-8a34-0c9c54d1a001"
	stranger  followup.TenantID    = "7b1d6f2e-51d5-4b0e-8a34-0c9c54d1a002"
	assistant followup.AssistantID = "7b1d6f2e-51d5-4b0e-8a34-0c9c54d1b001"
	onMeta    followup.ChannelID   = "7b1d6f2e-51d5-4b0e-8a34-0c9c54d1c001"
	onGupshup followup.ChannelID   = "7b1d6f2e-51d5-4b0e-8a34-0c9c54d1c002"
	number                         = "109870006543"
	phone                          = "5599000000021"
)

var errAway = errors.New("store away")

// diary records the names of the steps of a send in the order in which they happened.
type diary struct {
	mu    sync.Mutex
	lines []string
}

func (d *diary) note(line string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.lines = append(d.lines, line)
}

func (d *diary) read() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.lines)
}

// provider is a scripted provider of one channel. Each call is noted in the diary, runs hook, and
// takes the time took before it is answered.
type provider struct {
	diary *diary
	took  time.Duration
	hook  func()

	mu     sync.Mutex
	script []error             // results of the next calls; nil, and once it is used up: accepted
	got    []providers.Message // the messages of the calls that were answered
	passed []string            // the bodies given to Do
	extra  providers.Sent      // what an acceptance says, apart from the id
}

// answers sets the results of the next calls.
func (p *provider) answers(errs ...error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.script = errs
}

func (p *provider) Send(ctx context.Context, m providers.Message) (providers.Sent, error) {
	p.diary.note("call")
	if p.hook != nil {
		p.hook()
	}
	select {
	case <-time.After(p.took):
	case <-ctx.Done():
		return providers.Sent{}, &providers.Error{Kind: providers.Transient, MaybeSent: true, Cause: ctx.Err()}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.got = append(p.got, m)
	if len(p.script) > 0 {
		err := p.script[0]
		p.script = p.script[1:]
		if err != nil {
			return providers.Sent{}, err
		}
	}
	sent := p.extra
	sent.ID = fmt.Sprintf("wamid.%d", len(p.got))
	return sent, nil
}

// calls returns the messages of the calls that were answered.
func (p *provider) calls() []providers.Message {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.got)
}

// reader is a provider that takes read receipts as well.
type reader struct{ *provider }

func (p reader) Do(_ context.Context, body json.RawMessage) (json.RawMessage, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.passed = append(p.passed, string(body))
	if len(p.script) > 0 && p.script[0] != nil {
		return nil, p.script[0]
	}
	return json.RawMessage(`{"success":true}`), nil
}

// store is the in-memory store with a diary and switches for faults.
type store struct {
	*memstore.Store
	diary *diary
	mu    sync.Mutex
	fails map[string]int // how many more times each method fails
	newer bool           // LinkMessage fails, as if a newer replica had written what is known of the message
	wait  time.Duration  // if positive, Pace answers with it and asks nothing
	// noRecords makes GuardSend and Lead find no record of any lead, as if the process that wrote their
	// identities had died before it wrote the records. A Resolve that may create a lead ends this.
	noRecords atomic.Bool
	// holding and looking, if set, are called at the beginning of HoldKey and Lead.
	holding, looking func()
	// kept is what was to be stored with idempotency keys: fingerprints and answers.
	kept []string
}

// keep notes what was to be stored with an idempotency key.
func (s *store) keep(what string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.kept = append(s.kept, what)
}

// fail returns errAway if the method is to fail, and counts the failure. "X's answer" as the method
// means that X takes effect and its answer is lost.
func (s *store) fail(method string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.fails[method] == 0 {
		return nil
	}
	s.fails[method]--
	return errAway
}

// breaks makes the next calls of a method fail; see fail.
func (s *store) breaks(method string, times int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fails[method] = times
}

func (s *store) Pace(ctx context.Context, c followup.ChannelID, perSecond float64, burst int, longest time.Duration, real time.Time) (time.Duration, error) {
	s.diary.note("pace")
	if err := s.fail("Pace"); err != nil {
		return 0, err
	}
	if s.wait > 0 {
		return s.wait, nil
	}
	return s.Store.Pace(ctx, c, perSecond, burst, longest, real)
}

func (s *store) LinkMessage(ctx context.Context, t followup.TenantID, ref followup.MessageRef) ([]followup.Parked, error) {
	s.diary.note("link")
	if s.newer {
		return nil, followup.ErrNewer
	}
	if err := s.fail("LinkMessage"); err != nil {
		return nil, err
	}
	parked, err := s.Store.LinkMessage(ctx, t, ref)
	if lost := s.fail("LinkMessage's answer"); lost != nil {
		return nil, lost
	}
	return parked, err
}

func (s *store) Settle(ctx context.Context, st followup.Settlement) (followup.Settled, error) {
	if err := s.fail("Settle"); err != nil {
		return followup.Settled{}, err
	}
	return s.Store.Settle(ctx, st)
}

func (s *store) Resolve(ctx context.Context, t followup.TenantID, who followup.Identity, create bool, now time.Time) (followup.LeadID, error) {
	if err := s.fail("Resolve"); err != nil {
		return "", err
	}
	if create {
		s.noRecords.Store(false)
	}
	return s.Store.Resolve(ctx, t, who, create, now)
}

func (s *store) Lead(ctx context.Context, t followup.TenantID, id followup.LeadID) (followup.Lead, error) {
	if s.looking != nil {
		s.looking()
	}
	if err := s.fail("Lead"); err != nil {
		return followup.Lead{}, err
	}
	if s.noRecords.Load() {
		return followup.Lead{ID: id, Tenant: t}, nil
	}
	return s.Store.Lead(ctx, t, id)
}

func (s *store) GuardSend(ctx context.Context, g followup.GuardSend) (followup.Verdict, error) {
	s.diary.note("guard")
	if err := s.fail("GuardSend"); err != nil {
		return followup.Verdict{}, err
	}
	if s.noRecords.Load() {
		return followup.Verdict{}, followup.ErrNotFound
	}
	return s.Store.GuardSend(ctx, g)
}

func (s *store) RecordSend(ctx context.Context, r followup.RecordSend) error {
	s.diary.note("record")
	if err := s.fail("RecordSend"); err != nil {
		return err
	}
	return s.Store.RecordSend(ctx, r)
}

func (s *store) BeginKey(ctx context.Context, t followup.TenantID, key, fingerprint string, real time.Time, lease time.Duration) (followup.KeyAnswer, error) {
	if err := s.fail("BeginKey"); err != nil {
		return followup.KeyAnswer{}, err
	}
	s.keep(fingerprint)
	k, err := s.Store.BeginKey(ctx, t, key, fingerprint, real, lease)
	if lost := s.fail("BeginKey's answer"); lost != nil {
		return followup.KeyAnswer{}, lost
	}
	return k, err
}

func (s *store) HoldKey(ctx context.Context, t followup.TenantID, key, owner string, real time.Time) error {
	if s.holding != nil {
		s.holding()
	}
	if err := s.fail("HoldKey"); err != nil {
		return err
	}
	err := s.Store.HoldKey(ctx, t, key, owner, real)
	return cmp.Or(s.fail("HoldKey's answer"), err)
}

func (s *store) FinishKey(ctx context.Context, t followup.TenantID, key string, answer []byte, real time.Time) error {
	if err := s.fail("FinishKey"); err != nil {
		return err
	}
	s.keep(string(answer))
	return s.Store.FinishKey(ctx, t, key, answer, real)
}

func (s *store) DropKey(ctx context.Context, t followup.TenantID, key, owner string) error {
	if err := s.fail("DropKey"); err != nil {
		return err
	}
	return s.Store.DropKey(ctx, t, key, owner)
}

// harness is the API and the service with test doubles around them.
type harness struct {
	*testing.T
	diary    *diary
	store    *store
	meta     *provider
	gupshup  *provider
	service  *outbound.Service
	api      *outbound.API
	registry *prometheus.Registry
	params   outbound.Params
	mu       sync.Mutex
	known    map[string]providers.TemplateInfo
	rearmed  []followup.AssistantID
}

// bubble runs a test with a new harness in a synctest bubble.
func bubble(t *testing.T, story func(h *harness)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) { story(newHarness(t)) })
}

func newHarness(t *testing.T) *harness {
	d := &diary{}
	h := &harness{
		T: t, diary: d, store: &store{Store: memstore.New(), diary: d, fails: map[string]int{}},
		meta: &provider{diary: d}, gupshup: &provider{diary: d}, known: map[string]providers.TemplateInfo{},
	}
	h.params = outbound.Params{
		Store: h.store, Now: time.Now, Real: time.Now,
		Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
		Lines: []outbound.Line{
			{Channel: followup.Channel{ID: onMeta, Tenant: tenant, Provider: providers.Meta, Assistant: assistant, Number: number}, Provider: reader{h.meta}},
			{Channel: followup.Channel{ID: onGupshup, Tenant: tenant, Provider: providers.Gupshup, Assistant: assistant, Number: "5599000000099"}, Provider: h.gupshup},
		},
	}
	h.build()
	return h
}

// build replaces the service and the API by new ones with the current params.
func (h *harness) build() {
	h.registry = prometheus.NewRegistry()
	h.params.Registry = h.registry
	h.params.Steps = followup.NewMetrics(h.registry)
	h.service = outbound.New(h.params)
	h.api = h.apiOn(h.store)
}

// apiOn returns an API on the harness's service with a store of its own.
func (h *harness) apiOn(s outbound.APIStore) *outbound.API {
	var channels []followup.Channel
	for _, l := range h.params.Lines {
		channels = append(channels, l.Channel)
	}
	return outbound.NewAPI(outbound.APIParams{
		Store: s, Service: h.service, Templates: h, Now: time.Now, Real: time.Now, Logger: h.params.Logger,
		Directory: followup.NewDirectory([]followup.Tenant{
			{ID: tenant, Channels: channels, Assistants: []followup.Assistant{{ID: assistant}}}, {ID: stranger},
		}),
		Rearm: func(_ context.Context, _ followup.TenantID, _ followup.LeadID, a []followup.AssistantID) {
			h.diary.note("rearm")
			h.rearmed = append(h.rearmed, a...)
		},
	})
}

// Template implements followup.Templates.
func (h *harness) Template(_ context.Context, _ followup.ChannelID, name, _ string) (providers.TemplateInfo, bool, error) {
	if err := h.store.fail("Template"); err != nil {
		return providers.TemplateInfo{}, false, err
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	info, ok := h.known[name]
	return info, ok, nil
}

// learns makes the harness, as a template registry, know a template.
func (h *harness) learns(info providers.TemplateInfo) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.known[info.Name] = info
}

func (h *harness) must(err error, call string) {
	h.Helper()
	if err != nil {
		h.Fatalf("%s: got error %v, want none", call, err)
	}
}

func (h *harness) is(got, want any, what string) {
	h.Helper()
	if !reflect.DeepEqual(got, want) {
		h.Errorf("%s: got %+v, want %+v", what, got, want)
	}
}

// wrote returns a lead with this identity who has just written on both channels.
func (h *harness) wrote(who followup.Identity) followup.LeadID {
	h.Helper()
	id, err := h.store.Store.Resolve(h.Context(), tenant, who, true, time.Now())
	h.must(err, "Resolve")
	h.opens(id)
	return id
}

// opens settles a message of the lead on each channel, which opens its windows.
func (h *harness) opens(lead followup.LeadID) {
	h.Helper()
	for _, c := range []followup.ChannelID{onMeta, onGupshup} {
		h.settle(lead, followup.Item{Channel: c, Opens: true, Reply: true})
	}
}

// settle settles one item of the lead for the assistant, at the current time.
func (h *harness) settle(lead followup.LeadID, item followup.Item) {
	h.Helper()
	item.Assistant, item.At = assistant, time.Now()
	_, err := h.store.Store.Settle(h.Context(), followup.Settlement{
		Tenant: tenant, Lead: lead, Items: []followup.Item{item}, Now: time.Now(), Real: time.Now(),
	})
	h.must(err, "Settle")
}

// post sends a body to a number's route with an idempotency key, which may be empty.
func (h *harness) post(to, body, key string) outbound.Answer {
	return h.api.Send(h.Context(), outbound.Request{Tenant: tenant, Number: to, IdempotencyKey: key, Body: []byte(body)})
}

// answered checks an answer's status and body.
func (h *harness) answered(a outbound.Answer, status int, body string) {
	h.Helper()
	if a.Status != status || string(a.Body) != body {
		h.Errorf("answer:\n got %d %s\nwant %d %s", a.Status, a.Body, status, body)
	}
}

// graphError returns status, code and details of a Graph error answer.
func graphError(a outbound.Answer) string {
	var e struct {
		Error struct {
			Message   string
			Code      int
			ErrorData struct{ Details string } `json:"error_data"`
		}
	}
	if err := json.Unmarshal(a.Body, &e); err != nil {
		return err.Error()
	}
	return fmt.Sprintf("%d %d %s", a.Status, e.Error.Code, e.Error.ErrorData.Details)
}

// text returns the body of a request to send a text.
func text(to string) string {
	return fmt.Sprintf(`{"messaging_product":"whatsapp","to":%q,"type":"text","text":{"body":"hello"}}`, to)
}

// template returns the body of a request to send a template.
func template(to, name string) string {
	return fmt.Sprintf(`{"messaging_product":"whatsapp","to":%q,"type":"template","template":{"name":%q,"language":{"code":"pt_BR"}}}`, to, name)
}
