package leads_test

import (
	"strings"
	"testing"
	"time"

	"wagate/followup"
	"wagate/gateway/internal/backendtest"
	"wagate/gateway/internal/fault"
	"wagate/gateway/internal/leads"
)

// TestCreateShowsWholeLead: create answers with the whole lead, in a normal form, and GET shows the
// same.
func TestCreateShowsWholeLead(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	v := h.create(`{"name":" Ana Lima ","phone":"+55 11 91234-5678","email":"ana@example.com","company":"Lima Ltda",
		"status_id":"` + strings.ToUpper(archived) + `","custom_fields":{"plan":"gold","seats":3},"external_id":"crm-1","user_id":"BR.77",
		"channel_id":"` + string(front) + `","last_inbound_at":"2026-03-02T08:00:00Z"}`)
	want := `{"id":"` + string(v.ID) + `","tenant_id":"` + string(acme) + `","name":"Ana Lima","phone":"+5511912345678",` +
		`"user_id":"BR.77","external_id":"crm-1","email":"ana@example.com","company":"Lima Ltda","status_id":"` + archived + `",` +
		`"custom_fields":{"plan":"gold","seats":3},"assistant_id":null,"channel_id":"` + string(front) + `","opted_out":false,` +
		`"last_inbound_at":"2026-03-02T08:00:00Z","windows":[{"channel_id":"` + string(front) + `","open":true,"closes_at":"2026-03-03T08:00:00Z"}],` +
		`"created_at":"2026-03-02T09:00:00Z","updated_at":"2026-03-02T09:00:00Z"}`
	if got := backendtest.JSON(t, v); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	if got := backendtest.JSON(t, h.get(v.ID)); got != want {
		t.Errorf("GET: got  %s\nwant %s", got, want)
	}
}

