package outbound_test

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"wagate/followup"
	"wagate/gateway/internal/outbound"
	"wagate/providers"
)

// TestSuccessAnswer: a success is answered as the Cloud API answers it, after pacing, guard, call,
// link and record in this order.
func TestSuccessAnswer(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		extra providers.Sent
		body  string
		want  string
	}{
		"the provider names nobody": {
			providers.Sent{},
			text("+55 (99) 00000-0021"),
			`{"messaging_product":"whatsapp","contacts":[{"input":"+55 (99) 00000-0021","wa_id":"5599000000021"}],"messages":[{"id":"wamid.1"}]}`,
		},
		"the provider names the contact": {
			providers.Sent{Contact: providers.Contact{Phone: "559900000021", UserID: "BR.77a"}},
			text(phone),
			`{"messaging_product":"whatsapp","contacts":[{"input":"5599000000021","wa_id":"559900000021","user_id":"BR.77a"}],"messages":[{"id":"wamid.1"}]}`,
		},
		"the provider names the contact by phone alone": {
			providers.Sent{Contact: providers.Contact{Phone: "559900000021"}},
			text(phone),
			`{"messaging_product":"whatsapp","contacts":[{"input":"5599000000021","wa_id":"559900000021"}],"messages":[{"id":"wamid.1"}]}`,
		},
		"the provider names the contact by user id alone": {
			providers.Sent{Contact: providers.Contact{UserID: "BR.77a"}},
			text(phone),
			`{"messaging_product":"whatsapp","contacts":[{"input":"5599000000021","user_id":"BR.77a"}],"messages":[{"id":"wamid.1"}]}`,
		},
		"the provider gives a message status": {
			providers.Sent{MessageStatus: "accepted"},
			template(phone, "hi"),
			`{"messaging_product":"whatsapp","contacts":[{"input":"5599000000021","wa_id":"5599000000021"}],"messages":[{"id":"wamid.1","message_status":"accepted"}]}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(h *harness) {
				h.wrote(followup.Identity{Phone: phone})
				h.meta.extra = c.extra
				h.answered(h.post(number, c.body, ""), 200, c.want)
				h.is(h.diary.read(), []string{"pace", "guard", "call", "link", "record"}, "order")
			})
		})
	}
}

// TestI10UnknownNumberIs404: a path that names no channel of the tenant is answered with Graph's
// 404, whether the number is unknown, another tenant's, or not an id that may stand in the path. A
// phone number id and a channel id name a channel.
func TestI10UnknownNumberIs404(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.wrote(followup.Identity{Phone: phone})
		for _, c := range []struct {
			tenant followup.TenantID
			number string
		}{
			{tenant, "555"},
			{tenant, "5599000000099"}, // a Gupshup channel's source is not an id
			{stranger, number},
			{stranger, string(onMeta)},
			{"nobody", number},
		} {
			a := h.api.Send(h.Context(), outbound.Request{Tenant: c.tenant, Number: c.number, Body: []byte(text(phone))})
			h.answered(a, 404, `{"error":{"message":"Unsupported post request. Object with ID '`+c.number+
				`' does not exist, cannot be loaded due to missing permissions, or does not support this operation.",`+
				`"type":"GraphMethodException","code":100,"error_subcode":33,`+
				`"error_data":{"messaging_product":"whatsapp","details":"the path names no channel of this tenant, by phone number id or channel id"},"fbtrace_id":""}}`)
		}
		h.is(len(h.meta.calls()), 0, "provider calls")
		h.is(h.post(string(onMeta), text(phone), "").Status, 200, "by channel id")
		h.is(h.post(string(onGupshup), text(phone), "").Status, 200, "by channel id, at Gupshup")
	})
}

