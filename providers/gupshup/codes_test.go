package gupshup

import (
	"testing"

	"wagate/providers"
)

// One row per code that a failed report can carry and that the Cloud API does
// not have, and one for each of its families that Gupshup passes on.
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
			t.Errorf("report with code %d: got %+v, want a verdict of kind %s", c.code, f, c.want)
		}
		// A code of Gupshup's own never makes a call look as if nothing had been
		// sent: none is documented so (I6).
		if _, own := kindOf(c.code); own && (e.Retryable || classify(c.code, 400).Retryable) {
			t.Errorf("code %d: got retryable, want not", c.code)
		}
	}
}

func TestClassifyOwnCodesByStatus(t *testing.T) {
	t.Parallel()
	if e := classify(4001, 429); !e.Retryable || e.MaybeSent || e.RetryAfter == 0 {
		t.Errorf("4001 with 429: got %+v, want retryable after a pause", e)
	}
	if e := classify(500, 502); !e.MaybeSent || e.Retryable {
		t.Errorf("500 with 502: got %+v, want perhaps sent", e)
	}
	if e := classify(472, 0); e.RetryAfter.Hours() != 24 {
		t.Errorf("472: got retry after %s, want 24h", e.RetryAfter)
	}
}
