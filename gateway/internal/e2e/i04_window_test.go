package e2e

import (
	"net/http"
	"testing"
	"time"

	"wagate/providers/providertest"
)

// graphError is an error as a Cloud API client reads it.
type graphError struct {
	Error struct {
		Message   string
		Type      string
		Code      int
		ErrorData struct {
			Product string `json:"messaging_product"`
			Details string
		} `json:"error_data"`
	}
}

// refusedWindow checks that a send was refused because the window is closed.
func refusedWindow(a answer) {
	a.t.Helper()
	a.want(http.StatusBadRequest)
	e := decode[graphError](a).Error
	if e.Code != 131047 || e.Type != "OAuthException" || e.ErrorData.Details == "" || e.ErrorData.Product != "whatsapp" {
		a.t.Errorf("%s: got %s, want code 131047 in Graph's error format", a.what, a.body)
	}
}

// open reports whether the lead's window is open on a channel.
func (l lead) open(channel string) bool {
	for _, w := range l.Windows {
		if w.ChannelID == channel {
			return w.Open
		}
	}
	return false
}

// TestI4NoFreeFormIntoAClosedWindow: while the window is closed, no free-form message is handed to
// a provider, whichever number or channel it is sent by and whether or not the contact is a lead.
func TestI4NoFreeFormIntoAClosedWindow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	p := w.start()
	const never, yesterday, today = "34600400100", "34600400101", "34600400102"
	send := func(number, to string) answer {
		return p.api(http.MethodPost, "/v26.0/"+number+"/messages", text(to, "Hello"))
	}
	for phone, at := range map[string]time.Time{
		yesterday: time.Now().Add(-24*time.Hour - time.Second),
		today:     time.Now().Add(-24*time.Hour + time.Hour),
	} {
		for i, channel := range []string{onMeta, onGupshup} {
			at := at.Add(-time.Duration(i) * time.Second) // an instant written back unchanged opens no window
			// The first request creates the lead; the second opens its window on the other channel
			// too.
			body := object{"name": "Ada Prado", "phone": "+" + phone, "channel_id": channel, "last_inbound_at": at.UTC().Format(time.RFC3339Nano)}
			if channel == onMeta {
				p.api(http.MethodPost, "/backend/leads", body).want(http.StatusCreated)
			} else {
				p.api(http.MethodPut, "/backend/leads/"+p.leadOf(phone).ID, body).want(200)
			}
		}
	}
	for _, phone := range []string{never, yesterday} {
		for _, number := range []string{numberAcme, onMeta, onGupshup} {
			refusedWindow(send(number, phone))
		}
		if n := w.handed(phone) + len(w.sentByGupshup(phone)); n != 0 {
			t.Errorf("handed to a provider: got %d messages, want none", n)
		}
	}
	for _, number := range []string{numberAcme, onMeta, onGupshup} {
		send(number, today).want(200)
	}
	// An open window on one channel does not let a message through on another channel.
	w.says(user(yesterday), "I am back, on this channel")
	send(onMeta, yesterday).want(200)
	refusedWindow(send(onGupshup, yesterday))
	if n := len(w.sentByGupshup(yesterday)); n != 0 {
		t.Errorf("handed to Gupshup: got %d messages, want none", n)
	}
	// A template may be sent at any time.
	template := object{"messaging_product": "whatsapp", "to": never, "type": "template", "template": object{
		"name": "reengagement_v1", "language": object{"code": "en"}, "components": []any{object{
			"type": "body", "parameters": []any{object{"type": "text", "text": "Ada"}, object{"type": "text", "text": "us"}},
		}},
	}}
	p.api(http.MethodPost, "/v26.0/"+numberAcme+"/messages", template).want(200)
	refusedWindow(send(numberAcme, never)) // the template opened no window
}

// TestI4WindowBelongsToNumberThatWrote: a lead whose phone is changed has no window at the new
// phone until a message comes from there.
func TestI4WindowBelongsToNumberThatWrote(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	p := w.start()
	const was, is = "34600400110", "34600400111"
	send := func(to string) answer {
		return p.api(http.MethodPost, "/v26.0/"+numberAcme+"/messages", text(to, "Hello"))
	}
	w.says(user(was), "hi")
	id := p.leadOf(was).ID
	p.api(http.MethodPut, "/backend/leads/"+id, object{"phone": "+" + is}).want(200)
	if p.leadOf(is).open(onMeta) {
		t.Error("window with another phone: got open, want closed")
	}
	refusedWindow(send(is))
	if n := w.handed(is); n != 0 {
		t.Errorf("handed to Graph: got %d messages, want none", n)
	}
	send(was).want(200)
	// Meta's times are in whole seconds, and all of this took less than one.
	moved := providertest.GraphText(user(is), "my new number")
	moved.At = time.Now().Add(2 * time.Second)
	w.inbound(moved)
	send(is).want(200)
	if l := p.leadOf(is); l.ID != id || !l.open(onMeta) {
		t.Errorf("window after a message: got lead %s, open %v, want %s and open", l.ID, l.open(onMeta), id)
	}
}