// TestRecipients: a lead without a phone is addressed by BSUID, in the member recipient. If both to
// and recipient are given, to wins.
func TestRecipients(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.wrote(followup.Identity{UserID: "BR.77a"})
		h.answered(h.post(number, `{"messaging_product":"whatsapp","recipient":"BR.77a","text":{"body":"hello"}}`, ""), 200,
			`{"messaging_product":"whatsapp","contacts":[{"input":"BR.77a","user_id":"BR.77a"}],"messages":[{"id":"wamid.1"}]}`)
		h.is(h.meta.calls()[0].To, providers.Contact{UserID: "BR.77a"}, "recipient")
		_, there := h.meta.calls()[0].Body["recipient"]
		h.is(there, false, "recipient in the body as well")

		h.wrote(followup.Identity{Phone: phone})
		a := h.post(number, `{"messaging_product":"whatsapp","to":"`+phone+`","recipient":"BR.77a","text":{"body":"hello"}}`, "")
		h.is(a.Status, 200, "status")
		h.is(h.meta.calls()[1].To, providers.Contact{Phone: phone}, "recipient")

		longest := "BR." + strings.Repeat("7", 197)
		h.wrote(followup.Identity{UserID: longest})
		h.is(h.post(number, `{"messaging_product":"whatsapp","recipient":"`+longest+`","text":{"body":"hello"}}`, "").Status, 200, "status")
	})
}

// TestBodyIsPassedOn: the provider gets the caller's body without the members that wagate sets
// itself. The caller's opaque data is stored before the call, and the provider gets the attempt id
// in its place.
func TestBodyIsPassedOn(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		lead := h.wrote(followup.Identity{Phone: phone})
		h.is(h.post(number, `{"messaging_product":"whatsapp","to":"`+phone+`","text":{"body":"hello","preview_url":true},"biz_opaque_callback_data":"mine","new_member":{"a":1}}`, "").Status, 200, "status")
		m := h.meta.calls()[0]
		b, err := json.Marshal(m.Body)
		h.must(err, "Marshal")
		h.is(string(b), `{"messaging_product":"whatsapp","new_member":{"a":1},"text":{"body":"hello","preview_url":true},"type":"text"}`, "body")
		h.is(m.Opaque, lead.Attempt(1).Opaque(0), "opaque sent")
		ref, err := h.store.Message(h.Context(), tenant, "wamid.1", nil)
		h.must(err, "Message")
		h.is(ref.Opaque, "mine", "opaque data to be given back")
		noted, err := h.store.Opaque(h.Context(), tenant, lead.Attempt(1))
		h.must(err, "Opaque")
		h.is(noted, "mine", "opaque data stored with the attempt")
		history, err := h.store.History(h.Context(), lead, onMeta, time.Now())
		h.must(err, "History")
		h.is(history, []followup.Entry{{From: followup.FromBusiness, Text: "hello", At: time.Now().UTC()}}, "history")
	})
}

// TestHistoryNamesWhatWasSent: the history has the text of a message, and in its place the name of a
// template or the type of anything else.
func TestHistoryNamesWhatWasSent(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		lead := h.wrote(followup.Identity{Phone: phone})
		image := `{"messaging_product":"whatsapp","to":"` + phone + `","type":"image","image":{"id":"1"}}`
		for _, body := range []string{text(phone), template(phone, "hi"), image} {
			h.is(h.post(number, body, "").Status, 200, "status")
		}
		history, err := h.store.History(h.Context(), lead, onMeta, time.Now())
		h.must(err, "History")
		var said []string
		for _, e := range history {
			said = append(said, e.Text)
		}
		h.is(said, []string{"hello", "[template hi]", "[image]"}, "history")
	})
}

