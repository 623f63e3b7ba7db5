package redisstore

import (
	"regexp"
	"slices"
	"strings"
)

// link puts libraries before a script, without those of their functions that the script
// never comes to: Redis makes every function anew each time a script runs, and to
// make all of the libraries' costs more than most scripts' own work.
func link(libraries []library, script string) string {
	script = uncommented(script)
	all := slices.Concat(libraries...)
	linked := make([]bool, len(all))
	reached := map[string]bool{}
	reach := func(words []string) {
		for _, w := range words {
			reached[w] = true
		}
	}
	reach(words(script))
	for more := true; more; {
		more = false
		for i, b := range all {
			if !linked[i] && (b.function == "" || reached[b.function]) {
				linked[i], more = true, true
				reach(b.words)
			}
		}
	}
	var out strings.Builder
	for i, b := range all {
		if linked[i] {
			out.WriteString(b.text)
		}
	}
	out.WriteString(script)
	return out.String()
}

// library is a file of functions, and of what stands between them.
type library []block

type block struct {
	function string // its name; "" if it is none
	text     string
	words    []string
}

const blockEnd = "\nend\n"

// parse takes a library apart. Its functions begin with "local function" and end with
// "end", each at the beginning of a line.
func parse(source string) library {
	source = uncommented(source)
	var l library
	add := func(function, text string) { l = append(l, block{function, text, words(text)}) }
	for {
		at := function.FindStringSubmatchIndex(source)
		if at == nil {
			add("", source)
			return l
		}
		name, end := source[at[2]:at[3]], strings.Index(source[at[0]:], blockEnd)
		if end < 0 || function.MatchString(source[at[1]:at[0]+end]) {
			panic("redisstore: function " + name + " has no end at the beginning of a line")
		}
		end += at[0] + len(blockEnd)
		add("", source[:at[0]])
		add(name, source[at[0]:end])
		source = source[end:]
	}
}

// A comment has lines of its own: a name in it reaches nothing.
var (
	function = regexp.MustCompile(`(?m)^local function (\w+)`)
	comment  = regexp.MustCompile(`(?m)^\s*--.*\n`)
)

func uncommented(source string) string { return comment.ReplaceAllString(source, "") }

func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool {
		return r != '_' && (r < '0' || '9' < r) && (r < 'a' || 'z' < r) && (r < 'A' || 'Z' < r)
	})
}
