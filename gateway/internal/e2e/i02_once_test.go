package e2e

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"wagate/providers/providertest"
)

// unix returns a time as Meta's webhooks spell it.
func unix(at time.Time) string { return strconv.FormatInt(at.Unix(), 10) }

// atOnce calls f n times concurrently and returns when all calls have returned.
func atOnce(n int, f func(i int)) {
	ready := make(chan struct{})
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() {
			<-ready
			f(i)
		})
	}
	close(ready)
	all.Wait()
}

// TestI2SameWebhookFiftyTimes posts one body concurrently to two processes, from an unknown
// contact. There must be one lead, one delivery and one effect.
func TestI2SameWebhookFiftyTimes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	a, b := w.start(), w.start()
	phone := "34600300100"
	body := w.body(providertest.GraphText(user(phone), "only once"))
	post := func(i int) {
		p := a
		if i%2 == 1 {
			p = b
		}
		if got := p.postMeta(body); got.status != 200 {
			t.Errorf("post %d: got %d %s, want 200", i, got.status, got.body)
		}
	}
	atOnce(50, post)
	// A second message comes behind everything that the first may have caused.
	w.says(user(phone), "the second")
	until(t, func() error {
		if got := w.sales.texts(phone); len(got) < 2 {
			return mismatch("messages", got, 2)
		}
		return nil
	})
	atOnce(6, post) // Meta's retries, long after the delivery
	w.says(user(phone), "the third")
	until(t, func() error {
		if got := w.sales.texts(phone); len(got) < 3 {
			return mismatch("messages", got, 3)
		}
		return nil
	})
	if got, want := w.sales.texts(phone), []string{"only once", "the second", "the third"}; !slices.Equal(got, want) {
		t.Errorf("messages: got %v, want %v", got, want)
	}
	a.leadOf(phone) // fails the test unless the phone has exactly one lead
	const duplicates = `wagate_events_duplicate_total{provider="meta"}`
	if got := a.metric(duplicates) + b.metric(duplicates); got != 55 {
		t.Errorf("duplicates: got %v, want 55", got)
	}
}

// TestI2BothGupshupVersions: the same message as version 2 and as version 3, posted many times to
// two processes, is one message. So is a report about a message of ours.
func TestI2BothGupshupVersions(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{gupshup: func(o *providertest.GupshupOptions) {
		o.Versions = []int{2, 3}
		o.Reports = true
	}})
	a, b := w.start(), w.start()
	phone := "34600300200"
	const id = "wamid.BOTHVERSIONS"
	bodies := []object{gupshupV2(gupshupMessage(phone, id, "either way")), gupshupV3(phone, id, "either way")}
	atOnce(20, func(i int) {
		p := a
		if i%4 >= 2 {
			p = b
		}
		got := p.call(http.MethodPost, p.public+"/webhooks/gupshup/"+onGupshup, map[string]string{"X-Callback-Token": gsToken}, bodies[i%2])
		if got.status != 200 || len(got.body) != 0 {
			t.Errorf("post %d: got %d %q, want 200 with an empty body", i, got.status, got.body)
		}
	})
	w.saysGupshup(phone, "the second")
	until(t, func() error {
		if got := w.sales.texts(phone); len(got) < 2 {
			return mismatch("messages", got, 2)
		}
		return nil
	})
	if got, want := w.sales.texts(phone), []string{"either way", "the second"}; !slices.Equal(got, want) {
		t.Errorf("messages: got %v, want %v", got, want)
	}

	sent := a.api(http.MethodPost, "/v26.0/"+onGupshup+"/messages", text(phone, "Here you are")).want(200)
	given := sentID(sent)
	until(t, func() error {
		var states []string
		for _, e := range w.sales.events() {
			if e.About == given {
				states = append(states, e.Status)
			}
		}
		slices.Sort(states)
		if got, want := strings.Join(states, ","), "delivered,enqueued,sent"; got != want {
			return mismatch("reports", got, want)
		}
		return nil
	})
	if err := w.gupshup.WaitIdle(t.Context()); err != nil {
		t.Fatal(err)
	}
	w.saysGupshup(phone, "the third") // comes behind all reports
	untilTrue(t, "the third message relayed", func() bool { return len(w.sales.texts(phone)) == 3 })
	reports := 0
	for _, e := range w.sales.events() {
		if e.Status != "" {
			reports++
		}
	}
	if reports != 3 {
		t.Errorf("reports: got %d, want 3, each state once", reports)
	}
}

// TestI2ReplyEndsARunOnce: fifty copies of a reply at two processes end the run once, and the
// assistant is told once.
func TestI2ReplyEndsARunOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	a, b := w.start(), w.start()
	a.configure(nudge("PT30M"))
	phone := "34600300300"
	l := a.follow(phone)
	body := w.body(providertest.GraphText(user(phone), "I am here"))
	atOnce(50, func(i int) { []*process{a, b}[i%2].postMeta(body) })
	a.untilRun(l.ID, "ended replied 1:cancelled/replied")
	w.says(user(phone), "and again")
	untilTrue(t, "the next message relayed", func() bool { return len(w.sales.texts(phone)) == 3 })
	var told []string
	for _, h := range w.sales.happenings(l.ID) {
		told = append(told, h.Event)
	}
	if got, want := fmt.Sprint(told), "[scheduled replied]"; got != want {
		t.Errorf("happenings: got %s, want %s", got, want)
	}
	const cancelled = `wagate_followup_steps_total{kind="none",outcome="cancelled",reason="replied"}`
	if got := a.metric(cancelled) + b.metric(cancelled); got != 1 {
		t.Errorf("cancelled steps: got %v, want 1", got)
	}
}

// text returns a Cloud API send of a text.
func text(to, body string) object {
	return object{"messaging_product": "whatsapp", "to": to, "type": "text", "text": object{"body": body}}
}

// sentID returns the message id in a Cloud API answer.
func sentID(a answer) string {
	a.t.Helper()
	var v struct {
		Messages []struct{ ID string }
	}
	if err := json.Unmarshal(a.body, &v); err != nil || len(v.Messages) != 1 || v.Messages[0].ID == "" {
		a.t.Fatalf("%s: got %s, want one message id", a.what, a.body)
	}
	return v.Messages[0].ID
}
