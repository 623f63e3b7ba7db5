package watchtest

import (
	"slices"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/rulefmt"
)

// night is what series are made up of, one alert's condition at a time.
type night struct {
	alert string
	what  string
	// series have a value each scrapeEvery, see newWorld.
	series []string
	at     time.Duration
	// fires are the labels with which the alert fires at that time; none: it is quiet.
	fires []string
}

const (
	job  = `{job="wagate"}`
	meta = `{job="wagate", provider="meta"}`
)

// nights are told with two replicas a and b where replicas matter.
var nights = []night{
	{"WagateDown", "both replicas are away", []string{`up{job="wagate",instance="a"} 1x4 0x9`, `up{job="wagate",instance="b"} 1x4 0x9`}, 8 * time.Minute, []string{"{}"}},
	{"WagateDown", "none is known any more", []string{`up{job="wagate",instance="a"} 1x4 stale`}, 8 * time.Minute, []string{"{}"}},
	{"WagateDown", "one is away", []string{`up{job="wagate",instance="a"} 1x14`, `up{job="wagate",instance="b"} 0x14`}, 14 * time.Minute, nil},
	{"WagateDown", "both miss a scrape", []string{`up{job="wagate",instance="a"} 1x4 0 1x9`, `up{job="wagate",instance="b"} 1x4 0 1x9`}, 6 * time.Minute, nil},

	{"WagateReplicaDown", "one is away", []string{`up{job="wagate",instance="a"} 1x20`, `up{job="wagate",instance="b"} 1x4 0x16`}, 16 * time.Minute, []string{`{instance="b", job="wagate"}`}},
	{"WagateReplicaDown", "it restarts", []string{`up{job="wagate",instance="b"} 1x4 0x3 1x12`}, 12 * time.Minute, nil},
	{"WagateReplicaDown", "another job's is away", []string{`up{job="other",instance="b"} 0x20`}, 20 * time.Minute, nil},

	{"WagateRestarting", "every other minute", []string{`process_start_time_seconds{job="wagate",instance="a"} 1 1 3 3 5 5 7 7 9 9 11 11`}, 10 * time.Minute, []string{`{instance="a", job="wagate"}`}},
	{"WagateRestarting", "a deploy", []string{`process_start_time_seconds{job="wagate",instance="a"} 1x5 7x9`}, 10 * time.Minute, nil},

	{"WagateRedisDown", "one replica does not reach it", []string{`wagate_redis_up{job="wagate",instance="a"} 1x9`, `wagate_redis_up{job="wagate",instance="b"} 1x3 0x6`}, 7 * time.Minute, []string{job}},
	{"WagateRedisDown", "it restarts", []string{`wagate_redis_up{job="wagate",instance="a"} 1x3 0 1x6`}, 7 * time.Minute, nil},
	{"WagateRedisDown", "the replica is away itself", []string{`wagate_redis_up{job="wagate",instance="a"} 1x3 stale`}, 9 * time.Minute, nil},

	{"WagateNotDurable", "it lacks something", []string{`wagate_redis_durable{job="wagate",instance="a"} 1x3 0x9`}, 10 * time.Minute, []string{job}},
	{"WagateNotDurable", "a replica of it comes back", []string{`wagate_redis_durable{job="wagate",instance="a"} 1x3 0x2 1x6`}, 10 * time.Minute, nil},

	{"WagateBlind", "no replica reads its state", []string{`wagate_redis_up{job="wagate",instance="a"} 1x20`, `wagate_followup_pending{job="wagate",instance="a"} 5x2 stale`}, 14 * time.Minute, []string{job}},
	{"WagateBlind", "one replica does not", []string{
		`wagate_redis_up{job="wagate",instance="a"} 1x20`, `wagate_redis_up{job="wagate",instance="b"} 1x20`,
		`wagate_followup_pending{job="wagate",instance="b"} 5x20`,
	}, 14 * time.Minute, nil},
	{"WagateBlind", "Redis is away, which another alert tells", []string{`wagate_redis_up{job="wagate",instance="a"} 0x20`}, 14 * time.Minute, nil},

	{"WagateWebhooksFailing", "a tenth is answered 503", []string{
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="meta",outcome="ok"} 0+90x20`,
		`wagate_webhook_requests_total{job="wagate",instance="b",provider="meta",outcome="unavailable"} 0+10x20`,
	}, 15 * time.Minute, []string{meta}},
	{"WagateWebhooksFailing", "a hundredth is", []string{
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="meta",outcome="ok"} 0+990x20`,
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="meta",outcome="unavailable"} 0+10x20`,
	}, 15 * time.Minute, nil},
	{"WagateWebhooksFailing", "the only one of the night was, some minutes ago", []string{
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="meta",outcome="ok"} 7x20`,
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="meta",outcome="error"} 0x4 1x20`,
	}, 15 * time.Minute, nil},
	{"WagateWebhooksFailing", "nothing comes", []string{`wagate_webhook_requests_total{job="wagate",instance="a",provider="meta",outcome="error"} 9x20`}, 15 * time.Minute, nil},

	{"WagateNothingGetsIn", "a secret does not fit, and little comes", []string{
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="meta",outcome="ok"} 7x60`,
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="meta",outcome="unauthorized"} 0x3 1x20 2x20 3x20`,
	}, 45 * time.Minute, []string{meta}},
	{"WagateNothingGetsIn", "an app's key is another in the file than in the provider's URL", []string{
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="meta",outcome="ok"} 7x60`,
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="meta",outcome="unknown"} 0+5x60`,
	}, 45 * time.Minute, []string{meta}},
	{"WagateNothingGetsIn", "a channel's app is another in the file, and all is dropped", []string{
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="gupshup",outcome="ok"} 0+5x60`,
		`wagate_events_total{job="wagate",instance="a",provider="gupshup",kind="text"} 7x60`,
		`wagate_events_dropped_total{job="wagate",instance="a",provider="gupshup",reason="unbound"} 0+5x60`,
	}, 45 * time.Minute, []string{`{job="wagate", provider="gupshup"}`}},
	{"WagateNothingGetsIn", "a number of somebody else's is dropped beside ours", []string{
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="meta",outcome="ok"} 0+5x60`,
		`wagate_events_total{job="wagate",instance="a",provider="meta",kind="text"} 0+1x60`,
		`wagate_events_dropped_total{job="wagate",instance="a",provider="meta",reason="unknown_channel"} 0+4x60`,
	}, 45 * time.Minute, nil},
	{"WagateNothingGetsIn", "history is dropped, as nobody asked for it", []string{
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="meta",outcome="ok"} 0+5x60`,
		`wagate_events_dropped_total{job="wagate",instance="a",provider="meta",reason="history"} 0+4x60`,
	}, 45 * time.Minute, nil},
	{"WagateNothingGetsIn", "a stranger calls among the others", []string{
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="meta",outcome="ok"} 0+1x60`,
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="meta",outcome="unauthorized"} 0+500x60`,
	}, 45 * time.Minute, nil},
	{"WagateNothingGetsIn", "a stranger calls, and what a CRM says asks for nothing", []string{
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="crm",outcome="ignored"} 0+5x60`,
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="crm",outcome="unauthorized"} 0+1x60`,
	}, 45 * time.Minute, nil},
	{"WagateNothingGetsIn", "a stranger calls, and Redis is away", []string{
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="meta",outcome="unavailable"} 0+5x60`,
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="meta",outcome="unauthorized"} 0+1x60`,
	}, 45 * time.Minute, nil},
	{"WagateNothingGetsIn", "a stranger called once at a quiet hour", []string{
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="meta",outcome="ok"} 7x60`,
		`wagate_webhook_requests_total{job="wagate",instance="a",provider="meta",outcome="unauthorized"} 0x3 500x60`,
	}, 40 * time.Minute, nil},

	{"WagateConnectionsRefused", "it goes on", []string{`wagate_connections_refused_total{job="wagate",instance="a",listener="public"} 0+1x20`}, 15 * time.Minute, []string{`{job="wagate", listener="public"}`}},
	{"WagateConnectionsRefused", "it was once", []string{`wagate_connections_refused_total{job="wagate",instance="a",listener="public"} 0x4 90x20`}, 15 * time.Minute, nil},

	{"WagateRelayStuck", "events wait and none is taken", []string{
		`wagate_relay_lag_seconds{job="wagate",instance="a"} 0+60x30`, `wagate_relay_lag_seconds{job="wagate",instance="b"} 0+60x30`,
		`wagate_relay_deliveries_total{job="wagate",instance="a",outcome="delivered"} 7x30`,
		`wagate_relay_deliveries_total{job="wagate",instance="a",outcome="retried"} 0+1x30`,
	}, 20 * time.Minute, []string{job}},
	{"WagateRelayStuck", "the other replica delivers", []string{
		`wagate_relay_lag_seconds{job="wagate",instance="a"} 0+60x30`,
		`wagate_relay_deliveries_total{job="wagate",instance="a",outcome="delivered"} 7x30`,
		`wagate_relay_deliveries_total{job="wagate",instance="b",outcome="delivered"} 0+1x30`,
	}, 20 * time.Minute, nil},
	{"WagateRelayStuck", "nobody writes", []string{
		`wagate_relay_lag_seconds{job="wagate",instance="a"} 0x30`,
		`wagate_relay_deliveries_total{job="wagate",instance="a",outcome="delivered"} 7x30`,
	}, 20 * time.Minute, nil},

	{"WagateRelayRefusing", "it goes on", []string{`wagate_relay_refused_total{job="wagate",instance="a",provider="meta"} 0+3x20`}, 15 * time.Minute, []string{meta}},
	{"WagateRelayRefusing", "it was once", []string{`wagate_relay_refused_total{job="wagate",instance="a",provider="meta"} 0x3 50x20`}, 15 * time.Minute, nil},

	{"WagateRelayLag", "an assistant is away", []string{`wagate_relay_lag_seconds{job="wagate",instance="a"} 0+60x30`}, 28 * time.Minute, []string{job}},
	{"WagateRelayLag", "it comes back", []string{`wagate_relay_lag_seconds{job="wagate",instance="a"} 0+60x20 0x9`}, 28 * time.Minute, nil},

	{"WagateDeadLetters", "one is there", []string{`wagate_relay_dead{job="wagate",instance="a"} 0x3 1x20`}, 20 * time.Minute, []string{job}},
	{"WagateDeadLetters", "it was replayed", []string{`wagate_relay_dead{job="wagate",instance="a"} 0x3 1x9 0x9`}, 20 * time.Minute, nil},

	{"WagateFollowUpsOverdue", "nobody claims", []string{
		`wagate_followup_overdue_seconds{job="wagate",instance="a"} 0+60x30`, `wagate_followup_overdue_seconds{job="wagate",instance="b"} 0+60x30`,
	}, 18 * time.Minute, []string{job}},
	{"WagateFollowUpsOverdue", "the replica that was asked restarts, the other goes on telling", []string{
		`wagate_followup_overdue_seconds{job="wagate",instance="a"} 0+60x9 stale _x5 900x15`, `wagate_followup_overdue_seconds{job="wagate",instance="b"} 0+60x30`,
	}, 18 * time.Minute, []string{job}},
	{"WagateFollowUpsOverdue", "what was left by an outage is worked off", []string{`wagate_followup_overdue_seconds{job="wagate",instance="a"} 0x3 3600 2400 1200 600 0x20`}, 18 * time.Minute, nil},

	{"WagateFollowUpsTooLate", "it goes on", []string{`wagate_followup_steps_total{job="wagate",instance="a",kind="ai",outcome="skipped",reason="too_late"} 0+1x20`}, 15 * time.Minute, []string{job}},
	{"WagateFollowUpsTooLate", "Redis comes back, and all that was too late is skipped at once", []string{`wagate_followup_steps_total{job="wagate",instance="a",kind="ai",outcome="skipped",reason="too_late"} 0x4 500x20`}, 15 * time.Minute, []string{job}},
	{"WagateFollowUpsTooLate", "it is skipped before the first scrape of who starts", []string{
		`wagate_followup_steps_total{job="wagate",instance="a",kind="ai",outcome="skipped",reason="too_late"} _x4 500x20`,
		`process_start_time_seconds{job="wagate",instance="a"} _x4 270x20`,
	}, 15 * time.Minute, []string{job}},
	{"WagateFollowUpsTooLate", "it was an hour ago", []string{
		`wagate_followup_steps_total{job="wagate",instance="a",kind="ai",outcome="skipped",reason="too_late"} 500x60`,
		`process_start_time_seconds{job="wagate",instance="a"} 0x60`,
		`process_start_time_seconds{job="wagate",instance="b"} 3300x60`,
	}, 60 * time.Minute, nil},
	{"WagateFollowUpsTooLate", "other reasons", []string{`wagate_followup_steps_total{job="wagate",instance="a",kind="ai",outcome="skipped",reason="paused"} 0+1x20`}, 15 * time.Minute, nil},

	{"WagateSendsFailing", "the provider is away", []string{
		`wagate_sends_total{job="wagate",instance="a",provider="meta",kind="text",outcome="sent"} 0+1x20`,
		`wagate_sends_total{job="wagate",instance="b",provider="meta",kind="text",outcome="transient"} 0+9x20`,
	}, 15 * time.Minute, []string{meta}},
	{"WagateSendsFailing", "leads cannot be reached, which is nobody's fault", []string{
		`wagate_sends_total{job="wagate",instance="a",provider="meta",kind="text",outcome="sent"} 0+1x20`,
		`wagate_sends_total{job="wagate",instance="a",provider="meta",kind="text",outcome="undeliverable"} 0+9x20`,
	}, 15 * time.Minute, nil},
	{"WagateSendsFailing", "a third fails", []string{
		`wagate_sends_total{job="wagate",instance="a",provider="meta",kind="text",outcome="sent"} 0+2x20`,
		`wagate_sends_total{job="wagate",instance="a",provider="meta",kind="text",outcome="throttled"} 0+1x20`,
	}, 15 * time.Minute, nil},
	{"WagateSendsFailing", "the only one of the night failed", []string{`wagate_sends_total{job="wagate",instance="a",provider="meta",kind="text",outcome="unknown"} 0x4 1x20`}, 15 * time.Minute, nil},

	{"WagateOperatorNeeded", "a token is no longer valid, of a channel with little to say", []string{
		`wagate_sends_total{job="wagate",instance="a",provider="meta",kind="text",outcome="sent"} 0+90x90`,
		`wagate_sends_total{job="wagate",instance="a",provider="meta",kind="text",outcome="operator"} 0x3 1x30 2x30 3x30`,
	}, 75 * time.Minute, []string{meta}},
	{"WagateOperatorNeeded", "it was replaced", []string{`wagate_sends_total{job="wagate",instance="a",provider="meta",kind="text",outcome="operator"} 0+1x5 5x90`}, 75 * time.Minute, nil},

	{"WagateSendsUncertain", "a tenth is not answered", []string{
		`wagate_sends_total{job="wagate",instance="a",provider="meta",kind="text",outcome="sent"} 0+90x20`,
		`wagate_sends_total{job="wagate",instance="a",provider="meta",kind="text",outcome="uncertain"} 0+10x20`,
	}, 15 * time.Minute, []string{meta}},
	{"WagateSendsUncertain", "a hundredth is not", []string{
		`wagate_sends_total{job="wagate",instance="a",provider="meta",kind="text",outcome="sent"} 0+990x20`,
		`wagate_sends_total{job="wagate",instance="a",provider="meta",kind="text",outcome="uncertain"} 0+10x20`,
	}, 15 * time.Minute, nil},

	{"WagateModelFailing", "its breaker is open", []string{
		`wagate_ai_requests_total{job="wagate",instance="a",outcome="ok"} 7x20`,
		`wagate_ai_requests_total{job="wagate",instance="a",outcome="breaker_open"} 0+5x20`,
	}, 15 * time.Minute, []string{job}},
	{"WagateModelFailing", "a third fails", []string{
		`wagate_ai_requests_total{job="wagate",instance="a",outcome="ok"} 0+2x20`,
		`wagate_ai_requests_total{job="wagate",instance="a",outcome="timeout"} 0+1x20`,
	}, 15 * time.Minute, nil},
	{"WagateModelFailing", "leads answer before it does", []string{
		`wagate_ai_requests_total{job="wagate",instance="a",outcome="ok"} 0+1x20`,
		`wagate_ai_requests_total{job="wagate",instance="a",outcome="cancelled"} 0+9x20`,
	}, 15 * time.Minute, nil},
	{"WagateModelFailing", "it writes what cannot be sent", []string{
		`wagate_ai_requests_total{job="wagate",instance="a",outcome="ok"} 0+1x20`,
		`wagate_ai_requests_total{job="wagate",instance="a",outcome="unusable"} 0+9x20`,
	}, 15 * time.Minute, nil},

	{"WagateClockOff", "behind", []string{`wagate_redis_clock_offset_seconds{job="wagate",instance="a"} 0x2 -60x20`}, 14 * time.Minute, []string{job}},
	{"WagateClockOff", "by little", []string{`wagate_redis_clock_offset_seconds{job="wagate",instance="a"} 0.4x20`}, 14 * time.Minute, nil},
}

// TestAlerts: each fires in a night that is bad, and is quiet in those that are not.
func TestAlerts(t *testing.T) {
	rules, every := readRules(t)
	bad, good := map[string]bool{}, map[string]bool{}
	for _, n := range nights {
		(map[bool]map[string]bool{true: bad, false: good})[len(n.fires) > 0][n.alert] = true
		t.Run(n.alert+" "+n.what, func(t *testing.T) {
			i := slices.IndexFunc(rules, func(r rulefmt.Rule) bool { return r.Alert == n.alert })
			if i < 0 {
				t.Fatal("no such alert")
			}
			if got := newWorld(t, n.series).fires(t, rules[i], every, n.at); !slices.Equal(got, n.fires) {
				t.Errorf("fires: got %v, want %v", got, n.fires)
			}
		})
	}
	for _, r := range rules {
		if !bad[r.Alert] || !good[r.Alert] {
			t.Errorf("%s: got no night in which it fires, or none in which it is quiet", r.Alert)
		}
	}
}
