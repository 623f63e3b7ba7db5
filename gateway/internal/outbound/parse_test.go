package outbound_test

import (
	"fmt"
	"strings"
	"testing"

	"wagate/followup"
)

// TestI14EveryProblemIsNamedAtOnce: the answer to a malformed body names everything that is wrong
// with it, and nothing is sent.
func TestI14EveryProblemIsNamedAtOnce(t *testing.T) {
	t.Parallel()
	with := func(members string) string {
		return `{"messaging_product":"whatsapp","to":"` + phone + `",` + members + `}`
	}
	templateOf := func(members string) string {
		return with(`"type":"template","template":{` + members + `,"language":{"code":"pt_BR"}}`)
	}
	for name, c := range map[string]struct {
		body string
		code int
		want string
	}{
		"not JSON":                       {`hello`, 100, "the body must be one JSON object"},
		"an empty body":                  {``, 100, "the body must be one JSON object"},
		"null":                           {`null`, 100, "the body must be one JSON object"},
		"a list":                         {`[]`, 100, "the body must be one JSON object"},
		"two objects":                    {text(phone) + `{}`, 100, "the body must be one JSON object"},
		"not UTF-8":                      {with(`"text":{"body":"x` + "\xff" + `"}`), 100, "the body is not valid UTF-8"},
		"a name that is not UTF-8":       {with(`"text":{"body":"x"},"` + "\xff" + `":1`), 100, "the body is not valid UTF-8"},
		"a trailing brace":               {text(phone) + `}`, 100, "the body must be one JSON object"},
		"an empty object":                {`{}`, 100, `messaging_product must be "whatsapp"; to is required; text is required`},
		"no recipient":                   {`{"messaging_product":"whatsapp","text":{"body":"x"}}`, 131008, "to is required"},
		"no content":                     {`{"messaging_product":"whatsapp","to":"` + phone + `","type":"image"}`, 131008, "image is required"},
		"null content":                   {with(`"type":"image","image":null`), 131008, "image is required"},
		"empty text":                     {with(`"text":{"body":" \n"}`), 131008, "text.body is required"},
		"malformed text":                 {with(`"text":"x"`), 100, "text is malformed"},
		"a text that is a number":        {with(`"text":{"body":5}`), 100, "text.body must be a string"},
		"two names, both wrong":          {with(`"type":"template","template":{"name":5,"language":{"code":["xx"]}}`), 100, "template.name must be a string; template.language.code must be a string"},
		"one absent, one malformed":      {with(`"type":"template","template":{"language":"xx"}`), 100, "template.name is required; template.language is malformed"},
		"a media id, a number":           {with(`"type":"image","image":{"id":1}`), 100, "image.id must be a string"},
		"interactive, a number":          {with(`"type":"interactive","interactive":{"type":5}`), 100, "interactive.type must be a string; interactive.action is required"},
		"a reaction to a number":         {with(`"type":"reaction","reaction":{"message_id":5}`), 100, "reaction.message_id must be a string"},
		"a long text":                    {with(`"text":{"body":"` + strings.Repeat("é", 4097) + `"}`), 100, "text.body must have at most 4096 characters"},
		"no template":                    {with(`"type":"template","template":{}`), 131008, "template.name is required; template.language.code is required"},
		"media with neither":             {with(`"type":"video","video":{"caption":"x"}`), 100, "video must have either id or link"},
		"media with both":                {with(`"type":"audio","audio":{"id":"1","link":"https://x.example/a"}`), 100, "audio must have either id or link"},
		"an empty interactive":           {with(`"type":"interactive","interactive":{}`), 131008, "interactive.type is required; interactive.action is required"},
		"a reaction to nothing":          {with(`"type":"reaction","reaction":{"emoji":"x"}`), 131008, "reaction.message_id is required"},
		"an empty context id":            {with(`"text":{"body":"x"},"context":{"message_id":""}`), 100, "context.message_id must be the id of a message"},
		"long opaque data":               {with(`"text":{"body":"x"},"biz_opaque_callback_data":"` + strings.Repeat("é", 513) + `"`), 100, "biz_opaque_callback_data must have at most 512 characters"},
		"opaque data, a number":          {with(`"text":{"body":"x"},"biz_opaque_callback_data":1`), 100, "biz_opaque_callback_data must be a string"},
		"a group":                        {with(`"recipient_type":"group","text":{"body":"x"}`), 100, `recipient_type must be "individual"`},
		"status unread":                  {`{"messaging_product":"whatsapp","status":"unread","message_id":"x"}`, 100, `status must be "read"`},
		"unread, no message id":          {`{"messaging_product":"whatsapp","status":"unread"}`, 100, `status must be "read"; message_id is required`},
		"read, no message id":            {`{"messaging_product":"whatsapp","status":"read"}`, 131008, "message_id is required"},
		"read, a null id":                {`{"messaging_product":"whatsapp","status":"read","message_id":null}`, 131008, "message_id is required"},
		"read, an empty id":              {`{"messaging_product":"whatsapp","status":"read","message_id":""}`, 131008, "message_id is required"},
		"read, an id that is a number":   {`{"messaging_product":"whatsapp","status":"read","message_id":5}`, 100, "message_id must be a string"},
		"a type that is a number":        {with(`"type":3,"image":{"id":"1"}`), 100, "type must be a string"},
		"a type that is a list":          {with(`"type":["text"],"text":{"body":5},"biz_opaque_callback_data":1`), 100, "type must be a string; biz_opaque_callback_data must be a string"},
		"a prefix in place of a country": {`{"messaging_product":"whatsapp","to":"005599000000021","type":"template","template":{"name":"hello","language":{"code":"pt_BR"}}}`, 100, "to must be a phone number with country code"},
		"a bad BSUID":                    {`{"messaging_product":"whatsapp","recipient":"someone","text":{"body":"x"}}`, 100, "recipient must be a business-scoped user id"},
		"two names, one in capitals":     {templateOf(`"name":"promo","NAME":"utility"`), 100, `template has "NAME" more than once`},
		"the same name twice":            {templateOf(`"name":"utility","name":"promo"`), 100, `template has "name" more than once`},
		"two languages":                  {templateOf(`"name":"a","Language":{"code":"xx"}`), 100, `template has "language" more than once`},
		"two codes":                      {with(`"type":"template","template":{"name":"a","language":{"code":"xx","Code":"yy"}}`), 100, `template.language has "Code" more than once`},
		"a null action":                  {with(`"type":"interactive","interactive":{"type":"button","action":null}`), 131008, "interactive.action is required"},
		"a language that is null":        {with(`"type":"template","template":{"name":"a","language":null}`), 131008, "template.language.code is required"},
		"a null duplicate":               {with(`"type":null,"text":{"body":"x","body":null}`), 100, `text has "body" more than once`},
		"to is a number":                 {`{"messaging_product":"whatsapp","to":5,"text":{"body":"x"}}`, 100, "to must be a string"},
		"recipient is a number":          {`{"messaging_product":"whatsapp","recipient":5,"text":{"body":"x"}}`, 100, "recipient must be a string"},
		"a name in capitals":             {templateOf(`"NAME":"utility"`), 131008, "template.name is required"},
		"a language that is a string":    {with(`"type":"template","template":{"name":"a","language":"xx"}`), 100, "template.language is malformed"},
		"two types":                      {with(`"type":"text","Type":"template","text":{"body":"x"},"template":{"name":"promo"}`), 100, `the body has "Type" more than once`},
		"two recipients":                 {with(`"to":"5599000000022","text":{"body":"x"}`), 100, `the body has "to" more than once`},
		"a Kelvin sign for a k":          {with(`"type":"image","image":{"link":"https://x.example/a","lin\u212a":"https://x.example/b"}`), 100, "image has \"lin\u212a\" more than once"},
		"two context ids":                {with(`"text":{"body":"x"},"context":{"message_id":"a","message_Id":"b"}`), 100, `context has "message_Id" more than once`},
		"a type in capitals":             {with(`"type":"Template","Template":{"name":"promo","language":{"code":"xx"}}`), 100, "type must be one of audio, contacts, document, image, interactive, location, reaction, sticker, template, text, video"},
		"no known type and no content":   {with(`"type":"hologram"`), 100, "type must be one of audio, contacts, document, image, interactive, location, reaction, sticker, template, text, video"},
		"a document with both":           {with(`"type":"document","document":{"id":"1","link":"https://x.example/a"}`), 100, "document must have either id or link"},
		"a sticker with neither":         {with(`"type":"sticker","sticker":{}`), 100, "sticker must have either id or link"},
		"a BSUID with a space":           {`{"messaging_product":"whatsapp","recipient":"BR.7 7","text":{"body":"x"}}`, 100, "recipient must be a business-scoped user id"},
		"a long BSUID":                   {`{"messaging_product":"whatsapp","recipient":"BR.` + strings.Repeat("7", 198) + `","text":{"body":"x"}}`, 100, "recipient must be a business-scoped user id"},
		"two members twice":              {with(`"text":{"body":"x","body":"y","preview_url":true,"preview_url":false}`), 100, `text has "body" more than once`},
		"two read receipts":              {`{"messaging_product":"whatsapp","status":"read","message_id":"x","message_id":"y"}`, 100, `the body has "message_id" more than once`},
		"four problems at once":          {`{"to":"x","recipient_type":"group","type":"template","template":{"name":"n"}}`, 100, `messaging_product must be "whatsapp"; recipient_type must be "individual"; to must be a phone number with country code; template.language.code is required`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(h *harness) {
				h.wrote(followup.Identity{Phone: phone})
				h.is(graphError(h.post(number, c.body, "k")), fmt.Sprintf("400 %d %s", c.code, c.want), "answer")
				h.is(len(h.meta.calls()), 0, "provider calls")
			})
		})
	}
}

