package providertest

import (
	"context"
	"encoding/json"
	"maps"
	"strconv"
	"strings"
	"time"
)

// GupshupInbound is an action of a simulated user, in v2 terms. Phone or UserID may be empty, as
// for users with a username.
type GupshupInbound struct {
	Phone, UserID, Name string
	ID                  string // WhatsApp id; invented if empty
	Type                string // v2 type: text, image, …
	Payload             map[string]any
	Quotes              string // gsId of the message that is quoted or tapped
	Referral            map[string]any
	At                  time.Time // default now
}

// GupshupText returns a text message.
func GupshupText(phone, body string) GupshupInbound {
	return GupshupInbound{Phone: phone, Type: "text", Payload: map[string]any{"text": body}}
}

// GupshupSamples returns one message of every v2 type, all from one user.
func GupshupSamples(phone, userID string) []GupshupInbound {
	file := func(mime string) map[string]any {
		return map[string]any{
			"url": "https://files.example/wagate/1", "contentType": mime, "urlExpiry": 1790604801234,
		}
	}
	document := file("application/pdf")
	document["name"], document["caption"] = "offer.pdf", "the offer"
	samples := []GupshupInbound{
		{Type: "text", Payload: map[string]any{"text": "Good morning"}},
		{Type: "image", Payload: file("image/jpeg")},
		{Type: "video", Payload: file("video/mp4")},
		{Type: "audio", Payload: file("audio/ogg; codecs=opus")},
		{Type: "file", Payload: document},
		{Type: "sticker", Payload: file("image/webp")},
		{Type: "location", Payload: map[string]any{"longitude": "2.17", "latitude": "41.38"}},
		{Type: "contact", Payload: map[string]any{"contacts": []any{map[string]any{
			"name":   map[string]any{"formattedName": "Ada Prado", "firstName": "Ada"},
			"phones": []any{map[string]any{"phone": "+34555010203", "type": "CELL"}},
		}}}},
		{Type: "list_reply", Payload: map[string]any{
			"title": "Row", "id": "l1", "reply": "Row 1", "postbackText": "row:1", "description": "first",
		}},
		{Type: "quick_reply", Payload: map[string]any{
			"title": "Yes", "id": "q1", "reply": "Yes 1", "postbackText": "yes:1",
		}},
		{Type: "button_reply", Payload: map[string]any{"title": "No", "id": "q1", "reply": "No 2"}},
		{Type: "quick_reply", Payload: map[string]any{"text": "Confirm", "type": "button", "postbackText": "ok:7"}},
		{Type: "text", Payload: map[string]any{"text": "Confirm", "type": "button"}},
		{Type: "hologram", Payload: map[string]any{"beam": 1}},
	}
	for i := range samples {
		samples[i].Phone, samples[i].UserID, samples[i].Name = phone, userID, "Ada"
	}
	return samples
}

// Receive makes a user act: it opens the user's window, posts the message in every configured
// version, and returns its WhatsApp id. In v3 only texts and taps keep their type; everything else
// is unsupported.
func (g *Gupshup) Receive(in GupshupInbound) string {
	if in.ID == "" {
		in.ID = "wamid." + strings.ToUpper(strings.ReplaceAll(gupshupUUID(), "-", ""))
	}
	if in.At.IsZero() {
		in.At = g.now()
	}
	for _, id := range []string{in.Phone, in.UserID} {
		if id != "" {
			g.SetWindow(id, in.At.Add(24*time.Hour))
		}
	}
	g.each(func(version int) any {
		if version == 3 {
			return g.v3(in.At, "messages", in.v3(g.opt.Source))
		}
		return g.v2("message", in.At, in.v2())
	})
	return in.ID
}

// v2 returns the v2 payload of the message.
func (in GupshupInbound) v2() map[string]any {
	p := map[string]any{"id": in.ID, "type": in.Type, "payload": in.Payload}
	sender := map[string]any{"name": in.Name}
	gupshupSet(p, "source", in.Phone)
	gupshupSet(sender, "phone", in.Phone)
	gupshupSet(sender, "userId", in.UserID)
	p["sender"] = sender
	if in.Quotes != "" {
		p["context"] = map[string]any{"id": "wamid.OF" + in.Quotes, "gsId": in.Quotes}
	}
	if in.Referral != nil {
		p["referral"] = in.Referral
	}
	return p
}

