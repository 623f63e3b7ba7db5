package config

import (
	"slices"
	"strconv"
	"strings"
	"unicode"

	"github.com/goccy/go-yaml/ast"
)

// kind is a kind of value: what is allowed, in words, and how to parse it.
type kind[T any] struct {
	want  string
	parse func(string) (T, bool)
	show  func(raw string) string // how to show a rejected value; nil: shown
}

// need reads a required key.
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

// field reads an optional key.
func field[T any](o *object, key string, fallback T, k kind[T]) T {
	if !o.has(key) {
		return fallback
	}
	return read(o.d, o.fields[key], o.at(key), o.lines[key], fallback, k)
}

// list reads a list of values. A single value stands for a list of one.
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

// needList reads a list that must have a value.
func needList[T any](o *object, key string, k kind[T]) []T {
	values := list(o, key, k)
	if len(values) == 0 && !o.broken {
		o.report(key, "missing, want %s", k.want)
	}
	return values
}

// optionalSecrets reads a list of secrets that may be empty. A single empty value means the same as
// leaving the key out, because a variable may be set to nothing. An empty value inside a list is a
// problem: a rotation has gone wrong.
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

// section reads an optional mapping. If it is missing, the result is an empty mapping.
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

// read reads one value. If the value is not acceptable, read reports a problem and returns
// fallback.
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

// tidy reports whether a value has no white space around it and no control character. A value read
// from a file, for example, often ends in a line break, which is invisible and not allowed in a
// header.
func tidy(s string) bool {
	return s == strings.TrimSpace(s) && !strings.ContainsFunc(s, unicode.IsControl)
}

// scalar returns a value as written in the file, because 0012 and 1e3 may be names.
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

// shown returns a value as a problem shows it: quoted, so that it stays on one line, and cut to a
// readable length.
func shown(raw string) string {
	const longest = 60
	if r := []rune(raw); len(r) > longest {
		raw = string(r[:longest]) + "…"
	}
	return strconv.Quote(raw)
}

func index(path string, i int) string { return path + "[" + strconv.Itoa(i) + "]" }
