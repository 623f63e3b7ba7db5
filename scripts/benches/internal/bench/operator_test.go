package bench

import (
	"os"
	"path/filepath"
	"testing"

	"wagate/config"
)

// TestOperatorFile: the file that a bench writes must be a valid configuration, with a real Redis
// and without faster time.
func TestOperatorFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "operator.yaml")
	raw := operatorFile("redis://127.0.0.1:6379", "127.0.0.1:8081", Tenant{
		ID:        "10000000-0000-4000-8000-000000000001",
		Assistant: "10000000-0000-4000-8000-0000000000a1", Channel: "10000000-0000-4000-8000-0000000000c1",
	})
	if err := os.WriteFile(file, []byte(raw), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := config.Load(file, func(string) (string, bool) { return "", false })
	if err != nil {
		t.Fatal(err)
	}
	if c.Redis.Mode == config.RedisEmbedded || c.Clock.Speed != 1 {
		t.Errorf("got Redis %s and speed %v, want a real one and 1", c.Redis.Mode, c.Clock.Speed)
	}
}
