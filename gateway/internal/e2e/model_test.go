package e2e

import "wagate/followup/writer/modeltest"

// quietModel returns the answers of a model that first fails with words that repeat the request,
// then writes a text that must not be sent, and then one that may.
func quietModel(phone, prompt, text string) []modeltest.Answer {
	return []modeltest.Answer{
		{Status: 500, Text: "cannot write to " + phone + ": " + prompt},
		{Status: 400, Code: "content_filter", Text: prompt},
		{Text: text + " [NAME]"},
		{Text: text},
		{Text: text},
	}
}
