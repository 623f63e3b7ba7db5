package ingest

import (
	"wagate/followup"
	"wagate/providers"
)

// routes finds the channels that an event concerns.
type routes struct {
	channels map[followup.ChannelID]*followup.Channel
	numbers  map[string]*followup.Channel   // Meta, by phone number id
	accounts map[string][]*followup.Channel // Meta, by WABA id, in the file's order
	app      map[followup.ChannelID]string
}

func newRoutes(channels []followup.Channel, app map[followup.ChannelID]string) routes {
	r := routes{
		channels: map[followup.ChannelID]*followup.Channel{},
		numbers:  map[string]*followup.Channel{},
		accounts: map[string][]*followup.Channel{},
		app:      app,
	}
	for i := range channels {
		c := &channels[i]
		r.channels[c.ID] = c
		if c.Provider == providers.Meta {
			r.numbers[c.Number] = c
			r.accounts[c.Account] = append(r.accounts[c.Account], c)
		}
	}
	return r
}

// meta returns the channels that an event is for, or the reason why it is dropped. An event that
// names a number is for the channel of that number. An event that names only an account is for each
// tenant on the account if it is about a contact, and for each assistant otherwise. It always goes
// by the first channel that fits, so that a repetition finds the same one.
func (r routes) meta(app string, e *providers.Event) ([]*followup.Channel, string) {
	if e.Number != "" {
		c, ok := r.numbers[e.Number]
		if !ok {
			return nil, dropUnknown
		}
		if r.app[c.ID] != app {
			return nil, dropUnbound
		}
		return []*followup.Channel{c}, ""
	}
	var to []*followup.Channel
	seen := map[string]bool{}
	reason := dropUnknown
	for _, c := range r.accounts[e.Account] {
		if r.app[c.ID] != app {
			reason = dropUnbound
			continue
		}
		owner := string(c.Assistant)
		if !e.Contact.IsZero() {
			owner = string(c.Tenant)
		}
		if !seen[owner] {
			seen[owner] = true
			to = append(to, c)
		}
	}
	if len(to) == 0 {
		return nil, reason
	}
	return to, ""
}
