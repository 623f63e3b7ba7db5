package cli

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"wagate/config"
)

// result is the exit code of a command line and what it printed.
type result struct {
	code           int
	stdout, stderr string
}

// environment is a set of environment variables.
type environment map[string]string

func (e environment) lookup(name string) (string, bool) {
	v, ok := e[name]
	return v, ok
}

// execute runs a command line.
func execute(t *testing.T, p Program, env environment, args ...string) result {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := Run(t.Context(), p, World{Lookup: env.lookup, Stdout: &stdout, Stderr: &stderr}, args)
	return result{code, stdout.String(), stderr.String()}
}

// want checks the exit code, and that each of the texts was printed on either stream.
func (r result) want(t *testing.T, code int, texts ...string) {
	t.Helper()
	if r.code != code {
		t.Errorf("exit code: got %d, want %d", r.code, code)
	}
	for _, text := range texts {
		if !strings.Contains(r.stdout+r.stderr, text) {
			t.Errorf("got\nstdout: %s\nstderr: %s\nwant %q in it", r.stdout, r.stderr, text)
		}
	}
}

// goodFile is a valid operator file.
const goodFile = `
admin: "127.0.0.1:9191"
redis: {url: "redis://127.0.0.1:6379"}
ai: {base_url: "https://ai.example/v1", api_key: "hunter2", model: small}
tenants:
  - {id: 11111111-1111-4111-8111-111111111111, name: Acme, api_keys: key-1}
`

// writeFile writes an operator file and returns its path.
func writeFile(t *testing.T, text string) string {
	t.Helper()
	file := filepath.Join(t.TempDir(), "wagate.yaml")
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}

// TestUsage: a wrong command line exits with 2 and says on stderr what is wrong. A request for help
// exits with 0 and is answered on stdout.
func TestUsage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		args []string
		code int
		text string
	}{
		{nil, 2, "usage: wagate COMMAND"},
		{[]string{"help"}, 0, "usage: wagate COMMAND"},
		{[]string{"-h"}, 0, "usage: wagate COMMAND"},
		{[]string{"sevre"}, 2, `unknown command "sevre"`},
		{[]string{"serve"}, 2, "-config is missing"},
		{[]string{"serve", "-config"}, 2, "flag needs an argument"},
		{[]string{"serve", "-nonsense"}, 2, "-nonsense"},
		{[]string{"serve", "file.yaml"}, 2, "1 argument"},
		{[]string{"serve", "-config", "f", "-log-format", "xml"}, 2, "xml"},
		{[]string{"serve", "-config", "f", "-log-level", "loud"}, 2, "loud"},
		{[]string{"serve", "-h"}, 0, "WAGATE_CONFIG"},
		{[]string{"check"}, 2, "-config is missing"},
		{[]string{"demo", "twice"}, 2, "1 argument"},
		{[]string{"health"}, 2, "-config or -url is missing"},
		{[]string{"health", "-h"}, 0, "without a path, /readyz"},
		{[]string{"health", "-url", "file:///etc/passwd"}, 2, "-url"},
		{[]string{"dead"}, 2, "drop|list|replay|show"},
		{[]string{"dead", "bury"}, 2, `"bury"`},
		{[]string{"dead", "-h"}, 0, "drop|list|replay|show"},
		{[]string{"runs", "help"}, 0, "list|show"},
		{[]string{"dead", "list", "-h"}, 0, "-admin"},
		{[]string{"dead", "list"}, 2, "-config or -admin is missing"},
		{[]string{"dead", "list", "-admin", "nowhere"}, 2, "-admin"},
		{[]string{"dead", "show", "-admin", "http://x"}, 2, "0 arguments"},
		{[]string{"dead", "replay", "-admin", "http://x"}, 2, "either an ID or -all"},
		{[]string{"dead", "replay", "-all", "id"}, 2, "either an ID or -all"},
		{[]string{"dead", "replay", "id", "-tenant", "t"}, 2, "either an ID or -all"},
		{[]string{"dead", "drop", "-admin", "http://x"}, 2, "either an ID or -all"},
		{[]string{"dead", "drop", "-all", "id"}, 2, "either an ID or -all"},
		{[]string{"dead", "drop", "-assistant", "a"}, 2, "either an ID or -all"},
		{[]string{"dead", "drop", "-all", "-tenant", "", "-admin", "http://x"}, 2, "-tenant is empty"},
		{[]string{"dead", "drop", "-all", "-assistant=", "-admin", "http://x"}, 2, "-assistant is empty"},
		{[]string{"dead", "replay", "-all", "-assistant=", "-admin", "http://x"}, 2, "-assistant is empty"},
		{[]string{"dead", "list", "-assistant=", "-admin", "http://x"}, 2, "-assistant is empty"},
		{[]string{"runs", "list"}, 2, "-tenant and -lead are needed"},
		{[]string{"runs", "list", "-tenant", "t"}, 2, "-lead is needed"},
		{[]string{"runs", "show", "id"}, 2, "-tenant is needed"},
		{[]string{"pause"}, 2, "-tenant is needed"},
		{[]string{"resume", "-channel", "c"}, 2, "-tenant is needed"},
		{[]string{"pause", "-tenant", "t", "-channel", "", "-admin", "http://x"}, 2, "-channel is empty"},
		{[]string{"resume", "-tenant", "t", "-channel=", "-admin", "http://x"}, 2, "-channel is empty"},
		{[]string{"pauses"}, 2, "-tenant is needed"},
		{[]string{"version", "x"}, 2, "1 argument"},
	} {
		t.Run(strings.Join(c.args, " "), func(t *testing.T) {
			t.Parallel()
			got := execute(t, Program{}, nil, c.args...)
			got.want(t, c.code, c.text)
			if c.code == 0 && got.stderr != "" || c.code != 0 && got.stdout != "" {
				t.Errorf("got stdout %q, stderr %q, want help on stdout and errors on stderr", got.stdout, got.stderr)
			}
		})
	}
}

