package proc

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9" //nolint:depguard // asks the server about itself; what is stored is the store's
)

// RedisParams configure a redis-server.
type RedisParams struct {
	// Fsync is its appendfsync: everysec or always.
	Fsync string
	// Rewrite allows it to rewrite its append-only file, as it does by default. If false, nothing
	// forks in the middle of a run.
	Rewrite bool
}

// Redis is a redis-server with an append-only file.
type Redis struct {
	*Process

	// URL is the server's address as the operator's file takes it.
	URL    string
	group  *Group
	file   string // path of its configuration
	client *redis.Client
}

// StartRedis starts an empty redis-server and waits until it answers.
func (g *Group) StartRedis(ctx context.Context, p RedisParams) (*Redis, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		return nil, fmt.Errorf("redis-server is not installed: %w", err)
	}
	dir, err := os.MkdirTemp(g.dir, "redis")
	if err != nil {
		return nil, fmt.Errorf("start redis: %w", err)
	}
	var last error
	for range 5 { // another process may take the port first
		r, err := g.startRedis(ctx, path, dir, p)
		if err == nil {
			return r, nil
		}
		last = err
	}
	return nil, last
}

func (g *Group) startRedis(ctx context.Context, path, dir string, p RedisParams) (*Redis, error) {
	port, err := freePort()
	if err != nil {
		return nil, err
	}
	conf := fmt.Sprintf("bind %s\nport %d\ndir %s\nsave \"\"\nappendonly yes\nappendfsync %s\n"+
		"loglevel warning\n", loopback, port, dir, p.Fsync)
	if !p.Rewrite {
		conf += "auto-aof-rewrite-min-size 8gb\n"
	}
	file := filepath.Join(dir, "redis.conf")
	if err := os.WriteFile(file, []byte(conf), 0o600); err != nil {
		return nil, fmt.Errorf("start redis: %w", err)
	}
	addr := net.JoinHostPort(loopback, strconv.Itoa(port))
	r := &Redis{URL: "redis://" + addr, group: g, file: file, client: redis.NewClient(&redis.Options{
		Addr: addr, MaxRetries: -1, DisableIdentity: true, ReadTimeout: patience,
	})}
	g.atEnd(func() { _ = r.client.Close() })
	return r, r.run(ctx, path)
}

// run starts the server on its files and waits until it answers.
func (r *Redis) run(ctx context.Context, path string) error {
	p, err := r.group.start(exec.CommandContext(ctx, path, r.file), nil) //nolint:gosec // the server that is installed
	if err != nil {
		return err
	}
	r.Process = p
	return p.until(ctx, func(ctx context.Context) error { return r.client.Ping(ctx).Err() })
}

// Restart starts a server that has ended again, at the same address and on the same files, and
// waits until it answers.
func (r *Redis) Restart(ctx context.Context) error { return r.run(ctx, r.cmd.Path) }

// FlushScripts empties the server's script cache.
func (r *Redis) FlushScripts(ctx context.Context) error {
	if err := r.client.ScriptFlush(ctx).Err(); err != nil {
		return fmt.Errorf("flush scripts of redis: %w", err)
	}
	return nil
}

// Counters count what Redis has done since it started.
type Counters struct {
	Commands int64 // including those that scripts call
	Scripts  int64 // EVALSHA and EVAL
	Reads    int64 // of sockets: round trips, as long as no client sends piecemeal
	In, Out  int64 // bytes
	CPU      time.Duration
	// Within is the time spent in commands, including those that scripts call, without the scripts
	// themselves.
	Within time.Duration
}

// Sub returns what was done since an earlier reading.
func (c Counters) Sub(before Counters) Counters {
	return Counters{
		Commands: c.Commands - before.Commands, Scripts: c.Scripts - before.Scripts, Reads: c.Reads - before.Reads,
		In: c.In - before.In, Out: c.Out - before.Out, CPU: c.CPU - before.CPU, Within: c.Within - before.Within,
	}
}

// Counters reads the server's counters.
func (r *Redis) Counters(ctx context.Context) (Counters, error) {
	text, err := r.client.Info(ctx, "stats", "commandstats", "cpu").Result()
	if err != nil {
		return Counters{}, fmt.Errorf("info of redis: %w", err)
	}
	return parseCounters(text), nil
}

