package app

import (
	"context"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"wagate/followup"
)

// state is a collector that reads the store at each scrape, so that no gauge drifts from the truth.
type state struct {
	read   func(ctx context.Context) (followup.Stats, error)
	log    *slog.Logger
	gauges []gauge
}

type gauge struct {
	desc  *prometheus.Desc
	value func(followup.Stats) float64
}

// stateTimeout bounds how long a scrape waits for Redis.
const stateTimeout = 3 * time.Second

func newState(read func(ctx context.Context) (followup.Stats, error), log *slog.Logger) *state {
	describe := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(name, help, nil, nil) }
	return &state{read: read, log: log, gauges: []gauge{
		{
			describe("wagate_windows_open", "Conversations whose customer service window is open."),
			func(s followup.Stats) float64 { return float64(s.WindowsOpen) },
		},
		{
			describe("wagate_followup_pending", "Follow-up steps armed or claimed."),
			func(s followup.Stats) float64 { return float64(s.StepsPending) },
		},
		{
			describe("wagate_followup_overdue_seconds", "Age of the oldest step that is due and not claimed, in domain time."),
			func(s followup.Stats) float64 { return s.StepsOverdue.Seconds() },
		},
		{
			describe("wagate_relay_pending", "Conversations with events waiting for their assistant."),
			func(s followup.Stats) float64 { return float64(s.RelayPending) },
		},
		{
			describe("wagate_relay_backlog",
				"Events waiting for the assistant that has most of them waiting, dead letters included; relay.max_backlog bounds it."),
			func(s followup.Stats) float64 { return float64(s.RelayBacklog) },
		},
		{
			describe("wagate_relay_backlog_dead",
				"The part of wagate_relay_backlog in dead letters; these count until they are replayed and delivered, or dropped."),
			func(s followup.Stats) float64 { return float64(s.RelayBacklogDead) },
		},
		{
			describe("wagate_relay_lag_seconds", "Age of the oldest event that no assistant has taken yet, including events waiting for a retry."),
			func(s followup.Stats) float64 { return s.RelayLag.Seconds() },
		},
		{
			describe("wagate_relay_dead", "Deliveries among the dead letters."),
			func(s followup.Stats) float64 { return float64(s.RelayDead) },
		},
	}}
}

// Describe implements prometheus.Collector.
func (s *state) Describe(out chan<- *prometheus.Desc) {
	for _, g := range s.gauges {
		out <- g.desc
	}
}

// Collect implements prometheus.Collector. If the store cannot be read, the scrape reports that for
// these gauges only.
func (s *state) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), stateTimeout)
	defer cancel()
	stats, err := s.read(ctx)
	for _, g := range s.gauges {
		if err != nil {
			out <- prometheus.NewInvalidMetric(g.desc, err)
			continue
		}
		out <- prometheus.MustNewConstMetric(g.desc, prometheus.GaugeValue, g.value(stats))
	}
	if err != nil {
		s.log.Warn("state not readable for metrics", "err", err)
	}
}

// buildInfo returns a gauge that is always 1 and whose labels say what was built.
func buildInfo() prometheus.Collector {
	version, revision, goversion := "unknown", "unknown", "unknown"
	if info, ok := debug.ReadBuildInfo(); ok {
		version, goversion = info.Main.Version, info.GoVersion
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				revision = s.Value
			}
		}
	}
	g := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "wagate_build_info", Help: "Always 1; the labels say what was built.",
		ConstLabels: prometheus.Labels{"version": version, "revision": revision, "goversion": goversion},
	})
	g.Set(1)
	return g
}
