package redistest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"
)

// patience bounds every wait for a server. It is long because a busy machine may keep a process
// waiting for many seconds; all of it passes only if something is wrong.
const patience = 2 * time.Minute

// Server is one redis-server process.
type Server struct {
	// Socket is the unix socket it listens on; empty with TCP.
	Socket string
	// Port is its port on 127.0.0.1; 0 without TCP.
	Port int

	t    testing.TB
	dir  string
	cfg  map[string]string
	args []string // arguments behind the configuration file

	mu  sync.Mutex
	cmd *exec.Cmd
	log *bytes.Buffer
}

// Option changes a server's configuration before it starts.
type Option func(*Server)

// Set sets one directive of redis.conf.
func Set(key, value string) Option {
	return func(s *Server) { s.cfg[key] = value }
}

// AOF turns on the append-only file with the given appendfsync, "always" or "everysec". Without it
// no data survives Restart.
func AOF(fsync string) Option {
	return func(s *Server) {
		s.cfg["appendonly"] = "yes"
		s.cfg["appendfsync"] = fsync
	}
}

// TCP makes the server listen on a free loopback port instead of a unix socket.
func TCP() Option {
	return func(s *Server) { s.Port = -1 }
}

// ReplicaOf makes the server a replica of master, which must listen on TCP.
func ReplicaOf(master *Server) Option {
	return func(s *Server) {
		s.cfg["replicaof"] = fmt.Sprintf("127.0.0.1 %d", master.Port)
		s.cfg["repl-diskless-sync-delay"] = "0"
	}
}

// Start starts a server and waits until it answers. The server is stopped when the test ends.
func Start(t testing.TB, opts ...Option) *Server {
	t.Helper()
	need(t)
	// Not t.TempDir: a socket's path may have at most 107 bytes, and t.TempDir puts the test's name
	// into it.
	dir, err := os.MkdirTemp("", "redis")
	if err != nil {
		t.Fatalf("redistest: temporary directory: %v", err)
	}
	s := &Server{t: t, dir: dir, cfg: map[string]string{
		"bind": "127.0.0.1", "save": `""`, "loglevel": "warning",
		"repl-diskless-sync-delay": "0", "repl-ping-replica-period": "1",
	}}
	for _, o := range opts {
		o(s)
	}
	t.Cleanup(func() {
		s.Stop()
		_ = os.RemoveAll(dir)
	})
	s.first()
	return s
}

// first starts the server for the first time. Another process may take a free port before Redis
// binds it, so first tries up to five ports.
func (s *Server) first() {
	s.t.Helper()
	if s.Port == 0 {
		s.Socket = filepath.Join(s.dir, "s")
		s.cfg["unixsocket"] = s.Socket
		s.cfg["port"] = "0"
		s.mustStart()
		return
	}
	var err error
	for range 5 {
		s.Port = FreePort(s.t)
		s.cfg["port"] = fmt.Sprint(s.Port)
		if s.cfg["cluster-enabled"] == "yes" {
			s.cfg["cluster-port"] = fmt.Sprint(FreePort(s.t))
		}
		if err = s.start(); err == nil {
			return
		}
	}
	s.t.Fatalf("redistest: %v", err)
}

// mustStart starts the process; the test fails if that fails.
func (s *Server) mustStart() {
	s.t.Helper()
	if err := s.start(); err != nil {
		s.t.Fatalf("redistest: %v", err)
	}
}

// start starts the process and waits until it answers.
func (s *Server) start() error {
	var conf strings.Builder
	fmt.Fprintf(&conf, "dir %s\n", s.dir)
	for k, v := range s.cfg {
		fmt.Fprintf(&conf, "%s %s\n", k, v)
	}
	file := filepath.Join(s.dir, "redis.conf")
	if err := os.WriteFile(file, []byte(conf.String()), 0o600); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	s.mu.Lock()
	s.log = &bytes.Buffer{}
	cmd := exec.Command("redis-server", append([]string{file}, s.args...)...) //nolint:gosec // our own file
	cmd.Stdout, cmd.Stderr = s.log, s.log
	cmd.SysProcAttr = dieWithParent()
	s.cmd = cmd
	err := cmd.Start()
	s.mu.Unlock()
	if err != nil {
		return fmt.Errorf("start redis-server: %w", err)
	}
	if err := s.ready(); err != nil {
		s.signal(syscall.SIGKILL)
		return fmt.Errorf("redis-server: %w: %s", err, s.log)
	}
	return nil
}

