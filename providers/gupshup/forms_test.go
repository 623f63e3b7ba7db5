package gupshup

import (
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"wagate/providers"
)

// forms are all forms that Gupshup documents for its two versions, in the words of the table in
// doc.go, with the kinds that each may have. Those of version 3 go by field.
var forms = map[string][]providers.Kind{
	"message text":         {providers.KindText},
	"message image":        {providers.KindImage},
	"message video":        {providers.KindVideo},
	"message audio":        {providers.KindAudio},
	"message voice":        {providers.KindAudio},
	"message sticker":      {providers.KindSticker},
	"message file":         {providers.KindDocument},
	"message document":     {providers.KindDocument},
	"message location":     {providers.KindLocation},
	"message contact":      {providers.KindContacts},
	"message contacts":     {providers.KindContacts},
	"message list_reply":   {providers.KindInteractive},
	"message quick_reply":  {providers.KindInteractive},
	"message button_reply": {providers.KindInteractive},
	"message button":       {providers.KindButton},
	"message reaction":     {providers.KindReaction, providers.KindReactionRemoved, providers.KindUnsupported},
	"message order":        {providers.KindUnsupported},
	"message nfm_reply":    {providers.KindUnsupported},

	"message-event enqueued":  {providers.KindStatus},
	"message-event sent":      {providers.KindStatus},
	"message-event delivered": {providers.KindStatus},
	"message-event read":      {providers.KindStatus},
	"message-event failed":    {providers.KindStatus},
	"message-event mismatch":  {providers.KindStatus},
	"message-event others":    {providers.KindStatus},
	"message-event deleted":   {providers.KindRevoke},

	"user-event sandbox-start":              {providers.KindPlatform},
	"user-event callbackSetPhone":           {providers.KindPlatform},
	"user-event opted-out":                  {providers.KindPreference},
	"user-event opted-in":                   {providers.KindAccount},
	"template-event status":                 {providers.KindTemplate},
	"template-event category-update":        {providers.KindTemplate},
	"preference-event":                      {providers.KindPreference, providers.KindUnknown}, // unknown for a choice that nobody knows
	"account-event":                         {providers.KindAccount},
	"billing-event":                         {providers.KindAccount},
	"system-event":                          {providers.KindAccount},
	"platform-event":                        {providers.KindPlatform},
	"v3 billing-event":                      {providers.KindAccount},
	"v3 account-event":                      {providers.KindAccount},
	"v3 system-event":                       {providers.KindAccount},
	"v3 platform-event":                     {providers.KindPlatform},
	"v3 user-event":                         {providers.KindPlatform},
	"v3 preference-event":                   {providers.KindPreference, providers.KindUnknown},
	"v3 template-event":                     {providers.KindTemplate, providers.KindUnknown},
	"v3 messages":                           nil, // any: see cloudapi
	"v3 calls":                              {providers.KindCall},
	"v3 smb_message_echoes":                 {providers.KindEcho},
	"v3 history":                            {providers.KindHistory},
	"v3 user_preferences":                   {providers.KindPreference},
	"v3 message_template_status_update":     {providers.KindTemplate},
	"v3 template_category_update":           {providers.KindTemplate},
	"v3 message_template_quality_update":    {providers.KindTemplate},
	"v3 message_template_components_update": {providers.KindTemplate},
	"v3 account_update":                     {providers.KindAccount},
	"v3 account_alerts":                     {providers.KindAccount},
	"v3 account_review_update":              {providers.KindAccount},
	"v3 phone_number_quality_update":        {providers.KindAccount},
	"v3 phone_number_name_update":           {providers.KindAccount},
	"v3 business_capability_update":         {providers.KindAccount},
	"v3 business_username_updates":          {providers.KindAccount},
	"v3 security":                           {providers.KindAccount},
	"v3 smb_app_state_sync":                 {providers.KindAccount},
}

// sampledForms returns the forms that occur in the samples, with the kinds of their events. A v2
// callback counts as one form, a v3 callback as one for each change.
func sampledForms(t *testing.T) map[string]map[providers.Kind]bool {
	t.Helper()
	files, err := filepath.Glob("testdata/inbound/*.json")
	if err != nil || len(files) == 0 {
		t.Fatalf("got %d samples, %v, want some", len(files), err)
	}
	found := map[string]map[providers.Kind]bool{}
	see := func(form string, body []byte) {
		in, err := Decode(body, testOptions)
		if err != nil {
			t.Fatal(err)
		}
		if found[form] == nil {
			found[form] = map[providers.Kind]bool{}
		}
		for _, e := range in.Events {
			found[form][e.Kind] = true
		}
	}
	for _, file := range files {
		body, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var v2 struct {
			Type    string
			Payload struct {
				Type, Phone string
				Payload     struct{ Type string }
			}
			Entry []struct {
				Changes []struct {
					Field string          `json:"field"`
					Value json.RawMessage `json:"value"`
				}
			}
		}
		if !read(body, &v2) { // one sample has a member of the wrong type
			t.Fatalf("%s: got no JSON object, want one", file)
		}
		for _, e := range v2.Entry {
			for _, c := range e.Changes {
				see("v3 "+c.Field, encode(map[string]any{
					"gs_app_id": testAppID, "entry": []any{map[string]any{"id": "1", "changes": []any{c}}},
				}))
			}
		}
		switch form := v2.Type + " " + v2.Payload.Type; {
		case v2.Type == "":
		case v2.Payload.Phone == "callbackSetPhone":
			see("user-event callbackSetPhone", body)
		case v2.Payload.Payload.Type == "button":
			see("message button", body)
		case v2.Type == "template-event" && v2.Payload.Type != "category-update":
			see("template-event status", body)
		case forms[form] != nil:
			see(form, body)
		default:
			see(v2.Type, body)
		}
	}
	return found
}

// Each documented form has a sample and a row in the table of doc.go, and its events have
// the kinds that forms names.
func TestEveryFormHasSample(t *testing.T) {
	t.Parallel()
	doc, err := os.ReadFile("doc.go")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(doc), "v2 type ")
	table, own, _ := strings.Cut(rest, "v3 field ")
	own, _, _ = strings.Cut(own, "// The last two")
	words := func(text string) []string {
		return strings.FieldsFunc(text, func(r rune) bool { return strings.ContainsRune(" \t\n,/\"", r) })
	}
	found := sampledForms(t)
	for form, kinds := range forms {
		got := slices.Sorted(maps.Keys(found[form]))
		if len(got) == 0 {
			t.Errorf("%s: got no sample", form)
		}
		for _, k := range got {
			if kinds != nil && !slices.Contains(kinds, k) {
				t.Errorf("%s: got %s, want one of %s", form, k, kinds)
			}
		}
		for _, k := range kinds {
			if !slices.Contains(got, k) {
				t.Errorf("%s: got no sample that is %s", form, k)
			}
		}
		name, in := form[strings.LastIndexByte(form, ' ')+1:], table
		if strings.HasPrefix(form, "v3 ") {
			if in = own; !strings.HasSuffix(name, "-event") {
				continue // documented by Meta
			}
		}
		if !slices.Contains(words(in), name) {
			t.Errorf("%s: got no row in doc.go", form)
		}
	}
}
