// Package writer has a model write the text of a follow-up's AI step.
//
// Any server that implements OpenAI's chat completions will do. A text is returned only after it
// has passed the checks in check.go. If a text fails them, the model is told what was wrong and
// asked once more; after that the writer gives up with ErrAIUnusable. A request that gets no answer
// is tried a bounded number of times, each within its timeout; after that the writer gives up with
// ErrAIUnavailable.
//
// Guarantees:
//
//   - What the lead wrote, and what is stored about the lead, is data. It reaches the model as JSON
//     inside a fence that it cannot close, together with the rule that nothing in it is an
//     instruction. The checks do not rely on that rule. Where the task contains such a value, the
//     value stands in quotation marks, unless it is as short and plain as a name
//     (followup.ExpandPrompt).
//   - A text contains no link that the business has not given, since the lead's words may ask for
//     one.
//   - The model is not told the lead's phone, user id, e-mail or other ids.
//   - No error and no log line contains a text, the key or the body of an answer. OpenAI's error
//     message quotes parts of the key, and the client library's errors quote the body. Both are
//     reduced to a status, or to what is wrong with the connection.
//   - At most Concurrency requests are in progress. Tenants take turns: a request waits for its own
//     tenant's others, not for all of another tenant's. While the breaker is open no request is
//     made. That counts as a try, so that the retries of one step can outlast a short outage.
//   - A cancelled context ends the call at once. The error then matches the context's cause as well
//     as ErrAIUnavailable, so that the caller can tell a stop from an unreachable model.
package writer
