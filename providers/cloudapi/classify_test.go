package cloudapi

import (
	"strings"
	"testing"
	"time"

	"wagate/providers"
)

// Every documented code, with the HTTP status it is documented with, has its kind. Only some codes
// may be retried, and after some the message may have been sent.
func TestClassifyCodes(t *testing.T) {
	t.Parallel()
	retryable := map[int]bool{2: true, 4: true, 80007: true, 130429: true, 131016: true, 131056: true, 131057: true, 133004: true}
	maybe := map[int]bool{131000: true, 131201: true}
	for _, test := range []struct {
		code, status int
		kind         providers.ErrorKind
	}{
		{0, 401, providers.Operator},
		{1, 400, providers.Transient},
		{2, 503, providers.Transient},
		{3, 500, providers.Operator},
		{4, 400, providers.Throttled},
		{10, 403, providers.Operator},
		{33, 400, providers.Operator},
		{100, 400, providers.Invalid},
		{190, 401, providers.Operator},
		{200, 403, providers.Operator},
		{299, 403, providers.Operator},
		{368, 403, providers.Operator},
		{80007, 400, providers.Throttled},
		{80008, 400, providers.Throttled},
		{130429, 400, providers.Throttled},
		{130472, 400, providers.Capped},
		{130497, 403, providers.Undeliverable},
		{131000, 500, providers.Transient},
		{131005, 403, providers.Operator},
		{131008, 400, providers.Invalid},
		{131009, 400, providers.Invalid},
		{131016, 500, providers.Transient},
		{131020, 400, providers.Invalid},
		{131021, 400, providers.Invalid},
		{131026, 400, providers.Undeliverable},
		{131030, 400, providers.Operator},
		{131031, 403, providers.Operator},
		{131037, 400, providers.Operator},
		{131041, 400, providers.Invalid},
		{131042, 400, providers.Operator},
		{131045, 500, providers.Operator},
		{131047, 400, providers.WindowClosed},
		{131048, 400, providers.Operator},
		{131049, 400, providers.Capped},
		{131050, 400, providers.OptedOut},
		{131051, 400, providers.Invalid},
		{131052, 400, providers.Invalid},
		{131053, 400, providers.Invalid},
		{131055, 400, providers.Invalid},
		{131056, 400, providers.Throttled},
		{131057, 500, providers.Transient},
		{131059, 400, providers.Invalid},
		{131060, 400, providers.Invalid},
		{131062, 400, providers.Invalid},
		{131201, 206, providers.Unknown},
		{131207, 403, providers.Operator},
		{131208, 400, providers.Throttled},
		{132000, 400, providers.TemplateError},
		{132001, 404, providers.TemplateError},
		{132005, 400, providers.Invalid},
		{132007, 400, providers.TemplateError},
		{132012, 400, providers.TemplateError},
		{132015, 400, providers.TemplateError},
		{132016, 400, providers.TemplateError},
		{132018, 400, providers.TemplateError},
		{132068, 400, providers.Operator},
		{132069, 400, providers.Operator},
		{133000, 500, providers.Operator},
		{133004, 503, providers.Transient},
		{133005, 400, providers.Operator},
		{133006, 400, providers.Operator},
		{133008, 400, providers.Operator},
		{133009, 400, providers.Operator},
		{133010, 400, providers.Operator},
		{133015, 400, providers.Throttled},
		{133016, 400, providers.Throttled},
		{134011, 400, providers.Operator},
		{134100, 400, providers.Invalid},
		{134101, 400, providers.Transient},
		{134102, 500, providers.Operator},
		{135000, 400, providers.Invalid},
		{147001, 400, providers.Operator},
		{147005, 400, providers.Operator},
		{2388000, 400, providers.Invalid},
		{2388999, 400, providers.Invalid},
		{2593107, 400, providers.Operator},
		{2593109, 400, providers.Operator},
		{300, 400, providers.Unknown},
		{777777, 400, providers.Unknown},
		{-1, 400, providers.Unknown},
	} {
		e := Classify(test.code, test.status)
		if e.Kind != test.kind || e.Code != test.code || e.Status != test.status {
			t.Errorf("%d: got %s (code %d, status %d), want %s", test.code, e.Kind, e.Code, e.Status, test.kind)
		}
		if e.Retryable != retryable[test.code] || e.MaybeSent != maybe[test.code] {
			t.Errorf("%d: got retryable %v, maybe sent %v, want %v, %v", test.code, e.Retryable, e.MaybeSent, retryable[test.code], maybe[test.code])
		}
	}
}

