package watchtest

import (
	"slices"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"
)

// situation is a made-up time in which one alert must fire or must stay quiet.
type situation struct {
	alert string
	what  string
	// series are the metrics in this situation, in the notation of newFakeStorage.
	series []string
	at     time.Duration
	// fires are the labels with which the alert fires at that time; none if it stays quiet.
	fires []string
}

const (
	job  = `{job="wagate"}`
	meta = `{job="wagate", provider="meta"}`
)

// situations use two replicas, a and b, where it matters that there are several.
var situations = []situation{
	{"WagateDown", "both replicas are down", []string{`up{job="wagate",instance="a"} 1x4 0x9`, `up{job="wagate",instance="b"} 1x4 0x9`}, 8 * time.Minute, []string{"{}"}},
	{"WagateDown", "no replica is known", []string{`up{job="wagate",instance="a"} 1x4 stale`}, 8 * time.Minute, []string{"{}"}},
	{"WagateDown", "one replica is down", []string{`up{job="wagate",instance="a"} 1x14`, `up{job="wagate",instance="b"} 0x14`}, 14 * time.Minute, nil},
	{"WagateDown", "both replicas miss a scrape", []string{`up{job="wagate",instance="a"} 1x4 0 1x9`, `up{job="wagate",instance="b"} 1x4 0 1x9`}, 6 * time.Minute, nil},

	{"WagateReplicaDown", "one replica is down", []string{`up{job="wagate",instance="a"} 1x20`, `up{job="wagate",instance="b"} 1x4 0x16`}, 16 * time.Minute, []string{`{instance="b", job="wagate"}`}},
	{"WagateReplicaDown", "the replica restarts", []string{`up{job="wagate",instance="b"} 1x4 0x3 1x12`}, 12 * time.Minute, nil},
	{"WagateReplicaDown", "a target of another job is down", []string{`up{job="other",instance="b"} 0x20`}, 20 * time.Minute, nil},

	{"WagateRestarting", "it restarts every other minute", []string{`process_start_time_seconds{job="wagate",instance="a"} 1 1 3 3 5 5 7 7 9 9 11 11`}, 10 * time.Minute, []string{`{instance="a", job="wagate"}`}},
	{"WagateRestarting", "a deploy", []string{`process_start_time_seconds{job="wagate",instance="a"} 1x5 7x9`}, 10 * time.Minute, nil},

	{"WagateRedisDown", "one replica does not reach Redis", []string{`wagate_redis_up{job="wagate",instance="a"} 1x9`, `wagate_redis_up{job="wagate",instance="b"} 1x3 0x6`}, 7 * time.Minute, []string{job}},
	{"WagateRedisDown", "Redis restarts", []string{`wagate_redis_up{job="wagate",instance="a"} 1x3 0 1x6`}, 7 * time.Minute, nil},
	{"WagateRedisDown", "the replica itself is down", []string{`wagate_redis_up{job="wagate",instance="a"} 1x3 stale`}, 9 * time.Minute, nil},

	{"WagateNotDurable", "Redis is not durable", []string{`wagate_redis_durable{job="wagate",instance="a"} 1x3 0x9`}, 10 * time.Minute, []string{job}},
	{"WagateNotDurable", "a replica of Redis comes back", []string{`wagate_redis_durable{job="wagate",instance="a"} 1x3 0x2 1x6`}, 10 * time.Minute, nil},

	{"WagateBlind", "no replica of wagate reads the state", []string{`wagate_redis_up{job="wagate",instance="a"} 1x20`, `wagate_followup_pending{job="wagate",instance="a"} 5x2 stale`}, 14 * time.Minute, []string{job}},
	{"WagateBlind", "one replica does not read it", []string{
		`wagate_redis_up{job="wagate",instance="a"} 1x20`, `wagate_redis_up{job="wagate",instance="b"} 1x20`,
		`wagate_followup_pending{job="wagate",instance="b"} 5x20`,
	}, 14 * time.Minute, nil},
	{"WagateBlind", "Redis is down, for which there is another alert", []string{`wagate_redis_up{job="wagate",instance="a"} 0x20`}, 14 * time.Minute, nil},

	{"WagateWebhooksFailing", "a tenth of the webhooks is answered 503", []string{
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="meta",outcome="ok"} 0+90x20`,
		`wagate_webhook_requests_total{job="wagate",instance="b",provider="meta",outcome="unavailable"} 0+10x20`,
	}, 15 * time.Minute, []string{meta}},
	{"WagateWebhooksFailing", "a hundredth is answered 503", []string{
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="meta",outcome="ok"} 0+990x20`,
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="meta",outcome="unavailable"} 0+10x20`,
	}, 15 * time.Minute, nil},
	{"WagateWebhooksFailing", "the only failure of the night was some minutes ago", []string{
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="meta",outcome="ok"} 7x20`,
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="meta",outcome="error"} 0x4 1x20`,
	}, 15 * time.Minute, nil},
	{"WagateWebhooksFailing", "nothing arrives", []string{`wagate_webhook_requests_total{job="wagate",instance="a",provider="meta",outcome="error"} 9x20`}, 15 * time.Minute, nil},

	{"WagateNothingGetsIn", "a secret is wrong, and little arrives", []string{
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="meta",outcome="ok"} 7x60`,
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="meta",outcome="unauthorized"} 0x3 1x20 2x20 3x20`,
	}, 45 * time.Minute, []string{meta}},
	{"WagateNothingGetsIn", "the key of an app differs from the one in the provider's URL", []string{
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="meta",outcome="ok"} 7x60`,
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="meta",outcome="unknown"} 0+5x60`,
	}, 45 * time.Minute, []string{meta}},
	{"WagateNothingGetsIn", "a channel has the wrong app, and everything is dropped", []string{
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="gupshup",outcome="ok"} 0+5x60`,
		`wagate_events_total{job="wagate",instance="a",provider="gupshup",kind="text"} 7x60`,
		`wagate_events_dropped_total{job="wagate",instance="a",provider="gupshup",reason="unbound"} 0+5x60`,
	}, 45 * time.Minute, []string{`{job="wagate", provider="gupshup"}`}},
	{"WagateNothingGetsIn", "events of another number are dropped beside ours", []string{
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="meta",outcome="ok"} 0+5x60`,
		`wagate_events_total{job="wagate",instance="a",provider="meta",kind="text"} 0+1x60`,
		`wagate_events_dropped_total{job="wagate",instance="a",provider="meta",reason="unknown_channel"} 0+4x60`,
	}, 45 * time.Minute, nil},
	{"WagateNothingGetsIn", "history is dropped, because nobody asked for it", []string{
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="meta",outcome="ok"} 0+5x60`,
		`wagate_events_dropped_total{job="wagate",instance="a",provider="meta",reason="history"} 0+4x60`,
	}, 45 * time.Minute, nil},
	{"WagateNothingGetsIn", "a stranger calls beside the provider", []string{
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="meta",outcome="ok"} 0+1x60`,
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="meta",outcome="unauthorized"} 0+500x60`,
	}, 45 * time.Minute, nil},
	{"WagateNothingGetsIn", "a stranger calls, and the CRM's calls are ignored", []string{
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="crm",outcome="ignored"} 0+5x60`,
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="crm",outcome="unauthorized"} 0+1x60`,
	}, 45 * time.Minute, nil},
	{"WagateNothingGetsIn", "a stranger calls, and Redis is down", []string{
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="meta",outcome="unavailable"} 0+5x60`,
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="meta",outcome="unauthorized"} 0+1x60`,
	}, 45 * time.Minute, nil},
	{"WagateNothingGetsIn", "a stranger called once at a quiet hour", []string{
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="meta",outcome="ok"} 7x60`,
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="meta",outcome="unauthorized"} 0x3 500x60`,
	}, 40 * time.Minute, nil},

	{"WagateConnectionsRefused", "connections are refused all the time", []string{`wagate_connections_refused_total{job="wagate",instance="a",listener="public"} 0+1x20`}, 15 * time.Minute, []string{`{job="wagate", listener="public"}`}},
	{"WagateConnectionsRefused", "connections were refused once", []string{`wagate_connections_refused_total{job="wagate",instance="a",listener="public"} 0x4 90x20`}, 15 * time.Minute, nil},

	{"WagateRelayStuck", "events wait and none is delivered", []string{
		`wagate_relay_lag_seconds{job="wagate",instance="a"} 0+60x30`, `wagate_relay_lag_seconds{job="wagate",instance="b"} 0+60x30`,
		`wagate_relay_deliveries_total{job="wagate",instance="a",outcome="delivered"} 7x30`,
		`wagate_relay_deliveries_total{job="wagate",instance="a",outcome="retried"} 0+1x30`,
	}, 20 * time.Minute, []string{job}},
	{"WagateRelayStuck", "the other replica delivers", []string{
		`wagate_relay_lag_seconds{job="wagate",instance="a"} 0+60x30`,
		`wagate_relay_deliveries_total{job="wagate",instance="a",outcome="delivered"} 7x30`,
		`wagate_relay_deliveries_total{job="wagate",instance="b",outcome="delivered"} 0+1x30`,
	}, 20 * time.Minute, nil},
	{"WagateRelayStuck", "no events come", []string{
		`wagate_relay_lag_seconds{job="wagate",instance="a"} 0x30`,
		`wagate_relay_deliveries_total{job="wagate",instance="a",outcome="delivered"} 7x30`,
	}, 20 * time.Minute, nil},

	{"WagateRelayRefusing", "events are refused all the time", []string{`wagate_relay_refused_total{job="wagate",instance="a",provider="meta"} 0+3x20`}, 15 * time.Minute, []string{meta}},
	{"WagateRelayRefusing", "events were refused once", []string{`wagate_relay_refused_total{job="wagate",instance="a",provider="meta"} 0x3 50x20`}, 15 * time.Minute, nil},

	{"WagateRelayLag", "an assistant is down", []string{`wagate_relay_lag_seconds{job="wagate",instance="a"} 0+60x30`}, 28 * time.Minute, []string{job}},
	{"WagateRelayLag", "the assistant comes back", []string{`wagate_relay_lag_seconds{job="wagate",instance="a"} 0+60x20 0x9`}, 28 * time.Minute, nil},

	{"WagateDeadLetters", "there is a dead letter", []string{`wagate_relay_dead{job="wagate",instance="a"} 0x3 1x20`}, 20 * time.Minute, []string{job}},
	{"WagateDeadLetters", "the dead letter was replayed", []string{`wagate_relay_dead{job="wagate",instance="a"} 0x3 1x9 0x9`}, 20 * time.Minute, nil},

	{"WagateFollowUpsOverdue", "nobody claims steps", []string{
		`wagate_followup_overdue_seconds{job="wagate",instance="a"} 0+60x30`, `wagate_followup_overdue_seconds{job="wagate",instance="b"} 0+60x30`,
	}, 18 * time.Minute, []string{job}},
	{"WagateFollowUpsOverdue", "the replica that was asked restarts, and the other goes on reporting", []string{
		`wagate_followup_overdue_seconds{job="wagate",instance="a"} 0+60x9 stale _x5 900x15`, `wagate_followup_overdue_seconds{job="wagate",instance="b"} 0+60x30`,
	}, 18 * time.Minute, []string{job}},
	{"WagateFollowUpsOverdue", "the backlog of an outage is worked off", []string{`wagate_followup_overdue_seconds{job="wagate",instance="a"} 0x3 3600 2400 1200 600 0x20`}, 18 * time.Minute, nil},

	{"WagateFollowUpsTooLate", "steps are skipped all the time", []string{`wagate_followup_steps_total{job="wagate",instance="a",kind="ai",outcome="skipped",reason="too_late"} 0+1x20`}, 15 * time.Minute, []string{job}},
	{"WagateFollowUpsTooLate", "Redis comes back, and all late steps are skipped at once", []string{`wagate_followup_steps_total{job="wagate",instance="a",kind="ai",outcome="skipped",reason="too_late"} 0x4 500x20`}, 15 * time.Minute, []string{job}},
	{"WagateFollowUpsTooLate", "steps are skipped before the first scrape after a start", []string{
		`wagate_followup_steps_total{job="wagate",instance="a",kind="ai",outcome="skipped",reason="too_late"} _x4 500x20`,
		`process_start_time_seconds{job="wagate",instance="a"} _x4 270x20`,
	}, 15 * time.Minute, []string{job}},
	{"WagateFollowUpsTooLate", "it happened an hour ago", []string{
		`wagate_followup_steps_total{job="wagate",instance="a",kind="ai",outcome="skipped",reason="too_late"} 500x60`,
		`process_start_time_seconds{job="wagate",instance="a"} 0x60`,
		`process_start_time_seconds{job="wagate",instance="b"} 3300x60`,
	}, 60 * time.Minute, nil},
	{"WagateFollowUpsTooLate", "steps are skipped for another reason", []string{`wagate_followup_steps_total{job="wagate",instance="a",kind="ai",outcome="skipped",reason="paused"} 0+1x20`}, 15 * time.Minute, nil},

	{"WagateSendsFailing", "the provider is down", []string{
		`wagate_sends_total{job="wagate",instance="a",provider="meta",kind="text",outcome="sent"} 0+1x20`,
		`wagate_sends_total{job="wagate",instance="b",provider="meta",kind="text",outcome="transient"} 0+9x20`,
	}, 15 * time.Minute, []string{meta}},
	{"WagateSendsFailing", "leads cannot be reached, which no operator can mend", []string{
		`wagate_sends_total{job="wagate",instance="a",provider="meta",kind="text",outcome="sent"} 0+1x20`,
		`wagate_sends_total{job="wagate",instance="a",provider="meta",kind="text",outcome="undeliverable"} 0+9x20`,
	}, 15 * time.Minute, nil},
	{"WagateSendsFailing", "a third of the sends fails", []string{
		`wagate_sends_total{job="wagate",instance="a",provider="meta",kind="text",outcome="sent"} 0+2x20`,
		`wagate_sends_total{job="wagate",instance="a",provider="meta",kind="text",outcome="throttled"} 0+1x20`,
	}, 15 * time.Minute, nil},
	{"WagateSendsFailing", "the only send of the night failed", []string{`wagate_sends_total{job="wagate",instance="a",provider="meta",kind="text",outcome="unknown"} 0x4 1x20`}, 15 * time.Minute, nil},

	{"WagateOperatorNeeded", "the token of a quiet channel has become invalid", []string{
		`wagate_sends_total{job="wagate",instance="a",provider="meta",kind="text",outcome="sent"} 0+90x90`,
		`wagate_sends_total{job="wagate",instance="a",provider="meta",kind="text",outcome="operator"} 0x3 1x30 2x30 3x30`,
	}, 75 * time.Minute, []string{meta}},
	{"WagateOperatorNeeded", "the token was replaced", []string{`wagate_sends_total{job="wagate",instance="a",provider="meta",kind="text",outcome="operator"} 0+1x5 5x90`}, 75 * time.Minute, nil},

	{"WagateSendsUncertain", "a tenth of the sends is not answered", []string{
		`wagate_sends_total{job="wagate",instance="a",provider="meta",kind="text",outcome="sent"} 0+90x20`,
		`wagate_sends_total{job="wagate",instance="a",provider="meta",kind="text",outcome="uncertain"} 0+10x20`,
	}, 15 * time.Minute, []string{meta}},
	{"WagateSendsUncertain", "a hundredth is not answered", []string{
		`wagate_sends_total{job="wagate",instance="a",provider="meta",kind="text",outcome="sent"} 0+990x20`,
		`wagate_sends_total{job="wagate",instance="a",provider="meta",kind="text",outcome="uncertain"} 0+10x20`,
	}, 15 * time.Minute, nil},

	{"WagateModelFailing", "the model's breaker is open", []string{
		`wagate_ai_requests_total{job="wagate",instance="a",outcome="ok"} 7x20`,
		`wagate_ai_requests_total{job="wagate",instance="a",outcome="breaker_open"} 0+5x20`,
	}, 15 * time.Minute, []string{job}},
	{"WagateModelFailing", "a third of the requests fails", []string{
		`wagate_ai_requests_total{job="wagate",instance="a",outcome="ok"} 0+2x20`,
		`wagate_ai_requests_total{job="wagate",instance="a",outcome="timeout"} 0+1x20`,
	}, 15 * time.Minute, nil},
	{"WagateModelFailing", "leads answer before the model does", []string{
		`wagate_ai_requests_total{job="wagate",instance="a",outcome="ok"} 0+1x20`,
		`wagate_ai_requests_total{job="wagate",instance="a",outcome="cancelled"} 0+9x20`,
	}, 15 * time.Minute, nil},
	{"WagateModelFailing", "the model writes what cannot be sent", []string{
		`wagate_ai_requests_total{job="wagate",instance="a",outcome="ok"} 0+1x20`,
		`wagate_ai_requests_total{job="wagate",instance="a",outcome="unusable"} 0+9x20`,
	}, 15 * time.Minute, nil},

	{"WagateClockOff", "the clock is behind", []string{`wagate_redis_clock_offset_seconds{job="wagate",instance="a"} 0x2 -60x20`}, 14 * time.Minute, []string{job}},
	{"WagateClockOff", "the clock is off by little", []string{`wagate_redis_clock_offset_seconds{job="wagate",instance="a"} 0.4x20`}, 14 * time.Minute, nil},
}

// TestAlerts: each alert must fire in its bad situations and stay quiet in the others, and must
// have at least one of either.
func TestAlerts(t *testing.T) {
	rules, every := readRules(t)
	bad, good := map[string]bool{}, map[string]bool{}
	for _, n := range situations {
		(map[bool]map[string]bool{true: bad, false: good})[len(n.fires) > 0][n.alert] = true
		t.Run(n.alert+" "+n.what, func(t *testing.T) {
			i := slices.IndexFunc(rules, func(r rulefmt.Rule) bool { return r.Alert == n.alert })
			if i < 0 {
				t.Fatal("got no alert of this name")
			}
			if got := newFakeStorage(t, n.series).fires(t, rules[i], every, n.at); !slices.Equal(got, n.fires) {
				t.Errorf("fires: got %v, want %v", got, n.fires)
			}
		})
	}
	for _, r := range rules {
		if !bad[r.Alert] || !good[r.Alert] {
			t.Errorf("%s: got no situation in which it fires, or none in which it is quiet, want both", r.Alert)
		}
	}
}
