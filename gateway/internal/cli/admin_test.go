package cli

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime/debug"
	"strings"
	"testing"
)

// gateway is an admin listener that gives every request the same answer and keeps the last one.
type gateway struct {
	*httptest.Server
	request string // method, URI, token and body of the last request
}

func newGateway(t *testing.T, status int, answer string) *gateway {
	t.Helper()
	g := &gateway{}
	g.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		g.request = strings.TrimSpace(fmt.Sprintf("%s %s [%s] %s", r.Method, r.RequestURI, r.Header.Get("Authorization"), body))
		w.WriteHeader(status)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(g.Close)
	return g
}

const (
	noMore   = `"pagination":{"total":1,"limit":50,"offset":0,"has_more":false}}`
	deadPage = `{"data":[{"id":"3/msg_1","tenant_id":"t1","assistant_id":"a1","reason":"rejected\u001b[31m","attempts":3,
		"dead_at":"2026-11-22T10:00:00Z","count":2}],"pagination":{"total":7,"limit":1,"offset":2,"has_more":true}}`
	oneRun = `{"id":"r1","lead_id":"l1","config_id":"c1","channel_id":"ch1","state":"ended","reason":"completed","timeline":[
		{"step":1,"due_at":"2026-11-22T10:00:00Z","outcome":"sent","reason":"ai","message_id":"wamid.X","at":"2026-11-22T10:00:01Z","settled":null},
		{"step":2,"due_at":"2026-11-22T12:00:00Z","outcome":null,"reason":null,"message_id":null,"at":null,"settled":null}]}`
)

