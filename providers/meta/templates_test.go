package meta_test

import (
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"wagate/providers"
	"wagate/providers/meta"
	"wagate/providers/providertest"
	"wagate/providers/transport"
)

type list = []any

// component returns a template's component of this type.
func component(kind string, more map[string]any) map[string]any {
	c := map[string]any{"type": kind}
	maps.Copy(c, more)
	return c
}

// Templates counts the parameters of a template's body, and says why wagate cannot send a template.
func TestTemplatesReadsComponents(t *testing.T) {
	t.Parallel()
	body := func(text string) map[string]any { return component("BODY", map[string]any{"text": text}) }
	buttons := func(b map[string]any) map[string]any { return component("BUTTONS", map[string]any{"buttons": list{b}}) }
	tests := []struct {
		name        string
		format      string
		components  list
		params      int
		unsupported string
	}{
		{"plain", "", list{body("no placeholder, {{ nor this }}")}, 0, ""},
		{"three", "", list{body("{{1}} {{2}} {{ 1 }} {{12}} {{")}, 3, ""},
		{"footer", "", list{component("HEADER", map[string]any{"format": "TEXT", "text": "Hi"}), body("{{1}}"), component("FOOTER", map[string]any{"text": "x"})}, 1, ""},
		{"image", "", list{component("HEADER", map[string]any{"format": "IMAGE"}), body("{{1}}")}, 1, "header of format image needs a parameter"},
		{"head", "", list{component("HEADER", map[string]any{"format": "TEXT", "text": "Hi {{1}}"}), body("x")}, 0, "header has a parameter"},
		{"named", "NAMED", list{body("{{first_name}}")}, 0, "body has named parameters"},
		{"named_none", "NAMED", list{body("x")}, 0, ""},
		{"quick", "", list{body("x"), buttons(map[string]any{"type": "QUICK_REPLY", "text": "Yes"})}, 0, ""},
		{"url", "", list{body("x"), buttons(map[string]any{"type": "URL", "url": "https://x.example/a"})}, 0, ""},
		{"url_param", "", list{body("x"), buttons(map[string]any{"type": "URL", "url": "https://x.example/{{1}}"})}, 0, "a button's address has a parameter"},
		{"otp", "", list{body("{{1}}"), buttons(map[string]any{"type": "OTP"})}, 1, "a button of type otp needs a parameter"},
		{"carousel", "", list{body("x"), component("CAROUSEL", nil)}, 0, "component carousel is not supported"},
		{"odd", "", list{body("x"), component("BUTTONS", map[string]any{"buttons": 7})}, 0, "its definition is not understood"},
	}
	p := providertest.GraphParams{}
	for _, test := range tests {
		p.Templates = append(p.Templates, providertest.GraphTemplate{
			ID: "T" + test.name, Name: test.name, Language: "en-US", Status: "paused", Category: "marketing", Quality: "red",
			Format: test.format, Components: test.components,
		})
	}
	s, g := newSender(t, p)
	got, err := s.Templates(t.Context(), waba)
	if err != nil || len(got) != len(tests) {
		t.Fatalf("got %d templates, %v, want %d", len(got), err, len(tests))
	}
	for i, test := range tests {
		want := providers.TemplateInfo{
			ID: "T" + test.name, Name: test.name, Language: "en_US", Status: "PAUSED", Category: "MARKETING", Quality: "RED",
			Params: test.params, Unsupported: test.unsupported,
		}
		if got[i] != want {
			t.Errorf("got %+v, want %+v", got[i], want)
		}
	}
	if path := g.Requests()[0].Path; !strings.HasPrefix(path, "/v26.0/"+waba+"/message_templates?") || strings.Contains(path, token) {
		t.Errorf("got path %s, want the account's templates without the token", path)
	}
}

// A quality that cannot be read is left empty; the template is still listed.
func TestTemplatesReadsQuality(t *testing.T) {
	t.Parallel()
	for score, want := range map[string]string{
		`{"score":"RED","date":1760000000}`: "RED", `{"score":"Yellow"}`: "YELLOW",
		`null`: "", `{}`: "", `"GREEN"`: "", `7`: "", `{"score":7}`: "", `[{"score":"RED"}]`: "",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, `{"data":[{"quality_score":`+score+`,"name":"a","status":"APPROVED"}]}`)
		}))
		c := transport.New(transport.Params{})
		s := meta.NewSender(meta.Params{Client: c, BaseURL: server.URL, PhoneNumberID: number, AccessToken: token})
		got, err := s.Templates(t.Context(), waba)
		if err != nil || len(got) != 1 || got[0].Quality != want || got[0].Unsupported != "" || got[0].Status != "APPROVED" {
			t.Errorf("%s: got %+v, %v, want quality %q", score, got, err, want)
		}
		c.Close()
		server.Close()
	}
}

// Templates reads all pages, in order, and returns Graph's error.
func TestTemplatesPages(t *testing.T) {
	t.Parallel()
	p := providertest.GraphParams{}
	for i := range 120 {
		p.Templates = append(p.Templates, providertest.GraphTemplate{Name: fmt.Sprintf("t%d", i), Body: "x"})
	}
	s, g := newSender(t, p)
	got, err := s.Templates(t.Context(), waba)
	if err != nil || len(got) != 120 || got[0].Name != "t0" || got[119].Name != "t119" {
		t.Errorf("got %d templates, %v, want 120 in order", len(got), err)
	}
	if n := len(g.Requests()); n != 3 {
		t.Errorf("got %d requests, want 3", n)
	}
	_, err = s.Templates(t.Context(), "other")
	wantError(t, err, providers.Error{Kind: providers.Invalid, Code: 100, Status: 400})
}

// Templates fails if the cursor does not move, and does not go on for ever.
func TestTemplatesStopsWhenCursorStands(t *testing.T) {
	t.Parallel()
	n := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		n++
		fmt.Fprintf(w, `{"data":[{"name":"a"}],"paging":{"next":"http://127.0.0.1:1/x","cursors":{"after":"%s"}}}`, r.URL.Path[len("/v1/"):len("/v1/")+4])
	}))
	defer server.Close()
	c := transport.New(transport.Params{})
	defer c.Close()
	s := meta.NewSender(meta.Params{Client: c, BaseURL: server.URL, Version: "v1", AccessToken: token})
	_, err := s.Templates(t.Context(), "loop")
	wantError(t, err, providers.Error{Kind: providers.Unknown})
	if n != 2 {
		t.Errorf("got %d calls, want 2: the cursor did not move", n)
	}
}

// A successful answer without a list is an error, and not an empty list.
func TestTemplatesRefusesNoList(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]bool{
		`{"data":[]}`: true, `{}`: false, `{"data":null}`: false, `{"data":{}}`: false, `{"error":{"message":"(#0) x"}}`: false, `<html>`: false, ``: false,
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }))
		c := transport.New(transport.Params{})
		s := meta.NewSender(meta.Params{Client: c, BaseURL: server.URL, PhoneNumberID: number, AccessToken: token})
		if _, err := s.Templates(t.Context(), waba); (err == nil) != want {
			t.Errorf("%q: got %v, want a list %v", body, err, want)
		}
		c.Close()
		server.Close()
	}
}
