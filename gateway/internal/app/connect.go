package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"runtime"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"wagate/config"
	"wagate/followup/redisstore"
)

// connection is a client of Redis and the function that closes it.
type connection struct {
	client   redis.UniversalClient
	embedded bool
	close    func() error
}

func connect(cfg config.Config) (*connection, error) {
	if cfg.Redis.Mode == config.RedisEmbedded {
		client, stop, err := redisstore.Embedded()
		if err != nil {
			return nil, err
		}
		return &connection{client: client, embedded: true, close: func() error {
			stop()
			return nil
		}}, nil
	}
	p := redisstore.ClientParams{}
	addresses := cfg.Redis.Addresses
	if cfg.Redis.Mode == config.RedisSentinel {
		p.SentinelMaster, p.SentinelAddresses = cfg.Redis.Master, addresses
		p.SentinelPassword = cfg.Redis.SentinelPassword.Reveal()
		addresses = []string{"master.invalid"} // the sentinels know the address; the URL carries user, database and TLS
	}
	urls := make([]string, 0, len(addresses))
	for _, address := range addresses {
		urls = append(urls, redisURL(cfg.Redis, address))
	}
	p.URL = strings.Join(urls, ",")
	client, err := redisstore.NewClient(p)
	if err != nil {
		return nil, err
	}
	return &connection{client: client, close: client.Close}, nil
}

func redisURL(r config.Redis, address string) string {
	u := url.URL{Scheme: "redis", Host: address}
	if r.TLS {
		u.Scheme = "rediss"
	}
	if password := r.Password.Reveal(); password != "" || r.Username != "" {
		u.User = url.UserPassword(r.Username, password)
	}
	if r.DB != 0 {
		u.Path = "/" + strconv.Itoa(r.DB)
	}
	return strings.ReplaceAll(u.String(), ",", "%2C") // commas separate addresses
}

// durability converts the configured durability to the store's type.
func durability(d config.Durability) redisstore.Durability {
	return redisstore.Durability{Level: string(d.Level), Replicas: d.Replicas}
}

// Check connects to the Redis that the configuration names and returns every problem, one per
// line: Redis cannot be reached, cannot keep the configured durability, or holds data that does not
// fit the configuration. It writes nothing.
func Check(ctx context.Context, cfg config.Config) error {
	redisstore.LogTo(slog.New(slog.DiscardHandler))
	c, err := connect(cfg)
	if err != nil {
		return err
	}
	defer c.close() //nolint:errcheck // nothing was written
	report, err := redisstore.Inspect(ctx, redisstore.Params{
		Client: c.client, Partitions: cfg.Redis.Partitions, Durability: durability(cfg.Redis.Durability), Embedded: c.embedded,
		Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil || c.embedded {
		return err
	}
	problems := make([]error, 0, len(report.Problems))
	for _, p := range report.Problems {
		problems = append(problems, fmt.Errorf("redis: %s", p))
	}
	return errors.Join(problems...)
}

// Serve builds the service and runs it until ctx ends or a listener fails, then stops it.
func Serve(ctx context.Context, cfg config.Config, log *slog.Logger) error {
	redisstore.LogTo(log)
	spare := spareCollector()
	defer runtime.KeepAlive(spare)
	a, err := New(ctx, cfg, log)
	if err != nil {
		return err
	}
	if err := a.Start(ctx); err != nil {
		return errors.Join(err, a.redis.close())
	}
	err = a.Wait(ctx)
	return errors.Join(err, a.Stop(context.WithoutCancel(ctx)))
}
