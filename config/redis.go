package config

import (
	"cmp"
	"errors"
	"fmt"
	"net"
	"net/url"
	"strconv"
	"strings"
)

// Redis configures the connection to Redis, the only store.
type Redis struct {
	// Mode is how Redis is reached. It is derived from the other keys.
	Mode RedisMode `yaml:"mode"`
	// Addresses are host:port pairs: of the server, of some nodes of the cluster, or of the
	// sentinels. Empty for the embedded Redis.
	Addresses []string `yaml:"addresses,omitempty"`
	// Master is the sentinels' name of the server.
	Master string `yaml:"master,omitempty"`
	// Username, Password and DB are for the server, SentinelPassword is for the sentinels. DB is 0
	// for a cluster.
	Username         string `yaml:"username,omitempty"`
	Password         Secret `yaml:"password,omitzero"`
	SentinelPassword Secret `yaml:"sentinel_password,omitzero"`
	DB               int    `yaml:"db"`
	TLS              bool   `yaml:"tls"`
	// Durability is what a write must survive before it is acknowledged. Default everysec.
	Durability Durability `yaml:"durability"`
	// Partitions is the number of slots that the leads are spread over. Default 64, between 1 and
	// 1024. It is fixed when the service first starts.
	Partitions int `yaml:"partitions"`
}

// RedisMode is how Redis is reached.
type RedisMode string

// The Redis modes.
const (
	RedisEmbedded RedisMode = "embedded" // in this process; sandbox only
	RedisSingle   RedisMode = "single"
	RedisCluster  RedisMode = "cluster"
	RedisSentinel RedisMode = "sentinel"
)

// DurabilityLevel is a promise about acknowledged writes.
type DurabilityLevel string

// The durability levels.
const (
	EverySec DurabilityLevel = "everysec" // a crash of Redis can lose the last seconds
	Always   DurabilityLevel = "always"   // each write is synced to disk
	Replicas DurabilityLevel = "replicas" // a number of replicas have the write
)

// Durability is a level and, for Replicas, the number of replicas that must have a write.
type Durability struct {
	Level    DurabilityLevel
	Replicas int
}

// String returns the durability as written in the file.
func (d Durability) String() string {
	if d.Level == Replicas {
		return fmt.Sprintf("%s:%d", d.Level, d.Replicas)
	}
	return string(d.Level)
}

// MarshalYAML returns the durability as written in the file.
func (d Durability) MarshalYAML() (any, error) { return d.String(), nil }

const (
	defaultPartitions = 64
	maxPartitions     = 1024
	maxReplicas       = 16
)

func readRedis(root *object, sandbox bool) Redis {
	if !root.has("redis") {
		root.report("redis", "missing, want url or sentinel")
		return Redis{}
	}
	o := root.d.object(root.fields["redis"], "redis")
	r := readServer(o)
	r.Durability = field(o, "durability", Durability{Level: EverySec}, durability())
	r.Partitions = field(o, "partitions", defaultPartitions, integer(1, maxPartitions))
	if r.Mode == RedisEmbedded && !sandbox {
		o.report("url", "got an empty value, which is the embedded Redis, want a Redis unless sandbox is true")
	}
	if r.Mode == RedisEmbedded && r.Durability.Level == Replicas {
		o.report("durability", "got %s, want everysec or always: the embedded Redis has no replicas", r.Durability)
	}
	o.end()
	return r
}

// readServer reads how Redis is reached: url or sentinel.
func readServer(o *object) Redis {
	var r Redis
	if o.has("sentinel") {
		r = readSentinel(o.d.object(o.fields["sentinel"], o.at("sentinel")))
		if o.has("url") {
			o.report("url", "given together with sentinel, want only one of the two")
		}
		return r
	}
	if !o.has("url") {
		if !o.broken {
			o.report("url", `missing, want redis:// or rediss:// with host:port, or "" in a sandbox`)
		}
		return r
	}
	raw, ok := scalar(o.fields["url"])
	if !ok {
		o.report("url", "got %s, want a URL", kindOf(o.fields["url"]))
		return r
	}
	text, err := expand(raw, o.d.lookup)
	if err == nil {
		r, err = parseRedisURL(text)
	}
	if err != nil {
		o.report("url", "%s", err)
	}
	return r
}

