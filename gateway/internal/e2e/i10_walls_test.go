package e2e

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"wagate/providers/providertest"
)

// TestI10OtherTenantsThingsAre404: with another tenant's key, none of Acme's ids and numbers
// exists, and nothing of Acme's changes.
func TestI10OtherTenantsThingsAre404(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	p := w.start()
	const phone = "34601000100"
	w.says(user(phone), "hello")
	p.configure(nudge("PT30M"))
	l := p.leadOf(phone)
	p.status(l.ID, hot)
	run := p.run(l.ID)
	before := p.api(http.MethodGet, "/backend/leads/"+l.ID, nil).want(200)

	for _, r := range []struct {
		method, path string
		body         any
	}{
		{"GET", "/backend/leads/" + l.ID, nil},
		{"PUT", "/backend/leads/" + l.ID, object{"name": "Mine now"}},
		{"PUT", "/backend/leads/" + l.ID, object{"status_id": cold}},
		{"DELETE", "/backend/leads/" + l.ID, nil},
		{"GET", "/backend/followup/configs/" + run.ConfigID, nil},
		{"PUT", "/backend/followup/configs/" + run.ConfigID, object{"is_active": false}},
		{"DELETE", "/backend/followup/configs/" + run.ConfigID, nil},
		{"GET", "/backend/followup/configs/" + run.ConfigID + "/ladder?channel_id=" + onMeta, nil},
		{"GET", "/backend/followup/configs/assistant/" + sales, nil},
		{"GET", "/backend/followup/configs/tenant/" + acme, nil},
		{"GET", "/backend/followup/runs?lead_id=" + l.ID, nil},
		{"POST", "/backend/followup/runs", object{"lead_id": l.ID}},
		{"POST", "/backend/followup/runs", object{"lead_id": l.ID, "assistant_id": support}},
		{"GET", "/backend/followup/runs/" + run.ID, nil},
		{"POST", "/backend/followup/runs/" + run.ID + "/cancel", nil},
		{"POST", "/v26.0/" + numberAcme + "/messages", text(phone, "Hello")},
		{"POST", "/v26.0/" + onMeta + "/messages", text(phone, "Hello")},
		{"POST", "/v26.0/" + onGupshup + "/messages", text(phone, "Hello")},
		{"POST", "/v26.0/" + numberAcme + "/messages", "no JSON"},
	} {
		if a := p.call(r.method, p.public+r.path, bearer(betaKey), r.body); a.status != http.StatusNotFound {
			t.Errorf("%s: got %d %s, want 404", a.what, a.status, a.body)
		}
		// Without a valid key the answer is 401, whether or not the object exists.
		for _, key := range []string{"", "nobody's key"} {
			if a := p.call(r.method, p.public+r.path, bearer(key), r.body); a.status != http.StatusUnauthorized {
				t.Errorf("%s, key %q: got %d %s, want 401", a.what, key, a.status, a.body)
			}
		}
	}
	for path, body := range map[string]object{
		"/backend/followup/configs": {"assistant_id": sales, "trigger_status_ids": []string{hot}, "steps": []any{nudge("PT30M")}, "official_steps": []any{}},
		"/backend/leads":            {"name": "Ada", "phone": "+" + phone, "channel_id": onMeta},
	} {
		if a := p.call(http.MethodPost, p.public+path, bearer(betaKey), body); a.status != http.StatusBadRequest {
			t.Errorf("%s with Acme's ids: got %d %s, want 400", a.what, a.status, a.body)
		}
	}
	mine := decode[page[lead]](p.call(http.MethodGet, p.public+"/backend/leads?search="+phone, bearer(betaKey), nil).want(200))
	if mine.Pagination.Total != 0 {
		t.Errorf("Acme's lead in Beta's list: got %+v, want none", mine.Data)
	}
	if after := p.api(http.MethodGet, "/backend/leads/"+l.ID, nil).want(200); string(after.body) != string(before.body) {
		t.Errorf("lead: got %s, want it unchanged: %s", after.body, before.body)
	}
	if got := p.run(l.ID).String(); got != "armed 1:/" {
		t.Errorf("run: got %s, want it unchanged", got)
	}
	if n := w.handed(phone); n != 0 {
		t.Errorf("messages: got %d, want none", n)
	}
}