// TestPhonesAreReadAsPeopleWriteThem: a phone in to may have a plus sign, spaces, brackets, dashes
// and dots. Anything else, and a wrong number of digits, is refused.
func TestPhonesAreReadAsPeopleWriteThem(t *testing.T) {
	t.Parallel()
	for to, ok := range map[string]bool{
		"5599000000021": true, "+5599000000021": true, "+55 (99) 00000-0021": true, "55.99.00000.0021": true,
		"\t5599000000021\n": true,
		"":                  false, "5599": false, "55990000000210000": false, "55 99 oooo 0021": false, "５５９９０００００００２１": false,
	} {
		t.Run(to, func(t *testing.T) {
			t.Parallel()
			bubble(t, func(h *harness) {
				h.wrote(followup.Identity{Phone: phone})
				want := 400
				if ok {
					want = 200
				}
				h.is(h.post(number, text(to), "").Status, want, "status")
				for _, m := range h.meta.calls() {
					h.is(m.To.Phone, phone, "phone")
				}
			})
		})
	}
}

// TestLengthOfPhone: a phone has 7 to 15 digits.
func TestLengthOfPhone(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		for to, status := range map[string]int{"683400": 400, "6834002": 200, "491234567890123": 200, "4912345678901234": 400} {
			h.is(h.post(number, template(to, "t"), "").Status, status, to)
		}
	})
}

