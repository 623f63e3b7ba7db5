package backendtest

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"wagate/gateway/internal/fault"
)

// WantFault checks the code and the details of an error, which must be a *fault.Error. Each of
// details is "field: problem".
func WantFault(t *testing.T, err error, code fault.Code, details ...string) {
	t.Helper()
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		t.Fatalf("got %v, want %s", err, code)
	}
	var got []string
	for _, d := range f.Details {
		got = append(got, d.Field+": "+d.Problem)
	}
	if f.Code != code || strings.Join(got, "\n") != strings.Join(details, "\n") {
		t.Errorf("got %s\n%s\nwant %s\n%s", f.Code, strings.Join(got, "\n"), code, strings.Join(details, "\n"))
	}
}

// JSON returns v as the API would write it.
func JSON(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatalf("marshal: %v", err)
	}
	return string(b)
}
