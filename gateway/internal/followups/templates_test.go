package followups_test

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"wagate/followup"
	"wagate/followup/memstore"
	"wagate/gateway/internal/backendtest"
	"wagate/gateway/internal/outbound"
	"wagate/providers"
)

// unknownTemplate is the beginning of the warning about a template that no list has.
const unknownTemplate = "is not a template the channel's registry knows in this language"

// manyChannels is a house in which Acme's sales assistant has many more channels. Their accounts
// have lists of templates, each with the template back_v1.
type manyChannels struct {
	*house

	channels []followup.Channel
	reads    atomic.Int64  // readings of all lists
	took     time.Duration // how long a reading takes
	err      error         // what a reading ends with
	away     error         // what reading a note in the store ends with
}

// TemplateNote implements outbound.TemplateNotes. No webhook has said anything.
func (m *manyChannels) TemplateNote(context.Context, string, string, string) (followup.TemplateNote, error) {
	return followup.TemplateNote{}, m.away
}

// list is the outbound.Lister of every account.
func (m *manyChannels) list(ctx context.Context) ([]providers.TemplateInfo, error) {
	m.reads.Add(1)
	select {
	case <-time.After(m.took):
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return []providers.TemplateInfo{{Name: "back_v1", Language: "pt_BR", Status: "APPROVED", Params: 0}}, m.err
}

// newManyChannels returns a house with n further channels, shared out among so many accounts.
func newManyChannels(t *testing.T, n, accounts int) *manyChannels {
	t.Helper()
	m := &manyChannels{}
	lists := map[followup.ChannelID]outbound.TemplateAccount{}
	for i := range n {
		ch := followup.Channel{
			ID: followup.ChannelID(fmt.Sprintf("a0000000-0000-4000-8000-0000000001%02d", i)), Tenant: acme, Provider: providers.Meta, Assistant: sales,
		}
		m.channels = append(m.channels, ch)
		lists[ch.ID] = outbound.TemplateAccount{Name: fmt.Sprint("account ", i%accounts), List: m.list}
	}
	lists[front] = lists[m.channels[0].ID]
	m.house = &house{backendtest.New(t, backendtest.Params{
		Store: memstore.New(), Assistants: []followup.Assistant{{ID: support}}, Channels: m.channels,
		Templates: outbound.NewTemplates(outbound.TemplatesParams{
			Accounts: lists, Notes: m, Real: time.Now, Logger: slog.New(slog.NewTextHandler(t.Output(), nil)),
		}),
	}), t}
	return m
}

// templates returns a config's member steps, with a template step for each name.
func templates(names ...string) string {
	var steps []string
	for _, name := range names {
		steps = append(steps, `{"interval":"P1D","template_name":"`+name+`"}`)
	}
	return `"steps":[` + strings.Join(steps, ",") + `]`
}

// createTimed creates a config of the sales assistant, and returns it and how long that took.
func (m *manyChannels) createTimed(steps string) (followup.Config, time.Duration) {
	return m.createTimedFor(sales, steps)
}

// createTimedFor is createTimed for any assistant.
func (m *manyChannels) createTimedFor(a followup.AssistantID, steps string) (followup.Config, time.Duration) {
	m.t.Helper()
	began := time.Now()
	c, err := m.Runs.Create(m.t.Context(), acme, []byte(`{"assistant_id":"`+string(a)+`","trigger_status_ids":["`+quoted+`"],`+steps+`}`))
	if err != nil {
		m.t.Fatalf("create: %v", err)
	}
	return c, time.Since(began)
}

// TestWarningsReadListsConcurrently: warnings about the templates of many channels take as long as
// reading one list. An account's list is read once, however many channels are on it, and the lists
// of all accounts are read at the same time.
func TestWarningsReadListsConcurrently(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ accounts, reads int }{"one account": {1, 1}, "an account each": {60, 60}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := newManyChannels(t, 60, c.accounts)
				m.took = 400 * time.Millisecond
				got, took := m.createTimed(templates("back_v1", "elsewhere"))
				if took != m.took || int(m.reads.Load()) != c.reads {
					t.Errorf("got a create of %v with %d readings, want %v and %d", took, m.reads.Load(), m.took, c.reads)
				}
				if len(got.Warnings) != 1 || got.Warnings[0].Field != "steps[1].template_name" ||
					!strings.HasPrefix(got.Warnings[0].Problem, unknownTemplate) {
					t.Errorf("got warnings %v, want one, that no list has the second template", got.Warnings)
				}
			})
		})
	}
}

