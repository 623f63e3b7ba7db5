package cloudapi

import (
	"slices"
	"strings"
	"testing"
	"time"

	"wagate/providers"
)

// statusBody returns a body with these statuses.
func statusBody(statuses ...string) string {
	return body("messages", `{`+meta+`,"statuses":[`+strings.Join(statuses, ",")+`]}`)
}

// Each status has its state, recipient, opaque data and, if it failed, its error. The error of a
// status is final: neither retryable nor maybe sent.
func TestDecodeStatuses(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		item    string
		id      string
		state   providers.StatusState
		contact providers.Contact
		opaque  string
		err     *providers.Error
	}{
		"sent": {
			`{"id":"out1","status":"sent","timestamp":"1790000001","recipient_id":"5511970000001","recipient_user_id":"BR.a","biz_opaque_callback_data":"wg1.2.x"}`,
			"status:out1:sent", providers.StatusSent,
			providers.Contact{Phone: "5511970000001", UserID: "BR.a"},
			"wg1.2.x", nil,
		},
		"to a user id":                      {`{"id":"out1","status":"delivered","recipient_user_id":"BR.a"}`, "status:out1:delivered", providers.StatusDelivered, providers.Contact{UserID: "BR.a"}, "", nil},
		"read":                              {`{"id":"out1","status":"READ","recipient_id":"1"}`, "status:out1:read", providers.StatusRead, providers.Contact{Phone: "1"}, "", nil},
		"played":                            {`{"id":"out1","status":"played","recipient_id":"1"}`, "status:out1:played", providers.StatusPlayed, providers.Contact{Phone: "1"}, "", nil},
		"enqueued":                          {`{"id":"out1","status":"enqueued","recipient_id":"1"}`, "status:out1:accepted", providers.StatusAccepted, providers.Contact{Phone: "1"}, "", nil},
		"unknown state":                     {`{"id":"out1","status":"Folded","recipient_id":"1"}`, "status:out1:folded", providers.StatusOther, providers.Contact{Phone: "1"}, "", nil},
		"no recipient":                      {`{"id":"out1","status":"sent"}`, "status:out1:sent", providers.StatusSent, providers.Contact{}, "", nil},
		"group":                             {`{"id":"out1","status":"sent","recipient_type":"group","recipient_id":"G9"}`, "status:out1:sent", providers.StatusSent, providers.Contact{}, "", nil},
		"failed":                            {`{"id":"out1","status":"failed","recipient_id":"1","errors":[{"code":131047,"title":"Re-engagement message"}]}`, "status:out1:failed", providers.StatusFailed, providers.Contact{Phone: "1"}, "", &providers.Error{Kind: providers.WindowClosed, Code: 131047, Detail: "Re-engagement message"}},
		"failed, generic":                   {`{"id":"out1","status":"failed","recipient_id":"1","errors":[{"code":131000}]}`, "status:out1:failed", providers.StatusFailed, providers.Contact{Phone: "1"}, "", &providers.Error{Kind: providers.Transient, Code: 131000}},
		"failed, rate limit":                {`{"id":"out1","status":"failed","recipient_id":"1","errors":[{"code":130429}]}`, "status:out1:failed", providers.StatusFailed, providers.Contact{Phone: "1"}, "", &providers.Error{Kind: providers.Throttled, Code: 130429}},
		"failed, code beside":               {`{"id":"out1","status":"failed","recipient_id":"1","code":"131026","reason":"To 5511970000001"}`, "status:out1:failed", providers.StatusFailed, providers.Contact{Phone: "1"}, "", &providers.Error{Kind: providers.Undeliverable, Code: 131026, Detail: "To …"}},
		"failed, second error has the code": {`{"id":"out1","status":"failed","recipient_id":"1","errors":[null,{"title":"Not sent"},{"code":"131047","title":"Re-engagement message"}]}`, "status:out1:failed", providers.StatusFailed, providers.Contact{Phone: "1"}, "", &providers.Error{Kind: providers.WindowClosed, Code: 131047, Detail: "Re-engagement message"}},
		"failed, no code":                   {`{"id":"out1","status":"failed","recipient_id":"1","errors":[{"title":"Not sent"},{"title":"More"}]}`, "status:out1:failed", providers.StatusFailed, providers.Contact{Phone: "1"}, "", &providers.Error{Kind: providers.Unknown, Detail: "Not sent"}},
		"failed, no errors":                 {`{"id":"out1","status":"failed","recipient_id":"1","errors":[]}`, "status:out1:failed", providers.StatusFailed, providers.Contact{Phone: "1"}, "", &providers.Error{Kind: providers.Unknown}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			e := one(t, statusBody(test.item), Options{})
			if e.Kind != providers.KindStatus || e.ID != test.id || e.Contact != test.contact || e.MessageID != "" {
				t.Errorf("got %+v", e)
			}
			s := e.Status
			if s.MessageID != "out1" || s.State != test.state || s.Opaque != test.opaque || len(s.OtherIDs) > 0 {
				t.Errorf("got status %+v", s)
			}
			if (s.Err == nil) != (test.err == nil) || s.Err != nil && *s.Err != *test.err {
				t.Errorf("got error %+v, want %+v", s.Err, test.err)
			}
			if !strings.HasSuffix(string(e.Value), `"statuses":[`+test.item+`]}`) {
				t.Errorf("got value %s", e.Value)
			}
		})
	}
}

