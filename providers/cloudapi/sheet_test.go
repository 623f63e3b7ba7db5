package cloudapi

import (
	"testing"

	"wagate/providers"
)

// TestDecodeTemplateEvents checks that every documented event of a template becomes the status that
// a template list would show.
func TestDecodeTemplateEvents(t *testing.T) {
	t.Parallel()
	for event, want := range map[string]string{
		"APPROVED": "APPROVED", "REJECTED": "REJECTED", "PENDING": "PENDING", "PAUSED": "PAUSED", "DISABLED": "DISABLED",
		"FLAGGED": "", "REINSTATED": "APPROVED", "IN_APPEAL": "IN_APPEAL", "LOCKED": "LOCKED", "LIMIT_EXCEEDED": "LIMIT_EXCEEDED",
		"PENDING_DELETION": "PENDING_DELETION", "DELETED": "DELETED", "ARCHIVED": "ARCHIVED", "UNARCHIVED": "APPROVED",
		"paused": "PAUSED", "": "",
	} {
		e := one(t, body("message_template_status_update", `{"event":"`+event+`","message_template_name":"visit","message_template_language":"en_US"}`), Options{})
		if e.Template == nil || e.Template.Status != want {
			t.Errorf("%q: got %+v, want status %q", event, e.Template, want)
		}
	}
}

// TestDecodeUserIDAlone checks that a user without a visible phone (who has a username) is named by
// user id alone in every kind of item.
func TestDecodeUserIDAlone(t *testing.T) {
	t.Parallel()
	const entry = `"contacts":[{"user_id":"BR.a","parent_user_id":"BR.ENT.b","profile":{"name":"N","username":"n.n"}}]`
	for name, c := range map[string]struct {
		field, value string
		named        bool // an entry of contacts has the name
	}{
		"message":                   {"messages", entry + `,"messages":[{"from_user_id":"BR.a","from_parent_user_id":"BR.ENT.b","id":"m","type":"text","text":{"body":"x"}}]`, true},
		"status":                    {"messages", entry + `,"statuses":[{"id":"o","status":"delivered","recipient_user_id":"BR.a"}]`, true},
		"status, failed":            {"messages", `"statuses":[{"id":"o","status":"failed","recipient_user_id":"BR.a","errors":[{"code":131026}]}]`, false},
		"call by the user":          {"calls", entry + `,"calls":[{"id":"c","event":"connect","direction":"USER_INITIATED","from_user_id":"BR.a","to":"15550140001"}]`, true},
		"call by us":                {"calls", entry + `,"calls":[{"id":"c","event":"connect","direction":"BUSINESS_INITIATED","to_user_id":"BR.a","from":"15550140001"}]`, true},
		"call accepted by the user": {"calls", `"statuses":[{"id":"c","status":"ACCEPTED","recipient_user_id":"BR.a"}]`, false},
		"echo":                      {"smb_message_echoes", `"message_echoes":[{"from":"15550140001","to_user_id":"BR.a","to_parent_user_id":"BR.ENT.b","id":"e","type":"text"}]`, false},
		"history, by the user":      {"history", `"history":[{"threads":[{"id":"no phone","messages":[{"from_user_id":"BR.a","id":"h","type":"text"}]}]}]`, false},
		"history, by us":            {"history", `"history":[{"threads":[{"messages":[{"from":"15550140001","to_user_id":"BR.a","id":"h","type":"text"}]}]}]`, false},
		"preference":                {"user_preferences", entry + `,"user_preferences":[{"user_id":"BR.a","category":"marketing_messages","value":"stop","timestamp":1790000001}]`, true},
	} {
		e := one(t, body(c.field, `{`+meta+`,`+c.value+`}`), Options{})
		want := providers.Contact{UserID: "BR.a"}
		if c.named {
			want.Name = "N"
		}
		if e.Contact != want {
			t.Errorf("%s: got %+v, want %+v", name, e.Contact, want)
		}
	}
}

// TestGroupStatusesByUserID checks that two participants of a group without visible phones
// have statuses of their own.
func TestGroupStatusesByUserID(t *testing.T) {
	t.Parallel()
	b := decode(t, statusBody(
		`{"id":"o","status":"read","recipient_type":"group","recipient_id":"G","recipient_participant_user_id":"BR.a"}`,
		`{"id":"o","status":"read","recipient_type":"group","recipient_id":"G","recipient_participant_user_id":"BR.b"}`), Options{})
	if len(b.Events) != 2 || b.Events[0].ID == b.Events[1].ID {
		t.Errorf("got %+v, want two events", b.Events)
	}
}
