package e2e

import "wagate/followup/writer/modeltest"

// quietModel is a model that first fails in words that repeat what it was told,
// then writes what cannot be sent, and then what can.
func quietModel(phone, prompt, text string) []modeltest.Answer {
	return []modeltest.Answer{
		{Status: 500, Text: "cannot write to " + phone + ": " + prompt},
		{Status: 400, Code: "content_filter", Text: prompt},
		{Text: text + " [NAME]"},
		{Text: text},
		{Text: text},
	}
}
