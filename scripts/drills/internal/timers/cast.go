package timers

import (
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"wagate/providers/providertest"
)

type object = map[string]any

// All tenants share one app, one account and one secret.
const (
	appSecret = "main-app-secret"
	account   = "300000000000001"
)

// tenant has one assistant, one configuration and one or more channels.
type tenant struct {
	number   int
	name     string
	channels int // wagate paces each channel to 80 messages a second
	ladder   []rung
	official bool // the last rung stands in the channels' official_steps
}

func (t *tenant) id() string { return fmt.Sprintf("%08d-0000-4000-8000-000000000001", 10+t.number) }
func (t *tenant) assistant() string {
	return fmt.Sprintf("%08d-0000-4000-8000-0000000000a1", 10+t.number)
}
func (t *tenant) key() string { return t.name + "-api-key" }

func (t *tenant) channel(i int) string {
	return fmt.Sprintf("%08d-0000-4000-8000-0000000c%04d", 10+t.number, i)
}

func (t *tenant) numberID(i int) string { return fmt.Sprintf("40000000%03d%04d", t.number, i) }

// The statuses: two that trigger and one that does not.
const (
	hot  = "10000000-0000-4000-8000-0000000000b1"
	warm = "10000000-0000-4000-8000-0000000000b2"
	cold = "10000000-0000-4000-8000-0000000000b3"
)

// config returns the follow-up configuration as the API takes it.
func (t *tenant) config() object {
	var steps []object
	for i, r := range t.ladder {
		steps = append(steps, r.step(i+1))
	}
	official := []object{}
	if t.official {
		last := steps[len(steps)-1:]
		steps = steps[:len(steps)-1]
		for i := range t.channels {
			official = append(official, object{
				"channel_id": t.channel(i), "channel_name": "WhatsApp", "app_id": "main", "steps": last,
			})
		}
	}
	return object{
		"assistant_id": t.assistant(), "trigger_status_ids": []string{hot, warm}, "steps": steps, "official_steps": official,
	}
}

// newTenants returns all tenants. One is large, and each has another ladder. day says whether to
// include a tenant whose ladder waits for a day, which takes a minute and a half.
func newTenants(day bool) []*tenant {
	all := []*tenant{
		{
			name: "big", channels: 8,
			ladder: []rung{ai("PT30M", 30*time.Minute), ai("PT45M", 45*time.Minute), template("PT1H", time.Hour)},
		},
		{
			name: "both", channels: 2,
			ladder: []rung{
				{wait: "PT30M", after: 30 * time.Minute, prompt: true, template: true},
				template("PT30M", 30*time.Minute), ai("PT30M", 30*time.Minute),
			},
		},
		{name: "plain", channels: 2, ladder: []rung{ai("PT40M", 40*time.Minute), ai("PT1H", time.Hour)}},
	}
	if day {
		all = append(all, &tenant{
			name: "seed", channels: 2, official: true,
			ladder: []rung{ai("PT30M", 30*time.Minute), ai("PT2H", 2*time.Hour), template("P1D", 24*time.Hour)},
		})
	}
	for i, t := range all {
		t.number = i
	}
	return all
}

// The timeouts in wagate's operator file. Its leases follow from them: 10 s for a claimed step, 4.3
// s for one that is being sent.
const (
	modelTimeout = time.Second
	callTimeout  = time.Second
)

// addresses are where everything listens.
type addresses struct{ redis, graph, model, assistants string }

// operatorFile returns wagate's operator file. It is a sandbox because of the clock's speed and
// because everything listens on loopback; Redis is real.
func operatorFile(at addresses, durability string, s speed, tenants []*tenant) ([]byte, error) {
	var list []object
	for _, t := range tenants {
		var channels []object
		for i := range t.channels {
			channels = append(channels, object{
				"id": t.channel(i), "name": "WhatsApp", "provider": "meta", "app": "main", "phone_number_id": t.numberID(i),
				"waba_id": account, "access_token": "token", "assistant_id": t.assistant(),
			})
		}
		list = append(list, object{
			"id": t.id(), "name": t.name, "api_keys": []string{t.key()}, "channels": channels,
			"assistants": []object{{"id": t.assistant(), "name": "Sales", "url": "http://" + at.assistants, "secret": t.name + "-secret"}},
		})
	}
	return json.MarshalIndent(object{ // JSON is YAML
		"listen": "127.0.0.1:0", "admin": "127.0.0.1:0", "sandbox": true, "clock": object{"speed": s},
		"redis": object{"url": at.redis, "durability": durability},
		"graph": object{"base_url": at.graph, "version": "v26.0"}, "gupshup": object{"base_url": at.graph, "partner_base_url": at.graph},
		"ai":        object{"base_url": at.model, "api_key": "none", "model": "invented-1", "timeout": modelTimeout.String()},
		"send":      object{"timeout": callTimeout.String()},
		"relay":     object{"timeout": "2s"},
		"followup":  object{"max_lateness": "720h"},
		"meta_apps": []object{{"key": "main", "app_secret": appSecret, "verify_token": "verify"}},
		"tenants":   list,
	}, "", "  ")
}

// numbers returns the numbers of all channels for the simulated provider.
func numbers(tenants []*tenant) []providertest.GraphNumber {
	var all []providertest.GraphNumber
	for _, t := range tenants {
		for i := range t.channels {
			all = append(all, providertest.GraphNumber{ID: t.numberID(i), Display: fmt.Sprintf("1555%03d%04d", t.number, i)})
		}
	}
	return slices.Clip(all)
}