// TestI4UserIDIsAddressedByPhone: a free-form message to a lead's user id goes to the lead's phone if
// that is known, at each provider, as long as the window is open to the phone. A lead without a phone
// is addressed by the user id.
func TestI4UserIDIsAddressedByPhone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	p := w.start()
	const phone, known, hidden = "34600400120", "ES.34600400120a", "ES.34600400121a"
	send := func(number, to string) answer {
		return p.api(http.MethodPost, "/v26.0/"+number+"/messages", object{
			"messaging_product": "whatsapp", "recipient": to, "type": "text", "text": object{"body": "Hello"},
		})
	}
	w.says(providertest.GraphUser{Phone: phone, UserID: known, Name: "Ada Prado"}, "hi")
	w.says(providertest.GraphUser{UserID: hidden, Name: "Ada Prado"}, "hi")
	refusedWindow(send(onGupshup, known))
	w.saysGupshup(phone, "hi")
	for _, number := range []string{onMeta, onGupshup} {
		a := decode[struct {
			Contacts []struct {
				Input string
				WaID  string `json:"wa_id"`
			}
		}](send(number, known).want(200))
		if len(a.Contacts) != 1 || a.Contacts[0].Input != known || a.Contacts[0].WaID != phone {
			t.Errorf("answer: got contacts %v, want input %s and wa_id %s", a.Contacts, known, phone)
		}
	}
	send(onMeta, hidden).want(200)
	for to, want := range map[string]int{phone: 1, known: 0, hidden: 1} {
		if got := len(w.sentTo(to)); got != want {
			t.Errorf("sent to %s at Meta: got %d messages, want %d", to, got, want)
		}
	}
	for to, want := range map[string]int{phone: 1, known: 0} {
		if got := len(w.sentByGupshup(to)); got != want {
			t.Errorf("sent to %s at Gupshup: got %d messages, want %d", to, got, want)
		}
	}
}

// TestI4ProviderClosesWindow: when a provider says that the window is closed, our window closes
// too, until the lead writes again.
func TestI4ProviderClosesWindow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{gupshup: func(o *providertest.GupshupOptions) { o.Reports = true }})
	p := w.start()

	t.Run("at once", func(t *testing.T) {
		const phone = "34600400200"
		send := func() answer { return p.api(http.MethodPost, "/v26.0/"+numberAcme+"/messages", text(phone, "Hello")) }
		w.says(user(phone), "hi")
		w.graph.ScriptFor(phone, providertest.Fault{Code: 131047})
		refusedWindow(send())
		if got := w.handed(phone); got != 1 {
			t.Fatalf("handed to Graph: got %d, want 1", got)
		}
		if p.leadOf(phone).open(onMeta) {
			t.Error("window: got open, want closed")
		}
		refusedWindow(send())
		if got := w.handed(phone); got != 1 {
			t.Errorf("handed to Graph after the refusal: got %d, want 1", got)
		}
		// Meta's times are in whole seconds, and the refusal took less than one. A time in the
		// future counts as now.
		again := providertest.GraphText(user(phone), "hi again")
		again.At = time.Now().Add(2 * time.Second)
		w.inbound(again)
		send().want(200)
	})
	t.Run("by report", func(t *testing.T) {
		const phone = "34600400201"
		send := func() answer { return p.api(http.MethodPost, "/v26.0/"+onGupshup+"/messages", text(phone, "Hello")) }
		w.saysGupshup(phone, "hi")
		w.gupshup.FailFor(phone, 470)
		send().want(200) // Gupshup reports the failure later
		until(t, func() error {
			if p.leadOf(phone).open(onGupshup) {
				return mismatch("window", "open", "closed")
			}
			return nil
		})
		refusedWindow(send())
		if got := len(w.sentByGupshup(phone)); got != 1 {
			t.Errorf("handed to Gupshup: got %d, want 1", got)
		}
		w.gupshup.FailFor(phone, 0)
		w.saysGupshup(phone, "hi again")
		send().want(200)
	})
	t.Run("not if the lead wrote since", func(t *testing.T) {
		const phone = "34600400202"
		w.says(user(phone), "hi")
		held := make(chan struct{})
		w.graph.ScriptFor(phone, providertest.Fault{Code: 131047, Hang: true, Release: held})
		answered := make(chan answer, 1)
		go func() { answered <- p.api(http.MethodPost, "/v26.0/"+numberAcme+"/messages", text(phone, "Hello")) }()
		untilTrue(t, "handed to Graph", func() bool { return w.handed(phone) == 1 })
		later := providertest.GraphText(user(phone), "me again")
		later.At = time.Now().Add(2 * time.Second) // Meta's times are in whole seconds; the future counts as now
		p.postMeta(w.body(later)).want(200)
		close(held)
		refusedWindow(receive(t, "answer", answered))
		if !p.leadOf(phone).open(onMeta) {
			t.Error("window: got closed, want open: the lead wrote after the refused message was sent")
		}
	})
}
