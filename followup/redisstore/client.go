package redisstore

import (
	"crypto/x509"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/redis/go-redis/v9/maintnotifications"
)

// ClientParams says where Redis is, in plain values as the operator's file has them.
type ClientParams struct {
	// URL is redis://, rediss:// or unix://. Several, comma-separated, are nodes of a cluster. With
	// a sentinel the URL may be empty; otherwise user, password, database and TLS are taken from
	// it.
	URL string
	// SentinelMaster and SentinelAddresses (host:port) find the master through sentinels.
	SentinelMaster    string
	SentinelAddresses []string
	SentinelPassword  string // for the sentinels themselves; empty: none
	// PoolSize is the number of connections per node; 0 means the default of 10 per CPU.
	PoolSize int

	roots *x509.CertPool // issuers to trust where there are several servers; nil: the system's
}

// The bounds of one call. The client may retry a script, because scripts answer a repeated request
// like the first. Three tries end well before a webhook's sender gives up.
const (
	dialTimeout  = 2 * time.Second
	readTimeout  = 3 * time.Second
	writeTimeout = 3 * time.Second
	poolTimeout  = 4 * time.Second
	maxRetries   = 2
	minBackoff   = 10 * time.Millisecond
	maxBackoff   = 250 * time.Millisecond
)

// NewClient returns a client for one server, a cluster or a master behind sentinels. It does not
// connect. Its errors never contain the URL, which may have a password in it.
func NewClient(p ClientParams) (redis.UniversalClient, error) {
	var urls []string
	for u := range strings.SplitSeq(p.URL, ",") {
		if u = strings.TrimSpace(u); u != "" {
			urls = append(urls, u)
		}
	}
	opts := make([]*redis.Options, len(urls))
	for i, u := range urls {
		o, err := redis.ParseURL(u)
		if err != nil {
			return nil, fmt.Errorf("redis url %d: want redis://, rediss:// or unix:// with a valid address", i+1)
		}
		opts[i] = o
	}
	switch {
	case p.SentinelMaster != "" && len(p.SentinelAddresses) == 0:
		return nil, errors.New("redis sentinel: master without addresses")
	case p.SentinelMaster == "" && len(p.SentinelAddresses) > 0:
		return nil, errors.New("redis sentinel: addresses without master")
	case p.SentinelMaster != "":
		return sentinelClient(p, opts)
	case len(opts) == 0:
		return nil, errors.New("redis url: empty")
	case len(opts) == 1:
		return redis.NewClient(single(opts[0], p)), nil
	}
	return clusterClient(p, opts)
}

func single(o *redis.Options, p ClientParams) *redis.Options {
	o.DialTimeout, o.ReadTimeout, o.WriteTimeout, o.PoolTimeout = dialTimeout, readTimeout, writeTimeout, poolTimeout
	o.MaxRetries, o.MinRetryBackoff, o.MaxRetryBackoff = maxRetries, minBackoff, maxBackoff
	o.ContextTimeoutEnabled = true
	o.PoolSize = p.PoolSize
	o.DisableIdentity = true
	o.MaintNotificationsConfig = &maintnotifications.Config{Mode: maintnotifications.ModeDisabled}
	return o
}

func sentinelClient(p ClientParams, opts []*redis.Options) (redis.UniversalClient, error) {
	if len(opts) > 1 {
		return nil, errors.New("redis sentinel: want at most one url beside it")
	}
	o := &redis.FailoverOptions{
		MasterName: p.SentinelMaster, SentinelAddrs: p.SentinelAddresses, SentinelPassword: p.SentinelPassword,
		PoolSize:    p.PoolSize,
		DialTimeout: dialTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, PoolTimeout: poolTimeout,
		MaxRetries: maxRetries, MinRetryBackoff: minBackoff, MaxRetryBackoff: maxBackoff,
		ContextTimeoutEnabled: true, DisableIdentity: true,
	}
	if len(opts) == 1 {
		o.Username, o.Password, o.DB = opts[0].Username, opts[0].Password, opts[0].DB
		o.Dialer = dialer(opts[0], p.SentinelAddresses, p.roots)
	}
	return redis.NewFailoverClient(o), nil
}

func clusterClient(p ClientParams, opts []*redis.Options) (redis.UniversalClient, error) {
	first := opts[0]
	addrs := make([]string, len(opts))
	for i, o := range opts {
		if o.DB != 0 {
			return nil, errors.New("redis cluster: has no databases, take the number off the url")
		}
		if o.Network == "unix" {
			return nil, errors.New("redis cluster: want host and port")
		}
		addrs[i] = o.Addr
	}
	return redis.NewClusterClient(&redis.ClusterOptions{
		Addrs: addrs, Username: first.Username, Password: first.Password, Dialer: dialer(first, addrs, p.roots),
		DialTimeout: dialTimeout, ReadTimeout: readTimeout, WriteTimeout: writeTimeout, PoolTimeout: poolTimeout,
		MaxRedirects: maxHops, MinRetryBackoff: minBackoff, MaxRetryBackoff: maxBackoff, PoolSize: p.PoolSize,
		ContextTimeoutEnabled: true, DisableIdentity: true,
		MaintNotificationsConfig: &maintnotifications.Config{Mode: maintnotifications.ModeDisabled},
	}), nil
}
