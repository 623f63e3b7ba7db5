package ingest

import (
	"fmt"
	"strings"
	"testing"

	"wagate/followup"
	"wagate/providers"
)

// TestEveryMessageType has each type of message that Meta documents, and types that it does not,
// from Meta and from Gupshup's version 3. For each it checks which kind is counted, whether the
// window opens, whether the run ends, and that the message is relayed as it came.
func TestEveryMessageType(t *testing.T) {
	t.Parallel()
	const (
		both  = "opens and replies"
		reply = "replies"
		none  = ""
		media = `"mime_type":"a/b","sha256":"q1w2e3=","url":"https:\/\/media.example\/1"`
		tap   = `"context":{"from":"15550142200","id":"wamid.OUT9"},`
	)
	for name, c := range map[string]struct {
		item string // the message's members beside from, id and timestamp
		kind providers.Kind
		does string
	}{
		"text":            {`"type":"text","text":{"body":"ol\u00e1 \ud83d\ude00 a\/b"}`, providers.KindText, both},
		"text from an ad": {`"type":"text","text":{"body":"x"},"referral":{"source_url":"https://ad.example","source_id":"1","source_type":"ad","ctwa_clid":"c","welcome_message":{"text":"Hi"}}`, providers.KindText, both},
		"text, forwarded": {`"type":"text","text":{"body":"x"},"context":{"forwarded":true}`, providers.KindText, both},
		"text, forwarded often": {
			`"type":"text","text":{"body":"x"},"context":{"frequently_forwarded":true}`, providers.KindText, both,
		},
		"text, quoting":            {tap + `"type":"text","text":{"body":"x"}`, providers.KindText, both},
		"text about a product":     {`"type":"text","text":{"body":"x"},"context":{"from":"1","id":"wamid.P","referred_product":{"catalog_id":"7","product_retailer_id":"s"}}`, providers.KindText, both},
		"image":                    {`"type":"image","image":{"id":"1",` + media + `,"caption":"c"}`, providers.KindImage, both},
		"image that is too large":  {`"type":"image","image":{"mime_type":"image\/jpeg"},"errors":[{"code":131052,"title":"Media download error"}]`, providers.KindImage, both},
		"video":                    {`"type":"video","video":{"id":"1",` + media + `}`, providers.KindVideo, both},
		"voice note":               {`"type":"audio","audio":{"id":"1",` + media + `,"voice":true}`, providers.KindAudio, both},
		"document":                 {`"type":"document","document":{"id":"1",` + media + `,"filename":"a.pdf"}`, providers.KindDocument, both},
		"sticker":                  {`"type":"sticker","sticker":{"id":"1",` + media + `,"animated":true}`, providers.KindSticker, both},
		"location":                 {`"type":"location","location":{"latitude":41.380,"longitude":2.17,"name":"n","address":"a","url":"u"}`, providers.KindLocation, both},
		"contacts":                 {`"type":"contacts","contacts":[{"name":{"formatted_name":"A"},"phones":[{"phone":"1"}],"origin":"other","vcard":"BEGIN"}]`, providers.KindContacts, both},
		"contacts, on request":     {`"type":"contacts","contacts":[{"name":{"formatted_name":"A"},"origin":"contact_request"}]`, providers.KindContacts, both},
		"button reply":             {tap + `"type":"interactive","interactive":{"type":"button_reply","button_reply":{"id":"y","title":"Yes"}}`, providers.KindInteractive, both},
		"list reply":               {tap + `"type":"interactive","interactive":{"type":"list_reply","list_reply":{"id":"r","title":"R","description":"d"}}`, providers.KindInteractive, both},
		"flow":                     {tap + `"type":"interactive","interactive":{"type":"nfm_reply","nfm_reply":{"name":"flow","body":"Sent","response_json":"{\"flow_token\":\"t\"}"}}`, providers.KindInteractive, both},
		"address":                  {tap + `"type":"interactive","interactive":{"type":"nfm_reply","nfm_reply":{"name":"address_message","body":"A","response_json":"{}"}}`, providers.KindInteractive, both},
		"product":                  {`"type":"interactive","interactive":{"type":"product","product":{"id":"s"}}`, providers.KindInteractive, both},
		"template's button":        {tap + `"type":"button","button":{"payload":"P:1","text":"Yes"}`, providers.KindButton, both},
		"order":                    {`"type":"order","order":{"catalog_id":"7","text":"two","product_items":[{"product_retailer_id":"s","quantity":2,"item_price":19.90,"currency":"BRL"}]}`, providers.KindOrder, both},
		"reaction":                 {`"type":"reaction","reaction":{"message_id":"wamid.OUT9","emoji":"\ud83d\udc4d"}`, providers.KindReaction, reply},
		"reaction removed":         {`"type":"reaction","reaction":{"message_id":"wamid.OUT9"}`, providers.KindReactionRemoved, none},
		"unsupported":              {`"type":"unsupported","unsupported":{"type":"poll_creation"},"errors":[{"code":131051,"title":"t"}]`, providers.KindUnsupported, reply},
		"unavailable":              {`"type":"unsupported","unsupported":{"type":"edit"},"errors":[{"code":131060,"title":"t"}]`, providers.KindUnsupported, reply},
		"edit":                     {`"type":"edit","edit":{"original_message_id":"wamid.O","message":{"type":"text","text":{"body":"now"},"context":{"id":"M0"}}}`, providers.KindEdit, reply},
		"revoke":                   {`"type":"revoke","revoke":{"original_message_id":"wamid.O"}`, providers.KindRevoke, reply},
		"in a group":               {`"group_id":"120363","type":"text","text":{"body":"all"}`, providers.KindGroup, none},
		"image in a group":         {`"group_id":"120363","type":"image","image":{"id":"1"}`, providers.KindGroup, none},
		"system: identity changed": {`"type":"system","system":{"body":"b","type":"customer_identity_changed","user_id":"US.1"}`, providers.KindSystem, none},
		"retired":                  {`"type":"request_welcome"`, providers.KindUnknown, reply},
		"unknown type":             {`"type":"hologram","hologram":{"beam":1.50,"x":[1,2]}`, providers.KindUnknown, reply},
		"no type at all":           {`"future":{"n":1e5}`, providers.KindUnknown, reply},
	} {
		for _, provider := range []providers.Name{providers.Meta, providers.Gupshup} {
			t.Run(name+" by "+string(provider), func(t *testing.T) {
				t.Parallel()
				h := newHarness(t, nil)
				channel := map[providers.Name]followup.ChannelID{providers.Meta: metaSales, providers.Gupshup: gupSales}[provider]
				run := h.arm(t, tenantA, "15550100001", sales, channel)
				item := fmt.Sprintf(`{"from":"15550100001","from_user_id":"US.1","id":"wamid.1","timestamp":"%d",%s}`, minute(-1), c.item)
				contacts := `"contacts":[{"profile":{"name":"Noor"},"wa_id":"15550100001","user_id":"US.1"}],`
				if provider == providers.Meta {
					h.meta(t, messages("n-sales", contacts+`"messages":[`+item+`]`))
				} else {
					h.gupshup(t, `{"gs_app_id":"`+gupAppID+`",`+messages("410000000000002", contacts+`"messages":[`+item+`]`)[1:])
				}
				if got := h.events(provider, c.kind); got != 1 {
					t.Errorf("got %v of kind %s counted, want 1", got, c.kind)
				}
				if got := !h.lead(t, tenantA, "15550100001").Windows[channel].LastInbound.IsZero(); got != (c.does == both) {
					t.Errorf("got window opened %v, want %v", got, c.does == both)
				}
				if got := h.run(t, tenantA, run).Reason == followup.Replied; got != (c.does != none) {
					t.Errorf("got run ended by the message %v, want %v", got, c.does != none)
				}
				values := h.values(t, sales)
				if len(values) != 1 || !strings.Contains(values[0], `"messages":[`+item+`]`) {
					t.Errorf("got relayed %s, want the item as it came: %s", values, item)
				}
			})
		}
	}
}

