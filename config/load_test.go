package config

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
)

// load reads a file that must be valid.
func load(t *testing.T, file string) Config {
	t.Helper()
	c, err := Load(filepath.Join("testdata/good", file), environment)
	if err != nil {
		t.Fatalf("got problems\n%v", err)
	}
	return c
}

// TestValidFiles loads every valid file; they touch the limits of each rule from inside.
func TestValidFiles(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/good/*.yaml")
	if err != nil || len(files) == 0 {
		t.Fatalf("got no files: %v", err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			load(t, filepath.Base(file))
		})
	}
}

// Keys left out have the documented defaults.
func TestDefaults(t *testing.T) {
	t.Parallel()
	c := load(t, "sandbox.yaml")
	got := fmt.Sprintln(c.Listen, c.Admin, c.Clock.Speed, c.Redis.Mode, c.Redis.Durability, c.Redis.Partitions,
		c.Graph.BaseURL, c.Graph.Version, c.Gupshup.BaseURL, c.Gupshup.PartnerBaseURL, c.AI.Timeout,
		c.FollowUp.MaxLateness, c.FollowUp.OptOutWords == nil, len(c.TrustedProxies), c.API.RatePerMinute, c.Relay, c.Send)
	want := fmt.Sprintln("127.0.0.1:8080", "127.0.0.1:9090", 1, RedisEmbedded, "everysec", 64,
		"https://graph.facebook.com", "v26.0", "https://api.gupshup.io", "https://partner.gupshup.io", 20*time.Second,
		6*time.Hour, true, 0, 0, Relay{AllowPrivate: false, Timeout: 10 * time.Second, MaxEvents: 20, MaxBacklog: 100_000}, Send{Timeout: 15 * time.Second})
	if got != want {
		t.Errorf("got %swant %s", got, want)
	}
}

// TestEveryKey reads a file that uses every form of every key.
func TestEveryKey(t *testing.T) {
	t.Parallel()
	c := load(t, "full.yaml")
	if got, want := c.Clock.Speed, 3600.0; got != want {
		t.Errorf("speed: got %v, want %v", got, want)
	}
	wantRedis := Redis{
		Mode: RedisSentinel, Master: "wagate", Addresses: []string{"sentinel-1:26379", "sentinel-2:26380"},
		Username: "app", Password: NewSecret("pa$$word"), SentinelPassword: NewSecret("${literal}"), DB: 2, TLS: true,
		Durability: Durability{Level: Replicas, Replicas: 2}, Partitions: 1024,
	}
	if !reflect.DeepEqual(c.Redis, wantRedis) {
		t.Errorf("redis: got %+v, want %+v", c.Redis, wantRedis)
	}
	if got, want := c.AI.BaseURL.String(), "http://127.0.0.1:9/v1"; got != want {
		t.Errorf("base URL: got %s, want %s", got, want)
	}
	if got, want := c.FollowUp.OptOutWords, []string{"STOP", "BASTA"}; !reflect.DeepEqual(got, want) {
		t.Errorf("opt-out words: got %v, want %v", got, want)
	}
	if got, want := fmt.Sprint(c.TrustedProxies),
		"[203.0.113.7/32 198.51.100.0/24 2001:db8::1/128 2001:db8:1::/48 192.0.2.1/32]"; got != want {
		t.Errorf("trusted proxies: got %s, want %s", got, want)
	}
	app, tenant := c.MetaApps[0], c.Tenants[0]
	for _, list := range []struct {
		key  string
		got  []Secret
		want []string
	}{
		{"admin_token", c.AdminTokens, []string{"hunter2", "old-operator"}},
		{"app_secret", app.AppSecrets, []string{"new", "old"}},
		{"verify_token", app.VerifyTokens, []string{"verify", "old-verify"}},
		{"crm_secret", tenant.CRMSecrets, []string{"crm-secret", "old-crm-secret"}},
		{"secret", tenant.Assistants[0].Secrets, []string{"whsec_aGVsbG8gd29ybGQsIHRoaXMgaXMgYSBrZXk=", "old-bot-secret"}},
		{"callback_token", tenant.Channels[1].CallbackTokens, []string{"callback-value", "old-callback-value"}},
	} {
		if !slices.Equal(revealed(list.got), list.want) {
			t.Errorf("%s: got %q, want %q", list.key, revealed(list.got), list.want)
		}
	}
	if got, want := tenant.ID, "aaaaaaaa-1111-4111-8111-111111111111"; got != want {
		t.Errorf("tenant id: got %s, want lower case %s", got, want)
	}
	if tenant.APIKeys[0] != digestKey("key-1") || tenant.APIKeys[1] != digestKey("key-2") {
		t.Error("api keys: got other digests, want those of key-1 (given plain) and key-2 (given as a digest)")
	}
	if got, want := tenant.Assistants[0].Instructions, "Be brief.\nBe kind.\n"; got != want {
		t.Errorf("instructions: got %q, want %q", got, want)
	}
	if !tenant.Assistants[0].History || load(t, "plain.yaml").Tenants[0].Assistants[0].History {
		t.Error("history: want true where the file sets it, and false by default")
	}
	if got, other := tenant.Assistants[0].Format, load(t, "plain.yaml").Tenants[0].Assistants[0].Format; got != FormatRaw || other != FormatMeta {
		t.Errorf("formats: got %s and %s, want raw where the file sets it, and meta by default", got, other)
	}
	if got, want := tenant.Channels[0].PhoneNumberID, "0100000000000001"; got != want {
		t.Errorf("phone number id: got %q, want it as written: %q", got, want)
	}
	gupshup := tenant.Channels[1]
	if gupshup.API != GupshupV3 || gupshup.PartnerToken.Reveal() != "pt" || gupshup.Source != "15550100001" {
		t.Errorf("gupshup channel: got %+v, want API v3 with its partner token and source", gupshup)
	}
}

// revealed returns the secrets in plain text.
func revealed(secrets []Secret) []string {
	var out []string
	for _, s := range secrets {
		out = append(out, s.Reveal())
	}
	return out
}

// TestSingleSecretNeedsNoList checks that one secret may be written without a list, and that an
// optional secret may be empty.
func TestSingleSecretNeedsNoList(t *testing.T) {
	t.Parallel()
	c := load(t, "plain.yaml")
	for key, got := range map[string][]Secret{
		"app-secret": c.MetaApps[0].AppSecrets, "verify": c.MetaApps[0].VerifyTokens,
		"shh": c.Tenants[0].Assistants[0].Secrets, "ct": c.Tenants[0].Channels[1].CallbackTokens,
	} {
		if !slices.Equal(revealed(got), []string{key}) {
			t.Errorf("got %q, want %q alone", revealed(got), key)
		}
	}
	if len(c.AdminTokens)+len(c.Tenants[0].CRMSecrets) != 0 {
		t.Errorf("got %d admin tokens and %d CRM secrets, want none", len(c.AdminTokens), len(c.Tenants[0].CRMSecrets))
	}
	for yaml, want := range map[string][]string{`""`: nil, `"${EMPTY}"`: nil, "one": {"one"}, "[one]": {"one"}, "[one, two]": {"one", "two"}} {
		d := &decoder{lookup: environment}
		root, _ := d.parse([]byte("admin_token: " + yaml))
		if _, _, got := readListeners(root); len(d.problems) > 0 || !slices.Equal(revealed(got), want) {
			t.Errorf("admin_token: %s: got %q, %v, want %q", yaml, revealed(got), d.problems, want)
		}
	}
}

func TestGupshupDefaultsToV2(t *testing.T) {
	t.Parallel()
	if got := load(t, "plain.yaml").Tenants[0].Channels[1].API; got != GupshupV2 {
		t.Errorf("got %q, want v2", got)
	}
}

// parseRedisURL accepts one address or several in every documented form, and refuses anything else.
func TestRedisURL(t *testing.T) {
	t.Parallel()
	for url, want := range map[string]Redis{
		"":                        {Mode: RedisEmbedded},
		"redis://10.0.0.1":        {Mode: RedisSingle, Addresses: []string{"10.0.0.1:6379"}},
		"10.0.0.1:7000":           {Mode: RedisSingle, Addresses: []string{"10.0.0.1:7000"}},
		"redis://[::1]:7000/3":    {Mode: RedisSingle, Addresses: []string{"[::1]:7000"}, DB: 3},
		"rediss://u:p%2Cw@r:6380": {Mode: RedisSingle, Addresses: []string{"r:6380"}, Username: "u", Password: NewSecret("p,w"), TLS: true},
		"redis://:pw@a:1, b:2,c":  {Mode: RedisCluster, Addresses: []string{"a:1", "b:2", "c:6379"}, Password: NewSecret("pw")},
		"redis://a:1,redis://b:2": {Mode: RedisCluster, Addresses: []string{"a:1", "b:2"}},
		"a:1,b:2":                 {Mode: RedisCluster, Addresses: []string{"a:1", "b:2"}},
	} {
		got, err := parseRedisURL(url)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %+v, %v, want %+v", url, got, err, want)
		}
	}
	for _, url := range []string{
		"unix:///tmp/redis", "redis://", "redis://a:0", "redis://a:1,", "redis://a:1/-1", "redis://a:1?db=2",
		"redis://a:1,rediss://b:2", "redis://u:p,w@a:1", "redis://a b:1",
	} {
		if got, err := parseRedisURL(url); err == nil {
			t.Errorf("%q: got %+v, want an error", url, got)
		}
	}
}

// ${NAME} is replaced by the variable's value, once; $${ stands for a literal ${.
func TestExpand(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"":                    "",
		"${SECRET}":           "hunter2",
		"a${SECRET}b${EMPTY}": "ahunter2b",
		"pa$$word $1 $":       "pa$$word $1 $",
		"$${SECRET}":          "${SECRET}",
		"$$${SECRET}":         "$${SECRET}",
		"${DOLLAR}":           "a${SECRET}b",
	} {
		if got, err := expand(in, environment); err != nil || got != want {
			t.Errorf("%q: got %q, %v, want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"${", "${}", "${A-B}", "${1}", "${NOT_SET}", "x${SECRET"} {
		if got, err := expand(in, environment); err == nil {
			t.Errorf("%q: got %q, want an error", in, got)
		}
	}
}

// The example file is valid once its variables are set.
func TestExampleFileLoads(t *testing.T) {
	t.Parallel()
	anything := func(name string) (string, bool) {
		if name == "REDIS_URL" {
			return "redis://127.0.0.1:6379", true
		}
		return "value of " + name, true
	}
	c, err := Load("wagate.example.yaml", anything)
	if err != nil {
		t.Fatalf("got problems\n%v", err)
	}
	if got := c.Tenants[0].Channels[1].Provider; got != ProviderGupshup {
		t.Errorf("got %q, want %q", got, ProviderGupshup)
	}
}

// If the file does not exist, the error of Load matches os.IsNotExist when unwrapped.
func TestLoadReportsMissingFile(t *testing.T) {
	t.Parallel()
	if _, err := Load(filepath.Join(t.TempDir(), "none.yaml"), environment); !os.IsNotExist(unwrap(err)) {
		t.Errorf("got %v, want not found", err)
	}
}

// unwrap returns the error inside err, or err itself.
func unwrap(err error) error {
	if w, ok := err.(interface{ Unwrap() error }); ok {
		return w.Unwrap()
	}
	return err
}

// TestLoadAdmin checks that a problem elsewhere in the file does not lock the operator out.
func TestLoadAdmin(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "f.yaml")
	write := func(text string) {
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write("admin: \"0.0.0.0:9090\"\nadmin_token: [\"${SECRET}\", old]\nredis: {url: \"${NOT_SET}\"}\nnonsense: 1\n")
	got, err := LoadAdmin(file, environment)
	if err != nil || got.Address != "0.0.0.0:9090" || got.Token.Reveal() != "hunter2" {
		t.Errorf("got %+v, %v, want the admin address and token", got, err)
	}
	write("admin: nowhere\n")
	if _, err := LoadAdmin(file, environment); err == nil || !strings.Contains(err.Error(), "admin:") {
		t.Errorf("got %v, want the problem with admin", err)
	}
}

// Under reports whether a problem is at or below a key. A problem with the file as a
// whole is under every key.
func TestProblemsUnder(t *testing.T) {
	t.Parallel()
	ps := Problems{{Path: "redis.url"}, {Path: "tenants[0].id"}}
	for key, want := range map[string]bool{"redis": true, "red": false, "tenants": true, "ai": false} {
		if got := ps.Under(key); got != want {
			t.Errorf("%s: got %v, want %v", key, got, want)
		}
	}
	if !(Problems{{}}).Under("redis") {
		t.Error("a problem with the file as a whole: got false, want true")
	}
}