// TestServe: serve reads the file and logs in the format and from the level that are asked for. An
// error of the service ends it with exit code 1.
func TestServe(t *testing.T) {
	t.Parallel()
	p := Program{Serve: func(_ context.Context, c config.Config, log *slog.Logger) error {
		log.Info("listening", "addr", c.Admin)
		log.Debug("not shown")
		return nil
	}}
	got := execute(t, p, environment{"WAGATE_CONFIG": writeFile(t, goodFile)}, "serve")
	got.want(t, 0, "listening addr=127.0.0.1:9191")
	if strings.Contains(got.stderr, "not shown") {
		t.Errorf("log: got %s, want no debug records", got.stderr)
	}
	got = execute(t, p, environment{"WAGATE_LOG_FORMAT": "json"}, "serve", "-config", writeFile(t, goodFile), "-log-level", "debug")
	got.want(t, 0, `"msg":"listening","addr":"127.0.0.1:9191"`, "not shown")

	p.Serve = func(context.Context, config.Config, *slog.Logger) error { return errors.New("redis went away") }
	execute(t, p, nil, "serve", "-config", writeFile(t, goodFile)).want(t, 1, "wagate: redis went away")
}

// TestI14ServeRefusesBadFile: serve does not start with a bad file, and lists every problem in it.
func TestI14ServeRefusesBadFile(t *testing.T) {
	t.Parallel()
	p := Program{Serve: func(context.Context, config.Config, *slog.Logger) error {
		t.Error("Serve was called, want the file refused")
		return nil
	}}
	file := writeFile(t, strings.Replace(goodFile, "model: small", "modell: small", 1))
	execute(t, p, nil, "serve", "-config", file).want(t, 1, "2 problems", "ai.model: missing", "ai.modell: unknown key")
	execute(t, p, nil, "serve", "-config", file+"x").want(t, 1, "no such file")
}

// TestCheck: check validates the file and reaches for Redis. It lists the problems of both, and can
// print the effective config without its secrets.
func TestCheck(t *testing.T) {
	t.Parallel()
	reached := errors.New("reach redis: refused")
	check := func(err error) Program {
		return Program{Check: func(context.Context, config.Config) error { return err }}
	}
	execute(t, check(nil), nil, "check", "-config", writeFile(t, goodFile)).want(t, 0, "is valid: 1 tenant, 0 channels, redis single")
	execute(t, check(reached), nil, "check", "-config", writeFile(t, goodFile)).want(t, 1, "reach redis: refused")

	t.Run("every problem at once", func(t *testing.T) {
		t.Parallel()
		file := writeFile(t, strings.Replace(goodFile, "model: small", "modell: small", 1))
		execute(t, check(reached), nil, "check", "-config", file).want(t, 1, "ai.model: missing", "ai.modell", "reach redis: refused")
	})
	t.Run("no valid redis url", func(t *testing.T) {
		t.Parallel()
		p := Program{Check: func(context.Context, config.Config) error {
			t.Error("Check was called, want no attempt to reach Redis without a valid URL")
			return nil
		}}
		file := writeFile(t, strings.Replace(goodFile, "redis://127", "ftp://127", 1))
		execute(t, p, nil, "check", "-config", file).want(t, 1, "redis.url")
	})
	t.Run("print", func(t *testing.T) {
		t.Parallel()
		got := execute(t, check(nil), nil, "check", "-print", "-config", writeFile(t, goodFile))
		got.want(t, 0, "partitions: 64", "max_lateness: 6h")
		if strings.Contains(got.stdout, "hunter2") {
			t.Errorf("got %s, want no secret in it", got.stdout)
		}
	})
}

// TestDemo: demo prints the story, and exits with 1 if it is not complete.
func TestDemo(t *testing.T) {
	t.Parallel()
	p := Program{Demo: func(_ context.Context, once bool, out io.Writer, _ *slog.Logger) error {
		if !once {
			return errors.New("not complete")
		}
		_, err := io.WriteString(out, "the story")
		return err
	}}
	execute(t, p, nil, "demo", "-once").want(t, 0, "the story")
	execute(t, p, nil, "demo").want(t, 1, "not complete")
}
