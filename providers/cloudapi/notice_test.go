package cloudapi

import (
	"strings"
	"testing"

	"wagate/providers"
)

// A system notice names the contact as it is now and as it was before.
func TestDecodeSystem(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		item        string
		now, before providers.Contact
	}{
		"number": {
			`"from":"5511970000001","from_user_id":"BR.old","system":{"type":"user_changed_number","wa_id":"5511970000002","user_id":"BR.new","previous_user_id":"BR.old"}`,
			providers.Contact{Phone: "5511970000002", UserID: "BR.new"},
			providers.Contact{Phone: "5511970000001", UserID: "BR.old"},
		},
		"number, older": {
			`"from":"5511970000001","system":{"type":"user_changed_number","new_wa_id":"5511970000002"}`,
			providers.Contact{Phone: "5511970000002"},
			providers.Contact{Phone: "5511970000001"},
		},
		"user id": {
			`"system":{"type":"user_changed_user_id","user_id":"BR.new","previous_user_id":"BR.old"}`,
			providers.Contact{UserID: "BR.new"},
			providers.Contact{UserID: "BR.old"},
		},
		"old user id outside the notice": {
			`"from_user_id":"BR.old","system":{"type":"user_changed_user_id","user_id":"BR.new"}`,
			providers.Contact{UserID: "BR.new"},
			providers.Contact{UserID: "BR.old"},
		},
		"identity": {
			`"from":"5511970000001","from_user_id":"BR.a","system":{"type":"customer_identity_changed","user_id":"BR.a"}`,
			providers.Contact{Phone: "5511970000001", UserID: "BR.a"},
			providers.Contact{},
		},
		"new type that names both": {
			`"from":"5511970000001","system":{"type":"user_moved","user_id":"BR.new","previous_user_id":"BR.old"}`,
			providers.Contact{UserID: "BR.new"},
			providers.Contact{Phone: "5511970000001", UserID: "BR.old"},
		},
		"no new number": {
			`"from":"5511970000001","system":{"type":"user_changed_number"}`,
			providers.Contact{Phone: "5511970000001"},
			providers.Contact{},
		},
	} {
		e := one(t, body("messages", `{`+meta+`,"messages":[{"id":"m","timestamp":"1790000001","type":"system",`+test.item+`}]}`), Options{})
		if e.Kind != providers.KindSystem || e.Contact != test.now || e.Previous != test.before {
			t.Errorf("%s: got %s %+v, before %+v, want %+v, before %+v", name, e.Kind, e.Contact, e.Previous, test.now, test.before)
		}
	}
}

// An event's contact is made of the item's sender and the matching entry of contacts. The entry
// stays in the value only if it matches.
func TestDecodeContacts(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		contacts, message string
		want              providers.Contact
		kept              bool
	}{
		"by user id only": {`{"user_id":"BR.a","profile":{"name":"N","username":"n"}}`, `"from_user_id":"BR.a"`, providers.Contact{UserID: "BR.a", Name: "N"}, true},
		"phone from the entry": {
			`{"user_id":"BR.a","wa_id":"5511970000001"}`, `"from_user_id":"BR.a"`,
			providers.Contact{Phone: "5511970000001", UserID: "BR.a"},
			true,
		},
		"user id from the entry": {
			`{"user_id":"BR.a","wa_id":"5511970000001"}`, `"from":"5511970000001"`,
			providers.Contact{Phone: "5511970000001", UserID: "BR.a"},
			true,
		},
		"same phone, somebody else": {
			`{"user_id":"BR.b","wa_id":"5511970000001"}`, `"from":"5511970000001","from_user_id":"BR.a"`,
			providers.Contact{Phone: "5511970000001", UserID: "BR.a"},
			false,
		},
		"item names nobody, one contact":  {`{"user_id":"BR.a"}`, `"x":1`, providers.Contact{UserID: "BR.a"}, true},
		"item names nobody, two contacts": {`{"user_id":"BR.a"},{"user_id":"BR.b"}`, `"x":1`, providers.Contact{}, false},
		"another contact":                 {`{"wa_id":"5511970000002"}`, `"from":"5511970000001"`, providers.Contact{Phone: "5511970000001"}, false},
		"plus sign and number":            {`{"wa_id":5511970000001,"profile":{"name":"N"}}`, `"from":"+5511970000001"`, providers.Contact{Phone: "5511970000001", Name: "N"}, true},
		"contacts that are none":          {`7,null`, `"from":"5511970000001"`, providers.Contact{Phone: "5511970000001"}, false},
		"profile that is none":            {`{"wa_id":"1","profile":[1]}`, `"from":"1"`, providers.Contact{Phone: "1"}, true},
	} {
		e := one(t, body("messages", `{`+meta+`,"contacts":[`+test.contacts+`],"messages":[{"id":"m","type":"text","text":{"body":"x"},`+test.message+`}]}`), Options{})
		if e.Contact != test.want {
			t.Errorf("%s: got %+v, want %+v", name, e.Contact, test.want)
		}
		if got := strings.Contains(string(e.Value), `"contacts":[{`); got != test.kept {
			t.Errorf("%s: got entry kept %v, want %v: %s", name, got, test.kept, e.Value)
		}
	}
}

