package e2e

import (
	"os"
	"strings"
	"testing"
)

// TestCommands runs the commands that operators and containers use beside serve.
func TestCommands(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	if code, out, errs := command(t, "check", "-config", w.file); code != 0 || !strings.Contains(out, "is valid: 2 tenants, 3 channels") {
		t.Errorf("check: got %d %s%s, want 0 and a summary", code, out, errs)
	}
	p := w.start()
	health := func() (code int, stdout, stderr string) {
		t.Helper()
		return command(t, "health", "-timeout", "1m", "-url", p.admin+"/readyz")
	}
	if code, out, errs := health(); code != 0 || out != "ready\n" {
		t.Errorf("health: got %d %s%s, want ready", code, out, errs)
	}
	if code, out, errs := command(t, "version"); code != 0 || !strings.HasPrefix(out, "wagate ") {
		t.Errorf("version: got %d %s%s, want 0 and a version", code, out, errs)
	}
	if code, _, errs := command(t, "serve"); code != 2 || !strings.Contains(errs, "-config is missing") {
		t.Errorf("serve without a file: got %d %s, want 2", code, errs)
	}
	if code, _, _ := command(t, "dance"); code != 2 {
		t.Errorf("unknown command: got %d, want 2", code)
	}

	w.redis.Kill()
	if code, _, errs := command(t, "check", "-config", w.file); code != 1 || !strings.Contains(errs, "redis") {
		t.Errorf("check without Redis: got %d %s, want 1 and the problem", code, errs)
	}
	if code, out, errs := health(); code != 1 || !strings.Contains(errs, "redis") {
		t.Errorf("health without Redis: got %d %s%s, want 1 and the failing check", code, out, errs)
	}
	w.redis.Restart()
	untilTrue(t, "ready again", func() bool {
		code, _, _ := health()
		return code == 0
	})
	p.term()
	if code := p.exit(); code != 0 {
		t.Errorf("stop: got %d, want 0", code)
	}
	if code, _, _ := health(); code != 1 {
		t.Errorf("health without a process: got %d, want 1", code)
	}
}

// TestServeWithoutRedis: a start that cannot reach Redis fails and says so.
func TestServeWithoutRedis(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.redis.Kill()
	p := w.launch()
	if code := p.exit(); code != 1 {
		t.Errorf("exit code: got %d, want 1", code)
	}
	if !strings.Contains(p.log.String(), "redis") {
		t.Errorf("log: got %s, want it to name Redis", p.log)
	}
}

// TestPartitionsAreFixed: check and serve refuse a number of partitions other than the one that the
// data was written with, and say what to do.
func TestPartitionsAreFixed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, setup{})
	w.start().term()
	file, err := os.ReadFile(w.file)
	if err != nil {
		t.Fatal(err)
	}
	changed := strings.Replace(string(file), `"partitions": 8`, `"partitions": 16`, 1)
	if err := os.WriteFile(w.file, []byte(changed), 0o600); err != nil {
		t.Fatal(err)
	}
	const want = "set redis.partitions to 8"
	if code, out, errs := command(t, "check", "-config", w.file); code != 1 || !strings.Contains(errs, want) {
		t.Errorf("check: got %d %s%s, want 1 and %q", code, out, errs, want)
	}
	p := w.launch()
	if code := p.exit(); code != 1 || !strings.Contains(p.log.String(), want) {
		t.Errorf("serve: got %d %s, want 1 and %q", code, p.log, want)
	}
}