// TestOtherTypesArePassedOn: types and members that wagate does not check are passed on for the
// provider to judge.
func TestOtherTypesArePassedOn(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		h.wrote(followup.Identity{Phone: phone})
		for i, members := range []string{
			`"type":"location","location":{"latitude":1,"longitude":2}`,
			`"type":"contacts","contacts":[{"name":{"formatted_name":"A"}}]`,
			`"type":"document","document":{"id":"1","filename":"a.pdf"}`,
			`"type":"interactive","interactive":{"type":"button","body":{"text":"Pick"},"action":{"buttons":[{"type":"reply","reply":{"id":"a","title":"A"}}]}}`,
			`"type":"interactive","interactive":{"type":"list","header":{"type":"text","text":"H"},"body":{"text":"Pick"},"footer":{"text":"F"},"action":{"button":"Menu","sections":[{"title":"S","rows":[{"id":"r","title":"R"}]}]}}`,
			`"type":"interactive","interactive":{"type":"cta_url","body":{"text":"See"},"action":{"name":"cta_url","parameters":{"display_text":"Go","url":"https://shop.example"}}}`,
			`"type":"interactive","interactive":{"type":"flow","body":{"text":"Fill in"},"action":{"name":"flow","parameters":{"flow_message_version":"3","flow_id":"1","flow_cta":"Start"}}}`,
			`"type":"location","location":{"latitude":1.5,"longitude":2.5,"name":"Shop","address":"Main St"}`,
			`"type":"image","image":{"link":"https://cdn.example/a.jpg","caption":"A"}`,
			`"type":"sticker","sticker":{"id":"1"}`,
			`"recipient_type":"individual","text":{"body":"` + strings.Repeat("é", 4096) + `"}`,
			`"type":"hologram","hologram":{}`,
			`"type":null,"text":{"body":"x"}`,
			`"text":{"body":"x"},"biz_opaque_callback_data":"` + strings.Repeat("é", 512) + `"`,
		} {
			h.is(h.post(number, `{"messaging_product":"whatsapp","to":"`+phone+`",`+members+`}`, "").Status, 200, members)
			h.is(len(h.meta.calls()), i+1, "provider calls")
		}
	})
}

// TestI11ErrorsAreQuiet: no error answer repeats the message's text or its recipient.
func TestI11ErrorsAreQuiet(t *testing.T) {
	t.Parallel()
	bubble(t, func(h *harness) {
		for _, body := range []string{
			text(phone), text(phone + "x"), `{"messaging_product":"whatsapp","to":"` + phone + `","text":{"body":5,"x":"secret"}}`,
		} {
			a := string(h.post(number, body, "").Body)
			for _, private := range []string{phone, "hello", "secret"} {
				if strings.Contains(a, private) {
					t.Errorf("answer: got %s, want it without %s", a, private)
				}
			}
		}
	})
}