// v3 returns the v3 value of the message.
func (in GupshupInbound) v3(source string) map[string]any {
	m := map[string]any{"id": in.ID, "timestamp": strconv.FormatInt(in.At.Unix(), 10)}
	gupshupSet(m, "from", in.Phone)
	gupshupSet(m, "from_user_id", in.UserID)
	reply := func(kind string) {
		m["type"] = "interactive"
		m["interactive"] = map[string]any{
			"type": kind, kind: map[string]any{"id": in.Payload["postbackText"], "title": in.Payload["title"]},
		}
	}
	switch {
	case in.Payload["type"] == "button":
		m["type"] = "button"
		m["button"] = map[string]any{"text": in.Payload["text"], "payload": in.Payload["postbackText"]}
	case in.Type == "text":
		m["type"], m["text"] = "text", map[string]any{"body": in.Payload["text"]}
	case in.Type == "list_reply":
		reply("list_reply")
	case in.Type == "quick_reply", in.Type == "button_reply":
		reply("button_reply")
	default:
		m["type"], m["unsupported"] = "unsupported", map[string]any{"type": in.Type}
	}
	if in.Quotes != "" {
		m["context"] = map[string]any{"from": source, "id": "wamid.OF" + in.Quotes, "gs_id": in.Quotes}
	}
	if in.Referral != nil {
		m["referral"] = in.Referral
	}
	contact := map[string]any{"profile": map[string]any{"name": in.Name}}
	gupshupSet(contact, "wa_id", in.Phone)
	gupshupSet(contact, "user_id", in.UserID)
	return map[string]any{"contacts": []any{contact}, "messages": []any{m}}
}

// ReportAll posts all reports about a message: enqueued, then sent and delivered, or failed with
// its code. A message that Gupshup itself refuses is never enqueued.
func (g *Gupshup) ReportAll(s GupshupSend) {
	if !s.refused() {
		g.Report(s, "enqueued")
	}
	if s.Code != 0 {
		g.Report(s, "failed")
		return
	}
	g.Report(s, "sent")
	g.Report(s, "delivered")
}

// Report posts one report about a message in every configured version: enqueued, sent, delivered,
// read or failed (with the message's code).
func (g *Gupshup) Report(s GupshupSend, state string) {
	at := g.now()
	g.each(func(version int) any {
		if version == 3 {
			return g.v3(at, "messages", map[string]any{"statuses": []any{s.v3(state, at)}})
		}
		return g.v2("message-event", at, s.v2(state, at))
	})
}

// refused reports whether the message fails at Gupshup, before WhatsApp sees it. Gupshup has codes
// of its own for that.
func (s GupshupSend) refused() bool {
	return s.Code == 500 || s.Code >= 1001 && s.Code <= 1012 || s.Code >= 4001 && s.Code <= 4005
}

// v2 returns the v2 payload of a report. Only enqueued, and a failure at Gupshup, have the send's
// id as id.
func (s GupshupSend) v2(state string, at time.Time) map[string]any {
	p := map[string]any{"id": s.WAMID, "gsId": s.ID, "type": state}
	s.recipient(p, "destination", "userId")
	switch state {
	case "enqueued":
		p["id"] = s.ID
		delete(p, "gsId")
		p["payload"] = map[string]any{"whatsappMessageId": s.WAMID, "type": "session"}
	case "failed":
		if s.refused() {
			p["id"] = s.ID
			delete(p, "gsId")
		}
		p["payload"] = map[string]any{"code": s.Code, "reason": "Message failed"}
	default:
		p["payload"] = map[string]any{"ts": at.Unix()}
	}
	return p
}

// v3 returns a report in v3. The time of enqueued is a number of milliseconds.
func (s GupshupSend) v3(state string, at time.Time) map[string]any {
	st := map[string]any{
		"gs_id": s.ID, "id": "id-" + s.ID, "meta_msg_id": s.WAMID,
		"status": state, "timestamp": strconv.FormatInt(at.Unix(), 10),
	}
	s.recipient(st, "recipient_id", "recipient_user_id")
	gupshupSet(st, "biz_opaque_callback_data", s.Opaque)
	switch state {
	case "enqueued":
		st["timestamp"] = at.UnixMilli()
	case "failed":
		st["errors"] = []any{map[string]any{"code": s.Code, "title": "Message failed", "href": "https://errors.example"}}
		if s.refused() {
			delete(st, "meta_msg_id")
		}
	}
	return st
}

// recipient sets the recipient of a message, by phone or by user id.
func (s GupshupSend) recipient(item map[string]any, phone, userID string) {
	if strings.Contains(s.To, ".") {
		item[userID] = s.To
		return
	}
	item[phone] = s.To
}

