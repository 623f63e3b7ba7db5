package cloudapi

import (
	"maps"
	"slices"
	"strings"
	"testing"
)

// BenchmarkDecode measures ordinary webhook bodies and hostile ones.
func BenchmarkDecode(b *testing.B) {
	const who = `"contacts":[{"profile":{"name":"Rui"},"wa_id":"5511970000001","user_id":"BR.81a"}]`
	text := `{` + meta + `,` + who + `,"messages":[{"from":"5511970000001","from_user_id":"BR.81a","id":"wamid.M1","timestamp":"1790000001","type":"text","text":{"body":"` +
		strings.Repeat("ol\\u00e1 an\\u00fancio da mesa ", 32) + `"}}]}`
	status := `{` + meta + `,` + who + `,"statuses":[{"id":"wamid.M1","status":"delivered","timestamp":"1790000001","recipient_id":"5511970000001","recipient_user_id":"BR.81a","biz_opaque_callback_data":"wg1.7.0123456789abcdef","pricing":{"billable":true,"pricing_model":"PMP","type":"regular","category":"utility"}}]}`
	bodies := map[string]string{
		"text":   body("messages", text),
		"status": body("messages", status),
		"batch":  body("messages", slices.Repeat([]string{text}, 100)...),
		"1000":   body("messages", slices.Repeat([]string{text}, 1000)...),
	}
	for name, part := range hostile {
		bodies["hostile "+name] = body("messages", `{"messages":[`+strings.Repeat(part+",", 3<<20/(len(part)+1))+`1]}`)
	}
	for _, name := range slices.Sorted(maps.Keys(bodies)) {
		b.Run(name, func(b *testing.B) {
			in := []byte(bodies[name])
			b.SetBytes(int64(len(in)))
			b.ReportAllocs()
			for b.Loop() {
				if _, err := Decode(in, Options{}); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
