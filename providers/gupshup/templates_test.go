package gupshup

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"wagate/providers"
	"wagate/providers/providertest"
)

// clock is a clock that the test moves.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

// add moves the clock on.
func (c *clock) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// template returns a template message to testPhone.
func template(name, language string, params ...string) providers.Message {
	return providers.NewTemplate(providers.Contact{Phone: testPhone},
		providers.Template{Name: name, Language: language, Params: params})
}

// A template is found by name and language, and sent in Gupshup's form. The list of
// templates is fetched once.
func TestSendTemplate(t *testing.T) {
	t.Parallel()
	g := newFake(t, nil)
	s := newSender(t, g, nil)
	for _, c := range []struct {
		name, in, template, header, postbacks string
	}{
		{
			"by language", `{"name":"bike_ready","language":{"code":"pt-BR"},"components":[{"type":"body","parameters":[{"type":"text","text":"Ana"},{"type":"text","text":"3 PM"}]}]}`,
			`{"id":"t-pt","params":["Ana","3 PM"]}`, "", "",
		},
		{
			"by the other language", `{"name":"bike_ready","language":{"code":"en_US"},"components":[{"type":"BODY","parameters":[{"type":"currency","currency":{"fallback_value":"$5"}},{"type":"date_time","date_time":{"fallback_value":"noon"}}]}]}`,
			`{"id":"t-en","params":["$5","noon"]}`, "", "",
		},
		{"no parameters", `{"name":"plain","language":{"code":"pt_BR"}}`, `{"id":"t-plain","params":[]}`, "", ""},
		{
			"with a payload", `{"name":"bike_ready","language":{"code":"pt_BR"},"components":[{"type":"body","parameters":[{"type":"text","text":"A"},{"type":"text","text":"B"}]},
			{"type":"button","sub_type":"quick_reply","index":"0","parameters":[{"type":"payload","payload":"OK:1"}]}]}`,
			`{"id":"t-pt","params":["A","B"]}`, "", `[{"index":0,"text":"OK:1"}]`,
		},
		{
			"with an image", `{"name":"poster","language":{"code":"pt_BR"},"components":[{"type":"header","parameters":[{"type":"image","image":{"link":"https://f.example/1.png"}}]},
			{"type":"body","parameters":[{"type":"text","text":"A"}]}]}`,
			`{"id":"t-image","params":["A"]}`, `{"type":"image","image":{"link":"https://f.example/1.png"}}`, "",
		},
	} {
		sent, err := s.Send(t.Context(), message(t, `{"type":"template","template":`+c.in+`}`))
		if err != nil || sent.ID == "" {
			t.Errorf("%s: got %+v, %v, want it sent", c.name, sent, err)
			continue
		}
		form := lastForm(t, g)
		sameJSON(t, c.name, form.Get("template"), c.template)
		for field, want := range map[string]string{"message": c.header, "postbackTexts": c.postbacks} {
			if want == "" && form.Has(field) {
				t.Errorf("%s: got %s %s, want none", c.name, field, form.Get(field))
			} else if want != "" {
				sameJSON(t, c.name+" "+field, form.Get(field), want)
			}
		}
	}
	if lists := listings(g); lists != 2 {
		t.Errorf("got %d list calls for five sends, want one listing of two", lists)
	}
	for _, s := range g.Sends() {
		if s.Code != 0 {
			t.Errorf("got a template refused with code %d, want it accepted", s.Code)
		}
	}
}

// listings counts the requests that list templates.
func listings(g *providertest.Gupshup) int {
	n := 0
	for _, r := range g.Requests() {
		if r.Method == "GET" {
			n++
		}
	}
	return n
}