// ready waits until the server answers or its process has ended.
func (s *Server) ready() error {
	c := redis.NewClient(s.options())
	defer func() { _ = c.Close() }()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	return poll(ctx, func() error {
		if !s.alive() {
			return errGone
		}
		return c.Ping(ctx).Err()
	})
}

var errGone = errors.New("process ended")

// alive reports whether the process still runs. It does not reap the process, and a zombie still
// has its pid, so alive reads the state in /proc. Where there is no /proc it returns true.
func (s *Server) alive() bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", s.pid()))
	if err != nil {
		return true // the caller's deadline decides
	}
	_, rest, _ := strings.Cut(string(stat), ") ")
	return !strings.HasPrefix(rest, "Z")
}

// pid returns the process id; 0 if the server is down.
func (s *Server) pid() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil || s.cmd.Process == nil {
		return 0
	}
	return s.cmd.Process.Pid
}

// Stop ends the server with SIGTERM, so that it saves what it is configured to save, and waits until
// it has ended. A server that is down stays down.
func (s *Server) Stop() { s.signal(syscall.SIGTERM) }

// Kill ends the server with SIGKILL, like a crash, and waits until it has ended.
func (s *Server) Kill() { s.signal(syscall.SIGKILL) }

// Restart stops the server if it is up, and starts it again with its data and at its old address.
func (s *Server) Restart() {
	s.t.Helper()
	s.Stop()
	s.mustStart()
}

// Freeze suspends the process, like a machine that hangs, until Thaw.
func (s *Server) Freeze() { s.send(syscall.SIGSTOP) }

// Thaw lets a process go on that Freeze has suspended.
func (s *Server) Thaw() { s.send(syscall.SIGCONT) }

// send sends a signal to the process, if there is one.
func (s *Server) send(sig os.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd != nil {
		_ = s.cmd.Process.Signal(sig)
	}
}

// signal ends the process with a signal and waits until it has ended; with SIGKILL after patience.
func (s *Server) signal(sig os.Signal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGCONT) // a frozen process would not get it
	_ = s.cmd.Process.Signal(sig)
	kill := time.AfterFunc(patience, func() { _ = s.cmd.Process.Kill() })
	_ = s.cmd.Wait()
	kill.Stop()
	s.cmd = nil
}

// addr returns where the server listens: the socket's path or host:port.
func (s *Server) addr() string {
	if s.Socket != "" {
		return s.Socket
	}
	return fmt.Sprintf("127.0.0.1:%d", s.Port)
}

// URL returns the address in the form that redis.ParseURL reads.
func (s *Server) URL() string {
	if s.Socket != "" {
		return "unix://" + s.Socket
	}
	return "redis://" + s.addr()
}

// options returns client options for the server, without retries, so that a test sees the first
// error. The time-outs are long, because a process that has to wait is not an error.
func (s *Server) options() *redis.Options {
	network := "tcp"
	if s.Socket != "" {
		network = "unix"
	}
	return &redis.Options{
		Network: network, Addr: s.addr(), MaxRetries: -1, DisableIdentity: true,
		DialTimeout: patience, ReadTimeout: patience, WriteTimeout: patience,
	}
}

// Client returns a client that is closed when the test ends.
func (s *Server) Client() *redis.Client {
	c := redis.NewClient(s.options())
	s.t.Cleanup(func() { _ = c.Close() })
	return c
}

// poll repeats f until it succeeds, returns errGone, or ctx ends. It returns the last error of f.
func poll(ctx context.Context, f func() error) error {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := f()
		if err == nil || errors.Is(err, errGone) {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-tick.C:
		}
	}
}
