package gupshup

import (
	"runtime"
	"strings"
	"testing"
)

// A long member that stands once in a callback is not read again for each of its items: memory
// grows with the body only.
func TestDecodeAllocationsAreLinear(t *testing.T) { // not parallel: it counts the allocations of all goroutines
	const items, times = 1000, 64
	long := strings.Repeat("x", 1<<20)
	list := strings.TrimSuffix(strings.Repeat(`{"wa_id":"15550100001","category":"marketing_messages","value":"stop"},`, items), ",")
	for name, body := range map[string]string{
		"a time":  `{"app":"AcmeCare","type":"preference-event","timestamp":"` + long + `","payload":{"user_preferences":[` + list + `]}}`,
		"an app":  `{"app":"` + long + `","type":"preference-event","payload":{"user_preferences":[` + list + `]}}`,
		"a phone": `{"app":"AcmeCare","phone":"` + long + `","type":"preference-event","payload":{"user_preferences":[` + list + `]}}`,
		"v3":      `{"gs_app_id":"` + long + `","object":"whatsapp_business_account","entry":[{"changes":[{"field":"preference-event","value":{"user_preferences":[` + list + `]}}]}]}`,
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		in, err := Decode([]byte(body), Options{PhoneNumberID: "c", DisplayPhone: "15550142200"})
		runtime.ReadMemStats(&after)
		if err != nil || len(in.Events) != items {
			t.Fatalf("%s: got %d events, %v, want %d", name, len(in.Events), err, items)
		}
		if got := after.TotalAlloc - before.TotalAlloc; got > uint64(times*len(body)) {
			t.Errorf("%s: got %d bytes allocated for a body of %d, want %d times that at most", name, got, len(body), times)
		}
	}
}
