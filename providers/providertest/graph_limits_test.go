package providertest_test

import (
	"fmt"
	"strings"
	"testing"

	"wagate/providers/providertest"
)

// TestGraphEnforcesLimits checks that the fake accepts what is exactly at a limit and refuses what
// is beyond it, as the Cloud API does.
func TestGraphEnforcesLimits(t *testing.T) {
	t.Parallel()
	g := newGraph(t, providertest.GraphParams{})
	x := func(n int) string { return strings.Repeat("é", n) }
	media := func(typ, members string) string { return `"type":"` + typ + `","` + typ + `":{` + members + `}` }
	some := func(n int, item func(i int) string) string {
		var all []string
		for i := range n {
			all = append(all, item(i))
		}
		return strings.Join(all, ",")
	}
	interactive := func(typ, beside, action string) string {
		return `"type":"interactive","interactive":{"type":"` + typ + `",` + beside + `"action":{` + action + `}}`
	}
	buttons := func(n int, id, title string) string {
		return `"buttons":[` + some(n, func(i int) string {
			return `{"type":"reply","reply":{"id":"` + id + `","title":"` + title + fmt.Sprint(i) + `"}}`
		}) + `]`
	}
	list := func(sections, rows int, title, id, row, description string) string {
		return `"button":"Open","sections":[` + some(sections, func(int) string {
			return `{"title":"` + title + `","rows":[` + some(rows, func(int) string {
				return `{"id":"` + id + `","title":"` + row + `","description":"` + description + `"}`
			}) + `]}`
		}) + `]`
	}
	const body = `"body":{"text":"b"},`
	for name, c := range map[string]struct{ good, bad string }{
		"caption":         {media("image", `"id":"1","caption":"`+x(1024)+`"`), media("image", `"id":"1","caption":"`+x(1025)+`"`)},
		"id or link":      {media("document", `"link":"https://f.example"`), media("document", `"id":"1","link":"https://f.example"`)},
		"id and link":     {media("video", `"id":"1"`), media("video", `"caption":"c"`)},
		"no caption":      {media("audio", `"id":"1"`), media("audio", `"id":"1","caption":"c"`)},
		"contacts":        {`"type":"contacts","contacts":[` + some(257, func(int) string { return `{}` }) + `]`, `"type":"contacts","contacts":[` + some(258, func(int) string { return `{}` }) + `]`},
		"no contacts":     {`"type":"contacts","contacts":[{}]`, `"type":"contacts","contacts":[]`},
		"buttons":         {interactive("button", body, buttons(3, "i", "t")), interactive("button", body, buttons(4, "i", "t"))},
		"no buttons":      {interactive("button", body, buttons(1, "i", "t")), interactive("button", body, "")},
		"same titles":     {interactive("button", body, buttons(2, "i", "t")), interactive("button", body, `"buttons":[{"reply":{"id":"1","title":"t"}},{"reply":{"id":"2","title":"t"}}]`)},
		"button title":    {interactive("button", body, buttons(1, "i", x(19))), interactive("button", body, buttons(1, "i", x(20)))},
		"button id":       {interactive("button", body, buttons(1, x(256), "t")), interactive("button", body, buttons(1, x(257), "t"))},
		"body":            {interactive("button", `"body":{"text":"`+x(1024)+`"},`, buttons(1, "i", "t")), interactive("button", `"body":{"text":"`+x(1025)+`"},`, buttons(1, "i", "t"))},
		"header":          {interactive("button", body+`"header":{"type":"text","text":"`+x(60)+`"},`, buttons(1, "i", "t")), interactive("button", body+`"header":{"type":"text","text":"`+x(61)+`"},`, buttons(1, "i", "t"))},
		"footer":          {interactive("button", body+`"footer":{"text":"`+x(60)+`"},`, buttons(1, "i", "t")), interactive("button", body+`"footer":{"text":"`+x(61)+`"},`, buttons(1, "i", "t"))},
		"list body":       {interactive("list", `"body":{"text":"`+x(4096)+`"},`, list(1, 1, "t", "i", "r", "")), interactive("list", `"body":{"text":"`+x(4097)+`"},`, list(1, 1, "t", "i", "r", ""))},
		"list header":     {interactive("list", body+`"header":{"type":"text","text":"h"},`, list(1, 1, "t", "i", "r", "")), interactive("list", body+`"header":{"type":"image"},`, list(1, 1, "t", "i", "r", ""))},
		"rows":            {interactive("list", body, list(2, 5, "t", "i", "r", "")), interactive("list", body, list(1, 11, "t", "i", "r", ""))},
		"no rows":         {interactive("list", body, list(10, 1, "t", "i", "r", "")), interactive("list", body, list(1, 0, "t", "i", "r", ""))},
		"sections":        {interactive("list", body, list(10, 1, "t", "i", "r", "")), interactive("list", body, strings.Replace(list(10, 1, "t", "i", "r", ""), `"sections":[`, `"sections":[{"title":"none"},`, 1))},
		"section title":   {interactive("list", body, list(1, 1, x(24), "i", "r", "")), interactive("list", body, list(1, 1, x(25), "i", "r", ""))},
		"row id":          {interactive("list", body, list(1, 1, "t", x(200), "r", "")), interactive("list", body, list(1, 1, "t", x(201), "r", ""))},
		"row title":       {interactive("list", body, list(1, 1, "t", "i", x(24), "")), interactive("list", body, list(1, 1, "t", "i", x(25), ""))},
		"row description": {interactive("list", body, list(1, 1, "t", "i", "r", x(72))), interactive("list", body, list(1, 1, "t", "i", "r", x(73)))},
		"list button":     {interactive("list", body, strings.Replace(list(1, 1, "t", "i", "r", ""), "Open", x(20), 1)), interactive("list", body, strings.Replace(list(1, 1, "t", "i", "r", ""), "Open", x(21), 1))},
		"link button":     {interactive("cta_url", body, `"name":"cta_url","parameters":{"display_text":"`+x(20)+`","url":"https://f.example"}`), interactive("cta_url", body, `"name":"cta_url","parameters":{"display_text":"`+x(21)+`","url":"https://f.example"}`)},
	} {
		for message, want := range map[string]int{c.good: 0, c.bad: 131009} {
			if _, code := send(t, g, "any", `{"messaging_product":"whatsapp","to":"+5511970000001",`+message+`}`); code != want {
				t.Errorf("%s: got code %d, want %d for %.300s", name, code, want, message)
			}
		}
	}
}
