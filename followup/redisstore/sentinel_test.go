package redisstore

import (
	"context"
	"errors"
	"net"
	"strconv"
	"strings"
	"testing"
	"time"

	"wagate/followup"
	"wagate/followup/redisstore/redistest"
)

// TestI1FailoverBySentinels kills the master that sentinels have named. What was acknowledged must
// be known to the replica that takes over. Until that has a replica itself, nothing more may be
// acknowledged, and Ping must say so.
func TestI1FailoverBySentinels(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), maxWait)
	defer cancel()
	master := redistest.Start(t, redistest.TCP(), redistest.AOF("everysec"))
	replica := redistest.Start(t, redistest.TCP(), redistest.AOF("everysec"), redistest.ReplicaOf(master))
	sentinel := redistest.StartSentinel(t, "m", "127.0.0.1", strconv.Itoa(master.Port), maxWait)
	db, err := NewClient(ClientParams{
		SentinelMaster: "m", SentinelAddresses: []string{net.JoinHostPort("127.0.0.1", strconv.Itoa(sentinel.Port))},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	s := openStore(t, Params{Client: db, Durability: oneReplica, WaitTimeout: 100 * time.Millisecond})
	untilPing(t, s, "with the replica", isNil)
	p := newParty()
	message := p.message("1", epoch)
	durably(t, func(ctx context.Context) error { return errOf(s.Settle(ctx, message)) })
	for seen := ""; seen == "" && ctx.Err() == nil; { // it takes a while until the sentinel knows the replica
		seen = sentinel.Client().InfoMap(ctx, "sentinel").Item("Sentinel", "master0")
		if seen != "name=m,status=ok,address=127.0.0.1:"+strconv.Itoa(master.Port)+",slaves=1,sentinels=1" {
			seen = ""
		}
	}
	master.Kill()
	patience := func(gone time.Duration) { // a short one must hold only during the failover, as the machine may be busy
		t.Helper()
		if err := sentinel.Client().Do(ctx, "sentinel", "set", "m", "down-after-milliseconds", gone.Milliseconds()).Err(); err != nil {
			t.Fatal(err)
		}
	}
	patience(time.Second)
	untilPing(t, s, "the replica has taken over", isNotDurable)
	patience(maxWait)
	if _, err := s.Settle(ctx, message); !errors.Is(err, followup.ErrNotDurable) {
		t.Errorf("without a replica: got %v, want ErrNotDurable", err)
	}
	other := redistest.Start(t, redistest.TCP(), redistest.ReplicaOf(replica))
	untilPing(t, s, "the new master has a replica", isNil)
	durably(t, func(ctx context.Context) error {
		got, err := s.Settle(ctx, message)
		if err == nil && got.Fresh[0] {
			t.Error("Settle again: got the acknowledged message as fresh, want it known")
		}
		return err
	})
	if got := other.Client().Exists(ctx, s.tag(p.lead).lead(p.lead)).Val(); got != 1 {
		t.Error("settled: got no record at the new replica, want one")
	}
}

// TestInspectReportsUnknownMaster: when sentinels answer but do not know the master's name, the
// client says that they are unreachable. Inspect must say what is wrong.
func TestInspectReportsUnknownMaster(t *testing.T) {
	t.Parallel()
	master := redistest.Start(t, redistest.TCP())
	sentinel := redistest.StartSentinel(t, "m", "127.0.0.1", strconv.Itoa(master.Port), maxWait)
	db, err := NewClient(ClientParams{
		SentinelMaster: "n", SentinelAddresses: []string{net.JoinHostPort("127.0.0.1", strconv.Itoa(sentinel.Port))},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := Inspect(t.Context(), Params{Client: db}); err == nil || !strings.Contains(err.Error(), "knows no master of this name") {
		t.Errorf("Inspect: got %v, want an error that says that the name is unknown", err)
	}
}
