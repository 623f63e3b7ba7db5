package demo

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"log/slog"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"wagate/config"
	"wagate/followup/writer/modeltest"
	"wagate/gateway/internal/app"
	"wagate/providers/providertest"
)

//go:embed operator.yaml
var operatorFile []byte

//go:embed followup.json
var followupConfig []byte

// How long a day takes in real time. A user who tries things after the story needs a little time to
// write into an open window; one who only watches the story does not.
const (
	dayLive = 10 * time.Second
	dayOnce = 6 * time.Second
)

// world is everything that runs in the demo.
type world struct {
	narrator *narrator
	journal  *journal
	book     *book
	clock    worldClock
	day      time.Duration // how long a day takes in real time

	graph     *providertest.Graph
	gupshup   *providertest.Gupshup
	model     *modeltest.Server
	assistant *assistant
	gateway   *app.App
	tenant    *tenant

	replied   chan struct{} // closed when the person who replies has done so
	reply     sync.Once
	forgeries atomic.Int64
	watchers  sync.WaitGroup
	unwatch   context.CancelFunc
}

// newWorld starts the simulators, then the gateway, and tells them each other's addresses. The
// world that it returns is never nil, and the caller must stop it, even after an error.
func newWorld(ctx context.Context, day time.Duration, n *narrator, log *slog.Logger) (*world, error) {
	w := &world{day: day, narrator: n, journal: newJournal(), book: newBook(newCast()), replied: make(chan struct{})}
	return w, errors.Join(w.simulate(), w.serve(ctx, log))
}

// real returns how long a duration of the story takes in real time.
func (w *world) real(d time.Duration) time.Duration { return d / (aDay / w.day) }

// simulate starts everything around the gateway.
func (w *world) simulate() (err error) {
	w.graph, err = providertest.NewGraph(providertest.GraphParams{
		Token: graphToken, WABA: metaAccount, AppSecret: metaAppSecret,
		Numbers:  []providertest.GraphNumber{{ID: metaNumber, Display: "15550100001"}},
		Statuses: []string{"sent", "delivered"}, EnforceWindow: true, Now: w.clock.now,
		Templates: []providertest.GraphTemplate{{Name: templateName, Language: "en", Category: "MARKETING", Body: templateText}},
	})
	if err != nil {
		return err
	}
	w.gupshup, err = providertest.NewGupshup(providertest.GupshupOptions{
		AppID: "gupshup_app_12345", AppName: "LeavoDemo", Source: gupshupNumber, APIKey: gupshupKey,
		CallbackToken: callbackToken, Reports: true, Now: w.clock.now,
		Templates: []providertest.GupshupTemplate{{
			ID: "9c1f6a52-7d4e-4f0b-8a3c-2b5d6e7f8091", Name: templateName, Language: "en", Category: "MARKETING",
			Type: "TEXT", Status: "APPROVED", Body: templateText,
		}},
	})
	if err != nil {
		return err
	}
	if w.model, err = modeltest.Start(w.write); err != nil {
		return err
	}
	w.assistant, err = startAssistant(assistantParams{
		Secret: assistantSecret, Key: tenantKey, Reply: w.answer, Ear: witness{w},
	})
	return err
}

// serve starts the gateway with the operator's file. It does nothing if simulate has failed.
func (w *world) serve(ctx context.Context, log *slog.Logger) error {
	if w.assistant == nil {
		return nil // simulate has returned an error
	}
	found := map[string]string{
		"SPEED": strconv.Itoa(int(aDay / w.day)), "GRAPH_URL": w.graph.URL(), "GUPSHUP_URL": w.gupshup.URL(),
		"MODEL_URL": w.model.URL(), "ASSISTANT_URL": w.assistant.url,
	}
	cfg, err := config.Parse(operatorFile, func(name string) (string, bool) {
		value, ok := found[name]
		return value, ok
	})
	if err != nil {
		return fmt.Errorf("operator's file of the demo: %w", err)
	}
	gateway, err := app.New(ctx, cfg, log)
	if err != nil {
		return fmt.Errorf("start wagate: %w", err)
	}
	w.gateway = gateway
	if err := gateway.Start(ctx); err != nil {
		return fmt.Errorf("start wagate: %w", err)
	}
	w.clock.follow(gateway.Now)
	w.narrator.begins(gateway.Now())
	public := "http://" + gateway.PublicAddr()
	w.tenant = newTenant(public, "http://"+gateway.AdminAddr(), tenantKey)
	w.assistant.connect(public)
	w.graph.SetCallbackURL(public + "/webhooks/meta/main")
	w.gupshup.SetCallbackURL(public + "/webhooks/gupshup/" + gupshupChannel)
	w.watch()
	return nil
}

// stopWithin bounds how long the gateway may take to stop.
const stopWithin = 30 * time.Second

// stop ends everything: first the gateway, which may have work to finish, then the servers that it
// talks to.
func (w *world) stop() error {
	w.release()
	var errs []error
	if w.gateway != nil {
		ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
		defer cancel()
		errs = append(errs, w.gateway.Stop(ctx))
	}
	if w.unwatch != nil {
		w.unwatch()
		w.watchers.Wait()
	}
	if w.assistant != nil {
		errs = append(errs, w.assistant.stop())
	}
	if w.model != nil {
		errs = append(errs, w.model.Close())
	}
	if w.graph != nil {
		errs = append(errs, w.graph.Close())
	}
	if w.gupshup != nil {
		errs = append(errs, w.gupshup.Close())
	}
	return errors.Join(errs...)
}

// release lets the model finish the text that it holds back; see hold.
func (w *world) release() { w.reply.Do(func() { close(w.replied) }) }