// TestEveryField has each other field that Meta documents, and fields that it does not. For each it
// checks which kind is counted, that every assistant of the account gets the value as it came, and
// that no lead or run is affected.
func TestEveryField(t *testing.T) {
	t.Parallel()
	const template = `"message_template_id":870000000000123456789,"message_template_name":"visit","message_template_language":"en_US"`
	for name, c := range map[string]struct {
		field, value string
		kind         providers.Kind
	}{
		"template status":   {"message_template_status_update", `{"event":"PAUSED",` + template + `,"reason":null,"other_info":{"title":"FIRST_PAUSE","description":"d"}}`, providers.KindTemplate},
		"template category": {"template_category_update", `{` + template + `,"previous_category":"UTILITY","new_category":"MARKETING"}`, providers.KindTemplate},
		"template quality":  {"message_template_quality_update", `{` + template + `,"previous_quality_score":"GREEN","new_quality_score":"RED"}`, providers.KindTemplate},
		"template content":  {"message_template_components_update", `{` + template + `,"message_template_element":"Hi"}`, providers.KindTemplate},
		"template, new":     {"message_template_tomorrow_update", `{` + template + `}`, providers.KindTemplate},
		"number quality":    {"phone_number_quality_update", `{"display_phone_number":"15550142200","event":"ONBOARDING","max_daily_conversations_per_business":"TIER_2K"}`, providers.KindAccount},
		"number name":       {"phone_number_name_update", `{"display_phone_number":"15550142200","decision":"APPROVED"}`, providers.KindAccount},
		"capability":        {"business_capability_update", `{"max_daily_conversations_per_business":2000}`, providers.KindAccount},
		"account":           {"account_update", `{"event":"DISABLED_UPDATE","ban_info":{"waba_ban_state":"SCHEDULE_FOR_DISABLE"}}`, providers.KindAccount},
		"alerts":            {"account_alerts", `{"alert_type":"OBA_APPROVED","x":[1,2.50]}`, providers.KindAccount},
		"review":            {"account_review_update", `{"decision":"APPROVED"}`, providers.KindAccount},
		"security":          {"security", `{"event":"PIN_CHANGED"}`, providers.KindAccount},
		"username":          {"business_username_updates", `{"display_phone_number":"15550142200","username":"acme","status":"approved"}`, providers.KindAccount},
		"contact sync":      {"smb_app_state_sync", `{"state_sync":[{"type":"contact"}]}`, providers.KindAccount},
		"standby":           {"standby", `{"messages":[{"id":"wamid.s","from":"15550100001"}],"n":1.0e2}`, providers.KindUnknown},
		"unknown field":     {"tomorrow", `{"a\u00e1":[1,{"b":null}]}`, providers.KindUnknown},
		"a list":            {"tomorrow", `[1,2]`, providers.KindUnknown},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := newHarness(t, nil)
			run := h.arm(t, tenantA, "15550100001", sales, metaSales)
			h.meta(t, `{"object":"whatsapp_business_account","entry":[{"id":"`+waba+`","time":1790000000,"changes":[{"field":"`+c.field+`","value":`+c.value+`}]}]}`)
			if got := h.events(providers.Meta, c.kind); got != 1 {
				t.Errorf("got %v of kind %s counted, want 1", got, c.kind)
			}
			for _, a := range []followup.AssistantID{sales, support} {
				ds := h.relayed(t, a)
				var events []followup.RelayEvent
				for _, d := range ds {
					for _, e := range d.Events {
						if e.Field != "followup" { // the run's own
							events = append(events, e)
						}
					}
				}
				if len(events) != 1 || events[0].Field != c.field || string(events[0].Value) != c.value {
					t.Errorf("%s: got %+v, want one of field %s as it came: %s", a, events, c.field, c.value)
				}
			}
			if got := len(h.relayed(t, other)); got != 0 {
				t.Errorf("got %d relayed to another app's assistant, want none", got)
			}
			if got := h.run(t, tenantA, run).State; got != followup.RunArmed {
				t.Errorf("got run %s, want armed: the lead has not replied", got)
			}
			if got := len(h.tmpl) == 1; got != (c.kind == providers.KindTemplate) {
				t.Errorf("got a template noted %v, want %v", got, c.kind == providers.KindTemplate)
			}
			if got := h.leads(t, tenantA); got != 1 {
				t.Errorf("got %d leads, want 1, the one before", got)
			}
		})
	}
}