// TestAllConfigsWaitForSlowListsOnce: listing configs waits once for slow lists, not once per
// config. A config without template steps reads no list.
func TestAllConfigsWaitForSlowListsOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		m := newManyChannels(t, 4, 4)
		m.took = 20 * time.Second
		c, took := m.createTimed(`"steps":[{"interval":"PT1H","prompt":"Ask"}]`)
		if took != 0 || m.reads.Load() != 0 {
			t.Errorf("no template: got a create of %v with %d readings, want 0s and none", took, m.reads.Load())
		}
		m.took, m.err = 0, errors.New("not now") // so that the lists are not read again for a while
		official := func(i int) string {
			return `"steps":[],"official_steps":[{"channel_id":"` + string(m.channels[i].ID) + `","app_id":"x",` + templates("back_v1") + `}]`
		}
		if _, err := m.Runs.Update(t.Context(), acme, string(c.ID), []byte(`{`+official(0)+`}`)); err != nil {
			t.Fatal(err)
		}
		m.createTimedFor(support, official(1))
		time.Sleep(time.Minute)
		m.took, m.err = 20*time.Second, nil
		began := time.Now()
		all, err := m.Runs.Configs(t.Context(), acme, string(acme))
		if took := time.Since(began); err != nil || len(all) != 2 || took != 3*time.Second {
			t.Errorf("got %d configs, error %v, after %v, want 2 after 3s", len(all), err, took)
		}
		if all, err = m.Runs.Configs(t.Context(), acme, string(acme)); err != nil || time.Since(began) != 3*time.Second {
			t.Errorf("second time: got %d configs, error %v, %v after the beginning, want no further wait", len(all), err, time.Since(began))
		}
		time.Sleep(31 * time.Second)
	})
}

// TestUnreadableListGivesNoWarning: a template is called unknown only if the channel's list could
// be read and the store could be asked. An unknown channel has a warning of its own.
func TestUnreadableListGivesNoWarning(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		as   func(m *manyChannels)
		want int // warnings
	}{
		"list without it":                 {func(*manyChannels) {}, 1},
		"list cannot be read":             {func(m *manyChannels) { m.err = errors.New("token expired") }, 0},
		"list is slow":                    {func(m *manyChannels) { m.took = 20 * time.Second }, 0},
		"store is away":                   {func(m *manyChannels) { m.away = errors.New("away") }, 0},
		"unknown channel":                 {func(m *manyChannels) { m.channels = nil }, 1}, // about the channel
		"its ladder, list without it":     {func(*manyChannels) {}, 1},
		"its ladder, list cannot be read": {func(m *manyChannels) { m.err = errors.New("token expired") }, 0},
		"its ladder, store is away":       {func(m *manyChannels) { m.away = errors.New("away") }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				m := newManyChannels(t, 2, 2)
				channel := m.channels[1].ID
				c.as(m)
				if m.channels == nil {
					channel = "a0000000-0000-4000-8000-0000000000c9"
				}
				got, _ := m.createTimed(`"steps":[],"official_steps":[{"channel_id":"` + string(channel) + `","app_id":"x",` + templates("elsewhere") + `}]`)
				warnings := got.Warnings
				if strings.HasPrefix(name, "its ladder") {
					v, err := m.Runs.Ladder(t.Context(), acme, string(got.ID), string(channel))
					if err != nil {
						t.Fatal(err)
					}
					warnings = v.Steps[0].Warnings
				}
				if len(warnings) != c.want {
					t.Errorf("got warnings %v, want %d", warnings, c.want)
				}
				time.Sleep(31 * time.Second)
			})
		})
	}
}
