package ingest

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"time"

	"golang.org/x/sync/errgroup"

	"wagate/followup"
	"wagate/followup/redisstore"
	"wagate/providers"
)

// seeders is how many messages are sent at once.
const seeders = 32

// send sends messages to leads who have written, as the send call does but without a provider:
// guard, record, link. It writes the messages to a file.
func (w *world) send(ctx context.Context, messages, leads int, file string) error {
	client, err := redisstore.NewClient(redisstore.ClientParams{URL: w.redis.URL, PoolSize: seeders})
	if err != nil {
		return err
	}
	defer func() { _ = client.Close() }()
	store, err := redisstore.Open(ctx, redisstore.Params{Client: client, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	list := make([]sent, messages)
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(seeders)
	for i := range list {
		list[i] = sent{Lead: leadOf(i, leads), ID: messageID(firstSent + i)}
		group.Go(func() error { return sendOne(ctx, store, &list[i]) })
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("send: %w", err)
	}
	text, err := json.Marshal(list)
	if err != nil {
		return err
	}
	return os.WriteFile(file, text, 0o600)
}

func sendOne(ctx context.Context, store *redisstore.Store, m *sent) error {
	now := time.Now()
	lead, err := store.Resolve(ctx, tenantID, followup.Identity{Phone: phone(m.Lead), UserID: userID(m.Lead)}, false, now)
	if err != nil {
		return err
	}
	v, err := store.GuardSend(ctx, followup.GuardSend{
		Tenant: tenantID, Lead: lead, Channel: channelID, Assistant: assistantID,
		To: providers.Contact{Phone: phone(m.Lead)}, FreeForm: true, Now: now, Real: now,
	})
	if err != nil {
		return err
	}
	if v.Attempt == "" {
		return fmt.Errorf("refused: %s", v.Refusal)
	}
	m.Opaque = v.Opaque
	if err := store.RecordSend(ctx, followup.RecordSend{
		Tenant: tenantID, Lead: lead, Channel: channelID, Attempt: v.Attempt, MessageID: m.ID,
		Entry: &followup.Entry{From: followup.FromBusiness, Text: "Entregamos, sim.", At: now}, Now: now, Real: now,
	}); err != nil {
		return err
	}
	_, err = store.LinkMessage(ctx, tenantID, followup.MessageRef{Attempt: v.Attempt, SenderID: m.ID, ProviderID: m.ID})
	return err
}
