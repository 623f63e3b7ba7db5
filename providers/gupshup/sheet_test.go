package gupshup

import (
	"encoding/json"
	"testing"

	"wagate/providers"
)

// TestV2Spellings checks that a member is read in each of the spellings that Gupshup's samples and
// documentation use for it.
func TestV2Spellings(t *testing.T) {
	t.Parallel()
	message := func(members string) string {
		return `{"app":"A","phone":"15550149999","timestamp":1790000001234,"type":"message","payload":{"id":"m","source":"15550163377","type":"text",` + members + `}}`
	}
	report := func(members string) string {
		return `{"app":"A","timestamp":1790000001234,"type":"message-event","payload":{"type":"delivered","destination":"15550163377","payload":{},` + members + `}}`
	}
	const ad = `{"source_url":"https://ad.example","source_type":"ad","ctwa_clid":"c"}`
	for name, c := range map[string]struct {
		body string
		opt  Options
		want string // the one item of the relayed value, without the members that all have
	}{
		"quoted by gsId":         {message(`"payload":{"text":"x"},"context":{"id":"w","gsId":"g"}`), Options{}, `{"context":{"from":"15550149999","id":"g"},"text":{"body":"x"},"type":"text"}`},
		"quoted by gs_id":        {message(`"payload":{"text":"x"},"context":{"id":"w","gs_id":"g"}`), testOptions, `{"context":{"from":"15550142288","id":"g"},"text":{"body":"x"},"type":"text"}`},
		"quoted by id alone":     {message(`"payload":{"text":"x"},"context":{"id":"w"}`), testOptions, `{"context":{"id":"w"},"text":{"body":"x"},"type":"text"}`},
		"ad outside the payload": {message(`"payload":{"text":"x"},"referral":` + ad), testOptions, `{"referral":` + ad + `,"text":{"body":"x"},"type":"text"}`},
		"ad in the payload":      {message(`"payload":{"text":"x","referral":` + ad + `}`), testOptions, `{"referral":` + ad + `,"text":{"body":"x"},"type":"text"}`},
		"report by gsId":         {report(`"id":"w","gsId":"g"`), testOptions, `{"gs_id":"g","meta_msg_id":"w","status":"delivered"}`},
		"report by gs_id":        {report(`"id":"w","gs_id":"g"`), testOptions, `{"gs_id":"g","meta_msg_id":"w","status":"delivered"}`},
		"report without gsId":    {report(`"id":"w"`), testOptions, `{"status":"delivered"}`},
	} {
		in, err := Decode([]byte(c.body), c.opt)
		if err != nil || len(in.Events) != 1 {
			t.Fatalf("%s: got %+v, %v, want one event", name, in, err)
		}
		var v struct {
			Messages, Statuses []map[string]json.RawMessage
		}
		if err := json.Unmarshal(in.Events[0].Value, &v); err != nil || len(v.Messages)+len(v.Statuses) != 1 {
			t.Fatalf("%s: got %s, %v, want one item", name, in.Events[0].Value, err)
		}
		item := append(v.Messages, v.Statuses...)[0]
		for _, member := range []string{"id", "from", "timestamp", "recipient_id"} {
			delete(item, member)
		}
		if got := string(encode(item)); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}

// TestV2UserIDAlone checks that a user id is found wherever it may stand in messages, reports and
// preferences. What v2 sends for a user without a visible phone is not documented.
func TestV2UserIDAlone(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{
		"sender":                      `"type":"message","payload":{"id":"m","type":"text","payload":{"text":"x"},"sender":{"userId":"BR.a"}}`,
		"source":                      `"type":"message","payload":{"id":"m","source":"BR.a","type":"text","payload":{"text":"x"}}`,
		"sender's phone":              `"type":"message","payload":{"id":"m","type":"text","payload":{"text":"x"},"sender":{"phone":"BR.a"}}`,
		"empty source":                `"type":"message","payload":{"id":"m","source":"","type":"text","payload":{"text":"x"},"sender":{"phone":"","userId":"BR.a"}}`,
		"report":                      `"type":"message-event","payload":{"id":"w","gsId":"g","type":"sent","userId":"BR.a","payload":{}}`,
		"report, destination":         `"type":"message-event","payload":{"id":"w","gsId":"g","type":"sent","destination":"BR.a","payload":{}}`,
		"preference, userid":          `"type":"preference-event","payload":{"payload":{"user_preferences":[{"userid":"BR.a","category":"marketing_messages","value":"stop"}]}}`,
		"preference, as in v3":        `"type":"preference-event","payload":{"user_preferences":[{"user_id":"BR.a","category":"marketing_messages","value":"stop"}]}`,
		"the user's message, deleted": `"type":"message-event","payload":{"id":"w","type":"deleted","userId":"BR.a","payload":{"ts":1790000001}}`,
	} {
		in, err := Decode([]byte(`{"app":"A","timestamp":1790000001234,`+body+`}`), testOptions)
		if err != nil || len(in.Events) != 1 || in.Events[0].Contact != (providers.Contact{UserID: "BR.a"}) {
			t.Errorf("%s: got %+v, %v, want one event of the user id", name, in, err)
		}
	}
}
