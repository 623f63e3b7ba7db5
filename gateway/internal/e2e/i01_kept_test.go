package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"wagate/providers/providertest"
)

// postMeta posts a webhook to a process, signed by the main app.
func (p *process) postMeta(body []byte) answer {
	return p.call(http.MethodPost, p.public+"/webhooks/meta/main",
		map[string]string{"X-Hub-Signature-256": providertest.Sign(appSecret, body)}, body)
}

// body returns a webhook body with these inbound messages.
func (w *world) body(in ...providertest.GraphInbound) []byte {
	w.t.Helper()
	body, err := w.graph.InboundBody(in...)
	if err != nil {
		w.t.Fatal(err)
	}
	return body
}

// TestI1KillAfterAcknowledged kills wagate and Redis at the same time while webhooks come in. What
// was answered 200 must reach the assistant after the restart, each lead's messages in order.
func TestI1KillAfterAcknowledged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{relay: 300e6})
	w.sales.on(func(delivery) reply { return reply{status: http.StatusServiceUnavailable} }) // nothing is delivered before the crash
	p := w.start()

	const writers, enough = 4, 60
	var mu sync.Mutex
	acknowledged := map[string][]string{}
	reached := make(chan struct{})
	var writing sync.WaitGroup
	for i := range writers {
		writing.Go(func() {
			phone := fmt.Sprintf("3460020000%d", i)
			for n := 0; ; n++ {
				text := fmt.Sprintf("message %03d", n)
				if p.postMeta(w.body(providertest.GraphText(user(phone), text))).status != 200 {
					return // the crash
				}
				mu.Lock()
				acknowledged[phone] = append(acknowledged[phone], text)
				total := 0
				for _, list := range acknowledged {
					total += len(list)
				}
				if total == enough {
					close(reached)
				}
				mu.Unlock()
			}
		})
	}
	receive(t, "acknowledgement", reached)
	p.kill()
	w.redis.Kill()
	writing.Wait()

	w.redis.Restart()
	w.sales.on(nil)
	w.start()
	for phone, want := range acknowledged {
		until(t, func() error {
			got := w.sales.texts(phone)
			// The message that the crash cut off may have been stored too: it was not refused.
			if len(got) < len(want) || !slices.Equal(got[:len(want)], want) || len(got) > len(want)+1 {
				return mismatch("messages", got, want)
			}
			return nil
		})
	}
}

// TestI1RedisAway: while Redis is away, nothing is acknowledged, because nothing can be stored. The
// provider's own retry brings it later.
func TestI1RedisAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	p := w.start()
	w.says(user("34600200100"), "before")
	w.redis.Kill()
	for _, a := range []answer{
		p.postMeta(w.body(providertest.GraphText(user("34600200100"), "lost by everybody"))),
		p.call(http.MethodPost, p.public+"/webhooks/gupshup/"+onGupshup, map[string]string{"X-Callback-Token": gsToken},
			gupshupV2(gupshupMessage("34600200101", "wamid.AWAY1", "lost too"))),
	} {
		if a.want(http.StatusServiceUnavailable).header.Get("Retry-After") == "" {
			t.Errorf("%s: got no Retry-After with 503, want one", a.what)
		}
	}
	a := p.api(http.MethodGet, "/backend/leads", nil).want(http.StatusServiceUnavailable)
	if !strings.Contains(string(a.body), `"code"`) {
		t.Errorf("error: got %s, want the API's error format", a.body)
	}

	w.graph.PostLater(w.body(providertest.GraphText(user("34600200100"), "during")))
	untilTrue(t, "answered 503", func() bool {
		hooks := w.graph.Webhooks()
		return slices.Contains(hooks[len(hooks)-1].Answers, http.StatusServiceUnavailable)
	})
	w.redis.Restart()
	if err := w.graph.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.says(user("34600200100"), "after")
	until(t, func() error {
		if got := strings.Join(w.sales.texts("34600200100"), ","); got != "before,during,after" {
			return mismatch("messages", got, "before,during,after")
		}
		return nil
	})
	until(t, func() error {
		if a := p.get(p.admin+"/readyz", ""); a.status != 200 {
			return mismatch("readiness", string(a.body), "ready again")
		}
		return nil
	})
}

