package cli

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"strings"
	"time"

	"wagate/config"
	"wagate/gateway/internal/view"
)

// The bounds of one request to the admin listener. Replaying a tenant's dead letters may take a
// while.
const (
	adminTimeout  = 2 * time.Minute
	longestAnswer = 64 << 20
)

// adminFlags are the flags that all of the operator's commands have.
type adminFlags struct {
	fs     *flagSet
	config *string
	admin  *string
	raw    *bool
}

func (fs *flagSet) adminFlags() adminFlags {
	return adminFlags{
		fs:     fs,
		config: fs.configFlag(),
		admin:  fs.String("admin", fs.shell.env("WAGATE_ADMIN", ""), "`URL` of the admin listener, instead of the file's (WAGATE_ADMIN; its token: WAGATE_ADMIN_TOKEN)"),
		raw:    fs.Bool("json", false, "print the gateway's JSON answer unchanged"),
	}
}

// adminClient is a client of the admin listener of a running gateway.
type adminClient struct {
	shell *shell
	base  string
	token config.Secret
	raw   bool
	http  *http.Client
}

// open parses a command line that has from least to most positional arguments. It returns the
// client that the flags describe and the positional arguments.
func (f adminFlags) open(args []string, least, most int) (*adminClient, []string, error) {
	positional, err := f.fs.parse(args, least, most)
	if err != nil {
		return nil, nil, err
	}
	c, err := f.client()
	return c, positional, err
}

// client returns the client that the flags, the environment and the file describe.
func (f adminFlags) client() (*adminClient, error) {
	fs, s := f.fs, f.fs.shell
	c := &adminClient{shell: s, base: *f.admin, raw: *f.raw, http: &http.Client{Timeout: adminTimeout}}
	if c.base == "" && *f.config == "" {
		return nil, fs.wrong("-config or -admin is missing")
	}
	if *f.config != "" {
		a, err := config.LoadAdmin(*f.config, s.Lookup)
		if err != nil {
			return nil, inFile(*f.config, err)
		}
		// The file's token is for the file's address only, and is not sent to another.
		if c.base == "" {
			if c.base, err = adminURL(a.Address); err != nil {
				return nil, err
			}
			c.token = a.Token
		}
	}
	if token, ok := s.Lookup("WAGATE_ADMIN_TOKEN"); ok && token != "" {
		c.token = config.NewSecret(token)
	}
	u, err := url.Parse(c.base)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, fs.wrong("-admin must be an http:// or https:// URL")
	}
	c.base = strings.TrimRight(c.base, "/")
	return c, nil
}

// adminURL returns the URL at which this machine reaches a listener with that address.
func adminURL(address string) (string, error) {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return "", fmt.Errorf("admin address: %w", err)
	}
	if port == "0" {
		return "", errors.New("the file has admin port 0, so the port is chosen at start: take the address from the log line \"listening addr=\" and give -admin http://ADDR, or -url http://ADDR/readyz to health")
	}
	if ip, err := netip.ParseAddr(host); host == "" || err == nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip.Is6() {
			host = "::1"
		}
	}
	return "http://" + net.JoinHostPort(host, port), nil
}

// call makes one request and returns the answer's body. An answer with a status of 300 or more is
// an error.
func (c *adminClient) call(ctx context.Context, method, path string, query url.Values, body any) ([]byte, error) {
	var payload io.Reader
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return nil, fmt.Errorf("encode request: %w", err)
		}
		payload = bytes.NewReader(data)
	}
	target := c.base + path
	if len(query) > 0 {
		target += "?" + query.Encode()
	}
	req, err := http.NewRequestWithContext(ctx, method, target, payload)
	if err != nil {
		return nil, fmt.Errorf("admin request: %w", err)
	}
	req.Header.Set("Content-Type", "application/json")
	if !c.token.IsZero() {
		req.Header.Set("Authorization", "Bearer "+c.token.Reveal())
	}
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, fmt.Errorf("reach the admin listener: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	data, err := io.ReadAll(io.LimitReader(resp.Body, longestAnswer))
	if err != nil {
		return nil, fmt.Errorf("read the admin listener's answer: %w", err)
	}
	if resp.StatusCode >= http.StatusMultipleChoices {
		return nil, refused(resp.StatusCode, data)
	}
	return data, nil
}

// refused returns the error for an answer that is an error envelope of the admin API.
func refused(status int, body []byte) error {
	var envelope struct {
		Error struct {
			Message string `json:"message"`
			Details []struct {
				Field   string `json:"field"`
				Problem string `json:"problem"`
			} `json:"details"`
		} `json:"error"`
	}
	text := http.StatusText(status)
	if json.Unmarshal(body, &envelope) == nil && envelope.Error.Message != "" {
		text = envelope.Error.Message
	}
	for _, d := range envelope.Error.Details {
		text += "\n  " + d.Field + ": " + d.Problem
	}
	return fmt.Errorf("the gateway answered %d: %s", status, printable(text))
}

// list requests one page of a list and prints it as a table. what names the items, and row returns
// the cells of one.
func list[T any](
	ctx context.Context, c *adminClient, path string, query url.Values, what string, heading []string, row func(T) []string,
) error {
	data, err := c.call(ctx, http.MethodGet, path, query, nil)
	if err != nil {
		return err
	}
	return answer(c, data, func(p view.Page[T]) {
		rows := make([][]string, len(p.Data))
		for i, item := range p.Data {
			rows[i] = row(item)
		}
		c.shell.table(what, heading, rows)
		if p.Pagination.HasMore {
			next := p.Pagination.Offset + len(p.Data)
			fmt.Fprintf(c.shell.Stdout, "%d of %d shown, -offset %d for more\n", len(p.Data), p.Pagination.Total, next)
		}
	})
}

// answer prints an answer as it came if -json is set, and otherwise calls show to print it.
func answer[T any](c *adminClient, data []byte, show func(T)) error {
	if c.raw {
		fmt.Fprintf(c.shell.Stdout, "%s\n", bytes.TrimSpace(data))
		return nil
	}
	var v T
	if err := json.Unmarshal(data, &v); err != nil {
		return fmt.Errorf("read the admin listener's answer: %w", err)
	}
	show(v)
	return nil
}