// A template that Gupshup does not have, or that cannot be sent with these parameters, is
// refused before anything is sent.
func TestSendTemplateRefuses(t *testing.T) {
	t.Parallel()
	g := newFake(t, nil)
	s := newSender(t, g, nil)
	for _, c := range []struct {
		name, in string
		code     int
	}{
		{"unknown name", `{"name":"nope","language":{"code":"pt_BR"}}`, 132001},
		{"unknown language", `{"name":"plain","language":{"code":"en_US"}}`, 132001},
		{"paused", `{"name":"winter","language":{"code":"pt_BR"}}`, 132015},
		{"too few parameters", `{"name":"bike_ready","language":{"code":"pt_BR"},"components":[{"type":"body","parameters":[{"type":"text","text":"A"}]}]}`, 132000},
		{"too many parameters", `{"name":"plain","language":{"code":"pt_BR"},"components":[{"type":"body","parameters":[{"type":"text","text":"A"}]}]}`, 132000},
		{"an empty parameter", `{"name":"poster","language":{"code":"pt_BR"},"components":[{"type":"body","parameters":[{"type":"text","text":" "}]}]}`, 132000},
		{"a missing header", `{"name":"poster","language":{"code":"pt_BR"},"components":[{"type":"body","parameters":[{"type":"text","text":"A"}]}]}`, 132012},
		{"a header that the template lacks", `{"name":"plain","language":{"code":"pt_BR"},"components":[{"type":"header","parameters":[{"type":"image","image":{"link":"x"}}]}]}`, 132012},
		{"a text header", `{"name":"plain","language":{"code":"pt_BR"},"components":[{"type":"header","parameters":[{"type":"text","text":"A"}]}]}`, 132012},
		{"a link button", `{"name":"track","language":{"code":"pt_BR"},"components":[{"type":"button","sub_type":"url","index":0,"parameters":[{"type":"text","text":"A"}]}]}`, 132012},
		{"a link button left out", `{"name":"track","language":{"code":"pt_BR"}}`, 132012},
		{"named parameters", `{"name":"named","language":{"code":"pt_BR"},"components":[{"type":"body","parameters":[{"type":"text","parameter_name":"first_name","text":"A"}]}]}`, 132012},
		{"a header that takes a parameter", `{"name":"meta","language":{"code":"pt_BR"},"components":[{"type":"body","parameters":[{"type":"text","text":"A"}]}]}`, 132012},
	} {
		_, err := s.Send(t.Context(), message(t, `{"type":"template","template":`+c.in+`}`))
		e := providers.AsError(err)
		if err == nil || e.Kind != providers.TemplateError || e.Code != c.code || e.Detail == "" || e.MaybeSent || e.Retryable {
			t.Errorf("%s: got %+v, want a template error with code %d and a detail", c.name, e, c.code)
		}
	}
	if n := len(g.Sends()); n != 0 {
		t.Errorf("got %d sends, want none", n)
	}
}

// Templates lists what the registry has, and says why wagate cannot send a template.
func TestTemplates(t *testing.T) {
	t.Parallel()
	g := newFake(t, nil)
	want := map[string]providers.TemplateInfo{
		"t-pt":    {Name: "bike_ready", Language: "pt_BR", Status: "APPROVED", Category: "UTILITY", Params: 2},
		"t-en":    {Name: "bike_ready", Language: "en_US", Status: "APPROVED", Category: "UTILITY", Params: 2},
		"t-image": {Name: "poster", Language: "pt_BR", Status: "APPROVED", Category: "MARKETING", Params: 1, Unsupported: "it needs a header: image"},
		"t-named": {Name: "named", Language: "pt_BR", Status: "APPROVED", Category: "UTILITY", Params: -1, Unsupported: "it has named parameters"},
	}
	for _, v3 := range []bool{false, true} {
		list, err := newSender(t, g, func(p *Params) { p.V3 = v3 }).Templates(t.Context())
		if err != nil || len(list) != 8 {
			t.Fatalf("v3 %v: got %d, %v, want 8", v3, len(list), err)
		}
		for _, got := range list {
			if w, ok := want[got.ID]; ok {
				w.ID, w.Quality = got.ID, "GREEN"
				if got != w {
					t.Errorf("v3 %v: got %+v, want %+v", v3, got, w)
				}
			}
		}
	}
}

