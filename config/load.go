package config

import (
	"fmt"
	"net"
	"net/url"
	"os"
	"time"
)

// Load reads the operator's file. If the file has problems, the error is of type Problems and the
// Config holds what could be read.
func Load(path string, lookup Lookup) (Config, error) {
	data, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err != nil {
		return Config{}, fmt.Errorf("read config: %w", err)
	}
	return Parse(data, lookup)
}

// Parse reads the operator's file from memory. Its errors are those of Load.
func Parse(data []byte, lookup Lookup) (Config, error) {
	d := &decoder{lookup: lookup}
	root, ok := d.parse(data)
	if !ok {
		return Config{}, d.problems.err()
	}
	var c Config
	c.Sandbox = field(root, "sandbox", false, boolean())
	c.Listen, c.Admin, c.AdminTokens = readListeners(root)
	c.TrustedProxies = list(root, "trusted_proxies", network())
	c.Clock = readClock(root, c.Sandbox)
	c.Redis = readRedis(root, c.Sandbox)
	c.Graph = readGraph(root, c.Sandbox)
	c.Gupshup = readGupshup(root, c.Sandbox)
	c.AI = readAI(root, c.Sandbox)
	c.FollowUp = readFollowUp(root)
	c.API = readAPI(root)
	c.Relay = readRelay(root)
	c.Send = readSend(root)
	c.MetaApps = readMetaApps(root)
	c.Tenants = readTenants(root, c)
	root.end()
	return c, d.problems.err()
}

// Admin is what a command needs to call the admin listener of a running service.
type Admin struct {
	Address string // host:port as in the file; with port 0 the real port is only in the log
	Token   Secret // the first admin token; zero if there is none
}

// LoadAdmin reads only the listener keys of the operator's file and ignores problems elsewhere:
// they do not affect the service that is running. Its errors are those of Load.
func LoadAdmin(path string, lookup Lookup) (Admin, error) {
	data, err := os.ReadFile(path) //nolint:gosec // the operator names the file
	if err != nil {
		return Admin{}, fmt.Errorf("read config: %w", err)
	}
	d := &decoder{lookup: lookup}
	root, ok := d.parse(data)
	if !ok {
		return Admin{}, d.problems.err()
	}
	_, address, tokens := readListeners(root)
	if d.problems.Under("admin") || d.problems.Under("admin_token") {
		return Admin{}, d.problems.err()
	}
	a := Admin{Address: address}
	if len(tokens) > 0 {
		a.Token = tokens[0]
	}
	return a, nil
}

func readListeners(o *object) (listen, admin string, tokens []Secret) {
	listen = field(o, "listen", "127.0.0.1:8080", address())
	admin = field(o, "admin", "127.0.0.1:9090", address())
	tokens = optionalSecrets(o, "admin_token", "the operator's token, or a list while rotating")
	host, port, _ := net.SplitHostPort(admin)
	if len(tokens) == 0 && !isLoopback(host) {
		o.report("admin_token", "missing, want a token: admin listens on %q, which is not loopback", host)
	}
	if listen == admin && port != "0" {
		o.report("admin", "got %q, want an address other than listen's", admin)
	}
	return listen, admin, tokens
}

func readClock(root *object, sandbox bool) Clock {
	o := section(root, "clock")
	c := Clock{Speed: field(o, "speed", 1, speed())}
	if c.Speed != 1 && !sandbox {
		o.report("speed", "got %g, want 1 unless sandbox is true", c.Speed)
	}
	o.end()
	return c
}

func readGraph(root *object, sandbox bool) Graph {
	o := section(root, "graph")
	g := Graph{
		BaseURL: field(o, "base_url", httpsURL("graph.facebook.com"), target(sandbox)),
		Version: field(o, "version", "v26.0", matching(versionPattern, "a version such as v26.0")),
	}
	o.end()
	return g
}

func readGupshup(root *object, sandbox bool) Gupshup {
	o := section(root, "gupshup")
	g := Gupshup{
		BaseURL:        field(o, "base_url", httpsURL("api.gupshup.io"), target(sandbox)),
		PartnerBaseURL: field(o, "partner_base_url", httpsURL("partner.gupshup.io"), target(sandbox)),
	}
	o.end()
	return g
}

func readAI(root *object, sandbox bool) AI {
	if !root.has("ai") {
		root.report("ai", "missing, want base_url, api_key and model")
		return AI{}
	}
	o := root.d.object(root.fields["ai"], "ai")
	a := AI{
		BaseURL: need(o, "base_url", target(sandbox)),
		Model:   need(o, "model", text("the model's name")),
		Timeout: field(o, "timeout", 20*time.Second, duration(100*time.Millisecond, time.Minute)),
	}
	if sandbox {
		a.APIKey = field(o, "api_key", Secret{}, optionalSecret("the key of the AI service"))
	} else {
		a.APIKey = need(o, "api_key", secret("the key of the AI service"))
	}
	o.end()
	return a
}

func readFollowUp(root *object) FollowUp {
	o := section(root, "followup")
	f := FollowUp{
		MaxLateness: field(o, "max_lateness", 6*time.Hour, duration(time.Minute, 720*time.Hour)),
		OptOutWords: list(o, "opt_out_words", text("a word")),
	}
	o.end()
	return f
}

func readAPI(root *object) API {
	o := section(root, "api")
	a := API{RatePerMinute: field(o, "rate_per_minute", 0, integer(0, 1_000_000))}
	o.end()
	return a
}

func readRelay(root *object) Relay {
	o := section(root, "relay")
	r := Relay{
		AllowPrivate: field(o, "allow_private", false, boolean()),
		Timeout:      field(o, "timeout", 10*time.Second, duration(100*time.Millisecond, time.Minute)),
		MaxEvents:    field(o, "max_events", 20, integer(1, 20)),
		MaxBacklog:   field(o, "max_backlog", 100_000, integer(1, 100_000_000)),
	}
	o.end()
	return r
}

func readSend(root *object) Send {
	o := section(root, "send")
	s := Send{Timeout: field(o, "timeout", 15*time.Second, duration(time.Second, 15*time.Second))}
	o.end()
	return s
}

func httpsURL(host string) *url.URL { return &url.URL{Scheme: "https", Host: host} }
