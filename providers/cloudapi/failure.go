package cloudapi

import (
	"cmp"
	"time"

	"wagate/providers"
)

// Failure reads an answer that reports no success. It uses the code of Graph's error object if
// there is one, else the HTTP status alone. A retryAfter from the answer replaces the documented
// wait for the code.
func Failure(body []byte, httpStatus int, retryAfter time.Duration) *providers.Error {
	var code int
	var wording string
	if valid(body) {
		cause := read(sanitised(body)).get("error")
		code = cause.number("code")
		wording = cmp.Or(cause.get("error_data").text("details"), cause.text("message"))
	}
	e := Classify(code, httpStatus)
	e.Detail = Detail(wording)
	if retryAfter > 0 {
		e.RetryAfter = retryAfter
	}
	return &e
}