// TestI1RedisFrozen: a Redis that accepts connections and never answers does not block webhooks for
// long: they are answered 503. When such a webhook is sent again it counts once, even if Redis had
// received it the first time.
func TestI1RedisFrozen(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	p := w.start()
	const phone = "34600200500"
	w.says(user(phone), "before")
	meta := w.body(providertest.GraphText(user(phone), "while it is frozen"))
	callback := gupshupV2(gupshupMessage(phone, "wamid.FROZEN1", "this too"))
	post := []func() answer{
		func() answer { return p.postMeta(meta) },
		func() answer {
			return p.call(http.MethodPost, p.public+"/webhooks/gupshup/"+onGupshup, map[string]string{"X-Callback-Token": gsToken}, callback)
		},
	}
	w.redis.Freeze()
	t.Cleanup(w.redis.Thaw)
	atOnce(len(post), func(i int) {
		a := post[i]()
		if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
			t.Errorf("%s: got %d %s, Retry-After %q, want 503 with Retry-After", a.what, a.status, a.body, a.header.Get("Retry-After"))
		}
	})
	w.redis.Thaw()
	for _, again := range post {
		until(t, func() error {
			if a := again(); a.status != 200 {
				return mismatch("answer", a.status, 200)
			}
			return nil
		})
	}
	w.says(user(phone), "after")
	until(t, func() error {
		got := w.sales.texts(phone)
		slices.Sort(got) // the two channels are two conversations
		if want := []string{"after", "before", "this too", "while it is frozen"}; !slices.Equal(got, want) {
			return mismatch("messages", got, want)
		}
		return nil
	})
}

// TestI1AssistantInTrouble: whatever an assistant does for a while, it gets all of each lead's
// messages later, in order.
func TestI1AssistantInTrouble(t *testing.T) {
	t.Parallel()
	held := make(chan struct{})
	t.Cleanup(func() { close(held) }) // after the subtests, which run on when this function returns
	troubles := map[string]func(w *world) (heal func()){
		"500":   func(w *world) func() { w.sales.on(func(delivery) reply { return reply{status: 500} }); return nil },
		"reset": func(w *world) func() { w.sales.on(func(delivery) reply { return reply{reset: true} }); return nil },
		"slow":  func(w *world) func() { w.sales.on(func(delivery) reply { return reply{hold: held} }); return nil },
		"down":  func(w *world) func() { w.sales.shut(); return w.sales.open },
	}
	for name, begin := range troubles {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, setup{relay: 300e6})
			w.start()
			w.says(user("34600200300"), "first")
			until(t, func() error {
				if got := w.sales.texts("34600200300"); len(got) != 1 {
					return mismatch("messages", got, "first")
				}
				return nil
			})
			heal := begin(w)
			before := len(w.sales.attempts())
			want := []string{"first"}
			for i := range 5 {
				want = append(want, fmt.Sprint("then ", i))
				w.says(user("34600200300"), want[i+1])
			}
			if name != "down" {
				untilTrue(t, "two failed tries", func() bool { return len(w.sales.attempts()) >= before+2 })
			}
			if heal != nil {
				heal()
			}
			w.sales.on(nil)
			until(t, func() error {
				if got := w.sales.texts("34600200300"); !slices.Equal(got, want) {
					return mismatch("messages", got, want)
				}
				return nil
			})
		})
	}
}