// TestOperatorCommands: each operator's command sends one request to the admin API, with the token,
// and prints the answer. Control characters in the answer do not reach the terminal.
func TestOperatorCommands(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args    string
		status  int
		answer  string
		request string
		prints  []string
	}{
		{
			"dead list -tenant t1 -limit 1 -offset 2", 200, deadPage,
			"GET /api/dead?limit=1&offset=2&tenant=t1 [Bearer adm]",
			[]string{"REASON", "rejected[31m", "2026-11-22T10:00:00Z", "1 of 7 shown, -offset 3 for more"},
		},
		{"dead list", 200, `{"data":[],` + noMore, "GET /api/dead?limit=50&offset=0 [Bearer adm]", []string{"no dead letters"}},
		{"dead list -json", 200, `{"data":[]}`, "GET /api/dead?limit=50&offset=0 [Bearer adm]", []string{`{"data":[]}`}},
		{"dead show 3/msg_1", 200, `{"id":"3/msg_1","events":[{"field":"messages"}]}`, "GET /api/dead/3%2Fmsg_1 [Bearer adm]", []string{`"field": "messages"`}},
		{"dead replay 3/msg_1", 200, `{"replayed":1}`, "POST /api/dead/3%2Fmsg_1/replay [Bearer adm]", []string{"1 dead letter replayed"}},
		{"dead replay -all -tenant t1", 200, `{"replayed":4}`, "POST /api/dead/replay?tenant=t1 [Bearer adm]", []string{"4 dead letters replayed"}},
		{"dead replay -all", 200, `{"replayed":0}`, "POST /api/dead/replay [Bearer adm]", []string{"0 dead letters replayed"}},
		{
			"dead list -assistant a1", 200, `{"data":[],` + noMore, "GET /api/dead?assistant=a1&limit=50&offset=0 [Bearer adm]",
			[]string{"no dead letters"},
		},
		{"dead replay -all -assistant a1", 200, `{"replayed":1}`, "POST /api/dead/replay?assistant=a1 [Bearer adm]", []string{"1 dead letter replayed"}},
		{"dead drop 3/msg_1", 204, "", "DELETE /api/dead/3%2Fmsg_1 [Bearer adm]", []string{"1 dead letter dropped"}},
		{"dead drop -all", 200, `{"dropped":2}`, "POST /api/dead/drop [Bearer adm]", []string{"2 dead letters dropped"}},
		{
			"dead drop -all -tenant t1 -assistant a1", 200, `{"dropped":0}`, "POST /api/dead/drop?assistant=a1&tenant=t1 [Bearer adm]",
			[]string{"0 dead letters dropped"},
		},
		{"dead drop -all -json", 200, `{"dropped":2}`, "POST /api/dead/drop [Bearer adm]", []string{`{"dropped":2}`}},
		{
			"runs list -tenant t1 -lead l1", 200, `{"data":[` + oneRun + `],` + noMore,
			"GET /api/runs?lead=l1&limit=50&offset=0&tenant=t1 [Bearer adm]",
			[]string{"r1", "ended", "completed"},
		},
		{
			"runs show r1 -tenant t1", 200, oneRun, "GET /api/runs/r1?tenant=t1 [Bearer adm]",
			[]string{"sent", "wamid.X", "waiting", "2026-11-22T12:00:00Z"},
		},
		{
			"pause -tenant t1 -channel ch1", 200, `{"tenant_id":"t1","channel_id":"ch1","paused":true}`,
			`POST /api/pause [Bearer adm] {"channel_id":"ch1","tenant_id":"t1"}`,
			[]string{"tenant t1: ch1 is paused"},
		},
		{
			"resume -tenant t1", 200, `{"tenant_id":"t1","channel_id":null,"paused":false}`,
			`POST /api/resume [Bearer adm] {"tenant_id":"t1"}`,
			[]string{"tenant t1: the whole tenant sends\n"},
		},
		{
			"resume -tenant t2", 200, `{"tenant_id":"t2","channel_id":null,"paused":false,"channels_paused":2}`,
			`POST /api/resume [Bearer adm] {"tenant_id":"t2"}`,
			[]string{"tenant t2: the whole tenant sends, except for 2 paused channels\n"},
		},
		{
			"resume -tenant t1 -channel ch1", 200, `{"tenant_id":"t1","channel_id":"ch1","paused":false}`,
			`POST /api/resume [Bearer adm] {"channel_id":"ch1","tenant_id":"t1"}`,
			[]string{"tenant t1: ch1 sends\n"},
		},
		{
			"resume -tenant t1 -channel ch2", 200, `{"tenant_id":"t1","channel_id":"ch2","paused":false,"tenant_paused":true}`,
			`POST /api/resume [Bearer adm] {"channel_id":"ch2","tenant_id":"t1"}`,
			[]string{"tenant t1: ch2 is resumed, but sends nothing: the whole tenant is still paused\n"},
		},
		{
			"pauses -tenant t1", 200, `{"data":[{"tenant_id":"t1","channel_id":null}],` + noMore,
			"GET /api/pauses?limit=50&offset=0&tenant=t1 [Bearer adm]",
			[]string{"the whole tenant"},
		},
	} {
		t.Run(c.args, func(t *testing.T) {
			t.Parallel()
			g := newGateway(t, c.status, c.answer)
			got := execute(t, Program{}, environment{"WAGATE_ADMIN": g.URL + "/", "WAGATE_ADMIN_TOKEN": "adm"}, strings.Fields(c.args)...)
			got.want(t, 0, c.prints...)
			if g.request != c.request {
				t.Errorf("request:\ngot  %s\nwant %s", g.request, c.request)
			}
			if strings.Contains(got.stdout, "\x1b") {
				t.Errorf("stdout: got %q, want no escape character", got.stdout)
			}
		})
	}
}

// TestOperatorCommandIsRefused: the command fails and says why, whether the admin API refuses the
// request, answers with something else than JSON, or cannot be reached.
func TestOperatorCommandIsRefused(t *testing.T) {
	t.Parallel()
	g := newGateway(t, 400, `{"success":false,"error":{"code":"VALIDATION_ERROR","message":"the request is not valid",
		"details":[{"field":"limit","problem":"must be a whole number from 1 to 100"}]}}`)
	execute(t, Program{}, nil, "dead", "list", "-admin", g.URL, "-limit", "0").
		want(t, 1, "answered 400: the request is not valid", "limit: must be a whole number")
	g = newGateway(t, 200, `<html>`)
	execute(t, Program{}, nil, "dead", "list", "-admin", g.URL).want(t, 1, "answer")
	g.Close()
	execute(t, Program{}, nil, "dead", "list", "-admin", g.URL).want(t, 1, "reach the admin listener")
}

// TestFileTokenStaysWithFileAddress: the token in the operator file is sent to the admin address in
// the file and to no other.
func TestFileTokenStaysWithFileAddress(t *testing.T) {
	t.Parallel()
	g := newGateway(t, 200, `{"data":[]}`)
	file := writeFile(t, "admin: \""+strings.TrimPrefix(g.URL, "http://")+"\"\nadmin_token: from-file\n")
	execute(t, Program{}, nil, "dead", "list", "-config", file).want(t, 0)
	if want := "GET /api/dead?limit=50&offset=0 [Bearer from-file]"; g.request != want {
		t.Errorf("request: got %s, want %s", g.request, want)
	}
	execute(t, Program{}, nil, "dead", "list", "-config", file, "-admin", g.URL).want(t, 0)
	if want := "GET /api/dead?limit=50&offset=0 []"; g.request != want {
		t.Errorf("request with -admin: got %s, want %s", g.request, want)
	}
}

