package config

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml/ast"
)

// kind is a kind of value: what is allowed, in words, and how to read it.
type kind[T any] struct {
	want  string
	parse func(string) (T, bool)
	show  func(raw string) string // how to show what was got; nil: quoted
}

// need reads a key that has to be there.
func need[T any](o *object, key string, k kind[T]) T {
	var zero T
	if !o.has(key) {
		if !o.broken {
			o.report(key, "missing, want %s", k.want)
		}
		return zero
	}
	return read(o.d, o.fields[key], o.at(key), o.lines[key], zero, k)
}

// field reads a key that may be left out.
func field[T any](o *object, key string, fallback T, k kind[T]) T {
	if !o.has(key) {
		return fallback
	}
	return read(o.d, o.fields[key], o.at(key), o.lines[key], fallback, k)
}

// list reads a list of values; a single value stands for a list of one.
func list[T any](o *object, key string, k kind[T]) []T {
	if !o.has(key) {
		return nil
	}
	nodes := []ast.Node{o.fields[key]}
	seq, many := o.fields[key].(*ast.SequenceNode)
	if many {
		nodes = seq.Values
	}
	values := make([]T, len(nodes))
	for i, n := range nodes {
		var zero T
		path := o.at(key)
		if many {
			path = index(path, i)
		}
		values[i] = read(o.d, o.d.resolve(n), path, max(lineOf(n), o.lines[key]), zero, k)
	}
	return values
}

// needList reads a list that has to have a value.
func needList[T any](o *object, key string, k kind[T]) []T {
	values := list(o, key, k)
	if len(values) == 0 && !o.broken {
		o.report(key, "missing, want %s", k.want)
	}
	return values
}

// optionalSecrets reads secrets of which there may be none. A single empty value
// is as good as left out: a variable may be set to nothing. One in a list is a
// rotation gone wrong.
func optionalSecrets(o *object, key, want string) []Secret {
	if _, many := o.fields[key].(*ast.SequenceNode); many {
		return list(o, key, secret(want))
	}
	values := list(o, key, optionalSecret(want))
	return slices.DeleteFunc(values, Secret.IsZero)
}

// objects reads a list of mappings.
func objects(o *object, key string) []*object {
	if !o.has(key) {
		return nil
	}
	seq, ok := o.fields[key].(*ast.SequenceNode)
	if !ok {
		o.report(key, "got %s, want a list", kindOf(o.fields[key]))
		return nil
	}
	all := make([]*object, len(seq.Values))
	for i, n := range seq.Values {
		all[i] = o.d.object(n, index(o.at(key), i))
	}
	return all
}

// section reads a mapping that may be left out; then it is empty.
func section(o *object, key string) *object {
	if o.has(key) {
		return o.d.object(o.fields[key], o.at(key))
	}
	line, ok := o.lines[key]
	if !ok {
		line = o.line
	}
	return &object{d: o.d, path: o.at(key), line: line, known: map[string]bool{}}
}

// read reads one value. What it cannot take is a problem, and gives the fallback.
func read[T any](d *decoder, n ast.Node, path string, line int, fallback T, k kind[T]) T {
	raw, ok := scalar(n)
	if !ok {
		d.report(line, path, "got %s, want %s", kindOf(n), k.want)
		return fallback
	}
	text, err := expand(raw, d.lookup)
	if err != nil {
		d.report(line, path, "%s", err)
		return fallback
	}
	value, ok := k.parse(text)
	if ok {
		return value
	}
	got := "an empty value"
	if text != "" {
		show := k.show
		if show == nil {
			show = shown
		}
		got = show(raw)
		if !tidy(text) {
			got += ", with white space around it or a control character"
		}
	}
	d.report(line, path, "got %s, want %s", got, k.want)
	return fallback
}

// tidy reports whether a value is as somebody means it: what comes out of a file
// ends in a line break that nobody sees, and that no header can have.
func tidy(s string) bool {
	return s == strings.TrimSpace(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// scalar returns a value as it is written: 0012 and 1e3 may be names.
func scalar(n ast.Node) (string, bool) {
	switch v := n.(type) {
	case *ast.StringNode:
		return v.Value, true
	case *ast.LiteralNode:
		return v.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return v.GetToken().Value, true
	default:
		return "", false
	}
}

// shown returns a value for a problem: quoted, so that it stays on its line, and
// not longer than a glance.
func shown(raw string) string {
	const longest = 60
	if r := []rune(raw); len(r) > longest {
		raw = string(r[:longest]) + "…"
	}
	return strconv.Quote(raw)
}

func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
