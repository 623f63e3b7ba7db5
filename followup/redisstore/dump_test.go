package redisstore

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"maps"
	"slices"
	"sort"
	"strconv"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// dump returns the commands that recreate the whole content of Redis, sorted by key.
func dump(ctx context.Context, db redis.UniversalClient) ([]byte, error) {
	keys, err := db.Keys(ctx, "*").Result()
	if err != nil {
		return nil, err
	}
	sort.Strings(keys)
	var b bytes.Buffer
	for _, key := range keys {
		kind, err := db.Type(ctx, key).Result()
		if err != nil {
			return nil, err
		}
		var args []string
		switch kind {
		case "string":
			args = []string{"SET", key, db.Get(ctx, key).Val()}
		case "list":
			args = append([]string{"RPUSH", key}, db.LRange(ctx, key, 0, -1).Val()...)
		case "hash":
			args = []string{"HSET", key}
			all := db.HGetAll(ctx, key).Val()
			for _, f := range slices.Sorted(maps.Keys(all)) {
				args = append(args, f, all[f])
			}
		case "zset":
			args = []string{"ZADD", key}
			for _, z := range db.ZRangeWithScores(ctx, key, 0, -1).Val() {
				args = append(args, strconv.FormatFloat(z.Score, 'f', -1, 64), member(z))
			}
		default:
			return nil, fmt.Errorf("%s: unexpected type %s", key, kind)
		}
		for i, a := range args {
			if i > 0 {
				b.WriteByte(' ')
			}
			b.WriteString(strconv.Quote(a))
		}
		b.WriteByte('\n')
	}
	return b.Bytes(), nil
}

// restore runs the commands that dump wrote.
func restore(t *testing.T, db redis.UniversalClient, text []byte) {
	t.Helper()
	lines := bufio.NewScanner(bytes.NewReader(text))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var args []any
		for rest := lines.Text(); rest != ""; rest = strings.TrimPrefix(rest, " ") {
			quoted, err := strconv.QuotedPrefix(rest)
			if err != nil {
				t.Fatalf("restore: %v", err)
			}
			arg, err := strconv.Unquote(quoted)
			if err != nil {
				t.Fatalf("restore: %v", err)
			}
			args, rest = append(args, arg), rest[len(quoted):]
		}
		if err := db.Do(t.Context(), args...).Err(); err != nil {
			t.Fatalf("%s: %v", args[0], err)
		}
	}
}