// TestAbsentMembersAreNull: what a lead does not have is shown as null, or as an empty object or
// list.
func TestAbsentMembersAreNull(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	v := h.create(`{"name":"Bo","user_id":"IN.5"}`)
	want := `{"id":"` + string(v.ID) + `","tenant_id":"` + string(acme) + `","name":"Bo","phone":null,"user_id":"IN.5","external_id":null,` +
		`"email":null,"company":null,"status_id":null,"custom_fields":{},"assistant_id":null,"channel_id":null,"opted_out":false,` +
		`"last_inbound_at":null,"windows":[],"created_at":"2026-03-02T09:00:00Z","updated_at":"2026-03-02T09:00:00Z"}`
	if got := backendtest.JSON(t, v); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestI14EveryWrongFieldAtOnce: create refuses a bad body with every problem at once, each with the
// path of its field.
func TestI14EveryWrongFieldAtOnce(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x", 201)
	tests := []struct {
		name, body string
		code       fault.Code
		details    []string
	}{
		{"not JSON", `{"name":`, fault.Validation, []string{"body: must be a JSON object"}},
		{"not an object", `[]`, fault.Validation, []string{"body: must be a JSON object"}},
		{"null", `null`, fault.Validation, []string{"body: must be a JSON object"}},
		{"empty object", `{}`, fault.MissingField, []string{
			"name: is required", "phone: is required, unless user_id or external_id is given",
		}},
		{"no identity", `{"name":"A"}`, fault.MissingField, []string{"phone: is required, unless user_id or external_id is given"}},
		{"user id wrong", `{"name":"A","user_id":"a b"}`, fault.Validation, []string{"user_id: must not contain white space"}},
		{"external id wrong", `{"name":"A","external_id":7}`, fault.Validation, []string{"external_id: must be a string"}},
		{"everything wrong", `{"name":7,"phone":"12","user_id":"a b","external_id":[],"email":"x","company":"` + long + `",
			"status_id":"new","assistant_id":"` + string(rival) + `","channel_id":"` + string(alien) + `","opted_out":"no",
			"last_inbound_at":"yesterday","custom_fields":[],"zip":1,"tags":[]}`, fault.Validation, []string{
			"name: must be a string",
			"phone: needs the country code with +, such as +5511912345678",
			"user_id: must not contain white space",
			"external_id: must be a string",
			"email: is not an e-mail address",
			"company: must have at most 200 characters",
			"status_id: is not a UUID",
			"opted_out: must be true or false",
			"last_inbound_at: is not a time as in RFC 3339",
			"custom_fields: must be an object or null",
			"tags: is not a known field",
			"zip: is not a known field",
			"assistant_id: is not an assistant of this tenant",
			"channel_id: is not a channel of this tenant",
		}},
		{"given twice", `{"name":"A","phone":"+5511912345678","name":"B","zip":1,"zip":2,"name":"C"}`, fault.Validation, []string{
			"name: is given twice", "zip: is given twice", "zip: is not a known field",
		}},
		{"given twice in custom fields", `{"name":"A","phone":"+5511912345678","custom_fields":{"a":1,"\u0061":2,"b":{"c":1,"c":2}}}`, fault.Validation, []string{
			"custom_fields.a: is given twice",
		}},
		{"control characters", `{"name":"A\u0000B","phone":"+5511912345678"}`, fault.Validation, []string{
			"name: must not contain control characters",
		}},
		{"start of 1970", `{"name":"A","phone":"+5511912345678","channel_id":"` + string(front) + `","last_inbound_at":"1970-01-01T00:00:00Z"}`, fault.Validation, []string{
			"last_inbound_at: must be after 1970-01-01T00:00:00Z",
		}},
		{"zero time", `{"name":"A","phone":"+5511912345678","channel_id":"` + string(front) + `","last_inbound_at":"0001-01-01T00:00:00Z"}`, fault.Validation, []string{
			"last_inbound_at: must be after 1970-01-01T00:00:00Z",
		}},
		{"window without channel", `{"name":"A","phone":"+5511912345678","last_inbound_at":"2026-03-02T08:00:00Z"}`, fault.Validation, []string{
			"last_inbound_at: needs a channel_id: a window belongs to a channel",
		}},
		{"window with a wrong channel", `{"name":"A","phone":"+5511912345678","channel_id":"front","last_inbound_at":"2026-03-02T08:00:00Z"}`, fault.Validation, []string{
			"channel_id: is not a UUID",
		}},
		{"custom field keys", `{"name":"A","phone":"+5511912345678","custom_fields":{" ":1,"a\u0000b":1,"` + strings.Repeat("k", 65) + `":1}}`, fault.Validation, []string{
			"custom_fields: has an empty key", "custom_fields: has a key with control characters", "custom_fields: has a key of more than 64 bytes",
		}},
		{"too many bytes", `{"name":"A","phone":"+5511912345678","custom_fields":{"k":"` + strings.Repeat("v", 33<<10) + `"}}`, fault.Validation, []string{
			"custom_fields: must have at most 32768 bytes",
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			_, err := h.Leads.Create(h.Ctx(), acme, []byte(tt.body))
			backendtest.WantFault(t, err, tt.code, tt.details...)
		})
	}
}

// TestUpdateIsPartial: an update changes only the keys that it names. null or "" clears a text, custom
// fields are merged by key, and read-only members are ignored. The last identity cannot be cleared.
func TestUpdateIsPartial(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	v := h.create(`{"name":"Ana","phone":"+5511912345678","email":"ana@example.com","status_id":"` + archived + `",
		"assistant_id":"` + string(sales) + `","custom_fields":{"a":1,"b":"x","c":true}}`)
	h.Advance(time.Minute)
	got, err := h.Leads.Update(h.Ctx(), acme, string(v.ID), []byte(`{"email":null,"status_id":" ","company":"Lima","custom_fields":{"a":2,"b":null},"windows":"read-only"}`))
	if err != nil {
		t.Fatalf("update: %v", err)
	}
	if *got.Name != "Ana" || got.Email != nil || got.StatusID != nil || got.AssistantID == nil || got.Company == nil || backendtest.JSON(t, got.CustomFields) != `{"a":2,"c":true}` {
		t.Errorf("got %s, want Ana without an e-mail and a status, with an assistant, a company and custom fields {\"a\":2,\"c\":true}", backendtest.JSON(t, got))
	}
	if want := backendtest.Start.Add(time.Minute); !got.UpdatedAt.Equal(want) || !got.CreatedAt.Equal(backendtest.Start) {
		t.Errorf("got created %v updated %v, want %v and %v", got.CreatedAt, got.UpdatedAt, backendtest.Start, want)
	}
	if got, err = h.Leads.Update(h.Ctx(), acme, string(v.ID), []byte(`{"custom_fields":null}`)); err != nil || len(got.CustomFields) != 0 {
		t.Errorf("custom fields set to null: got %v, error %v, want none", got.CustomFields, err)
	}
	backendtest.WantFault(t, h.update(string(v.ID), `{"phone":null}`), fault.MissingField, "phone: is required, unless user_id or external_id is given")
}

// TestLongNumbersAreKept: a number in a custom field keeps all its digits, even if a float64 could
// not hold them. Putting it back changes nothing.
func TestLongNumbersAreKept(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	const fields = `{"deep":[{"n":12345678901234567}],"nr":12345678901234567,"price":1.50}`
	v := h.create(`{"name":"Ana","phone":"+5511912345678","custom_fields":` + fields + `}`)
	if got := backendtest.JSON(t, h.get(v.ID).CustomFields); got != fields {
		t.Errorf("got %s, want %s", got, fields)
	}
	h.Advance(time.Minute)
	if err := h.update(string(v.ID), `{"custom_fields":`+fields+`}`); err != nil || !h.get(v.ID).UpdatedAt.Equal(v.UpdatedAt) {
		t.Errorf("put back: got error %v, want none, and updated_at as it was", err)
	}
	backendtest.WantFault(t, h.update(string(v.ID), `{"custom_fields":{"nr":1e400}}`), fault.Validation,
		"custom_fields: has a number that is too large")
}

// TestPhones: the API and the CRM webhook accept the same spellings of a phone, refuse the same,
// and take an accepted one for the same lead.
func TestPhones(t *testing.T) {
	t.Parallel()
	const (
		no   = "is not an international phone number, such as +5511912345678"
		code = "needs the country code with +, such as +5511912345678"
	)
	tests := []struct{ sent, want, problem string }{
		{"+5511912345678", "+5511912345678", ""},
		{"5511912345678", "+5511912345678", ""},
		{" 5511912345678 ", "+5511912345678", ""},
		{"+55 (11) 91234-5678", "+5511912345678", ""},
		{"+551187654321", "+551187654321", ""},
		{"+5215512345678", "+5215512345678", ""},
		{"5215512345678", "+5215512345678", ""},
		{"+525512345678", "+525512345678", ""},
		{"+5491123456789", "+5491123456789", ""},
		{"+15550001111", "+15550001111", ""},
		{"15550001111", "+15550001111", ""},
		{"6834002", "+6834002", ""},
		{"491234567890123", "+491234567890123", ""},
		{"(11) 91234-5678", "", code},
		{"11 91234-5678", "", code},
		{"11.91234.5678", "", code},
		{"55 11 91234-5678", "", code},
		{"(55)11912345678", "", code},
		{"551191", "", code},
		{"5511912345678901", "", code},
		{"011912345678", "", no},
		{"+55", "", no},
		{"+551191234567890123", "", no},
		{"+4912345678901234", "", no}, // 16 digits, which the library takes for possible
		{"+43123", "", no},            // so it does these five
		{"+5511912345678x12", "", no},
		{"+5511912345678;ext=5", "", no},
		{"tel:+5511912345678", "", no},
		{"++5511912345678", "", no},
		{"-", "", no},
		{"five", "", no},
	}
	for _, tt := range tests {
		t.Run(tt.sent, func(t *testing.T) {
			t.Parallel()
			h := newHouse(t)
			v, err := h.Leads.Create(h.Ctx(), acme, []byte(`{"name":"A","phone":"`+tt.sent+`"}`))
			event := crmEvent("lead.created", 0, `{"external_id":"e1","phone":"`+tt.sent+`"}`)
			if tt.want == "" {
				backendtest.WantFault(t, err, fault.Validation, "phone: "+tt.problem)
				_, err = h.crm(event)
				backendtest.WantFault(t, err, fault.Validation, "data.phone: "+tt.problem)
				return
			}
			if err != nil || *v.Phone != tt.want {
				t.Errorf("got %s, error %v, want phone %s", backendtest.JSON(t, v), err, tt.want)
			}
			h.wantCRM(event, leads.Applied)
			if got := h.get(v.ID); got.ExternalID == nil {
				t.Errorf("CRM event: got %s, want this lead with the event's external_id", backendtest.JSON(t, got))
			}
		})
	}
}

// TestMissingNameIsNull: a lead that the CRM created without a name shows null and can be put back.
// The API itself creates no lead without a name.
func TestMissingNameIsNull(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.wantCRM(crmEvent("lead.created", 0, `{"external_id":"e1"}`), leads.Applied)
	v := h.find(followup.Identity{ExternalID: "e1"})
	shown := backendtest.JSON(t, v)
	if !strings.Contains(shown, `"name":null,`) {
		t.Errorf("got %s, want name null", shown)
	}
	h.Advance(time.Hour)
	if err := h.update(string(v.ID), shown); err != nil {
		t.Errorf("put back what GET gave: %v", err)
	}
	if got := backendtest.JSON(t, h.get(v.ID)); got != shown {
		t.Errorf("after putting back what GET gave: got %s, want %s", got, shown)
	}
	// A name is the one thing that create requires and that such a lead may lack.
	_, err := h.Leads.Create(h.Ctx(), other, []byte(shown))
	backendtest.WantFault(t, err, fault.MissingField, "name: is required")
	if err := h.update(string(v.ID), `{"name":"Ana"}`); err != nil {
		t.Fatal(err)
	}
	copied, err := h.Leads.Create(h.Ctx(), other, []byte(backendtest.JSON(t, h.get(v.ID))))
	if err != nil || *copied.Name != "Ana" || *copied.ExternalID != "e1" {
		t.Errorf("post what GET gave: got %s, error %v, want a copy", backendtest.JSON(t, copied), err)
	}
}

// TestI10OtherTenantsLeadsAreUnknown: another tenant's key gets 404 for every lead id and finds
// nothing in the list. Its requests are not even parsed.
func TestI10OtherTenantsLeadsAreUnknown(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	v := h.create(`{"name":"Ana","phone":"+5511912345678"}`)
	for _, id := range []string{string(v.ID), "no-id", strings.ToUpper(string(v.ID)), string(followup.NewLeadID()), string(v.ID.Run(1))} {
		_, err := h.Leads.Get(h.Ctx(), other, id)
		backendtest.WantFault(t, err, fault.NotFound)
		_, err = h.Leads.Update(h.Ctx(), other, id, []byte(`not even JSON`))
		backendtest.WantFault(t, err, fault.NotFound)
		backendtest.WantFault(t, h.Leads.Delete(h.Ctx(), other, id), fault.NotFound)
	}
	page, err := h.Leads.List(h.Ctx(), other, leads.Query{Limit: 10, Search: "+5511912345678"})
	if err != nil || page.Pagination.Total != 0 || len(page.Data) != 0 {
		t.Errorf("list: got %v, error %v, want an empty page", page, err)
	}
	if *h.get(v.ID).Name != "Ana" {
		t.Errorf("name: got %s, want Ana", *h.get(v.ID).Name)
	}
}

// TestListSearches: search finds a part of a name, without regard to case, or a whole phone in any
// spelling. It can be combined with a status.
func TestListSearches(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.create(`{"name":"Ana Lima","phone":"+5511912345678","status_id":"` + quoted + `"}`)
	h.create(`{"name":"Bo","phone":"+5511912345679"}`)
	h.create(`{"name":"Room 123456","phone":"+6834002"}`)
	tests := []struct {
		name  string
		query leads.Query
		want  int
	}{
		{"all", leads.Query{}, 3},
		{"part of a name", leads.Query{Search: "lIM"}, 1},
		{"part of a name amid space", leads.Query{Search: " lIM\t"}, 1},
		{"digits in a name", leads.Query{Search: "123456"}, 1},
		{"the shortest phone", leads.Query{Search: "6834002"}, 1},
		{"phone amid space", leads.Query{Search: "\t+5511912345679\n"}, 1},
		{"phone with punctuation", leads.Query{Search: "+55 (11) 91234-5679"}, 1},
		{"part of a phone finds nothing", leads.Query{Search: "551191"}, 0},
		{"status", leads.Query{StatusID: strings.ToUpper(quoted)}, 1},
		{"name and status", leads.Query{Search: "bo", StatusID: quoted}, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			tt.query.Limit = 10
			page, err := h.Leads.List(h.Ctx(), acme, tt.query)
			if err != nil || page.Pagination.Total != tt.want || len(page.Data) != tt.want {
				t.Errorf("got %d leads, error %v, want %d", page.Pagination.Total, err, tt.want)
			}
		})
	}
}