// If the code is absent or unknown, the HTTP status decides. An error is never both
// retryable and maybe sent.
func TestClassifyStatus(t *testing.T) {
	t.Parallel()
	type want struct {
		kind             providers.ErrorKind
		retryable, maybe bool
	}
	for name, test := range map[string]struct {
		code, status int
		want         want
	}{
		"bare 200":              {0, 200, want{providers.Unknown, false, true}},
		"bare 307":              {0, 307, want{providers.Unknown, false, false}},
		"bare 400":              {0, 400, want{providers.Invalid, false, false}},
		"bare 401":              {0, 401, want{providers.Operator, false, false}},
		"bare 403":              {0, 403, want{providers.Operator, false, false}},
		"bare 408":              {0, 408, want{providers.Transient, false, true}},
		"bare 429":              {0, 429, want{providers.Throttled, true, false}},
		"bare 500":              {0, 500, want{providers.Transient, false, true}},
		"bare 502":              {0, 502, want{providers.Transient, false, true}},
		"bare 503":              {0, 503, want{providers.Transient, false, true}},
		"bare 504":              {0, 504, want{providers.Transient, false, true}},
		"new code 500":          {777777, 500, want{providers.Transient, false, true}},
		"code 1 with 500":       {1, 500, want{providers.Transient, false, true}},
		"known code with 500":   {131047, 500, want{providers.WindowClosed, false, false}},
		"group rate, 429":       {131208, 429, want{providers.Throttled, true, false}},
		"pair rate, 429":        {131056, 429, want{providers.Throttled, true, false}},
		"generic, 429":          {131000, 429, want{providers.Throttled, true, false}},
		"permanent, 429":        {131026, 429, want{providers.Undeliverable, false, false}},
		"receipt without code":  {0, 0, want{providers.Unknown, false, false}},
		"receipt with new code": {777777, 0, want{providers.Unknown, false, false}},
	} {
		e := Classify(test.code, test.status)
		if got := (want{e.Kind, e.Retryable, e.MaybeSent}); got != test.want {
			t.Errorf("%s: got %+v, want %+v", name, got, test.want)
		}
	}
	// No code and status may be both.
	for code := -10; code < 140000; code++ {
		for _, status := range []int{0, 200, 400, 408, 429, 500, 503} {
			if e := Classify(code, status); e.Retryable && e.MaybeSent {
				t.Fatalf("code %d, status %d: got retryable and maybe sent, want one at most", code, status)
			}
		}
	}
}

// Failure reads the error from Graph's body, and goes by the HTTP status if the body has none.
func TestFailure(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		body   string
		status int
		after  time.Duration
		want   providers.Error
	}{
		"graph": {
			`{"error":{"message":"(#131047) Re-engagement message","code":131047,"error_data":{"details":"More than 24 hours."}}}`, 400, 0,
			providers.Error{Kind: providers.WindowClosed, Code: 131047, Status: 400, Detail: "More than 24 hours."},
		},
		"no details":          {`{"error":{"message":"(#4) Application request limit reached","code":4}}`, 400, 0, providers.Error{Kind: providers.Throttled, Code: 4, Status: 400, Retryable: true, RetryAfter: time.Minute, Detail: "(#4) Application request limit reached"}},
		"header wins":         {`{"error":{"code":4}}`, 400, time.Second, providers.Error{Kind: providers.Throttled, Code: 4, Status: 400, Retryable: true, RetryAfter: time.Second}},
		"text code":           {`{"error":{"code":"131026"}}`, 400, 0, providers.Error{Kind: providers.Undeliverable, Code: 131026, Status: 400}},
		"error not an object": {`{"error":"x"}`, 500, 0, providers.Error{Kind: providers.Transient, Status: 500, MaybeSent: true}},
		"html":                {`<html>`, 502, 0, providers.Error{Kind: providers.Transient, Status: 502, MaybeSent: true}},
		"empty":               {``, 403, 0, providers.Error{Kind: providers.Operator, Status: 403}},
		"huge code":           {`{"error":{"code":1e99}}`, 400, 0, providers.Error{Kind: providers.Invalid, Status: 400}},
	} {
		if got := *Failure([]byte(test.body), test.status, test.after); got != test.want {
			t.Errorf("%s: got %+v, want %+v", name, got, test.want)
		}
	}
}

// Detail keeps the provider's explanation and replaces phones, user ids, addresses and
// quoted texts. It is bounded.
func TestI11DetailIsRedacted(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"(#131047) Re-engagement message":                      "(#131047) Re-engagement message",
		"Recipient +55 (11) 97000-0021 is not in the list.":    "Recipient … is not in the list.",
		"Recipient 5511970000021.":                             "Recipient ….",
		"to BR.9c2aa17 is wrong":                               "to … is wrong",
		"to (US.ENT.77a) is wrong":                             "to … is wrong",
		"see https://x.example/?t=1 or mail a@x.example":       "see … or mail …",
		`Param "text.body" must not be "hello Rui"`:            `Param "text.body" must not be "…"`,
		"Param 'template.components[0]' isn't 'hello Rui' now": "Param 'template.components[0]' isn't '…' now",
		`it says "hello Rui and`:                               `it says "…`,
		"it says “hello Rui”.":                                 "it says “…”.",
		"limit is 4096 of 1024":                                "limit is 4096 of 1024",
		"a\n\tb":                                               "a b",
		"":                                                     "",
	} {
		if got := Detail(in); got != want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
	if got := []rune(Detail(strings.Repeat("é ", 5000))); len(got) != maxDetail {
		t.Errorf("got %d runes, want %d", len(got), maxDetail)
	}
}

// FuzzDetail checks that no run of digits as long as a phone is left.
func FuzzDetail(f *testing.F) {
	f.Add("Recipient +55 11 97000-0021 'x")
	f.Fuzz(func(t *testing.T, s string) {
		got := Detail(s)
		run := 0
		for _, r := range got {
			if r >= '0' && r <= '9' {
				if run++; run >= minPhone {
					t.Fatalf("%q: got %q, want no phone number left", s, got)
				}
				continue
			}
			run = 0
		}
	})
}
