package leads

import (
	"slices"
	"strings"
	"time"

	"wagate/followup"
	"wagate/followup/window"
	"wagate/gateway/internal/view"
)

// View is a lead as the API shows it. A value that is not known is null, so that what was shown can
// be put back.
type View struct {
	ID            followup.LeadID       `json:"id"`
	TenantID      followup.TenantID     `json:"tenant_id"`
	Name          *string               `json:"name"`
	Phone         *string               `json:"phone"` // E.164
	UserID        *string               `json:"user_id"`
	ExternalID    *string               `json:"external_id"`
	Email         *string               `json:"email"`
	Company       *string               `json:"company"`
	StatusID      *string               `json:"status_id"`
	CustomFields  map[string]any        `json:"custom_fields"`
	AssistantID   *followup.AssistantID `json:"assistant_id"`
	ChannelID     *followup.ChannelID   `json:"channel_id"`
	OptedOut      bool                  `json:"opted_out"`
	LastInboundAt *time.Time            `json:"last_inbound_at"`
	Windows       []WindowView          `json:"windows"`
	CreatedAt     time.Time             `json:"created_at"`
	UpdatedAt     time.Time             `json:"updated_at"`
}

// WindowView is the customer service window of the lead on one channel. ClosesAt is null if there
// is no window: the lead never wrote there, or wrote from a number that is not the record's, or the
// provider has said that the window is closed.
type WindowView struct {
	ChannelID followup.ChannelID `json:"channel_id"`
	Open      bool               `json:"open"`
	ClosesAt  *time.Time         `json:"closes_at"`
}

func (s *Service) view(l followup.Lead) View {
	fields := l.CustomFields
	if fields == nil {
		fields = map[string]any{}
	}
	v := View{
		ID: l.ID, TenantID: l.Tenant, Name: view.OrNull(l.Name),
		UserID: view.OrNull(l.UserID), ExternalID: view.OrNull(l.ExternalID), Email: view.OrNull(l.Email),
		Company: view.OrNull(l.Company), StatusID: view.OrNull(l.StatusID), CustomFields: fields,
		AssistantID: view.OrNull(l.Assistant), ChannelID: view.OrNull(l.Channel), OptedOut: l.OptedOut,
		LastInboundAt: view.Instant(lastInboundOf(l)), Windows: windows(l, s.now()),
		CreatedAt: l.CreatedAt.UTC(), UpdatedAt: l.UpdatedAt.UTC(),
	}
	if l.Phone != "" {
		v.Phone = view.OrNull("+" + l.Phone)
	}
	return v
}

func windows(l followup.Lead, now time.Time) []WindowView {
	out := make([]WindowView, 0, len(l.Windows))
	for channel, c := range l.Windows {
		w := WindowView{ChannelID: channel, Open: l.WindowOpen(channel, now)}
		if !c.Refused && l.Opened(channel, l.Contact()) {
			w.ClosesAt = view.Instant(window.ClosesAt(c.LastInbound))
		}
		out = append(out, w)
	}
	slices.SortFunc(out, func(a, b WindowView) int { return strings.Compare(string(a.ChannelID), string(b.ChannelID)) })
	return out
}

// lastInboundOf returns when the lead last opened the window of its channel or, if the lead has no
// channel, of any channel.
func lastInboundOf(l followup.Lead) time.Time {
	if l.Channel != "" {
		return l.Windows[l.Channel].LastInbound
	}
	var last time.Time
	for _, c := range l.Windows {
		if c.LastInbound.After(last) {
			last = c.LastInbound
		}
	}
	return last
}