// A list of several pages is read completely.
func TestTemplatesAllPages(t *testing.T) {
	t.Parallel()
	const n = 2*pageSize + 7
	g := newFake(t, func(o *providertest.GupshupOptions) {
		o.Templates = nil
		for i := range n {
			id := strings.Repeat("x", i+1)
			o.Templates = append(o.Templates, providertest.GupshupTemplate{ID: id, Name: id, Language: "pt_BR", Status: "APPROVED"})
		}
	})
	list, err := newSender(t, g, nil).Templates(t.Context())
	if err != nil || len(list) != n {
		t.Errorf("got %d, %v, want %d", len(list), err, n)
	}
}

// The list of templates is fetched again when it is too old, when a template is missing and some
// time has passed, after Forget, and after a send that found no template.
func TestTemplateListIsRefreshed(t *testing.T) {
	t.Parallel()
	c := &clock{now: time.Unix(1790000000, 0)}
	g := newFake(t, nil)
	s := newSender(t, g, func(p *Params) { p.Now, p.TemplateTTL = c.Now, 10*time.Minute })
	good := template("plain", "pt_BR")
	step := func(name string, m providers.Message, want int) {
		t.Helper()
		before := listings(g)
		_, _ = s.Send(t.Context(), m) // another test checks the result
		if got := (listings(g) - before) / 2; got != want {
			t.Errorf("%s: got %d listings, want %d", name, got, want)
		}
	}
	step("first use", good, 1)
	step("within the TTL", good, 0)
	step("a miss right after a listing", template("nope", "pt_BR"), 0)
	c.add(time.Minute)
	step("a miss later", template("nope", "pt_BR"), 1)
	c.add(10 * time.Minute)
	step("after the TTL", good, 1)
	c.add(time.Minute)
	s.Forget()
	step("after Forget", good, 1)
	c.add(time.Minute)
	g.Script(providertest.Fault{Status: 400, Body: `{"status":"error","message":{"code":4003,"reason":"no match"}}`})
	step("a send that finds no template", good, 0)
	step("the next send", good, 1)
}

// If the list cannot be fetched, the known templates are still sent, and the failure
// never counts as maybe sent (I6).
func TestI6ListingFailures(t *testing.T) {
	t.Parallel()
	c := &clock{now: time.Unix(1790000000, 0)}
	g := newFake(t, nil)
	s := newSender(t, g, func(p *Params) { p.Now = c.Now })
	if _, err := s.Send(t.Context(), template("plain", "pt_BR")); err != nil {
		t.Fatal(err)
	}
	c.add(time.Hour)
	if err := g.Close(); err != nil {
		t.Fatal(err)
	}
	_, err := s.Send(t.Context(), template("plain", "pt_BR"))
	if e := providers.AsError(err); err == nil || e.Kind == providers.TemplateError {
		t.Errorf("got %+v, want the failure of the send, not of the listing", e)
	}
	_, err = newSender(t, g, nil).Send(t.Context(), template("plain", "pt_BR"))
	if e := providers.AsError(err); err == nil || e.MaybeSent || !e.Retryable {
		t.Errorf("no list known: got %+v, want retryable and not sent", e)
	}
}

