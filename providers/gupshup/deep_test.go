package gupshup

import (
	"errors"
	"strings"
	"testing"
)

// TestI14TooDeep checks that a callback nested about as deep as encoding/json reads is refused in
// either version, because the relayed value puts further levels around it.
func TestI14TooDeep(t *testing.T) {
	t.Parallel()
	deep := func(n int) string { return strings.Repeat(`[`, n) + strings.Repeat(`]`, n) }
	for name, c := range map[string]struct {
		body string
		want error
	}{
		"an unknown type, deep":     {`{"app":"AcmeCare","type":"new-event","payload":{"x":` + deep(8_900) + `}}`, nil},
		"an unknown type, deepest":  {`{"app":"AcmeCare","type":"new-event","payload":{"x":` + deep(9_998) + `}}`, ErrShape},
		"an account event, deepest": {`{"app":"AcmeCare","type":"account-event","payload":{"x":` + deep(9_997) + `}}`, ErrShape},
		"version 3, deepest":        {`{"gs_app_id":"a","entry":[{"changes":[{"field":"x","value":{"x":` + deep(9_990) + `}}]}]}`, ErrShape},
		"many lists side by side":   {`{"app":"AcmeCare","type":"new-event","payload":{"x":[` + strings.Repeat(`[],`, 20_000) + `"[[["]}}`, nil},
	} {
		in, err := Decode([]byte(c.body), Options{})
		if !errors.Is(err, c.want) || err == nil && len(in.Events) != 1 {
			t.Errorf("%s: got %d events, %v, want %v", name, len(in.Events), err, c.want)
		}
	}
}