// TestNullIsAbsent: clients write null for members that they leave out. A null member counts as
// absent and is not passed on.
func TestNullIsAbsent(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.wrote(followup.Identity{Phone: phone})
		h.is(h.post(number, `{"messaging_product":"whatsapp","to":"`+phone+`","recipient":null,"recipient_type":null,"status":null,"context":null,
			"biz_opaque_callback_data":null,"type":"text","text":{"body":"hello"},"image":null}`, "").Status, 200, "status")
		b, err := json.Marshal(h.meta.calls()[0].Body)
		h.must(err, "Marshal")
		h.is(string(b), `{"messaging_product":"whatsapp","text":{"body":"hello"},"type":"text"}`, "body")
		receipt := `"messaging_product":"whatsapp","status":"read"`
		h.is(h.post(number, `{"message_id":"wamid.B",`+receipt+`,"to":null,"typing_indicator":null}`, "").Status, 200, "status of a receipt")
		h.is(h.meta.passed, []string{`{"message_id":"wamid.B",` + receipt + `}`}, "receipt")
	})
}

// TestQuotedIDsAreTranslated: a caller quotes a message by the id that its sender was given. It is
// replaced by the provider's id where that is known.
func TestQuotedIDsAreTranslated(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		lead := h.wrote(followup.Identity{Phone: phone})
		_, err := h.store.LinkMessage(h.Context(), tenant, followup.MessageRef{Attempt: lead.Attempt(1), SenderID: "gs-1", ProviderID: "wamid.A"})
		h.must(err, "LinkMessage")
		_, err = h.store.LinkMessage(h.Context(), tenant, followup.MessageRef{Attempt: lead.Attempt(2), SenderID: "gs-2"})
		h.must(err, "LinkMessage")
		body := func(member string) string {
			return `{"messaging_product":"whatsapp","to":"` + phone + `",` + member + `}`
		}
		for i, c := range []struct{ member, field, want string }{
			{`"text":{"body":"x"},"context":{"message_id":"gs-1"}`, "context", `{"message_id":"wamid.A"}`},
			{`"text":{"body":"x"},"context":{"message_id":"gs-2"}`, "context", `{"message_id":"gs-2"}`},
			{`"text":{"body":"x"},"context":{"message_id":"wamid.theirs"}`, "context", `{"message_id":"wamid.theirs"}`},
			{`"type":"reaction","reaction":{"message_id":"gs-1","emoji":"x"}`, "reaction", `{"emoji":"x","message_id":"wamid.A"}`},
			{`"type":"reaction","reaction":{"message_id":"gs-1"},"context":{"message_id":"gs-2"}`, "reaction", `{"message_id":"wamid.A"}`},
		} {
			h.is(h.post(number, body(c.member), "").Status, 200, c.member)
			h.is(string(h.meta.calls()[i].Body[c.field]), c.want, c.member)
		}
	})
}

// TestI5TemplateCheckedIsTheOneSent: the template that is checked is the one that would be sent. A
// body that gives the template's name twice, or under another spelling of "name", is refused.
func TestI5TemplateCheckedIsTheOneSent(t *testing.T) {
	t.Parallel()
	for _, members := range []string{
		`"name":"promo","NAME":"utility"`, `"NAME":"utility","name":"promo"`, `"name":"utility","Name":"promo"`,
		`"name":"utility","name":"promo"`, `"name":"promo","name":"utility"`, `"NAME":"utility"`,
	} {
		t.Run(members, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(h *harness) {
				lead := h.wrote(followup.Identity{Phone: phone})
				h.known["utility"] = providers.TemplateInfo{Name: "utility", Category: "UTILITY"}
				h.known["promo"] = providers.TemplateInfo{Name: "promo", Category: "MARKETING"}
				out := true
				h.settle(lead, followup.Item{Channel: onMeta, OptOut: &out})
				for _, to := range []string{number, string(onGupshup)} {
					body := `{"messaging_product":"whatsapp","to":"` + phone + `","type":"template","template":{` + members + `,"language":{"code":"pt_BR"}}}`
					h.is(h.post(to, body, "").Status, 400, "status")
				}
				h.is(len(h.meta.calls())+len(h.gupshup.calls()), 0, "provider calls")
			})
		})
	}
}