// Only a call that the user started or accepted is KindCall, which opens the window. Every other
// event of a call is KindCallOther.
func TestDecodeCalls(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		list, item, id string
		kind           providers.Kind
	}{
		"user calls":         {"calls", `{"id":"c1","event":"connect","direction":"USER_INITIATED","from":"5511970000001","to":"15550140001","timestamp":"1790000001"}`, "call:c1:connect", providers.KindCall},
		"user hangs up":      {"calls", `{"id":"c1","event":"terminate","direction":"USER_INITIATED","from":"5511970000001","to":"15550140001","timestamp":"1790000009"}`, "call:c1:terminate", providers.KindCallOther},
		"we call":            {"calls", `{"id":"c1","event":"connect","direction":"BUSINESS_INITIATED","to":"5511970000001","from":"15550140001","timestamp":"1790000001"}`, "call:c1:connect", providers.KindCallOther},
		"we call, by number": {"calls", `{"id":"c1","event":"connect","to":"5511970000001","from":"15550140001","timestamp":"1790000001"}`, "call:c1:connect", providers.KindCallOther},
		"user, by number":    {"calls", `{"id":"c1","event":"connect","from":"5511970000001","timestamp":"1790000001"}`, "call:c1:connect", providers.KindCall},
		"it rings":           {"statuses", `{"id":"c1","type":"call","status":"RINGING","recipient_id":"5511970000001","timestamp":"1790000001"}`, "call:c1:ringing", providers.KindCallOther},
		"user accepts":       {"statuses", `{"id":"c1","type":"call","status":"ACCEPTED","recipient_id":"5511970000001","timestamp":"1790000001"}`, "call:c1:accepted", providers.KindCall},
		"user rejects":       {"statuses", `{"id":"c1","type":"call","status":"REJECTED","recipient_id":"5511970000001","timestamp":"1790000001"}`, "call:c1:rejected", providers.KindCallOther},
	} {
		e := one(t, body("calls", `{`+meta+`,"`+test.list+`":[`+test.item+`]}`), Options{})
		if e.Kind != test.kind || e.ID != test.id || e.Contact.Phone != "5511970000001" || e.At.IsZero() || e.Field != "calls" {
			t.Errorf("%s: got %+v, want %s, %s", name, e, test.kind, test.id)
		}
	}
}

// Echoes and messages of the history name the person on the other side. Those of the
// history have ids of their own.
func TestDecodeEchoesAndHistory(t *testing.T) {
	t.Parallel()
	e := one(t, body("smb_message_echoes", `{`+meta+`,"message_echoes":[{"from":"15550140001","to":"5511970000001","to_user_id":"BR.a","id":"w1","timestamp":"1790000001","type":"text","text":{"body":"by hand"}}]}`), Options{})
	if e.Kind != providers.KindEcho || e.ID != "w1" || e.Text != "by hand" || e.Contact != (providers.Contact{Phone: "5511970000001", UserID: "BR.a"}) {
		t.Errorf("echo: got %+v, want w1 to the contact", e)
	}
	b := decode(t, body("history", `{`+meta+`,"history":[{"metadata":{"phase":1},"threads":[
		{"id":"5511970000001","messages":[{"from":"5511970000001","id":"h1","timestamp":"1780000001","type":"text","text":{"body":"a"}},
			{"from":"15550140001","to":"5511970000001","id":"h2","timestamp":"1780000002","type":"text","text":{"body":"b"}}]},
		{"id":"BR.z","messages":[{"from":"15550140001","id":"h3","timestamp":"1780000003","type":"media_placeholder"}]}]},
		{"errors":[{"code":2593109}]}],
		"messages":[{"from":"15550140001","to":"5511970000009","id":"h4","type":"image","image":{"caption":"c"}}]}`), Options{})
	if len(b.Events) != 5 || b.Skipped != 0 {
		t.Fatalf("history: got %d events, %d skipped, want 5, 0", len(b.Events), b.Skipped)
	}
	for i, want := range []struct {
		id  string
		who providers.Contact
	}{
		{"history:h1", providers.Contact{Phone: "5511970000001"}},
		{"history:h2", providers.Contact{Phone: "5511970000001"}},
		{"history:h3", providers.Contact{UserID: "BR.z"}},
		{"", providers.Contact{}},
		{"history:h4", providers.Contact{Phone: "5511970000009"}},
	} {
		e := b.Events[i]
		if e.Kind != providers.KindHistory || e.Contact != want.who || want.id != "" && e.ID != want.id || e.ID == "" {
			t.Errorf("history %d: got %s %q %+v, want %q %+v", i, e.Kind, e.ID, e.Contact, want.id, want.who)
		}
	}
	if got, want := string(b.Events[1].Value), `"history":[{"metadata":{"phase":1},"threads":[{"id":"5511970000001","messages":[{"from":"15550140001","to":"5511970000001","id":"h2","timestamp":"1780000002","type":"text","text":{"body":"b"}}]}]}]}`; !strings.HasSuffix(got, want) {
		t.Errorf("got %s, want …%s", got, want)
	}
}

