package redisstore

import (
	"strings"
	"testing"
)

func TestLink(t *testing.T) {
	t.Parallel()
	lib := parse(`-- Of gone nothing but this comment speaks.
local N = 1
local function one()
  return N
end

local function two()
  return one()
end

local two_more = 2
local function gone()
  return two()
end
`)
	for _, test := range []struct{ script, want string }{
		{"return N\n", "N two_more"},
		{"return one()\n", "N one two_more"},
		{"-- gone\nreturn two()\n", "N one two two_more"},
		{"return two_more\n", "N two_more"},
		{"return gone()\n", "N one two two_more gone"},
	} {
		got := link([]library{lib}, test.script)
		var has []string
		for line := range strings.Lines(got) {
			for _, name := range []string{"local function ", "local "} {
				if after, ok := strings.CutPrefix(line, name); ok {
					has = append(has, strings.FieldsFunc(after, func(r rune) bool { return r == ' ' || r == '(' || r == '\n' })[0])
					break
				}
			}
		}
		if strings.Join(has, " ") != test.want {
			t.Errorf("link %q: got declarations %q, want %q", test.script, strings.Join(has, " "), test.want)
		}
		if !strings.HasSuffix(got, test.script) && !strings.HasPrefix(test.script, "--") {
			t.Errorf("link %q: got %q, want the script at its end", test.script, got)
		}
		if strings.Contains(got, "--") {
			t.Errorf("link %q: got %q, want it without comments", test.script, got)
		}
	}
}

func TestParseRefusesAFunctionWithoutEnd(t *testing.T) {
	t.Parallel()
	for _, source := range []string{
		"local function one() return 1 end\n",
		"local function one() return 1 end\nlocal function two()\n  return 2\nend\n",
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("parse %q: got no panic, want one", source)
				}
			}()
			parse(source)
		}()
	}
}

func TestNeeded(t *testing.T) {
	t.Parallel()
	for _, test := range []struct{ source, want string }{
		{"-- Does nothing.\nreturn 1\n", ""},
		{"-- Ends it. Needs lib/due.\n", "lib/due"},
		{"-- Needs lib/run, lib/sights.\n", "lib/due lib/relay lib/lead lib/pack lib/run lib/sights"},
		{"-- Needs lib/sights and lib/lead.\n", "lib/sights lib/due lib/relay lib/lead"},
	} {
		var got []string
		for _, l := range needed(test.source) {
			for name, of := range libraries {
				if of.source == l.source {
					got = append(got, name)
				}
			}
		}
		if strings.Join(got, " ") != test.want {
			t.Errorf("needed %q: got %q, want %q", test.source, strings.Join(got, " "), test.want)
		}
	}
	defer func() {
		if recover() == nil {
			t.Error("needed of an unknown library: got no panic, want one")
		}
	}()
	needed("-- Needs lib/nothing.\n")
}