// TestDecodeGroup checks that what is said or reported in a group has the group's id.
func TestDecodeGroup(t *testing.T) {
	t.Parallel()
	const meta = `"metadata":{"phone_number_id":"420000000000007"}`
	for name, c := range map[string]struct{ field, value, want string }{
		"message":            {"messages", `{` + meta + `,"messages":[{"from":"5511970000001","id":"m","group_id":"G1","type":"text"}]}`, "G1"},
		"status":             {"messages", `{` + meta + `,"statuses":[{"id":"m","status":"read","recipient_type":"group","recipient_id":"G2"}]}`, "G2"},
		"echo":               {"smb_message_echoes", `{` + meta + `,"message_echoes":[{"id":"m","group_id":"G3","type":"text"}]}`, "G3"},
		"message to us":      {"messages", `{` + meta + `,"messages":[{"from":"5511970000001","id":"m","type":"text"}]}`, ""},
		"status of a person": {"messages", `{` + meta + `,"statuses":[{"id":"m","status":"read","recipient_id":"5511970000001"}]}`, ""},
	} {
		if e := one(t, body(c.field, c.value), Options{}); e.Group != c.want {
			t.Errorf("%s: got group %q, want %q", name, e.Group, c.want)
		}
	}
}

// Two participants of a group have statuses of their own, whose ids do not show their phones.
func TestGroupStatusesByPhone(t *testing.T) {
	t.Parallel()
	b := decode(t, statusBody(
		`{"id":"o","status":"read","recipient_type":"group","recipient_id":"G","recipient_participant_id":"5511970000001"}`,
		`{"id":"o","status":"read","recipient_type":"group","recipient_id":"G","recipient_participant_id":"5511970000002"}`), Options{})
	if b.Events[0].ID == b.Events[1].ID {
		t.Errorf("got one id %q for two participants, want two", b.Events[0].ID)
	}
	if strings.Contains(b.Events[0].ID, "55119") {
		t.Errorf("got id %q, want no phone in it", b.Events[0].ID)
	}
}

// dialect has the options that Gupshup's v3 needs.
var dialect = Options{
	AccountKey: "gs_app_id",
	StatusIDs: func(member func(string) string) (string, []string) {
		var others []string
		for _, name := range []string{"id", "meta_msg_id"} {
			if id := member(name); id != "" {
				others = append(others, id)
			}
		}
		if id := member("gs_id"); id != "" {
			return id, others
		}
		if len(others) == 0 {
			return "", nil
		}
		return others[0], others[1:]
	},
	QuotedID: func(member func(string) string) string {
		if id := member("gs_id"); id != "" {
			return id
		}
		return member("id")
	},
	Classify: func(code, _ int) providers.Error {
		return providers.Error{Kind: providers.Operator, Code: code, MaybeSent: true, Retryable: true}
	},
	Fields:    map[string]providers.Kind{"platform-event": providers.KindPlatform},
	MetaShape: true,
}