// A listing that succeeds with an error in its body is no list and replaces nothing that
// is known. The error has its kind as in a send, except that an error about the request
// is not one about the message.
func TestListingWithErrorInside(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]providers.ErrorKind{
		`{"status":"error","message":"Too Many Requests"}`: providers.Transient,
		`{"status":"Error"}`:                     providers.Transient,
		`{"error":{"code":4,"message":"limit"}}`: providers.Throttled,
		"<html>":                                 providers.Transient,
		`[]`:                                     providers.Transient,
		`{"status":"error","message":"Authentication Failed"}`: providers.Operator,
		`{"error":{"code":190,"message":"token"}}`:             providers.Operator,
		`{"error":{"code":100,"message":"pageNo"}}`:            providers.Transient,
		`{"error":{"code":777777}}`:                            providers.Transient,
		`{"status":"success","code":200,"templates":[{}]}`:     "",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, body) }))
		s := newSender(t, newFake(t, nil), func(p *Params) { p.BaseURL = server.URL })
		list, err := s.Templates(t.Context())
		if want == "" {
			if err != nil {
				t.Errorf("%s: got %v, want a list", body, err)
			}
			server.Close()
			continue
		}
		e := providers.AsError(err)
		if err == nil || e.Kind != want || e.Retryable != (want != providers.Operator) || e.MaybeSent || list != nil {
			t.Errorf("%s: got %v, %+v, want no list, and %s, not sent", body, list, e, want)
		}
		server.Close()
	}
}

// If a listing fails, those who waited for it do not ask again each, and its error never
// counts as that of a send (I6).
func TestI6ListingErrorsAreShared(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		status int // 0: no answer
		want   providers.ErrorKind
		retry  bool
	}{
		{"502", http.StatusBadGateway, providers.Transient, true},
		{"no answer", 0, providers.Transient, true},
		{"429", http.StatusTooManyRequests, providers.Throttled, true},
		{"401", http.StatusUnauthorized, providers.Operator, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var calls atomic.Int64
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				calls.Add(1)
				if c.status == 0 {
					panic(http.ErrAbortHandler)
				}
				w.WriteHeader(c.status)
			}))
			t.Cleanup(server.Close)
			clk := &clock{now: time.Unix(1790000000, 0)}
			s := newSender(t, newFake(t, nil), func(p *Params) { p.BaseURL, p.Now = server.URL, clk.Now })
			for range 3 {
				_, err := s.Send(t.Context(), template("plain", "pt_BR"))
				if e := providers.AsError(err); err == nil || e.Kind != c.want || e.MaybeSent || e.Retryable != c.retry {
					t.Errorf("got %+v, want %s, not sent, retryable %v", e, c.want, c.retry)
				}
			}
			if n := calls.Load(); n != 1 {
				t.Errorf("got %d listings for three sends, want 1", n)
			}
			clk.add(failedPause)
			_, _ = s.Send(t.Context(), template("plain", "pt_BR")) // only to fetch the list again
			if n := calls.Load(); n != 2 {
				t.Errorf("got %d listings after the pause, want 2", n)
			}
		})
	}
}

// Of several templates with one name and language, an approved one is sent.
func TestIndexPrefersApproved(t *testing.T) {
	t.Parallel()
	row := func(id, status string) registered {
		return registered{TemplateInfo: providers.TemplateInfo{ID: id, Name: "n", Language: "pt_BR", Status: status}}
	}
	for _, rows := range [][]registered{
		{row("old", "REJECTED"), row("good", providers.TemplateApproved), row("late", providers.TemplateApproved)},
		{row("good", providers.TemplateApproved), row("old", "DELETED")},
		{row("good", "PAUSED"), row("old", "REJECTED")},
	} {
		if got := index(rows)[templateKey{"n", "pt_BR"}]; got.ID != "good" {
			t.Errorf("got %q of %v, want good", got.ID, rows)
		}
	}
}

// However many messages are sent at once, the list is fetched once.
func TestTemplateListIsSharedByConcurrentSends(t *testing.T) {
	t.Parallel()
	g := newFake(t, nil)
	s := newSender(t, g, nil)
	var wg sync.WaitGroup
	for range 20 {
		wg.Go(func() {
			if _, err := s.Send(t.Context(), template("plain", "pt_BR")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if n := listings(g); n != 2 {
		t.Errorf("got %d list calls, want 2", n)
	}
	if n := len(g.Sends()); n != 20 {
		t.Errorf("got %d sends, want 20", n)
	}
}