// TestI10AnotherTenantsMessageID: a message id of another tenant is not translated, and a receipt
// that is parked for the other tenant under the id of this tenant's message is not applied to it.
func TestI10AnotherTenantsMessageID(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		theirs := followup.MessageRef{Attempt: followup.NewLeadID().Attempt(1), SenderID: "gs-theirs", ProviderID: "wamid.theirs"}
		_, err := h.store.LinkMessage(h.Context(), stranger, theirs)
		h.must(err, "LinkMessage")
		_, err = h.store.Message(h.Context(), stranger, "wamid.1", &followup.Parked{
			Receipt: followup.Receipt{State: providers.StatusFailed, Kind: providers.OptedOut}, At: time.Now(),
		})
		h.is(err, followup.ErrNotFound, "receipt parked for the other tenant")

		lead := h.wrote(followup.Identity{Phone: phone})
		body := `{"messaging_product":"whatsapp","to":"` + phone + `","text":{"body":"x"},"context":{"message_id":"gs-theirs"}}`
		h.is(h.post(number, body, "").Status, 200, "status")
		h.is(string(h.meta.calls()[0].Body["context"]), `{"message_id":"gs-theirs"}`, "context")
		l, err := h.store.Lead(h.Context(), tenant, lead)
		h.must(err, "Lead")
		h.is(l.OptedOut, false, "opted out")
	})
}

// TestOptedOutLeadGetsNoMarketing: a lead who opted out gets no marketing template. An unknown
// category counts as marketing.
func TestOptedOutLeadGetsNoMarketing(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		lead := h.wrote(followup.Identity{Phone: phone})
		h.known["news"] = providers.TemplateInfo{Category: "MARKETING"}
		h.known["receipt"] = providers.TemplateInfo{Category: "UTILITY"}
		h.known["unclear"] = providers.TemplateInfo{}
		out := true
		h.settle(lead, followup.Item{Channel: onMeta, OptOut: &out})
		for name, status := range map[string]int{"news": 400, "receipt": 200, "unclear": 400, "never heard of": 400} {
			a := h.post(number, template(phone, name), "")
			h.is(a.Status, status, name)
			if status == 400 {
				h.is(graphError(a), "400 131050 The customer asked to receive no marketing messages.", name)
			}
		}
		h.is(h.post(number, text(phone), "").Status, 200, "a text in the open window")
	})
}

// TestPausedTemplateIsNotSent: a template that is paused or disabled is refused with Meta's code,
// without a provider call, even if the change comes while the message waits for pacing or for a
// retry. Any other status is left to the provider to judge.
func TestPausedTemplateIsNotSent(t *testing.T) {
	t.Parallel()
	const paused, disabled = "400 132015 The template is paused; the message was not sent.",
		"400 132016 The template is disabled; the message was not sent."
	bubble(t, func(h *harness) {
		h.wrote(followup.Identity{Phone: phone})
		for status, want := range map[string]string{"PAUSED": paused, "DISABLED": disabled} {
			h.known["t"] = providers.TemplateInfo{Name: "t", Status: status, Category: "UTILITY"}
			h.is(graphError(h.post(number, template(phone, "t"), "k")), want, status)
		}
		h.is(len(h.meta.calls()), 0, "calls")
		h.is(slices.Contains(h.diary.read(), "pace"), false, "a pacing slot was taken")
		for _, status := range []string{"PENDING", "APPROVED", "", "DELETED"} {
			h.known["t"] = providers.TemplateInfo{Name: "t", Status: status, Category: "UTILITY"}
			h.is(h.post(number, template(phone, "t"), "").Status, 200, "status "+status)
		}
		h.is(h.post(number, template(phone, "t"), "k").Status, 200, "the same request, once the template is approved")
	})
	bubble(t, func(h *harness) {
		h.store.wait = 5 * time.Second
		h.wrote(followup.Identity{Phone: phone})
		time.AfterFunc(2*time.Second, func() { h.learns(providers.TemplateInfo{Name: "t", Status: "PAUSED"}) })
		h.is(graphError(h.post(number, template(phone, "t"), "")), paused, "paused during the wait for pacing")
		h.is(len(h.meta.calls()), 0, "calls")
	})
	bubble(t, func(h *harness) {
		h.meta.answers(&providers.Error{Kind: providers.Transient, Code: 131016, Status: 503, Retryable: true})
		h.meta.hook = func() { h.learns(providers.TemplateInfo{Name: "t", Status: "DISABLED"}) }
		h.wrote(followup.Identity{Phone: phone})
		h.is(graphError(h.post(number, template(phone, "t"), "")), disabled, "disabled before a retry")
		h.is(len(h.meta.calls()), 1, "calls")
	})
}

