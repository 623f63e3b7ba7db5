package e2e

import (
	"encoding/json"
	"net/http"
	"testing"
	"time"
)

// reengagement returns a Cloud API send of the template that both providers have.
func reengagement(to string) object {
	return object{"messaging_product": "whatsapp", "to": to, "type": "template", "template": object{
		"name": "reengagement_v1", "language": object{"code": "en"}, "components": []any{object{
			"type": "body", "parameters": []any{object{"type": "text", "text": "Ada"}, object{"type": "text", "text": "us"}},
		}},
	}}
}

// aboutTemplate returns a change in Meta's shape about that template.
func aboutTemplate(field string, value object) object {
	value["message_template_id"], value["message_template_name"], value["message_template_language"] = 870000000000004, "reengagement_v1", "en"
	return object{"field": field, "value": value}
}

// account returns a webhook about Acme's WABA, with one change at an instant.
func account(at time.Time, change object) object {
	return object{"object": "whatsapp_business_account", "entry": []any{object{"id": waba, "time": at.Unix(), "changes": []any{change}}}}
}

// marshal encodes a body.
func marshal(t *testing.T, v any) []byte {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// code returns the code of a Graph error, or 0 if the send succeeded.
func code(a answer) int {
	a.t.Helper()
	if a.status == http.StatusOK {
		return 0
	}
	return decode[graphError](a).Error.Code
}

// TestI2TemplateNewsReachEveryReplica: what one process is told about a template by webhook,
// another process knows at its next send. The news are a pause, from Meta and from Gupshup in each
// version, and a category that must not go to leads who opted out. The news outlive the process
// that was told, and also reach one that starts later.
func TestI2TemplateNewsReachEveryReplica(t *testing.T) {
	t.Parallel()
	const phone, out = "34600210100", "34600210101"
	w := newWorld(t, setup{})
	told, other := w.start(), w.start()
	w.says(user(out), "STOP")
	send := func(p *process, channel, to string) int {
		t.Helper()
		return code(p.api(http.MethodPost, "/v26.0/"+channel+"/messages", reengagement(to)))
	}
	// Both processes have read the providers' lists of templates.
	for _, p := range []*process{told, other} {
		for _, channel := range []string{onMeta, onGupshup} {
			for _, to := range []string{phone, out} {
				if got := send(p, channel, to); got != 0 {
					t.Fatalf("before: got %d, want 0: sent", got)
				}
			}
		}
	}
	calls := func() int {
		return w.handed(phone) + w.handed(out) + len(w.sentByGupshup(phone)) + len(w.sentByGupshup(out))
	}
	before := calls()
	// Each notice is a second later than the one before, because Meta's times are in whole seconds
	// and Gupshup's are not. A time in the future counts as now.
	began, n := time.Now(), 0
	at := func() time.Time { n++; return began.Add(time.Duration(n) * time.Second) }
	meta := func(body object) { told.postMeta(marshal(t, body)) }
	gupshup := func(body object) {
		told.call(http.MethodPost, told.public+"/webhooks/gupshup/"+onGupshup, map[string]string{"X-Callback-Token": gsToken}, body).want(200)
	}
	v2 := func(payload object) object {
		payload["id"], payload["elementName"], payload["languageCode"] = "7b1e6f0a-0000-4000-8000-00000000000e", "reengagement_v1", "en"
		return object{"app": gsName, "timestamp": at().UnixMilli(), "version": 2, "type": "template-event", "payload": payload}
	}
	v3 := func(body object) object {
		body["gs_app_id"] = gsApp
		return body
	}
	for _, step := range []struct {
		name    string
		tell    func()
		channel string
		to      string
		code    int
	}{
		{"Meta pauses it", func() {
			meta(account(at(), aboutTemplate("message_template_status_update", object{"event": "PAUSED", "reason": nil})))
		}, onMeta, phone, 132015},
		{"Gupshup's template is not affected", func() {}, onGupshup, phone, 0},
		{"Meta ends the pause", func() {
			meta(account(at(), aboutTemplate("message_template_status_update", object{"event": "REINSTATED"})))
		}, onMeta, phone, 0},
		{"Meta makes it marketing", func() {
			meta(account(at(), aboutTemplate("template_category_update", object{"previous_category": "UTILITY", "new_category": "MARKETING"})))
		}, onMeta, out, 131050},
		{"other leads still get it", func() {}, onMeta, phone, 0},
		{"Gupshup pauses it, version 2", func() {
			gupshup(v2(object{"type": "status-update", "status": "paused", "description": "low quality"}))
		}, onGupshup, phone, 132015},
		{"Gupshup ends the pause, version 3", func() {
			gupshup(v3(account(at(), aboutTemplate("message_template_status_update", object{"event": "APPROVED"}))))
		}, onGupshup, phone, 0},
		{"Gupshup disables it, version 3", func() {
			gupshup(v3(account(at(), aboutTemplate("message_template_status_update", object{"event": "DISABLED"}))))
		}, onGupshup, phone, 132016},
		{"Gupshup approves it, version 2", func() { gupshup(v2(object{"status": "approved"})) }, onGupshup, phone, 0},
		{"Gupshup makes it marketing, version 2", func() {
			gupshup(v2(object{"type": "category-update", "oldCategory": "UTILITY", "newCategory": "MARKETING"}))
		}, onGupshup, out, 131050},
		{"Gupshup makes it utility again, version 3", func() {
			gupshup(v3(account(at(), aboutTemplate("template_category_update", object{"new_category": "UTILITY"}))))
		}, onGupshup, out, 0},
		{"Meta disables it", func() {
			meta(account(at(), aboutTemplate("message_template_status_update", object{"event": "DISABLED"})))
		}, onMeta, phone, 132016},
	} {
		step.tell()
		if got := send(other, step.channel, step.to); got != step.code {
			t.Errorf("%s: got %d from the other process, want %d", step.name, got, step.code)
		}
		if step.code == 0 {
			before++
		}
		if got := calls(); got != before {
			t.Errorf("%s: got %d calls to the providers, want %d", step.name, got, before)
		}
		before = calls()
	}
	told.kill()
	for _, p := range []*process{other, w.start()} {
		if got := send(p, onMeta, phone); got != 132016 {
			t.Errorf("after the process that was told is gone: got %d, want 132016", got)
		}
	}
}

// TestI1TemplateNewsAreKept: a webhook about a template is not acknowledged while Redis is away.
// Once it is acknowledged, it survives a crash of Redis.
func TestI1TemplateNewsAreKept(t *testing.T) {
	t.Parallel()
	const phone = "34600210200"
	w := newWorld(t, setup{})
	p := w.start()
	body := marshal(t, account(time.Now(), aboutTemplate("message_template_status_update", object{"event": "PAUSED"})))
	w.redis.Kill()
	if a := p.postMeta(body); a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") == "" {
		t.Errorf("while Redis is away: got %d, Retry-After %q, want 503 with Retry-After", a.status, a.header.Get("Retry-After"))
	}
	w.redis.Restart()
	until(t, func() error {
		if a := p.postMeta(body); a.status != 200 {
			return mismatch("answer", a.status, 200)
		}
		return nil
	})
	w.redis.Kill() // after the acknowledgement
	w.redis.Restart()
	until(t, func() error {
		if got := code(p.api(http.MethodPost, "/v26.0/"+onMeta+"/messages", reengagement(phone))); got != 132015 {
			return mismatch("answer to a send", got, 132015)
		}
		return nil
	})
	if n := w.handed(phone); n != 0 {
		t.Errorf("messages: got %d, want none", n)
	}
}