func parseCounters(info string) Counters {
	var c Counters
	for line := range strings.Lines(info) {
		name, value, _ := strings.Cut(strings.TrimSpace(line), ":")
		n, _ := strconv.ParseInt(value, 10, 64)
		switch name {
		case "total_commands_processed":
			c.Commands = n
		case "total_reads_processed":
			c.Reads = n
		case "total_net_input_bytes":
			c.In = n
		case "total_net_output_bytes":
			c.Out = n
		case "cmdstat_evalsha", "cmdstat_eval":
			c.Scripts += statOf(value, "calls")
		case "used_cpu_sys", "used_cpu_user":
			seconds, _ := strconv.ParseFloat(value, 64)
			c.CPU += time.Duration(seconds * float64(time.Second))
		default:
			if strings.HasPrefix(name, "cmdstat_") {
				c.Within += time.Duration(statOf(value, "usec")) * time.Microsecond
			}
		}
	}
	return c
}

// statOf returns a number from what Redis says about a command, such as calls=1,usec=2.
func statOf(says, name string) int64 {
	for part := range strings.SplitSeq(says, ",") {
		if value, ok := strings.CutPrefix(part, name+"="); ok {
			n, _ := strconv.ParseInt(value, 10, 64)
			return n
		}
	}
	return 0
}

// Memory returns how many keys match the pattern, and how many bytes Redis says they take with
// everything in them.
func (r *Redis) Memory(ctx context.Context, pattern string) (keys int, bytes int64, err error) {
	scan := r.client.Scan(ctx, 0, pattern, 1000).Iterator()
	for scan.Next(ctx) {
		n, err := r.client.MemoryUsage(ctx, scan.Val(), 0).Result() // 0: count every element
		if err != nil {
			return 0, 0, fmt.Errorf("memory of redis: %w", err)
		}
		keys, bytes = keys+1, bytes+n
	}
	if err := scan.Err(); err != nil {
		return 0, 0, fmt.Errorf("keys of redis: %w", err)
	}
	return keys, bytes, nil
}

// packedField is what a field of a packed hash takes besides its name and a short value: one byte
// before and one after each.
const packedField = 4

// Packed returns how many hashes whose keys match the pattern have the field, and how many bytes
// the field takes in them. The memory of a whole hash cannot tell, because it grows by 64 bytes at
// a time. Packed fails if Redis does not keep one of these hashes packed, because a field then
// takes more.
func (r *Redis) Packed(ctx context.Context, pattern, field string) (hashes int, bytes int64, err error) {
	scan := r.client.Scan(ctx, 0, pattern, 1000).Iterator()
	for scan.Next(ctx) {
		value, err := r.client.HGet(ctx, scan.Val(), field).Result()
		if errors.Is(err, redis.Nil) {
			continue
		}
		if err != nil {
			return 0, 0, fmt.Errorf("field of redis: %w", err)
		}
		kind, err := r.client.ObjectEncoding(ctx, scan.Val()).Result()
		if err != nil {
			return 0, 0, fmt.Errorf("encoding of redis: %w", err)
		}
		if kind != "listpack" {
			return 0, 0, fmt.Errorf("%s is kept as a %s, want it packed", scan.Val(), kind)
		}
		hashes, bytes = hashes+1, bytes+int64(packedField+len(field)+len(value))
	}
	if err := scan.Err(); err != nil {
		return 0, 0, fmt.Errorf("keys of redis: %w", err)
	}
	return hashes, bytes, nil
}

// settled is how long Redis is left alone before its memory is read, so that the buffers of clients
// and of the append-only file are given back.
const settled = time.Second / 2

// Used returns how many bytes Redis has allocated once nothing is under way.
func (r *Redis) Used(ctx context.Context) (int64, error) {
	time.Sleep(settled)
	text, err := r.client.InfoMap(ctx, "memory").Result()
	if err != nil {
		return 0, fmt.Errorf("info of redis: %w", err)
	}
	return strconv.ParseInt(text["Memory"]["used_memory"], 10, 64)
}

// Forget removes the keys that match the pattern.
func (r *Redis) Forget(ctx context.Context, pattern string) error {
	scan := r.client.Scan(ctx, 0, pattern, 1000).Iterator()
	for scan.Next(ctx) {
		if err := r.client.Del(ctx, scan.Val()).Err(); err != nil {
			return fmt.Errorf("remove keys of redis: %w", err)
		}
	}
	if err := scan.Err(); err != nil {
		return fmt.Errorf("keys of redis: %w", err)
	}
	return nil
}

// Commands returns Redis' statistics of each command, in Redis' own form.
func (r *Redis) Commands(ctx context.Context) (string, error) {
	text, err := r.client.Info(ctx, "commandstats").Result()
	if err != nil {
		return "", fmt.Errorf("info of redis: %w", err)
	}
	return text, nil
}
