package ingest

import (
	"context"
	"fmt"

	"wagate/followup"
)

// maxTemplateWord bounds what is stored of a status, category or quality, in bytes. No meaningful
// value is that long.
const maxTemplateWord = 64

// noteTemplates stores what is said about templates, for every replica, in the order told: of two
// statements in one second the last one counts. A repeated webhook is noted again, because the
// first delivery may have failed before this point. A failure for one account does not keep the
// others from being stored.
func (in *Ingest) noteTemplates(ctx context.Context, list []*arrival) error {
	if in.p.NoteTemplates == nil {
		return nil
	}
	var channels []*followup.Channel
	said := map[followup.ChannelID][]followup.TemplateSaid{}
	for _, a := range list {
		if a.event.Template == nil || a.copy {
			continue
		}
		change := *a.event.Template
		for _, word := range []*string{&change.Status, &change.Category, &change.Quality} {
			*word = (*word)[:min(len(*word), maxTemplateWord)]
		}
		at, _ := in.eventTime(a.event, in.p.Real())
		if said[a.channel.ID] == nil {
			channels = append(channels, a.channel)
		}
		said[a.channel.ID] = append(said[a.channel.ID], followup.TemplateSaid{Change: change, At: at})
	}
	var failed error
	for _, c := range channels {
		if err := in.p.NoteTemplates(ctx, *c, said[c.ID]); err != nil {
			failed = fmt.Errorf("note templates: %w", err)
		}
	}
	return failed
}