// TestRefusedTemplateCreatesNoLead: a template to a stranger creates a lead only if it is sent. One
// that is refused before anything is sent, for whatever reason, creates none.
func TestRefusedTemplateCreatesNoLead(t *testing.T) {
	t.Parallel()
	const paused, byOperator = "400 132015 The template is paused; the message was not sent.",
		"503 131016 Sending is paused by the operator; the message was not sent."
	pausedTemplate := providers.TemplateInfo{Name: "t", Status: "PAUSED"}
	pause := func(h *harness, c followup.ChannelID) { h.must(h.store.Pause(h.Context(), tenant, c, true), "Pause") }
	for name, c := range map[string]struct {
		as   func(h *harness)
		want string
	}{
		"a paused template": {func(h *harness) { h.learns(pausedTemplate) }, paused},
		"paused during the wait for pacing": {func(h *harness) {
			h.store.wait = 5 * time.Second
			time.AfterFunc(2*time.Second, func() { h.learns(pausedTemplate) })
		}, paused},
		"the operator paused the channel":     {func(h *harness) { pause(h, onMeta) }, byOperator},
		"the operator paused the tenant":      {func(h *harness) { pause(h, "") }, byOperator},
		"the operator paused another channel": {func(h *harness) { pause(h, onGupshup) }, ""},
		"the wait for pacing is too long":     {func(h *harness) { h.store.wait = time.Hour }, "400 130429 Rate limit hit"},
		"pacing cannot be asked":              {func(h *harness) { h.store.breaks("Pace", 1) }, "503 131016 the message was not sent; try again"},
		"it is sent":                          {func(*harness) {}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(h *harness) {
				c.as(h)
				a := h.post(number, template(phone, "t"), "")
				_, err := h.store.Store.Resolve(h.Context(), tenant, followup.Identity{Phone: phone}, false, time.Now())
				if c.want == "" {
					h.is(a.Status, 200, "status")
					h.is(err, nil, "error when the lead is looked up")
					return
				}
				h.is(graphError(a), c.want, "answer")
				h.is(err, followup.ErrNotFound, "error when the lead is looked up")
				h.is(len(h.meta.calls()), 0, "calls")
			})
		})
	}
}

// TestCategoryChangeDuringWaitCounts: a template whose category becomes marketing while it waits
// for pacing is not sent to a lead who opted out.
func TestCategoryChangeDuringWaitCounts(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.store.wait = 5 * time.Second
		lead := h.wrote(followup.Identity{Phone: phone})
		h.known["t"] = providers.TemplateInfo{Name: "t", Status: "APPROVED", Category: "UTILITY"}
		out := true
		h.settle(lead, followup.Item{Channel: onMeta, OptOut: &out})
		time.AfterFunc(2*time.Second, func() { h.learns(providers.TemplateInfo{Name: "t", Category: "MARKETING"}) })
		h.is(graphError(h.post(number, template(phone, "t"), "")), "400 131050 The customer asked to receive no marketing messages.", "answer")
		h.is(len(h.meta.calls()), 0, "calls")
	})
}