// TestAdminURL: the admin address in the file becomes a URL that can be reached from here. Port 0
// becomes an error that names the flags with which to give a URL.
func TestAdminURL(t *testing.T) {
	t.Parallel()
	for address, want := range map[string]string{
		"127.0.0.1:9090": "http://127.0.0.1:9090",
		":9090":          "http://127.0.0.1:9090",
		"0.0.0.0:9090":   "http://127.0.0.1:9090",
		"[::]:9090":      "http://[::1]:9090",
		"10.1.2.3:9090":  "http://10.1.2.3:9090",
	} {
		if got, err := adminURL(address); err != nil || got != want {
			t.Errorf("%s: got %s, error %v, want %s", address, got, err, want)
		}
	}
	// Both flags take a URL, and the log gives an address without http://.
	for _, way := range []string{"-admin http://ADDR", "-url http://ADDR/readyz"} {
		if got, err := adminURL("127.0.0.1:0"); err == nil || !strings.Contains(err.Error(), way) {
			t.Errorf("port 0: got %s, error %v, want an error with %q in it", got, err, way)
		}
	}
}

// TestHealth: health asks /readyz at the file's admin address, or the URL that it is given, where no
// path means /readyz. If the service is not ready it fails and lists the checks that fail. The rest of
// the file may be wrong.
func TestHealth(t *testing.T) {
	t.Parallel()
	up := newGateway(t, 200, `{"ready":true,"checks":[]}`)
	execute(t, Program{}, nil, "health", "-timeout", "1m", "-url", up.URL+"/livez").want(t, 0, "ready")
	if want := "GET /livez []"; up.request != want {
		t.Errorf("request: got %s, want %s", up.request, want)
	}
	for given, want := range map[string]string{"": "/readyz", "/": "/readyz", "?verbose": "/readyz?verbose", "/livez/": "/livez/"} {
		execute(t, Program{}, nil, "health", "-timeout", "1m", "-url", up.URL+given).want(t, 0, "ready")
		if want := "GET " + want + " []"; up.request != want {
			t.Errorf("request with %q behind the address: got %s, want %s", given, up.request, want)
		}
	}
	file := writeFile(t, "admin: \""+strings.TrimPrefix(up.URL, "http://")+"\"\nadmin_token: ${TOKEN}\nelsewhere: wrong\n")
	execute(t, Program{}, environment{"TOKEN": "x", "WAGATE_CONFIG": file}, "health", "-timeout", "1m").want(t, 0, "ready")
	if want := "GET /readyz []"; up.request != want {
		t.Errorf("request: got %s, want %s", up.request, want)
	}
	down := newGateway(t, 503, `{"ready":false,"checks":[{"name":"poller","ok":true},
		{"name":"redis","ok":false,"error":"connection refused","since":"2026-11-22T10:00:00Z"}]}`)
	got := execute(t, Program{}, nil, "health", "-timeout", "1m", "-url", down.URL)
	got.want(t, 1, "not ready: 503", "redis: connection refused (since 2026-11-22T10:00:00Z)")
	if strings.Contains(got.stderr, "poller") {
		t.Errorf("stderr: got %s, want no check that succeeds in it", got.stderr)
	}
	execute(t, Program{}, nil, "health", "-timeout", "1m", "-url", "http://127.0.0.1:1").want(t, 1, "not reachable")
}

// TestVersion: the version names the module's version, the revision, whether the working tree was
// modified, and the Go version.
func TestVersion(t *testing.T) {
	t.Parallel()
	execute(t, Program{}, nil, "version").want(t, 0, "wagate ", "go1.")
	got := describe(&debug.BuildInfo{
		Main:     debug.Module{Version: "v1.2.3"},
		Settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "0123456789abcdef0123"}, {Key: "vcs.modified", Value: "true"}},
	})
	if want := "wagate v1.2.3 revision 0123456789ab modified go1."; !strings.HasPrefix(got, want) {
		t.Errorf("got %s, want %s…", got, want)
	}
}
