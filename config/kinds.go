package config

import (
	"fmt"
	"math"
	"net"
	"net/netip"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

func text(want string) kind[string] {
	return kind[string]{want: want, parse: func(s string) (string, bool) {
		return s, strings.TrimSpace(s) != ""
	}}
}

// exact is a text that must equal what another side sends, so white space around it is refused.
func exact(want string) kind[string] {
	return kind[string]{want: want, parse: func(s string) (string, bool) { return s, s != "" && tidy(s) }}
}

// optional is a text that may be empty.
func optional(want string) kind[string] {
	return kind[string]{want: want, parse: func(s string) (string, bool) { return s, true }}
}

// hidden replaces a value that must not be shown.
func hidden(string) string { return "something else (not shown)" }

func secret(want string) kind[Secret] {
	return kind[Secret]{want: want, show: hidden, parse: func(s string) (Secret, bool) {
		return NewSecret(s), s != "" && tidy(s)
	}}
}

// optionalSecret is a secret that may be empty, which means the same as leaving it out.
func optionalSecret(want string) kind[Secret] {
	return kind[Secret]{want: want, show: hidden, parse: func(s string) (Secret, bool) { return NewSecret(s), tidy(s) }}
}

// The patterns are compiled once, because a file may hold tens of thousands of values.
var (
	namePattern    = regexp.MustCompile(`^[A-Za-z0-9_-]{1,128}$`)
	uuidPattern    = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)
	digitsPattern  = regexp.MustCompile(`^[0-9]{5,15}$`)
	versionPattern = regexp.MustCompile(`^v[0-9]{1,3}\.[0-9]{1,2}$`)
)

func matching(re *regexp.Regexp, want string) kind[string] {
	return kind[string]{want: want, parse: func(s string) (string, bool) { return s, re.MatchString(s) }}
}

// name is a text that may appear in the path of a URL.
func name(want string) kind[string] {
	return matching(namePattern, want+" (letters, digits, - and _)")
}

func uuid() kind[string] {
	k := matching(uuidPattern, "a UUID")
	return kind[string]{want: k.want, parse: func(s string) (string, bool) { return k.parse(strings.ToLower(s)) }}
}

func boolean() kind[bool] {
	return kind[bool]{want: "true or false", parse: func(s string) (bool, bool) { return s == "true", s == "true" || s == "false" }}
}

func integer(low, high int) kind[int] {
	return kind[int]{
		want: fmt.Sprintf("a whole number between %d and %d", low, high),
		parse: func(s string) (int, bool) {
			n, err := strconv.Atoi(s)
			return n, err == nil && low <= n && n <= high
		},
	}
}

func speed() kind[float64] {
	const fastest = 1_000_000
	return kind[float64]{
		want: fmt.Sprintf("a number above 0, up to %d", fastest),
		parse: func(s string) (float64, bool) {
			f, err := strconv.ParseFloat(s, 64)
			return f, err == nil && !math.IsNaN(f) && 0 < f && f <= fastest
		},
	}
}

func duration(low, high time.Duration) kind[time.Duration] {
	return kind[time.Duration]{
		want: fmt.Sprintf("a duration such as 90s or 1h30m, between %s and %s", short(low), short(high)),
		parse: func(s string) (time.Duration, bool) {
			d, err := time.ParseDuration(s)
			return d, err == nil && low <= d && d <= high
		},
	}
}

// short writes a duration without trailing zero units: 1m instead of 1m0s.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

func oneOf[T ~string](allowed ...T) kind[T] {
	words := make([]string, len(allowed))
	for i, a := range allowed {
		words[i] = string(a)
	}
	return kind[T]{want: strings.Join(words, " or "), parse: func(s string) (T, bool) {
		return T(s), slices.Contains(allowed, T(s))
	}}
}

// address is an address to listen on. An empty host means all interfaces.
func address() kind[string] {
	return kind[string]{want: "host:port", parse: func(s string) (string, bool) {
		host, port, err := net.SplitHostPort(s)
		return s, err == nil && portOK(port, 0) && !strings.ContainsAny(host, " /")
	}}
}

// network is an IP address or a network. A network of all addresses is refused: it would trust
// everybody, not a proxy.
func network() kind[netip.Prefix] {
	return kind[netip.Prefix]{
		want: "an IP address or a network, such as 203.0.113.7 or 2001:db8::/32",
		parse: func(s string) (netip.Prefix, bool) {
			if a, err := netip.ParseAddr(s); err == nil {
				a = a.Unmap()
				return netip.PrefixFrom(a, a.BitLen()), a.Zone() == ""
			}
			p, err := netip.ParsePrefix(s)
			return p.Masked(), err == nil && p.Bits() > 0 && !p.Addr().Is4In6()
		},
	}
}

func portOK(port string, low int) bool {
	n, err := strconv.Atoi(port)
	return err == nil && low <= n && n <= 65535
}

// target is the URL of a service that wagate calls with credentials. It must be https, unless plain
// is set or the host is this machine. Slashes at the end of its path are removed.
func target(plain bool) kind[*url.URL] {
	want := "an https:// URL without user, query and fragment"
	if plain {
		want = "an http:// or https:// URL without user, query and fragment"
	}
	return kind[*url.URL]{want: want, show: shownURL, parse: func(s string) (*url.URL, bool) {
		u, err := webURL(s)
		if err != nil || u.RawQuery != "" || u.ForceQuery {
			return nil, false
		}
		u.Path = strings.TrimRight(u.Path, "/")
		return u, u.Scheme == "https" || plain || isLoopback(u.Hostname())
	}}
}

// hook is the URL of an assistant. It may have a query.
func hook(plain bool) kind[*url.URL] {
	want := "an https:// URL without user and fragment"
	if plain {
		want = "an http:// or https:// URL without user and fragment"
	}
	return kind[*url.URL]{want: want, show: shownURL, parse: func(s string) (*url.URL, bool) {
		u, err := webURL(s)
		return u, err == nil && (u.Scheme == "https" || plain)
	}}
}

// shownURL shows a URL without the parts that may hold a secret.
func shownURL(raw string) string {
	if strings.Contains(raw, "@") {
		return "a URL with a user"
	}
	if i := strings.IndexAny(raw, "?#"); i >= 0 {
		raw = raw[:i+1] + "…"
	}
	return shown(raw)
}

func webURL(s string) (*url.URL, error) {
	u, err := url.Parse(s)
	if err != nil {
		return nil, err
	}
	if u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil || u.Fragment != "" ||
		u.Port() != "" && !portOK(u.Port(), 1) {
		return nil, fmt.Errorf("not a web address")
	}
	return u, nil
}

// isLoopback reports whether a host names this machine.
func isLoopback(host string) bool {
	ip, err := netip.ParseAddr(host)
	return host == "localhost" || err == nil && ip.Unmap().IsLoopback()
}

// isPrivate reports whether a host, as written, cannot be on the public internet. The addresses
// that a name resolves to are checked when it is called.
func isPrivate(host string) bool {
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return isLoopback(host)
	}
	ip = ip.Unmap()
	return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast() || ip.IsUnspecified() || ip.IsMulticast()
}
