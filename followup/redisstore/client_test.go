package redisstore

import (
	"fmt"
	"strings"
	"testing"

	"wagate/followup/redisstore/redistest"
)

func TestNewClient(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		p    ClientParams
		want string // type, or part of the error
		ok   bool
	}{
		{"one", ClientParams{URL: "redis://127.0.0.1:6379/1"}, "*redis.Client", true},
		{"tls", ClientParams{URL: "rediss://u:p@127.0.0.1:6379"}, "*redis.Client", true},
		{"socket", ClientParams{URL: "unix:///run/redis.sock"}, "*redis.Client", true},
		{"several", ClientParams{URL: "redis://127.0.0.1:1, redis://127.0.0.1:2"}, "*redis.ClusterClient", true},
		{"sentinel", ClientParams{SentinelMaster: "m", SentinelAddresses: []string{"127.0.0.1:1"}}, "*redis.Client", true},
		{"sentinel with a url", ClientParams{URL: "redis://:s3cret@x/2", SentinelMaster: "m", SentinelAddresses: []string{"127.0.0.1:1"}}, "*redis.Client", true},
		{"empty", ClientParams{}, "empty", false},
		{"bad", ClientParams{URL: "http://u:s3cret@x"}, "url 1", false},
		{"bad second", ClientParams{URL: "redis://x:1,redis://u:s3cret@x:y"}, "url 2", false},
		{"cluster with a database", ClientParams{URL: "redis://x:1/3,redis://x:2"}, "no databases", false},
		{"sentinel without master", ClientParams{SentinelAddresses: []string{"127.0.0.1:1"}}, "without master", false},
		{"sentinel without addresses", ClientParams{SentinelMaster: "m"}, "without addresses", false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c, err := NewClient(tt.p)
			if tt.ok {
				if err != nil || fmt.Sprintf("%T", c) != tt.want {
					t.Fatalf("NewClient: got %T, %v, want %s", c, err, tt.want)
				}
				_ = c.Close()
				return
			}
			if err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Fatalf("NewClient: got %v, want an error with %q", err, tt.want)
			}
			if strings.Contains(err.Error(), "s3cret") {
				t.Errorf("error: got %v, want it without the password", err)
			}
		})
	}
}

// TestOpenRefusesASingleClusterNode checks that Open refuses a client that treats one node of a
// cluster as a single server.
func TestOpenRefusesASingleClusterNode(t *testing.T) {
	t.Parallel()
	c := redistest.StartCluster(t, 3, 0)
	node := c.Other(c.Slot(metaKey))
	db, err := NewClient(ClientParams{URL: node.URL()})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = db.Close() }()
	if _, err := Open(t.Context(), Params{Client: db}); err == nil || !strings.Contains(err.Error(), "node of a cluster") {
		t.Errorf("Open: got %v, want an error that says that this is a node of a cluster", err)
	}
}
