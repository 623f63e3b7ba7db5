// Package writer has a model write the text of a follow-up's AI step.
//
// Any server that speaks OpenAI's chat completions will do. A text goes out
// only after it has passed the checks of check.go; one that has not is asked
// for once more, saying what was wrong, and then given up (ErrAIUnusable). A
// model that cannot be reached is tried a bounded number of times, each within
// its time-out, then given up too (ErrAIUnavailable).
//
// What holds:
//
//   - What the lead wrote, and what is stored about him, is data: it reaches
//     the model as JSON inside a fence that it cannot close, beside the rule
//     that nothing in it is an instruction. The checks do not trust that rule. What
//     the task names of it stands there in quotation marks, unless it is as short and
//     plain as a name (followup.ExpandPrompt).
//   - No link goes out that the business has not given: what the lead writes may ask for one.
//   - The lead's phone, user id, e-mail and ids are not told to the model.
//   - No error and no log line holds a text, the key, or an answer's body.
//     OpenAI's own error message quotes parts of the key, and the client
//     library's errors quote the body, so both are reduced to a status, or to what is
//     wrong with the connection.
//   - At most Concurrency requests are under way, and who waits for one of them waits
//     for his own tenant's others, not for all of another's. While the breaker is open no request
//     is made; that counts as a try, so that a step meets the end of a short
//     outage within its own retries.
//   - A cancelled context ends everything at once, and the error then matches
//     the context's cause beside ErrAIUnavailable: the caller can tell "we were
//     stopped" from "the model was away".
package writer
