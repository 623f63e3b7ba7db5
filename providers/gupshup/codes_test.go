package gupshup

import (
	"encoding/json"
	"fmt"
	"testing"

	"wagate/providers"
	"wagate/providers/cloudapi"
)

// Each of Gupshup's own codes that a failed report can have has its kind, and so has at least one
// code of each family of the Cloud API that Gupshup passes on.
func TestClassify(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		code int
		want providers.ErrorKind
	}{
		{500, providers.Transient},
		{1001, providers.Operator},
		{1002, providers.Undeliverable},
		{1003, providers.Operator},
		{1004, providers.WindowClosed},
		{1005, providers.WindowClosed},
		{1006, providers.WindowClosed},
		{1007, providers.WindowClosed},
		{1008, providers.WindowClosed},
		{1009, providers.Invalid},
		{1010, providers.Invalid},
		{1011, providers.Invalid},
		{1012, providers.OptedOut},
		{4001, providers.Throttled},
		{4002, providers.Transient},
		{4003, providers.TemplateError},
		{4004, providers.Invalid},
		{4005, providers.TemplateError},

		{470, providers.WindowClosed},
		{471, providers.Operator},
		{472, providers.Capped},
		{1013, providers.Undeliverable},
		{1014, providers.Transient},
		{1015, providers.Throttled},
		{1016, providers.Throttled},
		{1026, providers.Undeliverable},
		{1031, providers.Operator},
		{2000, providers.TemplateError},
		{2001, providers.TemplateError},
		{2003, providers.TemplateError},
		{2012, providers.TemplateError},

		{4, providers.Throttled},
		{190, providers.Operator},
		{368, providers.Operator},
		{80007, providers.Throttled},
		{130429, providers.Throttled},
		{130472, providers.Capped},
		{131016, providers.Transient},
		{131026, providers.Undeliverable},
		{131031, providers.Operator},
		{131042, providers.Operator},
		{131047, providers.WindowClosed},
		{131048, providers.Operator},
		{131049, providers.Capped},
		{131050, providers.OptedOut},
		{131051, providers.Invalid},
		{131053, providers.Invalid},
		{131056, providers.Throttled},
		{131057, providers.Transient},
		{132000, providers.TemplateError},
		{132001, providers.TemplateError},
		{132007, providers.TemplateError},
		{132012, providers.TemplateError},
		{132015, providers.TemplateError},
		{132016, providers.TemplateError},
		{133004, providers.Transient},
		{777777, providers.Unknown},
		{0, providers.Unknown},
	} {
		e := classify(c.code, 0)
		if e.Kind != c.want || e.Code != c.code {
			t.Errorf("code %d: got %s (code %d), want %s", c.code, e.Kind, e.Code, c.want)
		}
		if f := failure(c.code, "said"); f.Kind != c.want || f.MaybeSent || f.Retryable {
			t.Errorf("report with code %d: got %+v, want a final error of kind %s", c.code, f, c.want)
		}
		// A code of Gupshup's own never makes a call retryable: none is documented to mean
		// that nothing was sent (I6).
		if _, own := kindOf(c.code); own && (e.Retryable || classify(c.code, 400).Retryable) {
			t.Errorf("code %d: got retryable, want not retryable", c.code)
		}
	}
}

// If an answer has one of Gupshup's codes, its HTTP status still decides whether the call may be
// retried or may have sent the message.
func TestClassifyOwnCodesByStatus(t *testing.T) {
	t.Parallel()
	if e := classify(4001, 429); !e.Retryable || e.MaybeSent || e.RetryAfter == 0 {
		t.Errorf("4001 with 429: got %+v, want retryable after a pause", e)
	}
	if e := classify(500, 502); !e.MaybeSent || e.Retryable {
		t.Errorf("500 with 502: got %+v, want maybe sent", e)
	}
	if e := classify(472, 0); e.RetryAfter.Hours() != 24 {
		t.Errorf("472: got retry after %s, want 24h", e.RetryAfter)
	}
}

// TestReportsHaveMetaCodes checks that each of Gupshup's own codes is relayed as the Cloud API's
// code of the same kind, with Gupshup's code beside it, and that Meta's codes stay as they are.
// Both hold in both versions.
func TestReportsHaveMetaCodes(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ code, want int }{
		{500, 131000},
		{1001, 131031},
		{1002, 131026},
		{1003, 131042},
		{1004, 131047},
		{1005, 131047},
		{1006, 131047},
		{1007, 131047},
		{1008, 131047},
		{1009, 131008},
		{1010, 131053},
		{1011, 131053},
		{1012, 131050},
		{4001, 130429},
		{4002, 131000},
		{4003, 132001},
		{4004, 131051},
		{4005, 132015},
		{470, 131047},
		{471, 131048},
		{472, 130472},
		{1013, 131026},
		{1014, 131000},
		{1015, 130429},
		{1016, 130429},
		{1026, 131026},
		{1031, 131031},
		{2000, 132000},
		{2001, 132001},
		{2003, 132000},
		{2012, 132012},
		{131047, 131047},
		{131049, 131049},
		{190, 190},
		{777777, 777777},
		{0, 0},
	} {
		said := fmt.Sprintf(`"code":%d,"reason":"R"`, c.code)
		v3 := `{"gs_app_id":"A","entry":[{"changes":[{"field":"messages","value":{"statuses":[{"gs_id":"g","status":"failed",%s}]}}]}]}`
		for name, body := range map[string]string{
			"v2":                        `{"app":"A","type":"message-event","payload":{"gsId":"g","type":"failed","destination":"15550163377","payload":{` + said + `}}}`,
			"v3":                        fmt.Sprintf(v3, fmt.Sprintf(`"errors":[{"code":%d,"title":"R"}]`, c.code)),
			"v3, code as text":          fmt.Sprintf(v3, fmt.Sprintf(`"errors":[{"code":"%d","title":"R"}]`, c.code)),
			"v3, code outside the list": fmt.Sprintf(v3, said),
		} {
			in, err := Decode([]byte(body), testOptions)
			if err != nil || len(in.Events) != 1 {
				t.Fatalf("%d, %s: got %+v, %v, want one event", c.code, name, in, err)
			}
			var v struct {
				Statuses []struct {
					Errors []struct {
						Code int
						Own  int `json:"gupshup_code"`
					}
				}
			}
			if err := json.Unmarshal(in.Events[0].Value, &v); err != nil || len(v.Statuses) != 1 || len(v.Statuses[0].Errors) != 1 {
				t.Fatalf("%d, %s: got %s, %v, want one error", c.code, name, in.Events[0].Value, err)
			}
			own := c.code
			if c.code == c.want {
				own = 0
			}
			if got := v.Statuses[0].Errors[0]; got.Code != c.want || got.Own != own {
				t.Errorf("%d, %s: got %+v, want code %d and Gupshup's own %d", c.code, name, got, c.want, own)
			}
			if e := in.Events[0].Status.Err; e.Code != c.code {
				t.Errorf("%d, %s: got code %d in the event's error, want Gupshup's own", c.code, name, e.Code)
			}
		}
		ours, theirs := classify(c.code, 0).Kind, cloudapi.Classify(c.want, 0).Kind
		if ours != theirs {
			t.Errorf("%d: got kind %s, want %s as for Meta's code %d", c.code, ours, theirs, c.want)
		}
	}
}
