package gupshup

import (
	"net/http"
	"time"

	"wagate/providers"
	"wagate/providers/cloudapi"
)

// The codes of messages that this package refuses itself. They are Meta's codes, so that the error
// handling of a Cloud API client understands them.
const (
	codeInvalidParameter = 100
	codeMissing          = 131008
	codeUnsupportedType  = 131051
	codeTemplateParams   = 132000
	codeTemplateMissing  = 132001
	codeTemplateFormat   = 132012
	codeTemplatePaused   = 132015
	codeTemplateDisabled = 132016
)

// Gupshup's codes which say that our list of templates may be out of date.
const (
	codeNoTextMatch     = 1005
	codeNoTemplateMatch = 4003
	codePausedTemplate  = 4005
)

// TemplatesStale reports whether a code, from an answer or a report, says that our list of
// templates may be out of date: there is no template by that name, or it may not be sent any more.
func TemplatesStale(code int) bool {
	switch code {
	case codeNoTextMatch, codeNoTemplateMatch, codePausedTemplate, codeTemplateMissing:
		return true
	}
	return false
}

// kindOf returns the kind of a code that the Cloud API does not have. Gupshup's reports mix three
// number ranges: its own codes, those of the retired on-premises API, and the Cloud API's.
func kindOf(code int) (providers.ErrorKind, bool) {
	switch code {
	// Gupshup's own.
	case 500, // internal error
		4002: // WhatsApp answered something invalid
		return providers.Transient, true
	case 1001, // sender not mapped to this app: sandbox, or src.name is wrong
		1003: // wallet empty
		return providers.Operator, true
	case 1002: // not on WhatsApp
		return providers.Undeliverable, true
	case 1004, // inactive, templates disabled
		codeNoTextMatch,  // inactive, and the text matched no template
		1006, 1007, 1008: // inactive and not opted in: a template settles it
		return providers.WindowClosed, true
	case 1009, // a parameter is missing
		1010, 1011, // media address, media size
		4004: // only on the Cloud API
		return providers.Invalid, true
	case 1012: // opted out
		return providers.OptedOut, true
	case 4001: // rate limit
		return providers.Throttled, true
	case codeNoTemplateMatch, codePausedTemplate:
		return providers.TemplateError, true

	// The on-premises API's.
	case 470: // twin of 131047
		return providers.WindowClosed, true
	case 471, // twin of 131048
		1031: // sender's account locked
		return providers.Operator, true
	case 472: // twin of 130472
		return providers.Capped, true
	case 1013, // user is not valid
		1026: // receiver incapable
		return providers.Undeliverable, true
	case 1014: // internal error
		return providers.Transient, true
	case 1015, 1016: // too many requests, overloaded
		return providers.Throttled, true
	case 2000, 2001, 2003, 2012: // parameter count, no such template, parameters missing, format
		return providers.TemplateError, true
	default:
		return "", false
	}
}

// metaCode returns Meta's code for the meaning of a code that the Cloud API does not have. Cloud
// API bots act on codes and know only Meta's. A code without an exact equivalent gets one of the
// same kind.
func metaCode(code int) int {
	switch code {
	case 471:
		return 131048
	case 1003: // no money
		return 131042
	case 1009:
		return codeMissing
	case 1010, 1011:
		return 131053
	case 4004:
		return codeUnsupportedType
	case 2000, 2003:
		return codeTemplateParams
	case 2012:
		return codeTemplateFormat
	case codePausedTemplate:
		return codeTemplatePaused
	}
	kind, own := kindOf(code)
	if !own {
		return code
	}
	return map[providers.ErrorKind]int{
		providers.Throttled: 130429, providers.Transient: 131000, providers.WindowClosed: 131047,
		providers.TemplateError: codeTemplateMissing, providers.Undeliverable: 131026, providers.OptedOut: 131050,
		providers.Capped: 130472, providers.Operator: 131031, providers.Invalid: codeInvalidParameter,
	}[kind]
}

// classify returns the meaning of a code in an answer or report of Gupshup. It adds Gupshup's own
// codes to cloudapi.Classify. None of them is documented as not processed, so a code alone never
// makes a call retryable.
func classify(code, httpStatus int) providers.Error {
	kind, own := kindOf(code)
	if !own {
		return cloudapi.Classify(code, httpStatus)
	}
	e := providers.Error{Kind: kind, Code: code, Status: httpStatus}
	switch kind {
	case providers.Throttled:
		// Refused before processing, if the HTTP status says so too.
		e.Retryable = httpStatus == http.StatusTooManyRequests
		e.RetryAfter = ownPause
	case providers.Transient:
		e.MaybeSent = httpStatus >= http.StatusInternalServerError
	case providers.Capped:
		e.RetryAfter = 24 * time.Hour
	default:
	}
	return e
}

// ownPause is how long to wait after a rate limit of Gupshup's own. Its documentation demands a
// pause but gives no figure.
const ownPause = time.Minute

// failure returns the error of a failed report. A report is final: the message was not delivered,
// and nothing is retried because of the report.
func failure(code int, reason string) *providers.Error {
	e := classify(code, 0)
	e.Detail, e.MaybeSent, e.Retryable = cloudapi.Detail(reason), false, false
	return &e
}

// refuse returns the error for a message that is refused without a call.
func refuse(kind providers.ErrorKind, code int, why string) *providers.Error {
	return &providers.Error{Kind: kind, Code: code, Detail: why}
}
