package followup

import (
	"slices"

	"wagate/providers"
)

// Tenant is a customer of the platform as the operator's file lists it.
type Tenant struct {
	ID         TenantID
	Name       string
	Assistants []Assistant
	Channels   []Channel
}

// Assistant is an AI agent behind a URL.
type Assistant struct {
	ID           AssistantID
	Name         string
	Instructions string // how the assistant speaks; part of the prompt of every AI step
}

// Channel is one WhatsApp number at one provider.
type Channel struct {
	ID        ChannelID
	Tenant    TenantID
	Name      string
	Provider  providers.Name
	Assistant AssistantID
	Number    string // Meta: phone number id; Gupshup: source
	Account   string // Meta: WABA id; Gupshup: app id
}

// Directory holds the operator's tenants, assistants and channels. It is immutable and safe for
// concurrent use.
type Directory struct {
	tenants  map[TenantID]Tenant
	channels map[ChannelID]Channel
	owners   map[AssistantID]TenantID
}

// NewDirectory returns a directory of the tenants.
func NewDirectory(tenants []Tenant) *Directory {
	d := &Directory{
		tenants: map[TenantID]Tenant{}, channels: map[ChannelID]Channel{}, owners: map[AssistantID]TenantID{},
	}
	for _, t := range tenants {
		d.tenants[t.ID] = t
		for _, c := range t.Channels {
			d.channels[c.ID] = c
		}
		for _, a := range t.Assistants {
			d.owners[a.ID] = t.ID
		}
	}
	return d
}

// Tenant returns a tenant by id.
func (d *Directory) Tenant(id TenantID) (Tenant, bool) {
	t, ok := d.tenants[id]
	return t, ok
}

// Owners returns the tenant of each assistant. The map is shared; the caller must not change it.
func (d *Directory) Owners() map[AssistantID]TenantID { return d.owners }

// Channel returns a channel by id.
func (d *Directory) Channel(id ChannelID) (Channel, bool) {
	c, ok := d.channels[id]
	return c, ok
}

// Assistant returns the tenant's assistant by id.
func (t Tenant) Assistant(id AssistantID) (Assistant, bool) {
	i := slices.IndexFunc(t.Assistants, func(a Assistant) bool { return a.ID == id })
	if i < 0 {
		return Assistant{}, false
	}
	return t.Assistants[i], true
}

// Channel returns the tenant's channel by id.
func (t Tenant) Channel(id ChannelID) (Channel, bool) {
	i := slices.IndexFunc(t.Channels, func(c Channel) bool { return c.ID == id })
	if i < 0 {
		return Channel{}, false
	}
	return t.Channels[i], true
}
