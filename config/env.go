package config

import (
	"fmt"
	"regexp"
	"strings"
)

// Lookup returns the value of an environment variable and whether it is set, as os.LookupEnv does.
type Lookup func(name string) (value string, set bool)

var variable = regexp.MustCompile(`^\$\{([A-Za-z_][A-Za-z0-9_]*)\}`)

// expand replaces each ${NAME} in s and each $${ by ${. The content of a variable is not expanded
// again. A ${ without a name and }, or a variable that is not set, is an error.
func expand(s string, lookup Lookup) (string, error) {
	var b strings.Builder
	for {
		i := strings.Index(s, "${")
		if i < 0 {
			b.WriteString(s)
			return b.String(), nil
		}
		if i > 0 && s[i-1] == '$' {
			b.WriteString(s[:i-1] + "${")
			s = s[i+2:]
			continue
		}
		b.WriteString(s[:i])
		m := variable.FindStringSubmatch(s[i:])
		if m == nil {
			return "", fmt.Errorf("got ${ without a name and }, want ${NAME}, or $${ for a literal ${")
		}
		value, set := lookup(m[1])
		if !set {
			return "", fmt.Errorf("the variable %s is not set in the environment", m[1])
		}
		b.WriteString(value)
		s = s[i+len(m[0]):]
	}
}