// TestListRefusesStatusThatIsNoUUID: a status_id that is not a UUID in its usual form is refused.
func TestListRefusesStatusThatIsNoUUID(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	for _, status := range []string{"zzz", " ", "{" + quoted + "}", quoted + "0", strings.ReplaceAll(quoted, "-", "")} {
		_, err := h.Leads.List(h.Ctx(), acme, leads.Query{Limit: 10, StatusID: status})
		backendtest.WantFault(t, err, fault.Validation, "status_id: is not a UUID")
	}
}

// TestDeleteEndsRunsAndFreesPhone: deleting a lead ends its runs as erased, and a new lead can have
// its phone.
func TestDeleteEndsRunsAndFreesPhone(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	h.config()
	v := h.create(`{"name":"Ana","phone":"+5511912345678","status_id":"` + quoted + `"}`)
	if err := h.Leads.Delete(h.Ctx(), acme, string(v.ID)); err != nil {
		t.Fatalf("delete: %v", err)
	}
	backendtest.WantFault(t, h.Leads.Delete(h.Ctx(), acme, string(v.ID)), fault.NotFound)
	if got := h.count(followup.Erased); got != 1 {
		t.Errorf("steps counted as erased: got %v, want 1", got)
	}
	h.create(`{"name":"Ana","phone":"+5511912345678"}`)
}
