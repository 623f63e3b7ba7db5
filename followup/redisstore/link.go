package redisstore

import (
	"regexp"
	"strings"
)

// link puts libraries before a script, without those of their functions that the script cannot
// reach. Redis creates every function of a script each time the script runs; to create all
// functions of the libraries would cost more than the own work of most scripts.
func link(with []library, script string) string {
	script = uncommented(script)
	var all []block
	for _, l := range with {
		all = append(all, l.blocks...)
	}
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

// needed returns the libraries that a source says it needs, each behind those that it needs
// itself.
func needed(source string) []library {
	var out []library
	met := map[string]bool{}
	var need func(source string)
	need = func(source string) {
		for _, says := range needs.FindAllString(source, -1) {
			for _, name := range libraryName.FindAllString(says, -1) {
				if met[name] {
					continue
				}
				met[name] = true
				l, ok := libraries[name]
				if !ok {
					panic("redisstore: no " + name)
				}
				need(l.source)
				out = append(out, l)
			}
		}
	}
	need(source)
	return out
}

var (
	needs       = regexp.MustCompile(`Needs lib/\w+((,| and) lib/\w+)*\.`)
	libraryName = regexp.MustCompile(`lib/\w+`)
)

// library is a file of functions and of the code between them.
type library struct {
	source string
	blocks []block
}

// libraries holds the libraries of lua/lib by name, such as "lib/lead".
var libraries = func() map[string]library {
	files, err := sources.ReadDir("lua/lib")
	if err != nil {
		panic("redisstore: " + err.Error())
	}
	out := map[string]library{}
	for _, f := range files {
		name := "lib/" + strings.TrimSuffix(f.Name(), ".lua")
		out[name] = parse(source(name))
	}
	return out
}()

// block is one function of a library, or the code between two.
type block struct {
	function string // the function's name; "" for other code
	text     string
	words    []string
}

const blockEnd = "\nend\n"

// parse splits a library into blocks. Its functions begin with "local function" and end with
// "end", each at the beginning of a line; parse panics if one has no such end.
func parse(source string) library {
	l := library{source: source}
	add := func(function, text string) { l.blocks = append(l.blocks, block{function, text, words(text)}) }
	source = uncommented(source)
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

var function = regexp.MustCompile(`(?m)^local function (\w+)`)

// uncommented removes the comments that have lines of their own, so that no function is linked
// only because a comment names it.
func uncommented(source string) string {
	var out strings.Builder
	for line := range strings.Lines(source) {
		if !strings.HasPrefix(strings.TrimLeft(line, " "), "--") {
			out.WriteString(line)
		}
	}
	return out.String()
}

// words returns the names, keywords and numbers in a text.
func words(text string) []string {
	return strings.FieldsFunc(text, func(r rune) bool {
		return r != '_' && (r < '0' || '9' < r) && (r < 'a' || 'z' < r) && (r < 'A' || 'Z' < r)
	})
}
