package e2e

import (
	"fmt"
	"net/http"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"wagate/providers/providertest"
)

// TestI9OrderThroughTrouble: ten leads write at two processes while the assistant fails every other
// time, in every way. Each lead's messages must arrive in the order written, none lost and none
// twice.
func TestI9OrderThroughTrouble(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{relay: 300e6})
	processes := []*process{w.start(), w.start()}
	var n atomic.Int64
	held := make(chan struct{})
	defer close(held)
	w.sales.on(func(delivery) reply {
		switch n.Add(1) % 8 {
		case 1:
			return reply{status: http.StatusInternalServerError}
		case 3:
			return reply{reset: true}
		case 5:
			return reply{hold: held} // past the time-out
		case 7:
			return reply{status: http.StatusTooManyRequests}
		}
		return reply{}
	})
	const leads, messages = 10, 8
	var want []string
	for i := range messages {
		want = append(want, fmt.Sprintf("message %d", i))
	}
	atOnce(leads, func(i int) {
		from := user(fmt.Sprintf("3460090010%d", i))
		for k, body := range want {
			// One after the other, as people write, at either process.
			if a := processes[(i+k)%2].postMeta(w.body(providertest.GraphText(from, body))); a.status != 200 {
				t.Errorf("post: got %d %s, want 200", a.status, a.body)
			}
		}
	})
	for i := range leads {
		until(t, func() error {
			if got := w.sales.texts(fmt.Sprintf("3460090010%d", i)); !slices.Equal(got, want) {
				return mismatch(fmt.Sprintf("messages of lead %d", i), got, want)
			}
			return nil
		})
	}
}

// TestI9OneAtATime: with relay.max_events at 1, a bot that reads only the first event of a request
// misses none.
func TestI9OneAtATime(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{file: func(f object) { f["relay"] = object{"max_events": 1} }})
	p := w.start()
	answer := make(chan struct{})
	w.sales.on(func(delivery) reply { return reply{hold: answer} })
	want := []string{"one", "two", "three", "four"}
	for _, text := range want { // all but the first come while the bot is busy with the first
		p.postMeta(w.body(providertest.GraphText(user("34600900200"), text))).want(200)
	}
	close(answer)
	untilTrue(t, "all messages relayed", func() bool { return len(w.sales.texts("34600900200")) == len(want) })
	var got []string
	for _, d := range w.sales.attempts() {
		got = append(got, d.Events[0].Text)
	}
	if !slices.Equal(got, want) {
		t.Errorf("first events of the requests: got %v, want %v", got, want)
	}
}

// TestI9SlowTenantDelaysOnlyItself: one tenant's assistant hangs, and more conversations wait for
// it than the relay has out at once. Another tenant's messages must get through.
func TestI9SlowTenantDelaysOnlyItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{relay: 30 * time.Second})
	p := w.start()
	held := make(chan struct{})
	w.sales.on(func(delivery) reply { return reply{hold: held} })
	const noisy = 100
	for i := range noisy {
		w.says(user(fmt.Sprintf("346009002%02d", i)), "hello?")
	}
	untilTrue(t, "the slow assistant busy", func() bool { return len(w.sales.attempts()) >= 12 })
	toBeta := func(phone string) {
		m := providertest.GraphText(user(phone), "quick")
		m.Number = numberBeta
		body := w.body(m)
		p.call(http.MethodPost, p.public+"/webhooks/meta/second",
			map[string]string{"X-Hub-Signature-256": providertest.Sign(betaSecret, body)}, body).want(200)
	}
	const others = 10
	for i := range others {
		toBeta(fmt.Sprintf("346009003%02d", i))
	}
	untilTrue(t, "the other tenant's messages relayed", func() bool { return len(w.support.events()) == others })
	if n := len(w.sales.events()); n != 0 {
		t.Fatalf("the slow assistant accepted %d events, want none before it is released", n)
	}
	close(held)
	w.sales.on(nil)
	untilTrue(t, "all messages relayed", func() bool { return len(w.sales.events()) == noisy })
}
