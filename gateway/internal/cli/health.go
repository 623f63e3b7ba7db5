package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"wagate/config"
)

// readiness is the answer of /readyz.
type readiness struct {
	Checks []struct {
		Name  string     `json:"name"`
		OK    bool       `json:"ok"`
		Error string     `json:"error"`
		Since *time.Time `json:"since"`
	} `json:"checks"`
}

// health asks /readyz. It needs no token, and only the admin address from the file.
func (s *shell) health(ctx context.Context, args []string) error {
	fs := s.flags("health")
	file := fs.configFlag()
	target := fs.String("url", "", "the `URL` to ask, instead of the file's admin address; without a path, /readyz there")
	timeout := fs.Duration("timeout", 3*time.Second, "how long to wait for the answer")
	if _, err := fs.parse(args, 0, 0); err != nil {
		return err
	}
	if *target == "" {
		if *file == "" {
			return fs.wrong("-config or -url is missing")
		}
		a, err := config.LoadAdmin(*file, s.Lookup)
		if err != nil {
			return inFile(*file, err)
		}
		base, err := adminURL(a.Address)
		if err != nil {
			return err
		}
		*target = base
	}
	u, err := url.Parse(*target)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" {
		return fs.wrong("-url must be an http:// or https:// URL")
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/readyz" // nothing answers at the root
	}
	ctx, cancel := context.WithTimeout(ctx, *timeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, u.String(), nil)
	if err != nil {
		return fmt.Errorf("health request: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("not reachable: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(io.LimitReader(resp.Body, 1<<20))
	if err != nil {
		return fmt.Errorf("not reachable: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("not ready: %d%s", resp.StatusCode, failing(body))
	}
	fmt.Fprintln(s.Stdout, "ready")
	return nil
}

// failing lists the checks that fail, one per line.
func failing(body []byte) string {
	var r readiness
	if json.Unmarshal(body, &r) != nil {
		return ""
	}
	var b strings.Builder
	for _, c := range r.Checks {
		if c.OK {
			continue
		}
		fmt.Fprintf(&b, "\n  %s: %s", c.Name, c.Error)
		if c.Since != nil {
			fmt.Fprintf(&b, " (since %s)", at(*c.Since))
		}
	}
	return printable(b.String())
}