// Only a known choice about marketing messages is a preference. Any other item of the
// field is of another kind.
func TestDecodePreferences(t *testing.T) {
	t.Parallel()
	for item, test := range map[string]struct {
		want *providers.Preference
		id   string
	}{
		`{"user_id":"BR.a","category":"marketing_messages","value":"stop","timestamp":1790000001}`:                           {&providers.Preference{Stop: true}, "preference:marketing_messages:stop:1790000001"},
		`{"user_id":"BR.a","wa_id":"5511970000001","category":"marketing_messages","value":"STOP","timestamp":"1790000001"}`: {&providers.Preference{Stop: true}, "preference:marketing_messages:stop:1790000001"},
		`{"user_id":"BR.a","category":"marketing_messages","value":"resume","timestamp":1790000002}`:                         {&providers.Preference{}, "preference:marketing_messages:resume:1790000002"},
		`{"user_id":"BR.a","category":"marketing_messages","value":"pause","timestamp":1790000002}`:                          {nil, "preference:marketing_messages:pause:1790000002"},
		`{"user_id":"BR.a","category":"birthday_messages","value":"stop","timestamp":1790000002}`:                            {nil, "preference:birthday_messages:stop:1790000002"},
	} {
		e := one(t, body("user_preferences", `{`+meta+`,"contacts":[{"user_id":"BR.a","profile":{"name":"N"}}],"user_preferences":[`+item+`]}`), Options{})
		if (e.Preference == nil) != (test.want == nil) || e.Preference != nil && *e.Preference != *test.want {
			t.Errorf("%s: got %+v, want %+v", item, e.Preference, test.want)
		}
		if (e.Kind == providers.KindPreference) != (test.want != nil) || e.ID != test.id || e.Contact.UserID != "BR.a" || e.Contact.Name != "N" {
			t.Errorf("%s: got %s %q %+v, want id and contact of the item", item, e.Kind, e.ID, e.Contact)
		}
	}
}

