package cloudapi

import (
	"time"

	"wagate/providers"
)

// Classify returns the meaning of an error answer. code is the provider's code, 0 if the answer has
// none that can be parsed. httpStatus is the HTTP status of the answer, 0 for the error in a failed
// status. A bare 5xx, or a 5xx with an unlisted code, may have been sent. Meta's own code 0, a
// token that is not accepted, is recognised by its status 401.
func Classify(code, httpStatus int) providers.Error {
	e, listed := codeError(code)
	e.Code, e.Status = code, httpStatus
	if httpStatus == 429 {
		// Refused before processing, whatever permanent reason the body gives.
		switch e.Kind {
		case providers.Unknown, providers.Throttled, providers.Transient:
			e.Kind, e.Retryable, e.MaybeSent = providers.Throttled, true, false
		}
		return e
	}
	if listed {
		return e
	}
	switch {
	case httpStatus == 0:
		return e
	case httpStatus < 300:
		// Accepted, but the answer does not say as what.
		e.Kind, e.MaybeSent = providers.Unknown, true
	case httpStatus >= 500 || httpStatus == 408:
		e.Kind, e.MaybeSent = providers.Transient, true
	case code != 0:
	case httpStatus == 401 || httpStatus == 403:
		e.Kind = providers.Operator
	case httpStatus >= 400:
		e.Kind = providers.Invalid
	}
	return e
}

// codeError is the table of Cloud API codes. It also reports whether code is listed. Only codes
// documented as not processed are retryable.
func codeError(code int) (providers.Error, bool) {
	is := func(k providers.ErrorKind) (providers.Error, bool) { return providers.Error{Kind: k}, true }
	wait := func(k providers.ErrorKind, d time.Duration) (providers.Error, bool) {
		return providers.Error{Kind: k, RetryAfter: d}, true
	}
	retry := func(k providers.ErrorKind, d time.Duration) (providers.Error, bool) {
		return providers.Error{Kind: k, RetryAfter: d, Retryable: true}, true
	}
	switch code {
	case 2, 131016, 133004: // service down or overloaded
		return retry(providers.Transient, 0)
	case 131057: // account in maintenance
		return retry(providers.Transient, time.Minute)
	case 4, 80007: // call limits of app and WABA
		return retry(providers.Throttled, time.Minute)
	case 130429: // throughput
		return retry(providers.Throttled, 0)
	case 131056: // to this user: one message per 6 s
		return retry(providers.Throttled, 6*time.Second)

	case 80008, 131208: // limits that are not documented as not processed
		return is(providers.Throttled)
	case 133015, 133016: // registration
		return wait(providers.Throttled, 5*time.Minute)
	case 1: // unknown error or invalid request; only a 5xx leaves it open
		return providers.Error{Kind: providers.Transient}, false
	case 131000: // generic failure: nobody knows
		return providers.Error{Kind: providers.Transient, MaybeSent: true}, true
	case 131201: // partial success
		return providers.Error{Kind: providers.Unknown, MaybeSent: true}, true
	case 134101: // templates still syncing
		return wait(providers.Transient, 10*time.Minute)

	case 131047:
		return is(providers.WindowClosed)
	case 131026, 130497: // not on WhatsApp; country not allowed
		return is(providers.Undeliverable)
	case 131050:
		return is(providers.OptedOut)
	case 131049, 130472: // marketing cap; marketing experiment
		return wait(providers.Capped, 24*time.Hour)

	case 132005: // the text with its parameters is too long
		return is(providers.Invalid)
	case 132068, 132069: // the flow behind it is blocked or throttled
		return is(providers.Operator)

	case 100, 131008, 131009, 131020, 131021, 131041, 131051, 131052, 131053, 131055, 131059,
		131060, 131062, 134100, 135000:
		return is(providers.Invalid)

	case 3, 10, 33, 190, 368, // token, permission, policy, number
		131005, 131030, 131031, 131037, 131042, 131045, 131048, 131207,
		133000, 133005, 133006, 133008, 133009, 133010, 134011, 134102,
		147001, 147002, 147003, 147004, 147005, 2593107, 2593108, 2593109:
		return is(providers.Operator)
	}
	switch {
	case code >= 200 && code <= 299: // API permission
		return is(providers.Operator)
	case code >= 132000 && code <= 132999:
		return is(providers.TemplateError)
	case code >= 2388000 && code <= 2388999: // creating a template
		return is(providers.Invalid)
	}
	return providers.Error{Kind: providers.Unknown}, false
}