// TestI1BacklogOverItsBound: while an assistant is away, a webhook that would exceed its backlog is
// refused, and comes again. A webhook accepted before is still a duplicate. When the assistant is
// back, everything arrives once and in order.
func TestI1BacklogOverItsBound(t *testing.T) {
	t.Parallel()
	const bound, leads = 24, 3
	w := newWorld(t, setup{file: func(f object) { f["relay"] = object{"timeout": "300ms", "max_backlog": bound} }})
	w.sales.on(func(delivery) reply { return reply{status: http.StatusServiceUnavailable} })
	p := w.start()
	phone := func(i int) string { return fmt.Sprint("3460020060", i%leads) }
	want := map[string][]string{}
	var refused, taken []byte
	for n := 0; refused == nil; n++ {
		if n > 2*bound {
			t.Fatalf("got %d events accepted, want one refused", n)
		}
		text := fmt.Sprintf("message %03d", n)
		body := w.body(providertest.GraphText(user(phone(n)), text))
		switch a := p.postMeta(body); {
		case a.status == http.StatusServiceUnavailable && a.header.Get("Retry-After") != "":
			refused = body
		case a.status != http.StatusOK:
			t.Fatalf("post: got %d %s, want 200, or 503 with Retry-After", a.status, a.body)
		default:
			taken = body
		}
		want[phone(n)] = append(want[phone(n)], text)
	}
	if a := p.postMeta(taken); a.status != 200 {
		t.Errorf("a duplicate: got %d %s, want 200", a.status, a.body)
	}
	if got := p.metric("wagate_relay_backlog"); got < bound || got > 2*bound {
		t.Errorf("wagate_relay_backlog: got %v, want %d or a little more", got, bound)
	}
	if got := p.metric(`wagate_relay_refused_total{provider="meta"}`); got != 1 {
		t.Errorf("wagate_relay_refused_total: got %v, want 1", got)
	}
	w.sales.on(nil)
	until(t, func() error {
		if a := p.postMeta(refused); a.status != 200 {
			return mismatch("post of the refused webhook", a.status, 200)
		}
		return nil
	})
	for from, texts := range want {
		until(t, func() error {
			if got := w.sales.texts(from); !slices.Equal(got, texts) {
				return mismatch("messages", got, texts)
			}
			return nil
		})
	}
}

// TestI1RejectedBecomesDeadLetter: an event that the assistant rejects three times becomes a dead
// letter and does not hold up the events behind it. The dead letter can be listed, shown and
// replayed.
func TestI1RejectedBecomesDeadLetter(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	p := w.start()
	w.sales.on(func(d delivery) reply {
		if strings.Contains(string(d.Body), "poison") {
			return reply{status: http.StatusUnprocessableEntity}
		}
		return reply{}
	})
	w.says(user("34600200400"), "poison")
	untilTrue(t, "tried", func() bool { return len(w.sales.attempts()) > 0 })
	w.says(user("34600200400"), "behind it")
	until(t, func() error {
		if got := w.sales.texts("34600200400"); !slices.Equal(got, []string{"behind it"}) {
			return mismatch("messages", got, "behind it")
		}
		return nil
	})
	tries := 0
	for _, d := range w.sales.attempts() {
		if strings.Contains(string(d.Body), "poison") {
			tries++
		}
	}
	if tries != 3 {
		t.Errorf("tries: got %d, want 3", tries)
	}

	code, out, errs := command(t, "dead", "list", "-admin", p.admin)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if code != 0 || len(lines) != 2 || !strings.Contains(lines[1], "rejected 422") {
		t.Fatalf("dead list: got %d\n%s%s, want one line with the reason", code, out, errs)
	}
	id := strings.Fields(lines[1])[0]
	if code, out, errs := command(t, "dead", "show", "-admin", p.admin, id); code != 0 || !strings.Contains(out, "poison") {
		t.Errorf("dead show: got %d\n%s%s, want its events", code, out, errs)
	}
	metric := func() float64 { return p.metric(`wagate_relay_dead`) }
	if got := metric(); got != 1 {
		t.Errorf("wagate_relay_dead: got %v, want 1", got)
	}
	w.sales.on(nil)
	if code, out, errs := command(t, "dead", "replay", "-admin", p.admin, id); code != 0 || out != "1 dead letter replayed\n" {
		t.Fatalf("dead replay: got %d\n%s%s, want one dead letter replayed", code, out, errs)
	}
	until(t, func() error {
		if got := w.sales.texts("34600200400"); !slices.Equal(got, []string{"behind it", "poison"}) {
			return mismatch("messages", got, "behind it, poison")
		}
		return nil
	})
	until(t, func() error {
		if got := metric(); got != 0 {
			return mismatch("wagate_relay_dead", got, 0)
		}
		return nil
	})
	if code, _, errs := command(t, "dead", "replay", "-admin", p.admin, id); code != 1 {
		t.Errorf("dead replay, again: got exit code %d %s, want 1", code, errs)
	}
}