// TestTemplateIsNotSentUnchecked: a template is not sent while the registry cannot be asked about
// it, and the caller is told to try again.
func TestTemplateIsNotSentUnchecked(t *testing.T) {
	t.Parallel()
	for away, when := range []string{"before the wait for pacing", "before the guard"} {
		bubble(t, func(h *harness) {
			h.wrote(followup.Identity{Phone: phone})
			h.store.breaks("Template", 1)
			if away == 1 {
				h.store.breaks("Template", 0)
				h.store.wait = time.Second
				time.AfterFunc(time.Second/2, func() { h.store.breaks("Template", 1) })
			}
			a := h.post(number, template(phone, "t"), "")
			h.is(a.Status, 503, "answer, registry away "+when)
			h.is(a.RetryAfter > 0, true, "Retry-After is set, registry away "+when)
			h.is(len(h.meta.calls()), 0, "calls, registry away "+when)
		})
	}
}

// TestPauseIs503WithRetryAfter: while the operator has paused a channel its messages are refused
// with 503 and Retry-After. The refused request's idempotency key can be used again.
func TestPauseIs503WithRetryAfter(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.wrote(followup.Identity{Phone: phone})
		h.must(h.store.Pause(h.Context(), tenant, onMeta, true), "Pause")
		a := h.post(number, text(phone), "k")
		h.is(graphError(a), "503 131016 Sending is paused by the operator; the message was not sent.", "answer")
		h.is(a.RetryAfter, time.Minute, "Retry-After")
		h.must(h.store.Pause(h.Context(), tenant, onMeta, false), "Pause")
		h.is(h.post(number, text(phone), "k").Status, 200, "the same request later")
	})
}