// A dialect's ids, times, errors and fields are decoded, and its statuses and
// messages are shaped like Meta's.
func TestDecodeDialect(t *testing.T) {
	t.Parallel()
	in := `{"gs_app_id":"app-7","entry":[{"id":"320000000000009","changes":[
		{"field":"messages","value":{"statuses":[
			{"gs_id":"g1","id":"uuid-1","meta_msg_id":"wamid.1","status":"enqueued","timestamp":1790000001500},
			{"id":"wamid.2","status":"failed","timestamp":"1790000002","code":1003},
			{"status":"sent"}]}},
		{"field":"messages","value":{"messages":[
			{"from":"1","id":"m1","timestamp":1790000003000,"type":"button","button":{"text":"y"},"context":{"id":"wamid.1","gs_id":"g1"}},
			{"from":"1","id":"m2","timestamp":"1790000004","type":"text","text":{"body":"x"}}]}},
		{"field":"platform-event","value":{"type":"connectivity-check"}},
		{"field":"never-heard","value":"text"}]}]}`
	b := decode(t, in, dialect)
	if len(b.Events) != 6 || b.Skipped != 1 {
		t.Fatalf("got %d events, %d skipped, want 6, 1", len(b.Events), b.Skipped)
	}
	for i, value := range []string{
		`{"statuses":[{"gs_id":"g1","id":"g1","meta_msg_id":"wamid.1","status":"enqueued","timestamp":"1790000001"}]}`,
		`{"statuses":[{"id":"wamid.2","status":"failed","timestamp":"1790000002","code":1003}]}`,
		`{"messages":[{"from":"1","id":"m1","timestamp":"1790000003","type":"button","button":{"text":"y"},"context":{"id":"g1","gs_id":"g1"}}]}`,
		`{"messages":[{"from":"1","id":"m2","timestamp":"1790000004","type":"text","text":{"body":"x"}}]}`,
		`{"type":"connectivity-check"}`,
		`"text"`,
	} {
		if got := string(b.Events[i].Value); got != value {
			t.Errorf("item %d: got %s, want %s", i, got, value)
		}
		if got := b.Events[i].Account; got != "app-7" {
			t.Errorf("item %d: got account %q, want app-7", i, got)
		}
	}
	first := b.Events[0]
	if first.Status.MessageID != "g1" || !slices.Equal(first.Status.OtherIDs, []string{"uuid-1", "wamid.1"}) ||
		first.ID != "status:g1:accepted" || !first.At.Equal(time.UnixMilli(1790000001500)) {
		t.Errorf("got %+v with %+v, want status g1 with its other ids and time", first, first.Status)
	}
	if e := b.Events[1].Status.Err; e.Kind != providers.Operator || e.MaybeSent || e.Retryable {
		t.Errorf("got %+v, want a final operator error", e)
	}
	if got := b.Events[2].Quoted; got != "g1" {
		t.Errorf("got quoted %q, want g1", got)
	}
	if k := b.Events[4].Kind; k != providers.KindPlatform {
		t.Errorf("got %s, want platform", k)
	}
	if k := b.Events[5].Kind; k != providers.KindUnknown {
		t.Errorf("got %s, want unknown", k)
	}
}

// Rewrite replaces the ids and the opaque data of a value with exactly one item, and
// leaves anything else as it is.
func TestRewrite(t *testing.T) {
	t.Parallel()
	own, none := `caller's "own"`, ""
	status := `{"x": 1.0,"statuses":[{"id":"gs-1","status":"sent","biz_opaque_callback_data":"wg1.1.a","n":1E2}]}`
	for name, test := range map[string]struct {
		in   string
		r    Rewrite
		want string
	}{
		"nothing":               {status, Rewrite{}, status},
		"status id":             {status, Rewrite{StatusID: "w"}, `{"x":1.0,"statuses":[{"id":"w","status":"sent","biz_opaque_callback_data":"wg1.1.a","n":1E2}]}`},
		"opaque replaced":       {status, Rewrite{Opaque: &own}, `{"x":1.0,"statuses":[{"id":"gs-1","status":"sent","biz_opaque_callback_data":"caller's \"own\"","n":1E2}]}`},
		"opaque removed":        {status, Rewrite{Opaque: &none}, `{"x":1.0,"statuses":[{"id":"gs-1","status":"sent","n":1E2}]}`},
		"opaque added":          {`{"statuses":[{}]}`, Rewrite{Opaque: &own}, `{"statuses":[{"biz_opaque_callback_data":"caller's \"own\""}]}`},
		"quoted":                {`{"messages":[{"context":{"id":"a","from":"b"},"id":"m"}]}`, Rewrite{Quoted: "q"}, `{"messages":[{"context":{"id":"q","from":"b"},"id":"m"}]}`},
		"reaction":              {`{"messages":[{"reaction":{"message_id":"a"}}]}`, Rewrite{Quoted: "q"}, `{"messages":[{"reaction":{"message_id":"q"}}]}`},
		"no context":            {`{"messages":[{"id":"m"}]}`, Rewrite{Quoted: "q"}, `{"messages":[{"id":"m"}]}`},
		"no item":               {`{"a":1}`, Rewrite{StatusID: "w", Quoted: "q", Opaque: &own}, `{"a":1}`},
		"not an object":         {`"x"`, Rewrite{StatusID: "w", Quoted: "q", Opaque: &own}, `"x"`},
		"item is not an object": {`{"statuses":[7]}`, Rewrite{StatusID: "w"}, `{"statuses":[7]}`},
		"two items":             {`{"statuses":[{},{}]}`, Rewrite{StatusID: "w"}, `{"statuses":[{},{}]}`},
		"empty":                 {``, Rewrite{StatusID: "w", Quoted: "q"}, ``},
	} {
		if got := string(test.r.Apply([]byte(test.in))); got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}
