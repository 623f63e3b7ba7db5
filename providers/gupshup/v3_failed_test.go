package gupshup

import (
	"encoding/json"
	"testing"
)

// TestFailedV3ReportHasMetaMembers checks that a relayed error has code, title, message and
// error_data.details, which bots for the Cloud API read. What Gupshup left out is filled in, and
// nothing that it wrote is replaced.
func TestFailedV3ReportHasMetaMembers(t *testing.T) {
	t.Parallel()
	const whole = `[{"code":131026,"error_data":{"details":"D"},"message":"M","title":"T"}]`
	for name, c := range map[string]struct{ said, want string }{
		"title only":          {`"errors":[{"code":131026,"title":"T","href":"h"}]`, `[{"code":131026,"error_data":{"details":"T"},"href":"h","message":"T","title":"T"}]`},
		"complete":            {`"errors":` + whole, whole},
		"message only":        {`"errors":[{"code":131026,"message":"M"}]`, `[{"code":131026,"error_data":{"details":"M"},"message":"M","title":"M"}]`},
		"no details":          {`"errors":[{"code":131026,"message":"M","title":"T"}]`, `[{"code":131026,"error_data":{"details":"M"},"message":"M","title":"T"}]`},
		"no text":             {`"errors":[{"code":131026}]`, `[{"code":131026}]`},
		"outside, no list":    {`"code":1003,"reason":"R"`, `[{"code":131042,"error_data":{"details":"R"},"gupshup_code":1003,"message":"R","title":"R"}]`},
		"outside, empty list": {`"errors":[],"code":1003,"reason":"R"`, `[{"code":131042,"error_data":{"details":"R"},"gupshup_code":1003,"message":"R","title":"R"}]`},
		"outside, null list":  {`"errors":null,"code":1003,"reason":{}`, `[{"code":131042,"gupshup_code":1003}]`},
		"outside, null item":  {`"errors":[null],"code":1003`, `[{"code":131042,"gupshup_code":1003}]`},
	} {
		body := `{"gs_app_id":"` + testAppID + `","entry":[{"changes":[{"field":"messages","value":{"statuses":[` +
			`{"gs_id":"g","status":"failed","recipient_id":"15550163377",` + c.said + `}]}}]}]}`
		in, err := Decode([]byte(body), testOptions)
		if err != nil || len(in.Events) != 1 {
			t.Fatalf("%s: got %+v, %v, want one event", name, in, err)
		}
		var v struct {
			Statuses []struct{ Errors json.RawMessage }
		}
		if err := json.Unmarshal(in.Events[0].Value, &v); err != nil || len(v.Statuses) != 1 {
			t.Fatalf("%s: got %s, %v, want one status", name, in.Events[0].Value, err)
		}
		if got := string(v.Statuses[0].Errors); got != c.want {
			t.Errorf("%s: got %s, want %s", name, got, c.want)
		}
	}
}