// TestPausedTemplateIsSkippedByAnyReplica: one process is told that a template is paused, and dies.
// Another process claims the step, skips it, and sends the next step once the pause is over.
func TestPausedTemplateIsSkippedByAnyReplica(t *testing.T) {
	t.Parallel()
	const phone = "34600210300"
	w := newWorld(t, setup{speed: minutesASecond})
	claims := w.start()
	template := func(interval string) object {
		return object{"interval": interval, "template_name": "reengagement_v1", "template_language": "en", "template_params": []string{"Ada", "us"}}
	}
	claims.configure(template("PT30M"), template("PT6H")) // 24 s, in which the test ends the pause
	// The process has read the provider's list of templates.
	claims.api(http.MethodPost, "/v26.0/"+onMeta+"/messages", reengagement("34600210301")).want(200)
	told := w.start()
	told.postMeta(marshal(t, account(time.Now(), aboutTemplate("message_template_status_update", object{"event": "PAUSED"})))).want(200)
	told.kill()
	w.callbackTo(claims)
	l := claims.follow(phone)
	claims.untilRun(l.ID, "armed 1:skipped/template_paused 2:/")
	claims.postMeta(marshal(t, account(time.Now(), aboutTemplate("message_template_status_update", object{"event": "REINSTATED"})))).want(200)
	claims.untilRun(l.ID, "ended completed 1:skipped/template_paused 2:sent/template")
	if n := len(w.sentTo(phone)); n != 1 {
		t.Errorf("messages: got %d, want 1", n)
	}
}
