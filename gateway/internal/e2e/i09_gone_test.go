package e2e

import (
	"net/http"
	"strings"
	"testing"

	"wagate/providers/providertest"
)

// TestI9GoneAssistantFillsItsOwnBacklog: events that an assistant refuses for good become dead
// letters, which count in its backlog until they are dropped. Dead letters left by a version of the
// program that does not count them are counted after a restart. The log says what to do.
func TestI9GoneAssistantFillsItsOwnBacklog(t *testing.T) {
	t.Parallel()
	const bound = 16
	w := newWorld(t, setup{file: func(f object) { f["relay"] = object{"timeout": "300ms", "max_backlog": bound} }})
	w.sales.on(func(delivery) reply { return reply{status: http.StatusGone} })
	p := w.start()
	var refused []byte
	for n := 0; refused == nil; n++ {
		if n > 2*bound {
			t.Fatalf("got %d events accepted, want one refused", n)
		}
		body := w.body(providertest.GraphText(user("34600200700"), "nobody is there"))
		switch a := p.postMeta(body); {
		case a.status == http.StatusServiceUnavailable && a.header.Get("Retry-After") != "":
			refused = body
		case a.status != http.StatusOK:
			t.Fatalf("post: got %d %s, want 200, or 503 with Retry-After", a.status, a.body)
		}
		untilTrue(t, "the accepted event a dead letter", func() bool { return p.metric("wagate_relay_pending") == 0 })
	}
	if got := p.metric("wagate_relay_backlog_dead"); got != bound || p.metric("wagate_relay_backlog") != bound {
		t.Errorf("wagate_relay_backlog_dead: got %v, want %d, and the same in wagate_relay_backlog", got, bound)
	}
	for _, want := range []string{sales, "16 of them in dead letters", "wagate dead drop"} {
		if !strings.Contains(p.log.String(), want) {
			t.Errorf("log: got no line with %q, want one", want)
		}
	}

	p.kill()
	c := w.redis.Client()
	for _, pattern := range []string{"{p*}:deadn", "{p*}:rb"} {
		keys, err := c.Keys(t.Context(), pattern).Result()
		if err != nil || len(keys) == 0 {
			t.Fatalf("keys %s: got %d (%v), want some", pattern, len(keys), err)
		}
		if err := c.Del(t.Context(), keys...).Err(); err != nil {
			t.Fatal(err)
		}
	}
	p = w.start()
	untilTrue(t, "the dead letters counted again", func() bool { return p.metric("wagate_relay_backlog_dead") == bound })
	if a := p.postMeta(refused); a.status != http.StatusServiceUnavailable {
		t.Errorf("after a restart: got %d %s, want 503", a.status, a.body)
	}
	if code, _, errs := command(t, "dead", "drop", "-all", "-assistant", sales, "-admin", p.admin); code != 0 {
		t.Fatalf("dead drop: got %d %s", code, errs)
	}
	untilTrue(t, "the refused webhook accepted", func() bool { return p.postMeta(refused).status == http.StatusOK })
}
