package app

import (
	"testing"

	"github.com/redis/go-redis/v9"

	"wagate/config"
	"wagate/followup/redisstore"
)

// TestDurabilityIsAsInTheFile: the store keeps the durability level that the operator file sets.
func TestDurabilityIsAsInTheFile(t *testing.T) {
	t.Parallel()
	for file, want := range map[config.Durability]redisstore.Durability{
		{Level: config.EverySec}:              {Level: redisstore.LevelEverysec},
		{Level: config.Always}:                {Level: redisstore.LevelAlways},
		{Level: config.Replicas, Replicas: 2}: {Level: redisstore.LevelReplicas, Replicas: 2},
	} {
		if got := durability(file); got != want || got.String() != file.String() {
			t.Errorf("%s: got %+v, want %+v", file, got, want)
		}
	}
}

// TestRedisPasswordIsPassedUnchanged: the client gets user name, password and database number as
// they stand in the operator file. A password that was changed on the way, or taken for two
// addresses, would keep the service from starting.
func TestRedisPasswordIsPassedUnchanged(t *testing.T) {
	t.Parallel()
	const name, password = "na,me@:/", `p@ss:/w%rd?x#y,z;&=+$ "\é`
	one, two := []string{"127.0.0.1:1"}, []string{"127.0.0.1:1", "127.0.0.1:2"}
	for mode, r := range map[string]config.Redis{
		"single":   {Mode: config.RedisSingle, Addresses: one, DB: 3},
		"cluster":  {Mode: config.RedisCluster, Addresses: two},
		"sentinel": {Mode: config.RedisSentinel, Addresses: two, Master: "m", DB: 3},
		"tls":      {Mode: config.RedisSingle, Addresses: one, TLS: true, DB: 3},
	} {
		t.Run(mode, func(t *testing.T) {
			t.Parallel()
			r.Username, r.Password = name, config.NewSecret(password)
			c, err := connect(config.Config{Redis: r})
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.close() }()
			var gotName, gotPassword string
			db := 0
			switch client := c.client.(type) {
			case *redis.Client:
				gotName, gotPassword, db = client.Options().Username, client.Options().Password, client.Options().DB
			case *redis.ClusterClient:
				gotName, gotPassword = client.Options().Username, client.Options().Password
			}
			if gotName != name || gotPassword != password || db != r.DB {
				t.Errorf("got user %q, password %q, database %d, want %q, %q, %d", gotName, gotPassword, db, name, password, r.DB)
			}
		})
	}
}