// TestI10WebhooksAreAuthenticatedFirst: a webhook without a valid signature or token is answered
// 401, even if its body could not be parsed.
func TestI10WebhooksAreAuthenticatedFirst(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	p := w.start()
	genuine := w.body(providertest.GraphText(user("34601000200"), "hello"))
	garbage := []byte("{ this is no JSON")
	callback := gupshupV2(gupshupMessage("34601000200", "wamid.WALL1", "hello"))
	for _, r := range []struct {
		what, path    string
		header, value string
		body          any
		want          int
	}{
		{"no signature", "/webhooks/meta/main", "X-Nothing", "", genuine, 401},
		{"no signature, garbage", "/webhooks/meta/main", "X-Nothing", "", garbage, 401},
		{"empty body", "/webhooks/meta/main", "X-Nothing", "", "", 401},
		{"another app's signature", "/webhooks/meta/main", "X-Hub-Signature-256", providertest.Sign(betaSecret, genuine), genuine, 401},
		{"signature of another body", "/webhooks/meta/main", "X-Hub-Signature-256", providertest.Sign(appSecret, garbage), genuine, 401},
		{"sha1", "/webhooks/meta/main", "X-Hub-Signature", "sha1=00", genuine, 401},
		{"bare hex", "/webhooks/meta/main", "X-Hub-Signature-256", providertest.Sign(appSecret, genuine)[7:], genuine, 401},
		{"signed garbage", "/webhooks/meta/main", "X-Hub-Signature-256", providertest.Sign(appSecret, garbage), garbage, 400},
		{"no such app", "/webhooks/meta/none", "X-Hub-Signature-256", providertest.Sign(appSecret, genuine), genuine, 404},
		{"no token", "/webhooks/gupshup/" + onGupshup, "X-Nothing", "", callback, 401},
		{"no token, garbage", "/webhooks/gupshup/" + onGupshup, "X-Nothing", "", garbage, 401},
		{"wrong token", "/webhooks/gupshup/" + onGupshup, "X-Callback-Token", gsToken + "x", callback, 401},
		{"wrong token in the URL", "/webhooks/gupshup/" + onGupshup + "?token=x", "X-Nothing", "", callback, 401},
		{"token, garbage", "/webhooks/gupshup/" + onGupshup, "X-Callback-Token", gsToken, garbage, 400},
		{"a Meta channel", "/webhooks/gupshup/" + onMeta, "X-Callback-Token", gsToken, callback, 404},
		{"unsigned CRM", "/webhooks/crm/" + acme, "X-Nothing", "", garbage, 401},
		{"CRM of a tenant without secret", "/webhooks/crm/" + beta, "X-Leavo-Signature", "00", garbage, 404},
		{"CRM, signed garbage", "/webhooks/crm/" + acme, "X-Leavo-Signature", providertest.Sign(acmeCRM, garbage)[7:], garbage, 400},
	} {
		a := p.call(http.MethodPost, p.public+r.path, map[string]string{r.header: r.value}, r.body)
		if a.status != r.want {
			t.Errorf("%s: got %d %s, want %d", r.what, a.status, a.body, r.want)
		}
	}
	if a := p.call(http.MethodPost, p.public+"/webhooks/gupshup/"+onGupshup+"?token="+gsToken, nil,
		gupshupV2(gupshupMessage("34601000200", "wamid.WALL2", "let in"))); a.status != 200 {
		t.Errorf("token in the URL: got %d, want 200", a.status)
	}
	until(t, func() error {
		if got := fmt.Sprint(w.sales.texts("34601000200")); got != "[let in]" {
			return mismatch("messages", got, "[let in]")
		}
		return nil
	})

	if status, body, err := w.graph.Handshake(t.Context(), "verify-me"); err != nil || status != 200 || body != "1158201444" {
		t.Errorf("handshake: got %d %q %v, want the challenge", status, body, err)
	}
	if status, body, err := w.graph.Handshake(t.Context(), "verify-me-too"); err != nil || status != 403 || strings.Contains(body, "1158201444") {
		t.Errorf("handshake with another app's token: got %d %q %v, want 403", status, body, err)
	}
}

// TestI10UnboundItemsAreDropped: a signature proves who sends a webhook, not whom it is for. An
// item for a number that is not bound to the app that signed is dropped and counted. The other
// items of the body are relayed.
func TestI10UnboundItemsAreDropped(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	p := w.start()
	const phone = "34601000300"
	mine, others, nobodys := providertest.GraphText(user(phone), "mine"), providertest.GraphText(user(phone), "not mine"),
		providertest.GraphText(user(phone), "nobody's")
	mine.Number, others.Number = numberBeta, numberAcme
	nobodys.Number = "499999999999999"
	body := w.body(others, nobodys, mine)
	p.call(http.MethodPost, p.public+"/webhooks/meta/second",
		map[string]string{"X-Hub-Signature-256": providertest.Sign(betaSecret, body)}, body).want(200)
	for i, change := range []func(object){
		func(c object) { c["app"] = "SomebodyElse" },
		func(c object) { c["app"] = "" },
	} {
		c := gupshupV2(gupshupMessage(phone, fmt.Sprint("wamid.UNBOUND", i), "not mine"))
		change(c)
		p.call(http.MethodPost, p.public+"/webhooks/gupshup/"+onGupshup, map[string]string{"X-Callback-Token": gsToken}, c).want(200)
	}
	v3 := gupshupV3(phone, "wamid.UNBOUND9", "not mine")
	v3["gs_app_id"] = "another-app"
	p.call(http.MethodPost, p.public+"/webhooks/gupshup/"+onGupshup, map[string]string{"X-Callback-Token": gsToken}, v3).want(200)

	w.says(user(phone), "to Acme at last")
	until(t, func() error {
		if got := fmt.Sprint(w.sales.texts(phone), w.support.texts(phone)); got != "[to Acme at last] [mine]" {
			return mismatch("messages", got, "[to Acme at last] [mine]")
		}
		return nil
	})
	dropped := 0.0
	for line := range strings.Lines(string(p.get(p.admin+"/metrics", "").body)) {
		if strings.HasPrefix(line, "wagate_events_dropped_total{") && !strings.HasSuffix(line, " 0\n") {
			var n float64
			if _, err := fmt.Sscan(line[strings.LastIndex(line, " ")+1:], &n); err == nil {
				dropped += n
			}
		}
	}
	if dropped != 5 {
		t.Errorf("dropped items: got %v, want 5", dropped)
	}
}
