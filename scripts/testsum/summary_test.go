package main

import (
	"strings"
	"testing"
)

// TestSummary: the summary must show what failed and why, and never report success if nothing was
// tested or a package did not end.
func TestSummary(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, in string
		want     []string
		last     string
	}{
		{
			"pass, fail, skip and subtests",
			`{"Action":"run","Package":"a","Test":"TestX"}
{"Action":"run","Package":"a","Test":"TestX/one"}
{"Action":"run","Package":"a","Test":"TestX/two"}
{"Action":"output","Package":"a","Test":"TestX/two","Output":"    x_test.go:9: got 1, want 2\n"}
{"Action":"pass","Package":"a","Test":"TestX/one"}
{"Action":"fail","Package":"a","Test":"TestX/two"}
{"Action":"fail","Package":"a","Test":"TestX"}
{"Action":"fail","Package":"a","Elapsed":1.25}
{"Action":"run","Package":"b","Test":"TestY"}
{"Action":"output","Package":"b","Test":"TestY","Output":"=== RUN   TestY\n"}
{"Action":"output","Package":"b","Test":"TestY","Output":"    y_test.go:3: redis-server is missing\n"}
{"Action":"skip","Package":"b","Test":"TestY"}
{"Action":"pass","Package":"b","Elapsed":9}
`,
			[]string{
				"FAIL a TestX/two\n        x_test.go:9: got 1, want 2", "FAIL a (1.2s)", "ok   b (9.0s, 1 tests)",
				"!!   b TestY: y_test.go:3: redis-server is missing", "     9.0s b\n     1.2s a",
			},
			"1 passed, 1 failed, 1 skipped",
		},
		{
			"a package that does not build",
			`{"ImportPath":"a [a.test]","Action":"build-output","Output":"a/x.go:3: undefined: y\n"}
{"ImportPath":"a [a.test]","Action":"build-fail"}
{"Action":"start","Package":"a"}
{"Action":"fail","Package":"a","Elapsed":0,"FailedBuild":"a [a.test]"}
`,
			[]string{"    a/x.go:3: undefined: y"},
			"0 passed, 1 failed, 0 skipped",
		},
		{
			"a panic",
			`{"Action":"run","Package":"a","Test":"TestX"}
{"Action":"output","Package":"a","Test":"TestX","Output":"panic: oh\n"}
{"Action":"fail","Package":"a","Elapsed":1}
`,
			[]string{"    panic: oh"},
			"0 passed, 1 failed, 0 skipped",
		},
		{"go test died", `{"Action":"start","Package":"a"}` + "\n", []string{"a never ended"}, "0 passed, 1 failed, 0 skipped"},
		{"nothing", "no such package\n", []string{"no such package", "nothing was tested"}, "0 passed, 1 failed, 0 skipped"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var out strings.Builder
			s := newSummary(&out)
			if err := s.read(strings.NewReader(c.in)); err != nil {
				t.Fatal(err)
			}
			s.end()
			for _, want := range c.want {
				if !strings.Contains(out.String(), want) {
					t.Errorf("want %q in the output, got\n%s", want, out.String())
				}
			}
			if !strings.HasSuffix(out.String(), "\n"+c.last+"\n") {
				t.Errorf("last line: got\n%s\nwant %s", out.String(), c.last)
			}
		})
	}
}
