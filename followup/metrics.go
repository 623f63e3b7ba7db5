package followup

import "github.com/prometheus/client_golang/prometheus"

// Metrics counts the outcomes of steps, whatever caused them: the runner, a reply, the API.
type Metrics struct {
	steps *prometheus.CounterVec
}

// NewMetrics registers the counter, with a series for every combination of label values that can occur.
func NewMetrics(r prometheus.Registerer) *Metrics {
	m := &Metrics{steps: prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "wagate_followup_steps_total",
		Help: "Follow-up steps ended, by what they were going to be, outcome and reason.",
	}, []string{"kind", "outcome", "reason"})}
	for outcome, reasons := range Reasons {
		for _, reason := range reasons {
			for _, kind := range []StepKind{KindAI, KindTemplate, KindNone} {
				m.steps.WithLabelValues(string(kind), string(outcome), string(reason))
			}
		}
	}
	r.MustRegister(m.steps)
	return m
}

// Step counts one step's outcome.
func (m *Metrics) Step(kind StepKind, outcome Outcome, reason Reason) {
	m.steps.WithLabelValues(string(kind), string(outcome), string(reason)).Inc()
}

// Ended counts the unsent steps of runs that ended.
func (m *Metrics) Ended(ended []Ended) {
	for _, e := range ended {
		m.Step(KindNone, e.Reason.Unsent(), e.Reason)
	}
}