// TestFailuresHaveMetasWording: a provider's failure is answered with Meta's code and title,
// whichever the provider.
func TestFailuresHaveMetasWording(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		err   providers.Error
		want  string
		after time.Duration
		title string
	}{
		{"Gupshup's window", providers.Error{Kind: providers.WindowClosed, Code: 470, Status: 200, Detail: "too late"}, "400 131047 too late", 0, "(#131047) Re-engagement message"},
		{"Gupshup's number", providers.Error{Kind: providers.Undeliverable, Code: 1002, Status: 400}, "400 131026 Message undeliverable", 0, "(#131026) Message undeliverable"},
		{"Gupshup's opt-out", providers.Error{Kind: providers.OptedOut, Code: 1012, Status: 400}, "400 131050 User has stopped marketing messages", 0, "(#131050) User has stopped marketing messages"},
		{"Gupshup's template", providers.Error{Kind: providers.TemplateError, Code: 4003, Status: 400}, "404 132001 Template name does not exist in the translation", 0, ""},
		{"Gupshup's balance", providers.Error{Kind: providers.Operator, Code: 1003, Status: 400}, "403 131031 Business Account locked", 0, ""},
		{"Gupshup's rate", providers.Error{Kind: providers.Throttled, Status: 429, RetryAfter: time.Minute}, "400 130429 Rate limit hit", time.Minute, ""},
		{"no code at all", providers.Error{Kind: providers.Unknown, Status: 400}, "500 131000 Something went wrong", 0, ""},
		{"Meta's cap", providers.Error{Kind: providers.Capped, Code: 131049, Status: 400, Detail: "healthy"}, "400 131049 healthy", 0, ""},
		{"Meta's payment", providers.Error{Kind: providers.Operator, Code: 131042, Status: 400, Detail: "(#131042) No payment method"}, "400 131042 (#131042) No payment method", 0, "(#131042) No payment method"},
		{"Meta's token", providers.Error{Kind: providers.Operator, Code: 190, Status: 401, Detail: "Token expired"}, "403 131031 The provider does not accept the platform's access to it (code 190). The operator has to mend it.", 0, "(#131031) Business Account locked"},
		{"a wrong number of parameters", providers.Error{Kind: providers.TemplateError, Code: 132000, Detail: "2 wanted"}, "400 132000 2 wanted", 0, "(#132000) Number of parameters does not match the expected number of params"},
		{"a paused template", providers.Error{Kind: providers.TemplateError, Code: 132015}, "400 132015 Template is paused", 0, "(#132015) Template is paused"},
		{"no access at all", providers.Error{Kind: providers.Operator, Code: 0, Status: 403}, "403 131031 The provider does not accept the platform's access to it (code 0). The operator has to mend it.", 0, "(#131031) Business Account locked"},
		{"a call that is not allowed", providers.Error{Kind: providers.Operator, Code: 3, Status: 403}, "403 131031 The provider does not accept the platform's access to it (code 3). The operator has to mend it.", 0, "(#131031) Business Account locked"},
		{"no permission", providers.Error{Kind: providers.Operator, Code: 10, Status: 403}, "403 131031 The provider does not accept the platform's access to it (code 10). The operator has to mend it.", 0, "(#131031) Business Account locked"},
		{"the first code of permissions", providers.Error{Kind: providers.Operator, Code: 200, Status: 403}, "403 131031 The provider does not accept the platform's access to it (code 200). The operator has to mend it.", 0, "(#131031) Business Account locked"},
		{"the last code of permissions", providers.Error{Kind: providers.Operator, Code: 299, Status: 403}, "403 131031 The provider does not accept the platform's access to it (code 299). The operator has to mend it.", 0, "(#131031) Business Account locked"},
		{"Meta's payment, without a word", providers.Error{Kind: providers.Operator, Code: 131042, Status: 400}, "400 131042 Business Account locked", 0, "(#131042) Business Account locked"},
		{"Meta's policy", providers.Error{Kind: providers.Operator, Code: 368, Status: 400, Detail: "Blocked"}, "400 368 Blocked", 0, "(#368) Blocked"},
		{"Meta's number", providers.Error{Kind: providers.Operator, Code: 33, Status: 400, Detail: "Deleted"}, "400 33 Deleted", 0, "(#33) Deleted"},
		{"an app's rate", providers.Error{Kind: providers.Throttled, Code: 4, Status: 400}, "400 4 Rate limit hit", 0, "(#4) Rate limit hit"},
		{"a WABA's rate", providers.Error{Kind: providers.Throttled, Code: 80007, Status: 400}, "400 80007 Rate limit hit", 0, ""},
		{"a WABA's other rate", providers.Error{Kind: providers.Throttled, Code: 80008, Status: 400}, "400 80008 Rate limit hit", 0, ""},
		{"a long template", providers.Error{Kind: providers.Invalid, Code: 132005}, "400 132005 Translated text too long", 0, ""},
		{"a template's characters", providers.Error{Kind: providers.TemplateError, Code: 132007}, "400 132007 Template content violates a character policy", 0, ""},
		{"a parameter's format", providers.Error{Kind: providers.TemplateError, Code: 132012}, "400 132012 Parameter format does not match format in the created template", 0, ""},
		{"no answer", providers.Error{Kind: providers.Transient, MaybeSent: true}, "500 131000 The provider did not say whether it took the message. It may have been sent; do not send it again.", 0, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(h *harness) {
				h.wrote(followup.Identity{Phone: phone})
				h.meta.answers(&c.err)
				a := h.post(number, text(phone), "")
				h.is(graphError(a), c.want, "answer")
				h.is(a.RetryAfter, c.after, "Retry-After")
				var e struct {
					Error struct{ Message, Type string }
				}
				h.must(json.Unmarshal(a.Body, &e), "Unmarshal")
				h.is(e.Error.Type, "OAuthException", "type")
				if c.title != "" {
					h.is(e.Error.Message, c.title, "message")
				}
			})
		})
	}
}

// TestReadReceiptsArePassedThrough: read receipts and typing notices are not messages. They are
// passed on without pacing or guard, and the provider's answer is passed back.
func TestReadReceiptsArePassedThrough(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		body := `{"message_id":"wamid.B","messaging_product":"whatsapp","status":"read","typing_indicator":{"type":"text"}}`
		h.answered(h.post(number, body, "k"), 200, `{"success":true}`)
		h.is(h.meta.passed, []string{body}, "passed on")
		h.is(h.diary.read(), []string(nil), "steps of a send")
		h.is(graphError(h.post(string(onGupshup), body, "")), "400 131051 this channel's provider takes no read receipts or typing notices", "at Gupshup")
		h.meta.answers(&providers.Error{Kind: providers.Invalid, Code: 100, Status: 400, Detail: "no such message"})
		h.is(graphError(h.post(number, body, "")), "400 100 no such message", "a failure")
		h.meta.answers(&providers.Error{Kind: providers.Transient, MaybeSent: true})
		h.is(graphError(h.post(number, body, "")), "503 131016 Service unavailable", "no answer from the provider, which does not forbid another try")
	})
}

