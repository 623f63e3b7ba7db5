package timers

import (
	"context"
	"crypto/rand"
	"net/http"
	"regexp"
	"strconv"
	"time"

	"wagate/followup/poll"
	"wagate/followup/writer/modeltest"
)

// model is the simulated AI. Each text that it writes identifies its lead and its step.
type model struct {
	*modeltest.Server

	journal *journal
	luck    *luck
}

func startModel(j *journal, l *luck) (*model, error) {
	m := &model{journal: j, luck: l}
	var err error
	m.Server, err = modeltest.Start(m.answer)
	return m, err
}

// forget makes the server drop the requests that it keeps, because there are very many.
func (m *model) forget(ctx context.Context) {
	for poll.Sleep(ctx, time.Second) == nil {
		m.Forget()
	}
}

var task = regexp.MustCompile(occasion + ` (\d) of \+?(\d+)`)

// Shares of the model's answers, per thousand.
const (
	modelError   = 30
	modelHangs   = 20
	modelUseless = 10
	modelSlow    = 60
)

func (m *model) answer(r modeltest.Request) modeltest.Answer {
	m.journal.modelCalls.Add(1)
	found := task.FindStringSubmatch(r.Text())
	if found == nil {
		m.journal.strangers.Add(1)
		return modeltest.Answer{Status: http.StatusBadRequest, Text: "no task"}
	}
	step, _ := strconv.Atoi(found[1]) // digits
	l := m.journal.phones[found[2]]
	if l == nil {
		m.journal.strangers.Add(1)
		return modeltest.Answer{Status: http.StatusBadRequest, Text: "nobody"}
	}
	a := modeltest.Answer{Delay: m.luck.within(10*time.Millisecond, 120*time.Millisecond)}
	switch die := m.luck.die(1000); {
	case l.hears(asked, step): // answer late enough that wagate first learns of the lead's reply
		a.Delay = m.luck.within(400*time.Millisecond, 800*time.Millisecond)
	case l.waitsFor(given, step):
		time.AfterFunc(a.Delay-10*time.Millisecond, func() { l.hears(given, step) })
	case die < modelError:
		m.journal.modelFailed.Add(1)
		return modeltest.Answer{Status: http.StatusInternalServerError, Text: "out of order", Delay: a.Delay}
	case die < modelError+modelHangs:
		m.journal.modelFailed.Add(1)
		a.Delay = 2 * modelTimeout
	case die < modelError+modelHangs+modelUseless:
		m.journal.modelFailed.Add(1)
		a.Text = "Olá [name]!"
		return a
	case die < modelError+modelHangs+modelUseless+modelSlow:
		a.Delay = m.luck.within(300*time.Millisecond, 900*time.Millisecond)
	}
	a.Text = "Olá! " + rand.Text()[:9] + " " + rand.Text()[:9] + " " + rand.Text()[:9] + "?"
	m.journal.wrote(a.Text, writing{lead: l, step: step, at: time.Now().Add(a.Delay)})
	return a
}
