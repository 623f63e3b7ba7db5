package e2e

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"

	"wagate/providers/providertest"
)

// TestI11NothingPrivateIsTold runs through a story in which everything goes wrong that can. Then it
// looks for private data and secrets in the logs of all levels, the metrics and the error bodies.
func TestI11NothingPrivateIsTold(t *testing.T) {
	t.Parallel()
	s := sendingSetup()
	s.relay = 300e6
	w := newWorld(t, s)
	const (
		phone, bsuid = "34601100123", "ES.QUIETBSUID77"
		inbound      = "quietinboundwords"
		outbound     = "quietoutboundwords"
		written      = "quietmodelwords"
		company      = "quietcompanyname"
		person       = "Quietperson"
		prompt       = "quietpromptwords"
	)
	secrets := map[string]string{
		"phone": phone, "bsuid": bsuid, "message": inbound, "our message": outbound, "model's text": written, "company": company,
		"name": person, "prompt": prompt, "api key": acmeKey, "access token": metaToken, "app secret": appSecret,
		"gupshup key": gsKey, "callback token": gsToken, "crm secret": acmeCRM, "assistant's secret": salesSecret,
		"model key": "model-key", "verify token": "verify-me",
	}
	var mu sync.Mutex
	errorsTold := map[string]string{}
	p := w.start()
	told := func(a answer) answer {
		if a.status >= 400 {
			mu.Lock()
			errorsTold[fmt.Sprint(a.what, " ", a.status)] = string(a.body)
			mu.Unlock()
		}
		return a
	}
	ada := providertest.GraphUser{Phone: phone, UserID: bsuid, Name: person}
	p.configure(object{"interval": "PT30M", "prompt": prompt + " {{LEAD_FIRSTNAME}}"}, nudge("PT30M"))

	// Inbound: good, malformed and unsigned webhooks, and one of an unknown type.
	w.says(ada, inbound)
	w.saysGupshup(phone, inbound)
	odd := providertest.GraphInbound{From: ada, Type: "hologram", Object: object{"beam": inbound}}
	w.inbound(odd, providertest.GraphImage(ada, inbound))
	told(p.call(http.MethodPost, p.public+"/webhooks/meta/main", nil, w.body(providertest.GraphText(ada, inbound)))).want(401)
	bad := []byte(`{"entry":[{"changes":[{"value":{"messages":[{"from":"` + phone + `","text":"` + inbound + `"`)
	told(p.postMeta(bad)).want(400)
	told(p.call(http.MethodPost, p.public+"/webhooks/gupshup/"+onGupshup+"?token="+gsToken, nil, bad)).want(400)
	told(p.call(http.MethodPost, p.public+"/webhooks/gupshup/"+onGupshup+"?token=x"+gsToken, nil, bad)).want(401)
	told(p.call(http.MethodGet, p.public+"/webhooks/meta/main?hub.mode=subscribe&hub.verify_token=x"+gsToken, nil, nil)).want(403)

	// The lead's record, and requests with everything wrong with them.
	l := p.leadOf(phone)
	p.api(http.MethodPut, "/backend/leads/"+l.ID, object{"company": company}).want(200)
	told(p.api(http.MethodPost, "/backend/leads", object{"name": person, "phone": "+" + phone})).want(409)
	told(p.api(http.MethodPost, "/backend/leads", object{"name": person, "phone": phone + "0000000", "email": inbound})).want(400)
	told(p.api(http.MethodPut, "/backend/leads/"+l.ID, `{"phone": "`+phone+`", "company": "`+company+`" `)).want(400)
	told(p.api(http.MethodGet, "/backend/leads/"+phone, nil)).want(404)
	told(p.call(http.MethodGet, p.public+"/backend/leads/"+l.ID, bearer(acmeKey+"x"), nil)).want(401)

	// Outbound: accepted, refused with the provider's own words, reset, no answer.
	send := func(to, body string) answer {
		return told(p.api(http.MethodPost, "/v26.0/"+numberAcme+"/messages", text(to, body)))
	}
	send(phone, outbound).want(200)
	send(bsuid, outbound)
	for _, f := range []providertest.Fault{
		{Code: 131026, Details: "Message to " + phone + " undeliverable: " + outbound},
		{Code: 190, Details: "token " + metaToken},
		{Code: 100, Details: "bad " + outbound},
		{Status: 500, Body: "oops " + phone + " " + outbound},
		{Reset: true},
		{Hang: true},
	} {
		w.graph.ScriptFor(phone, f)
		send(phone, outbound)
	}
	w.gupshup.Script(providertest.Fault{Status: 400, Body: `{"status":"error","message":"Invalid Destination ` + phone + `"}`})
	told(p.api(http.MethodPost, "/v26.0/"+onGupshup+"/messages", text(phone, outbound)))
	told(p.api(http.MethodPost, "/v26.0/"+numberAcme+"/messages", `{"to":"`+phone+`","text":`))

	// The model fails with words that repeat the request, then it writes.
	w.model.Script(quietModel(phone, prompt, written)...)
	p.status(l.ID, hot)
	untilTrue(t, "written to", func() bool {
		for _, s := range w.sentTo(phone) {
			if strings.Contains(s.Text, written) {
				return true
			}
		}
		return false
	})
	// The assistant answers more than it was asked for, then it fails, and then Redis does.
	w.sales.on(func(delivery) reply { return reply{echo: true} })
	w.says(ada, inbound+" twice")
	untilTrue(t, "answered", func() bool {
		return slices.ContainsFunc(w.sales.attempts(), func(d delivery) bool { return bytes.Contains(d.Body, []byte(inbound+" twice")) })
	})
	w.sales.on(func(delivery) reply { return reply{status: 500} })
	w.says(ada, inbound+" once more")
	w.sales.on(func(delivery) reply { return reply{reset: true} })
	untilTrue(t, "tried again", func() bool { return len(w.sales.attempts()) > 3 })
	w.redis.Kill()
	told(p.postMeta(w.body(providertest.GraphText(ada, inbound)))).want(503)
	send(phone, outbound)
	w.redis.Restart()
	w.sales.on(nil)
	w.says(ada, "PARAR")
	untilTrue(t, "opted out", func() bool { return p.leadOf(phone).OptedOut })
	scrape := string(p.get(p.admin+"/metrics", "").want(200).body)
	p.term()
	p.exit()

	log := p.log.String()
	if !strings.Contains(log, "level=DEBUG") || !strings.Contains(log, "level=WARN") {
		t.Fatal("log: got no debug or warning lines, want both, or the test proves nothing")
	}
	if len(errorsTold) < 10 {
		t.Fatalf("errors: got %d, want many: %v", len(errorsTold), errorsTold)
	}
	for what, secret := range secrets {
		for line := range strings.Lines(log) {
			if strings.Contains(line, secret) {
				t.Errorf("log has the %s: %s", what, line)
			}
		}
		if strings.Contains(scrape, secret) {
			t.Errorf("metrics have the %s", what)
		}
		for where, body := range errorsTold {
			if strings.Contains(body, secret) {
				t.Errorf("error of %s has the %s: %s", where, what, body)
			}
		}
	}
}
