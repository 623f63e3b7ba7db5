package fault_test

import (
	"errors"
	"testing"

	"wagate/gateway/internal/fault"
)

// TestI14NonUTF8BodyIsRefused: a body that is not valid UTF-8 is refused. A decoder would put
// replacement characters in the place of the invalid bytes, and nobody sent those.
func TestI14NonUTF8BodyIsRefused(t *testing.T) {
	t.Parallel()
	var problems fault.Problems
	for _, body := range []string{"{\"name\":\"Jos\xe9\"}", "{\"jos\xe9\":1}"} {
		_, err := fault.Members([]byte(body), "", &problems)
		e, ok := errors.AsType[*fault.Error](err)
		if !ok || e.Code != fault.Validation || len(e.Details) != 1 || e.Details[0] != (fault.Detail{Field: "body", Problem: "is not valid UTF-8"}) {
			t.Errorf("%q: got %v, want a Validation error about the body", body, err)
		}
	}
	members, err := fault.Members([]byte(`{"name":"José"}`), "", &problems)
	if err != nil || string(members["name"]) != `"José"` {
		t.Errorf("got %s, %v, want the name", members["name"], err)
	}
}
