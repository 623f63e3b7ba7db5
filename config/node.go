package config

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
)

// decoder walks one parsed file and collects its problems.
type decoder struct {
	lookup   Lookup
	anchors  map[string]ast.Node
	problems Problems
}

// parse returns the file's only document as a mapping. It returns false if there is nothing to
// walk.
func (d *decoder) parse(data []byte) (*object, bool) {
	data = bytes.TrimPrefix(data, []byte("\ufeff")) // byte order mark that some editors write
	// Duplicate keys are reported while walking, because the parser would stop at the first one.
	file, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		d.syntax(err)
		return nil, false
	}
	docs := slices.DeleteFunc(file.Docs, func(doc *ast.DocumentNode) bool { return doc.Body == nil })
	if len(docs) != 1 {
		d.report(0, "", "got %d YAML documents, want one", len(docs))
		return nil, false
	}
	d.anchors = map[string]ast.Node{}
	ast.Walk(d, docs[0].Body)
	root := d.object(docs[0].Body, "")
	return root, !root.broken
}

// Visit records anchors. It makes decoder an ast.Visitor.
func (d *decoder) Visit(n ast.Node) ast.Visitor {
	if a, ok := n.(*ast.AnchorNode); ok {
		d.anchors[a.Name.GetToken().Value] = a.Value
	}
	return d
}

// syntax reports a syntax error. It does not use the parser's own rendering, which quotes the
// surrounding lines and may show secrets.
func (d *decoder) syntax(err error) {
	at, ok := errors.AsType[yaml.Error](err)
	if !ok || at.GetToken() == nil {
		d.report(0, "", "not YAML")
		return
	}
	message, _, _ := strings.Cut(at.GetMessage(), `"`)
	d.report(at.GetToken().Position.Line, "", "not YAML: %s", strings.TrimSpace(message))
}

func (d *decoder) report(line int, path, format string, args ...any) {
	d.problems = append(d.problems, Problem{Line: line, Path: path, Text: fmt.Sprintf(format, args...)})
}

// resolve follows anchors, aliases and tags to the node that holds the value. An alias without an
// anchor is returned as it is, and no key accepts it. If resolve returned nil, the key would count
// as left out.
func (d *decoder) resolve(n ast.Node) ast.Node {
	for range 16 { // bounded, because an alias may refer to itself
		switch v := n.(type) {
		case *ast.AnchorNode:
			n = v.Value
		case *ast.TagNode:
			n = v.Value
		case *ast.AliasNode:
			if n = d.anchors[v.Value.GetToken().Value]; n == nil {
				return v
			}
		default:
			return n
		}
	}
	return nil
}

// object is a mapping of the file. Reading a key marks it as known; end reports the unknown keys.
type object struct {
	d      *decoder
	path   string
	line   int
	broken bool // not a mapping, which has been reported; missing keys are then not reported
	fields map[string]ast.Node
	lines  map[string]int
	order  []string
	known  map[string]bool
}

// object reads n as a mapping.
func (d *decoder) object(n ast.Node, path string) *object {
	o := &object{
		d: d, path: path, line: lineOf(n),
		fields: map[string]ast.Node{}, lines: map[string]int{}, known: map[string]bool{},
	}
	mapping, ok := d.resolve(n).(ast.MapNode)
	if !ok {
		o.broken = true
		d.report(o.line, path, "got %s, want keys with values", kindOf(d.resolve(n)))
		return o
	}
	for it := mapping.MapRange(); it.Next(); {
		key := it.Key().GetToken()
		name, line := key.Value, key.Position.Line
		if first, twice := o.lines[name]; twice {
			d.report(line, o.at(name), "given twice, first on line %d", first)
			continue
		}
		o.fields[name], o.lines[name] = d.resolve(it.Value()), line
		o.order = append(o.order, name)
	}
	return o
}

// at returns the path of a key.
func (o *object) at(key string) string {
	if o.path == "" {
		return key
	}
	return o.path + "." + key
}

// report reports a problem with a key. If the key is missing, the line is that of the mapping.
func (o *object) report(key, format string, args ...any) {
	line, ok := o.lines[key]
	if !ok {
		line = o.line
	}
	o.d.report(line, o.at(key), format, args...)
}

// has reports whether the key has a value, and marks it as known.
func (o *object) has(key string) bool {
	o.known[key] = true
	switch n := o.fields[key].(type) {
	case nil, *ast.NullNode:
		return false
	default:
		return n != nil
	}
}

// end reports every key that was not read.
func (o *object) end() {
	allowed := make([]string, 0, len(o.known))
	for key := range o.known {
		allowed = append(allowed, key)
	}
	slices.Sort(allowed)
	for _, key := range o.order {
		if !o.known[key] {
			o.report(key, "unknown key, want one of %s", strings.Join(allowed, ", "))
		}
	}
}

// lineOf returns the line on which a node starts, 0 if unknown.
func lineOf(n ast.Node) int {
	if n == nil || n.GetToken() == nil {
		return 0
	}
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 {
		return m.Values[0].Key.GetToken().Position.Line
	}
	if m, ok := n.(*ast.MappingValueNode); ok {
		return m.Key.GetToken().Position.Line
	}
	return n.GetToken().Position.Line
}

// kindOf describes the kind of a node in words for the operator.
func kindOf(n ast.Node) string {
	switch n.(type) {
	case nil, *ast.NullNode:
		return "nothing"
	case ast.MapNode:
		return "keys with values"
	case *ast.SequenceNode:
		return "a list"
	case *ast.AliasNode:
		return "an alias without an anchor"
	default:
		return "a single value"
	}
}