func readSentinel(o *object) Redis {
	r := Redis{
		Mode:             RedisSentinel,
		Master:           need(o, "master", text("the master's name")),
		Addresses:        list(o, "addresses", hostPort("26379")),
		Username:         field(o, "username", "", optional("a user name")),
		Password:         field(o, "password", Secret{}, optionalSecret("a password")),
		SentinelPassword: field(o, "sentinel_password", Secret{}, optionalSecret("a password")),
		DB:               field(o, "db", 0, integer(0, 1<<14)),
		TLS:              field(o, "tls", false, boolean()),
	}
	if len(r.Addresses) == 0 && !o.broken {
		o.report("addresses", "missing, want the sentinels' host:port")
	}
	o.end()
	return r
}

// parseRedisURL parses redis://[user:password@]host[:port][/db], or rediss:// for TLS. Several
// addresses separated by commas mean a cluster; all but the first may leave out the scheme. The
// errors never quote the URL, which may hold a password.
func parseRedisURL(s string) (Redis, error) {
	if s == "" {
		return Redis{Mode: RedisEmbedded}, nil
	}
	parts := strings.Split(s, ",")
	first := strings.TrimSpace(parts[0])
	if !strings.Contains(first, "://") {
		first = "redis://" + first
	}
	u, err := url.Parse(first)
	if err != nil || u.Scheme != "redis" && u.Scheme != "rediss" || u.RawQuery != "" || u.Fragment != "" {
		return Redis{}, errors.New("got something else (not shown), want redis:// or rediss:// with host:port and no query; " +
			"commas, slashes and the like in a password written as %2C, %2F")
	}
	r := Redis{Mode: RedisSingle, TLS: u.Scheme == "rediss", Username: u.User.Username()}
	password, _ := u.User.Password()
	r.Password = NewSecret(password)
	path := u.Path
	hosts := []string{u.Host}
	for _, p := range parts[1:] {
		p = strings.TrimPrefix(strings.TrimSpace(p), u.Scheme+"://")
		host, rest, _ := strings.Cut(p, "/")
		path = cmp.Or(rest, path)
		hosts = append(hosts, host)
		r.Mode = RedisCluster
	}
	for i, h := range hosts {
		a, ok := hostPort("6379").parse(h)
		if !ok {
			return Redis{}, fmt.Errorf("address %d is not host:port (not shown)", i+1)
		}
		r.Addresses = append(r.Addresses, a)
	}
	if path = strings.Trim(path, "/"); path != "" {
		if r.DB, err = strconv.Atoi(path); err != nil || r.DB < 0 {
			return Redis{}, errors.New("got a path that is not a database number, want one such as /0, or none")
		}
	}
	if r.Mode == RedisCluster && r.DB != 0 {
		return Redis{}, fmt.Errorf("got database %d, want none: a cluster has only database 0", r.DB)
	}
	return r, nil
}

// hostPort is an address to connect to. If it has no port, port is used.
func hostPort(port string) kind[string] {
	return kind[string]{want: "host:port", show: hidden, parse: func(s string) (string, bool) {
		if strings.ContainsAny(s, " @/?#,") || s == "" {
			return "", false
		}
		h, p, err := net.SplitHostPort(s)
		if err != nil {
			h, p = strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"), port
			if strings.Contains(h, ":") && net.ParseIP(h) == nil {
				return "", false
			}
		}
		return net.JoinHostPort(h, p), h != "" && portOK(p, 1)
	}}
}

func durability() kind[Durability] {
	return kind[Durability]{
		want: fmt.Sprintf("everysec, always or replicas:N with N between 1 and %d", maxReplicas),
		parse: func(s string) (Durability, bool) {
			level, count, counted := strings.Cut(s, ":")
			n, err := strconv.Atoi(count)
			switch DurabilityLevel(level) {
			case EverySec, Always:
				return Durability{Level: DurabilityLevel(level)}, !counted
			case Replicas:
				return Durability{Level: Replicas, Replicas: n}, err == nil && 1 <= n && n <= maxReplicas
			default:
				return Durability{}, false
			}
		},
	}
}
