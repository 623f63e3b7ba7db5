package demo

import (
	"context"
	"fmt"
	"net/http"

	"wagate/config"
	"wagate/providers/providertest"
)

// writes lets a person write to the business. The message goes to the person's provider, which
// posts it to wagate's webhook and authenticates as the real provider does. writes returns when
// wagate has accepted the message.
func (w *world) writes(ctx context.Context, p *person, text string) error {
	w.narrator.tell(w.clock.now(), cyan, p.first()+" ("+p.provider()+")", "writes: %s", quote(text))
	if p.via == config.ProviderMeta {
		from := providertest.GraphUser{Phone: p.phone, Name: p.name}
		if _, err := w.graph.Inbound(ctx, providertest.GraphText(from, text)); err != nil {
			return fmt.Errorf("%s writes: %w", p.first(), err)
		}
		return nil
	}
	before := len(w.gupshup.Answers())
	message := providertest.GupshupText(p.phone, text)
	message.Name = p.name
	w.gupshup.Receive(message)
	if err := w.gupshup.WaitIdle(ctx); err != nil {
		return fmt.Errorf("%s writes: %w", p.first(), err)
	}
	for _, answer := range w.gupshup.Answers()[before:] {
		if answer.Status/100 != 2 {
			return fmt.Errorf("%s writes: wagate answered %d %s", p.first(), answer.Status, http.StatusText(answer.Status))
		}
	}
	return nil
}
