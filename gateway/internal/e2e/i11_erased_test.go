package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"wagate/providers/providertest"
)

// TestI11ErasedLeadLeavesNothing: once a lead is erased, nothing in Redis says who it was or what
// was said, not even the answers that are kept for requests that repeat an Idempotency-Key. Those
// requests still get their answers.
func TestI11ErasedLeadLeavesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	p := w.start()
	const phone, bsuid, key = "34601110111", "ES.ERASED01", "answer-to-wamid.INVENTEDQUESTION"
	p.configure(nudge("PT30M"))
	w.says(providertest.GraphUser{Phone: phone, UserID: bsuid, Name: "Erasedperson"}, "erasedquestion")
	w.saysGupshup(phone, "erasedquestion")
	l := p.leadOf(phone)
	p.status(l.ID, hot)
	send := func(channel string) answer {
		header := bearer(acmeKey)
		header["Idempotency-Key"] = key + channel
		return p.call(http.MethodPost, p.public+"/v26.0/"+channel+"/messages", header, text(phone, "erasedanswer")).want(200)
	}
	channels := []string{numberAcme, onGupshup}
	first := map[string]answer{}
	for _, c := range channels {
		first[c] = send(c)
	}
	c := w.redis.Client()
	kept := content(t, c)
	for _, secret := range []string{phone, bsuid, "Erasedperson", "erasedquestion", "erasedanswer", sentID(first[numberAcme])} {
		if !strings.Contains(fmt.Sprint(kept), secret) {
			t.Errorf("before: %q is nowhere in Redis, so the test proves nothing", secret)
		}
	}

	p.api(http.MethodDelete, "/backend/leads/"+l.ID, nil).want(204)
	until(t, func() error { // receipts that come now are relayed, and named by the contact until they are
		for name, value := range content(t, c) {
			secrets := []string{phone, bsuid, "Erasedperson", "erasedquestion", "erasedanswer", key}
			if !strings.HasPrefix(name, "{m:") { // an id of a message leads to it, so that receipts are recognized
				secrets = append(secrets, sentID(first[numberAcme]), sentID(first[onGupshup]))
			}
			for _, secret := range secrets {
				if strings.Contains(name+" "+value, secret) {
					return mismatch(name, value, "nothing with "+secret)
				}
			}
		}
		return nil
	})
	for _, c := range channels {
		if got, want := string(send(c).body), string(first[c].body); got != want {
			t.Errorf("%s, repeated: got %s, want %s", c, got, want)
		}
	}
	if n := len(w.sentTo(phone)) + len(w.sentByGupshup(phone)); n != len(channels) {
		t.Errorf("sent: got %d messages, want %d", n, len(channels))
	}
}

// content returns all that Redis holds, by key.
func content(t *testing.T, c *redis.Client) map[string]string {
	t.Helper()
	ctx, all := t.Context(), map[string]string{}
	keys, err := c.Keys(ctx, "*").Result()
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range keys {
		switch kind := c.Type(ctx, key).Val(); kind {
		case "string":
			all[key] = c.Get(ctx, key).Val()
		case "list":
			all[key] = fmt.Sprint(c.LRange(ctx, key, 0, -1).Val())
		case "hash":
			all[key] = fmt.Sprint(c.HGetAll(ctx, key).Val())
		case "zset":
			all[key] = fmt.Sprint(c.ZRangeWithScores(ctx, key, 0, -1).Val())
		case "none": // gone since
		default:
			t.Fatalf("%s: got type %s, which the test does not read", key, kind)
		}
	}
	return all
}