// Notices about templates say what changed. Notices about the account are passed on whole, as are
// fields that nobody knows.
func TestDecodeAccountFields(t *testing.T) {
	t.Parallel()
	const template = `"message_template_id":870000000000123456789,"message_template_name":"visit","message_template_language":"en-US"`
	quality := func(word string) *providers.TemplateChange {
		return &providers.TemplateChange{Name: "visit", Language: "en_US", Quality: word}
	}
	change := func(status, category string) *providers.TemplateChange {
		return &providers.TemplateChange{Name: "visit", Language: "en_US", Status: status, Category: category}
	}
	for name, test := range map[string]struct {
		field, value string
		kind         providers.Kind
		template     *providers.TemplateChange
	}{
		"paused":                    {"message_template_status_update", `{"event":"PAUSED",` + template + `,"message_template_category":"marketing","reason":null}`, providers.KindTemplate, change("PAUSED", "MARKETING")},
		"reinstated":                {"message_template_status_update", `{"event":"REINSTATED",` + template + `}`, providers.KindTemplate, change("APPROVED", "")},
		"flagged":                   {"message_template_status_update", `{"event":"FLAGGED",` + template + `}`, providers.KindTemplate, change("", "")},
		"category":                  {"template_category_update", `{` + template + `,"previous_category":"UTILITY","new_category":"MARKETING"}`, providers.KindTemplate, change("", "MARKETING")},
		"category announced":        {"template_category_update", `{` + template + `,"new_category":"UTILITY","correct_category":"MARKETING","category_update_timestamp":1790000001}`, providers.KindTemplate, change("", "UTILITY")},
		"quality":                   {"message_template_quality_update", `{` + template + `,"previous_quality_score":"GREEN","new_quality_score":"Red"}`, providers.KindTemplate, quality("RED")},
		"quality not text":          {"message_template_quality_update", `{` + template + `,"new_quality_score":7}`, providers.KindTemplate, quality("")},
		"components":                {"message_template_components_update", `{` + template + `}`, providers.KindTemplate, change("", "")},
		"template without a name":   {"message_template_status_update", `{"event":"PAUSED"}`, providers.KindTemplate, nil},
		"number's quality":          {"phone_number_quality_update", `{"event":"ONBOARDING"}`, providers.KindAccount, nil},
		"capability":                {"business_capability_update", `{"max_daily_conversations_per_business":"TIER_2K"}`, providers.KindAccount, nil},
		"account":                   {"account_update", `{"event":"ACCOUNT_VIOLATION"}`, providers.KindAccount, nil},
		"alerts":                    {"account_alerts", `{"x":[1]}`, providers.KindAccount, nil},
		"review":                    {"account_review_update", `{}`, providers.KindAccount, nil},
		"name":                      {"phone_number_name_update", `{}`, providers.KindAccount, nil},
		"security":                  {"security", `{}`, providers.KindAccount, nil},
		"username":                  {"business_username_updates", `{"status":"approved"}`, providers.KindAccount, nil},
		"contact sync":              {"smb_app_state_sync", `{"state_sync":[1]}`, providers.KindAccount, nil},
		"unknown field":             {"standby", `{"messages":[{"id":"not ours"}],"n":1.0e2}`, providers.KindUnknown, nil},
		"unknown field, list":       {"tomorrow", `[1, 2]`, providers.KindUnknown, nil},
		"known field, unknown list": {"messages", `{"future_items":[{"id":1}]}`, providers.KindUnknown, nil},
	} {
		e := one(t, body(test.field, test.value), Options{})
		if e.Kind != test.kind || e.Field != test.field || string(e.Value) != test.value || e.ID == "" || !e.Contact.IsZero() {
			t.Errorf("%s: got %+v, value %s, want the whole value and no contact", name, e, e.Value)
		}
		if (e.Template == nil) != (test.template == nil) || e.Template != nil && *e.Template != *test.template {
			t.Errorf("%s: got template %+v, want %+v", name, e.Template, test.template)
		}
	}
	e := one(t, `{"entry":[{"id":"3","time":1790000001,"changes":[{"value":{"field":"account_update","event":"X"}}]}]}`, Options{})
	if e.Kind != providers.KindAccount || e.Field != "account_update" || e.At.Unix() != 1790000001 {
		t.Errorf("field inside the value: got %+v, want account_update at the entry's time", e)
	}
	b := decode(t, body("messages", `{`+meta+`,"errors":[{"code":130429},{"code":131031}]}`), Options{})
	if len(b.Events) != 2 || b.Events[0].Kind != providers.KindAccount || b.Events[0].Number == "" || b.Events[0].ID == b.Events[1].ID {
		t.Errorf("errors: got %+v, want two account events with different ids", b)
	}
}

// An item has the same id whenever it is delivered, however it is batched or spaced.
// Other items have other ids.
func TestI2DerivedIDsAreStable(t *testing.T) {
	t.Parallel()
	ids := func(in string) []string {
		var ids []string
		for _, e := range decode(t, in, Options{}).Events {
			ids = append(ids, e.ID)
		}
		return ids
	}
	const a, b = `{"event":"A","n":[1,2]}`, `{"event":"B"}`
	both := ids(body("account_update", a, b))
	alone := append(ids(body("account_update", ` { "event" : "A",  "n":[1 ,2]}`)), ids(body("account_update", b))...)
	for i := range both {
		if both[i] != alone[i] {
			t.Errorf("got %q and %q for the same item, want one id", both[i], alone[i])
		}
	}
	if both[0] == both[1] || both[0] == ids(body("account_alerts", a))[0] {
		t.Errorf("got one id for different items, want different ones: %q", both)
	}
	later := strings.Replace(body("account_update", a), `"id"`, `"time":1790000009,"id"`, 1)
	if ids(later)[0] == both[0] {
		t.Error("got one id for two notices at different times")
	}
}