// TestI5ReadReceiptCarriesNoMessage: a read receipt does not pass the guard, so a body that also
// holds members of a message is refused, however they are spelled.
func TestI5ReadReceiptCarriesNoMessage(t *testing.T) {
	t.Parallel()
	for members, named := range map[string]string{
		`"to":"` + phone + `","type":"text","text":{"body":"hi"}`: `"text" has no place in a read receipt; "to" has no place in a read receipt; "type" has no place in a read receipt`,
		`"template":{"name":"promo"}`:                             `"template" has no place in a read receipt`,
		`"Typing_indicator":{"type":"text"}`:                      `"Typing_indicator" has no place in a read receipt`,
		`"` + strings.Repeat("x", 1000) + `":1`:                   `"` + strings.Repeat("x", 40) + `…" has no place in a read receipt`,
		`"` + strings.Repeat("y", 40) + `":1`:                     `"` + strings.Repeat("y", 40) + `" has no place in a read receipt`,
		`"` + strings.Repeat("z", 39) + `éé":1`:                   `"` + strings.Repeat("z", 39) + `…" has no place in a read receipt`,
		`"a\"\n":1`: `"a\"\n" has no place in a read receipt`,
	} {
		t.Run(named, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(h *harness) {
				body := `{"messaging_product":"whatsapp","status":"read","message_id":"wamid.B",` + members + `}`
				h.is(graphError(h.post(number, body, "")), "400 100 "+named, "answer")
				h.is(h.meta.passed, []string(nil), "passed on")
				h.is(len(h.meta.calls()), 0, "provider calls")
			})
		})
	}
}

// TestRearmNeedsMessageThatLeft: a run that is to start anew with the next message of the business
// starts with a message that left or may have left, and not with one that failed.
func TestRearmNeedsMessageThatLeft(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		err  error
		want []followup.AssistantID
	}{
		"sent":               {nil, []followup.AssistantID{assistant}},
		"may have been sent": {lost, []followup.AssistantID{assistant}},
		"not sent":           {invalid, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(h *harness) {
				lead := h.wrote(followup.Identity{Phone: phone})
				_, _, err := h.store.Start(h.Context(), tenant, lead, followup.Arm{
					Config: "c", Assistant: assistant, Channel: onMeta, Ladder: "l", Interval: time.Hour, RearmOnReply: true,
				}, false, time.Now(), time.Now())
				h.must(err, "Start")
				h.opens(lead) // a reply
				h.meta.answers(c.err)
				h.post(number, text(phone), "")
				h.is(h.rearmed, c.want, "assistants rearmed")
			})
		})
	}
}

// TestMessageRestartsWaitOfRun: the guard of an assistant's own message restarts the wait of the
// lead's run, so that no step crosses the message.
func TestMessageRestartsWaitOfRun(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		lead := h.wrote(followup.Identity{Phone: phone})
		run, _, err := h.store.Start(h.Context(), tenant, lead, followup.Arm{
			Config: "c", Assistant: assistant, Channel: onMeta, Ladder: "l", Interval: time.Hour,
		}, false, time.Now(), time.Now())
		h.must(err, "Start")
		time.Sleep(59 * time.Minute)
		h.is(h.post(number, text(phone), "").Status, 200, "status")
		r, err := h.store.Run(h.Context(), tenant, run)
		h.must(err, "Run")
		h.is(time.Until(r.DueAt), time.Hour, "time until the step is due")
	})
}
