package config

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
)

// Problem is one problem of the file.
type Problem struct {
	Line int    // line of the file, counting from 1; 0 if it concerns the whole file
	Path string // path of the key, such as tenants[0].channels[1].app
	Text string // what was found and what is allowed; never the value of a secret
}

// String returns the problem as one line.
func (p Problem) String() string {
	var b strings.Builder
	if p.Line > 0 {
		fmt.Fprintf(&b, "line %d: ", p.Line)
	}
	if p.Path != "" {
		b.WriteString(p.Path + ": ")
	}
	b.WriteString(p.Text)
	return b.String()
}

// Problems lists all problems of a file in the order of its lines.
type Problems []Problem

// Error returns the problems, one per line.
func (ps Problems) Error() string {
	lines := make([]string, len(ps))
	for i, p := range ps {
		lines[i] = p.String()
	}
	return strings.Join(lines, "\n")
}

// Under reports whether a problem concerns the key, a key below it, or the file as a whole.
func (ps Problems) Under(key string) bool {
	return slices.ContainsFunc(ps, func(p Problem) bool {
		return p.Path == "" || p.Path == key || strings.HasPrefix(p.Path, key+".") || strings.HasPrefix(p.Path, key+"[")
	})
}

// err returns the problems sorted by line, or nil if there are none. Returning an empty Problems as
// an error would give a non-nil error.
func (ps Problems) err() error {
	if len(ps) == 0 {
		return nil
	}
	slices.SortStableFunc(ps, func(a, b Problem) int { return cmp.Compare(a.Line, b.Line) })
	return ps
}
