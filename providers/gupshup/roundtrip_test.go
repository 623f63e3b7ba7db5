package gupshup

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"wagate/providers"
	"wagate/providers/providertest"
)

// webhook is an HTTP handler that decodes the callbacks it gets and keeps the events.
type webhook struct {
	mu     sync.Mutex
	events []providers.Event
}

func (h *webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil || r.Header.Get("X-Callback-Token") != "tok" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	in, err := Decode(body, testOptions)
	if err != nil || !in.From(testAppID, testApp) || in.Skipped != 0 {
		w.WriteHeader(http.StatusBadRequest)
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, in.Events...)
}

// take waits until the fake is idle and returns the events since the last call.
func (h *webhook) take(t *testing.T, g *providertest.Gupshup) []providers.Event {
	t.Helper()
	if err := g.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	for _, a := range g.Answers() {
		if a.Status != http.StatusOK {
			t.Errorf("got answer %d to a callback, want 200", a.Status)
		}
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	out := h.events
	h.events = nil
	return out
}

// connected returns a fake that posts callbacks of these versions to a webhook.
func connected(t *testing.T, c *clock, versions ...int) (*providertest.Gupshup, *webhook) {
	t.Helper()
	h := &webhook{}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	g := newFake(t, func(o *providertest.GupshupOptions) {
		o.CallbackURL, o.CallbackToken, o.Versions = server.URL, "tok", versions
		o.Reports, o.Now = true, c.Now
	})
	return g, h
}

// Gupshup accepts a free-form message into a closed window and reports later that it failed; a
// template is delivered. All reports name the id that Send returned.
func TestClosedWindowIsReportedLater(t *testing.T) {
	t.Parallel()
	for _, version := range []int{V2, V3} {
		c := &clock{now: time.Unix(1790000000, 0)}
		g, h := connected(t, c, version)
		s := newSender(t, g, func(p *Params) { p.V3 = version == V3 })
		to := providers.Contact{Phone: testPhone}
		text := providers.NewText(to, "are you there?")
		text.Opaque = "wg1.1.a1"
		states := func(m providers.Message) (list []providers.StatusState, last *providers.Status) {
			t.Helper()
			sent, err := s.Send(t.Context(), m)
			if err != nil {
				t.Fatalf("v%d: got %v, want it accepted", version, err)
			}
			for _, e := range h.take(t, g) {
				if e.Kind != providers.KindStatus || e.Status.MessageID != sent.ID {
					t.Errorf("v%d: got %s for %s, want a status of %s", version, e.Kind, e.ID, sent.ID)
					continue
				}
				list, last = append(list, e.Status.State), e.Status
			}
			return list, last
		}

		got, last := states(text)
		if want := []providers.StatusState{providers.StatusAccepted, providers.StatusFailed}; !slices.Equal(got, want) {
			t.Fatalf("v%d: closed window: got %v, want %v", version, got, want)
		}
		if last.Err.Kind != providers.WindowClosed || len(last.OtherIDs) == 0 {
			t.Errorf("v%d: got %+v, want window_closed and the other id", version, last)
		}
		if want := map[int]string{V2: "", V3: "wg1.1.a1"}[version]; last.Opaque != want {
			t.Errorf("v%d: got opaque %q, want %q", version, last.Opaque, want)
		}

		want := []providers.StatusState{providers.StatusAccepted, providers.StatusSent, providers.StatusDelivered}
		if got, _ = states(template("plain", "pt_BR")); !slices.Equal(got, want) {
			t.Errorf("v%d: template: got %v, want %v", version, got, want)
		}
		g.Receive(providertest.GupshupText(testPhone, "yes"))
		h.take(t, g)
		if got, _ = states(text); !slices.Equal(got, want) {
			t.Errorf("v%d: open window: got %v, want %v", version, got, want)
		}
		c.add(24 * time.Hour)
		if got, _ = states(text); got[len(got)-1] != providers.StatusFailed {
			t.Errorf("v%d: after exactly 24 h: got %v, want it failed", version, got)
		}
		g.FailFor(testPhone, 1012)
		if _, last = states(template("plain", "pt_BR")); last.Err.Kind != providers.OptedOut {
			t.Errorf("v%d: got %+v, want opted_out", version, last.Err)
		}
	}
}

// Every type of message arrives from a contact with a phone, a user id or both. If both versions
// are subscribed, it arrives twice with one id (I2).
func TestI2EveryTypeInBothVersions(t *testing.T) {
	t.Parallel()
	c := &clock{now: time.Unix(1790000000, 0)}
	g, h := connected(t, c, V2, V3)
	for _, who := range []providers.Contact{
		{Phone: testPhone}, {UserID: testUser}, {Phone: testPhone, UserID: testUser},
	} {
		samples := providertest.GupshupSamples(who.Phone, who.UserID)
		ids := map[string]int{}
		for _, in := range samples {
			ids[g.Receive(in)] = 0
		}
		for _, e := range h.take(t, g) {
			ids[e.ID]++
			if e.Contact.Phone != who.Phone || e.Contact.UserID != who.UserID || e.Contact.Name != "Ada" {
				t.Errorf("got contact %+v, want %+v", e.Contact, who)
			}
		}
		if len(ids) != len(samples) {
			t.Errorf("got %d ids for %d messages, want one each", len(ids), len(samples))
		}
		for id, n := range ids {
			if n != 2 {
				t.Errorf("got %d events with id %s, want one per version", n, id)
			}
		}
	}
	g.Preference(testPhone, testUser, "stop")
	both := h.take(t, g)
	if len(both) != 2 || both[0].ID != both[1].ID || !both[0].Preference.Stop || both[0].Contact != both[1].Contact {
		t.Errorf("got %+v, want one opt-out in both versions", both)
	}
}

// Gupshup's checks of the platform are events without a contact.
func TestPlatformChecksHaveNoContact(t *testing.T) {
	t.Parallel()
	g, h := connected(t, &clock{now: time.Unix(1790000000, 0)}, V2, V3)
	g.ConnectivityCheck()
	g.SandboxStart()
	events := h.take(t, g)
	if len(events) != 3 {
		t.Fatalf("got %d events, want 3", len(events))
	}
	for _, e := range events {
		if e.Kind != providers.KindPlatform || !e.Contact.IsZero() {
			t.Errorf("got %s of %+v, want platform without a contact", e.Kind, e.Contact)
		}
	}
}