// ConnectivityCheck posts the check that must be answered 2xx at any time.
func (g *Gupshup) ConnectivityCheck() {
	payload := map[string]any{"type": "connectivity-check", "initiator": "gupshup"}
	at := g.now()
	g.each(func(version int) any {
		if version == 3 {
			return g.v3(at, "platform-event", payload)
		}
		return g.v2("platform-event", at, payload)
	})
}

// SandboxStart posts the event that Gupshup posts when a callback URL is saved.
func (g *Gupshup) SandboxStart() {
	g.Post(g.v2("user-event", g.now(), map[string]any{"phone": "callbackSetPhone", "type": "sandbox-start"}))
}

// Preference posts a user's choice about marketing. value is stop or resume.
func (g *Gupshup) Preference(phone, userID, value string) {
	at := g.now()
	p := map[string]any{"detail": "User choice", "category": "marketing_messages", "value": value, "timestamp": at.Unix()}
	gupshupSet(p, "wa_id", phone)
	g.each(func(version int) any {
		item := maps.Clone(p)
		if version == 3 {
			gupshupSet(item, "user_id", userID)
			return g.v3(at, "user_preferences", map[string]any{"user_preferences": []any{item}})
		}
		gupshupSet(item, "userid", userID)
		return g.v2("preference-event", at, map[string]any{
			"type": "user_preferences", "payload": map[string]any{"user_preferences": []any{item}},
		})
	})
}

func (g *Gupshup) v2(typ string, at time.Time, payload any) any {
	return map[string]any{
		"app": g.opt.AppName, "timestamp": at.UnixMilli(), "version": 2, "type": typ, "payload": payload,
	}
}

func (g *Gupshup) v3(at time.Time, field string, value map[string]any) any {
	if field == "messages" || field == "user_preferences" {
		value["messaging_product"] = "whatsapp"
		value["metadata"] = map[string]any{"display_phone_number": g.opt.Source, "phone_number_id": "410000000000099"}
	}
	return map[string]any{
		"gs_app_id": g.opt.AppID, "object": "whatsapp_business_account",
		"entry": []any{map[string]any{
			"id": "310000000000099", "time": at.UnixMilli(),
			"changes": []any{map[string]any{"field": field, "value": value}},
		}},
	}
}

// each posts one event in every configured version.
func (g *Gupshup) each(body func(version int) any) {
	for _, v := range g.opt.Versions {
		g.Post(body(v))
	}
}

// Post queues one callback. Callbacks are posted one after another. A callback that is not answered
// 2xx is posted again, up to the configured number of attempts.
func (g *Gupshup) Post(body any) {
	raw, err := json.Marshal(body)
	g.mu.Lock()
	defer g.mu.Unlock()
	if err != nil || g.url == "" {
		return
	}
	g.pending++
	g.queue = append(g.queue, gupshupPost{url: g.url, body: raw})
	select {
	case g.wake <- struct{}{}:
	default: // a wake-up is pending already
	}
}

// gupshupPost is a queued callback.
type gupshupPost struct {
	url  string
	body []byte
}

// postLoop posts what is queued until the fake stops.
func (g *Gupshup) postLoop(ctx context.Context) {
	for {
		g.mu.Lock()
		batch := g.queue
		g.queue = nil
		g.mu.Unlock()
		for _, p := range batch {
			g.deliver(ctx, p)
			g.mu.Lock()
			g.pending--
			g.touch()
			g.mu.Unlock()
		}
		if len(batch) > 0 {
			continue
		}
		select {
		case <-ctx.Done():
			return
		case <-g.wake:
		}
	}
}

// deliver posts one callback until it is answered 2xx.
func (g *Gupshup) deliver(ctx context.Context, p gupshupPost) {
	for range g.opt.Attempts {
		start := time.Now()
		status, text := g.post(ctx, p.url, p.body, map[string]string{
			"Content-Type": "application/json; charset=utf-8", "User-Agent": "gupshup-fake", "X-Callback-Token": g.opt.CallbackToken,
		})
		a := GupshupAnswer{Status: status, Body: text, Took: time.Since(start)}
		g.mu.Lock()
		g.answers = append(g.answers, a)
		g.mu.Unlock()
		if a.Status >= 200 && a.Status < 300 {
			return
		}
		if g.pause(ctx, g.opt.RetryEvery) != nil {
			return
		}
	}
}

// gupshupSet sets a member unless the value is empty.
func gupshupSet(m map[string]any, key, value string) {
	if value != "" {
		m[key] = value
	}
}
